//! `cae train --stream`: memory stays bounded, whatever the size of the file.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Output, Stdio};

use crate::support::Desk;

const ROWS: usize = 800_000;
const COLUMNS: usize = 48;
/// Address space that the command may take, in KiB: the file is 150,000 KiB.
const LIMIT: usize = 140_000;

/// 800,000 rows of 48 numbers, 153.6 MB.
fn large_array(desk: &Desk) {
    let mut file = BufWriter::new(File::create(desk.path("large.npy")).unwrap());
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {COLUMNS}), }}");
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    file.write_all(format!("{text:<117}\n").as_bytes()).unwrap();
    // Rows repeat after 1024: they need only be many.
    let at = |i: usize| ((i % COLUMNS + 1) as f32 * (i / COLUMNS) as f32 * 0.01).sin();
    let part: Vec<u8> = (0..1024 * COLUMNS).flat_map(|i| at(i).to_le_bytes()).collect();
    let row = 4 * COLUMNS;
    for start in (0..ROWS).step_by(1024) {
        file.write_all(&part[..row * (ROWS - start).min(1024)]).unwrap();
    }
    file.flush().unwrap();
}

/// Runs `cae` with bounded address space.
fn limited(desk: &Desk, words: &str) -> Output {
    let cae = env!("CARGO_BIN_EXE_cae");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -v {LIMIT} && exec {cae} {words}")).current_dir(desk.path(""));
    // Allocator arenas a thread reserve address space that is never used.
    shell.env("MALLOC_ARENA_MAX", "1").stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn a_file_larger_than_the_memory_allowed_is_trained_on_as_a_stream_alone() {
    let desk = Desk::new();
    large_array(&desk);
    let words = "train --data large.npy --hidden 8 --epochs 1 --batch-size 4096 --threads 2 --no-report --quiet \
                 --validation 0.01 --shuffle-rows 20000 --penalty none --out";
    let output = limited(&desk, &format!("{words} streamed --stream"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metrics = desk.text("streamed/metrics.jsonl");
    assert_eq!(metrics.lines().count(), 1);
    let config = desk.text("streamed/config.toml");
    assert!(config.contains("stream = true") && config.contains("shuffle_rows = 20000"), "{config}");
    // The same without --stream needs the rows in memory, and cannot have them.
    let words = words.replace(" --shuffle-rows 20000", "");
    assert!(!limited(&desk, &format!("{words} whole")).status.success());
}

#[test]
fn a_stream_is_introduced_trained_on_and_reported_like_any_run() {
    let desk = Desk::new();
    desk.table("table.csv", 600, 6);
    let output = desk.cae("train --data table.csv --stream --shuffle-rows 50 --hidden 4 --epochs 2 --out run").assert();
    let output = output.success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("to train on") && said.contains("through a shuffle buffer of 50"), "{said}");
    assert!(desk.path("run/report.html").exists());
    let one = desk.json("evaluate run --json");
    assert_eq!(one["rows"], 600);
    desk.cae("resume run --epochs 3 --quiet").assert().success();
    desk.cae("train --data table.csv --stream --shuffle-rows 50 --hidden 4 --epochs 3 --out long --quiet")
        .assert()
        .success();
    assert_eq!(desk.read("run/model/model.safetensors"), desk.read("long/model/model.safetensors"));
}

#[test]
fn what_cannot_be_streamed_is_a_usage_error() {
    let desk = Desk::new();
    let text = desk.refused("train --data strokes --stream", 2);
    assert!(text.contains("cannot be streamed"), "{text}");
    let text = desk.refused("train --data strokes --shuffle-rows 5", 2);
    assert!(text.contains("data.shuffle_rows"), "{text}");
}
