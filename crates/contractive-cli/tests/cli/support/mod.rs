//! What the tests of the command share: the command in an empty folder, and small files to give it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// An empty folder in which the command runs, without the user's own data folders and cache.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// `cae` with these words, parted at spaces.
    pub fn cae(&self, words: &str) -> Command {
        let mut command = Command::cargo_bin("cae").unwrap();
        command.current_dir(self.folder.path()).args(words.split_whitespace());
        command.env_remove("CONTRACTIVE_DATA_DIR").env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs `cae`, which must succeed, and returns its standard output.
    pub fn stdout(&self, words: &str) -> String {
        let output = self.cae(words).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `cae`, which must succeed, and reads its standard output as JSON.
    pub fn json(&self, words: &str) -> Value {
        let text = self.stdout(words);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{words}: {e} in {text}"))
    }

    /// Runs `cae`, which must end with `code` and print one error, and returns that.
    pub fn refused(&self, words: &str, code: i32) -> String {
        let output = self.cae(words).assert().code(code).get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }

    /// A table `name` of smooth columns a, b, c, … in [0, 1], `rows` lines below the header.
    pub fn table(&self, name: &str, rows: usize, columns: usize) {
        self.write(name, table_text(rows, columns));
    }

    /// A trained model of a table of 6 columns in the run directory `run`; quick.
    pub fn trained(&self) {
        self.table("table.csv", 60, 6);
        self.cae("train --data table.csv --hidden 4 --epochs 2 --out run --quiet").assert().success();
    }
}

pub fn table_text(rows: usize, columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|j| char::from(b'a' + j as u8).to_string()).collect();
    let mut text = names.join(",") + "\n";
    for i in 0..rows {
        let cell = |j: usize| 0.5 + 0.5 * (0.37 * i as f64 + (1.1 + 0.2 * (i % 7) as f64) * j as f64).sin();
        let cells: Vec<String> = (0..columns).map(|j| format!("{:.5}", cell(j))).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

/// An NPY file of shape (rows, columns).
pub fn npy(rows: usize, values: &[f32]) -> Vec<u8> {
    let shape = format!("({rows}, {})", values.len() / rows);
    npy_of("<f4", &shape, values.iter().flat_map(|v| v.to_le_bytes()))
}

/// An NPY file of the type `descr` and the shape `shape`, as Python writes them, with these bytes of values.
pub fn npy_of(descr: &str, shape: &str, values: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

/// An IDX file of `n` images of 4 x 4 pixels, its header as `magic` says.
pub fn idx(magic: u32, n: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = [magic, n, 4, 4].into_iter().flat_map(u32::to_be_bytes).collect();
    bytes.extend((0..n * 16).map(|i| (i * 37 % 256) as u8));
    bytes
}

/// The lines of `metrics.jsonl` without the times, which differ from run to run.
pub fn untimed(metrics: &str) -> Vec<Value> {
    let record = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        for time in ["seconds", "rows_per_second"] {
            assert!(value.as_object_mut().unwrap().remove(time).is_some(), "{time} is missing in {line}");
        }
        value
    };
    metrics.lines().map(record).collect()
}

/// Names of the files in a folder, sorted.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
