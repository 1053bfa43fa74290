//! Standard output, files and terminals.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use contractive_table::atomic::{behind_links, folder_of, write_atomically};
use contractive_table::listing::some_names;
use contractive_table::message::{is_hidden, words};
use contractive_table::{Column, Format, Frame, FrameWriter, OutputError, Values};
use serde::Serialize;

use crate::errors::Usage;
use crate::inputs::{Inputs, is_same};
use crate::terminal::say;

/// Writes words to standard output. That the reader has closed it, as `head` does, is no error: what was to be told was not
/// wanted, and how the command ends does not hang on it.
pub(crate) fn print(text: &str) -> io::Result<()> {
    write_out(&words(text))
}

/// Writes what programs read to standard output as it is, and to a terminal as words.
pub(crate) fn print_rows(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { print(text) } else { write_out(text) }
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a value to standard output as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(write_out(&format!("{}\n", escaped(&text)))?)
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn print_json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    Ok(write_out(&format!("{}\n", escaped(&text)))?)
}

/// JSON that says the same and gives a terminal no orders: characters that do can stand in its strings alone.
fn escaped(json: &str) -> Cow<'_, str> {
    let is_to_be = |c: char| is_hidden(c) && c != '\n';
    if !json.contains(is_to_be) {
        return Cow::Borrowed(json);
    }
    let of = |c: char| if is_to_be(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(of).collect())
}

/// Says on standard error what a user should know of how a file was understood.
pub(crate) fn say_notes(notes: &[String]) {
    notes.iter().for_each(|note| say(format!("note: {note}")));
}

/// Refuses a file that could not be written, before any work: its folder must be there and take files.
pub(crate) fn check_file(path: &Path) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write { path: path.to_path_buf(), source };
    if path.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; give the name of a file")));
    }
    let place = behind_links(path).map_err(failed)?;
    // Its reader would wait for ever for what goes to a file of its name.
    if fs::metadata(&place).is_ok_and(|of| !of.is_file()) {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no file; give the name of one")));
    }
    tempfile::tempfile_in(folder_of(&place)).map(drop).map_err(failed)
}

/// Refuses a page that could not be written, or would take the place of what is read or of the rows written to `rows`.
pub(crate) fn check_page(page: &Path, inputs: &Inputs, rows: Option<&Path>) -> anyhow::Result<()> {
    if page == Path::new("-") {
        return Err(
            Usage("--report is a page, and does not go to standard output; give --report FILE.html".into()).into()
        );
    }
    check_file(page)?;
    inputs.check(page, "--report")?;
    if rows.is_some_and(|rows| is_same(rows, page)) {
        let text = format!("{} would hold both the rows and the page; give --report another name", page.display());
        return Err(Usage(text).into());
    }
    Ok(())
}

/// Refuses a folder that could not be made or written, before any work, without making it.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    let nearest = path.ancestors().map(or_here).find(|ancestor| fs::symlink_metadata(ancestor).is_ok());
    tempfile::tempfile_in(nearest.unwrap_or_else(|| PathBuf::from("."))).map(drop)
}

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    write_atomically(path, |file| file.write_all(bytes))
        .map_err(|source| OutputError::Write { path: path.to_path_buf(), source })
}

fn or_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() }
}

/// Columns of 32-bit numbers from row-major values.
pub(crate) fn single_columns(names: &[String], values: &[f32]) -> Vec<Column> {
    columns_of(names, values, Values::Singles)
}

/// Columns of 64-bit numbers from row-major values.
pub(crate) fn number_columns(names: &[String], values: &[f64]) -> Vec<Column> {
    columns_of(names, values, Values::Numbers)
}

fn columns_of<T: Copy>(names: &[String], values: &[T], kind: impl Fn(Vec<T>) -> Values) -> Vec<Column> {
    let column = |(j, name): (usize, &String)| Column {
        name: name.clone(),
        values: kind(values.iter().skip(j).step_by(names.len()).copied().collect()),
    };
    names.iter().enumerate().map(column).collect()
}

/// Where a table goes.
pub(crate) enum TableTarget {
    /// A file, in the format that its name says.
    File(PathBuf),
    /// Standard output, as CSV or NPY.
    Stdout(Format),
}

impl TableTarget {
    /// The target of `-o` and `--format`, refused before any work when it cannot be written.
    ///
    /// Without `-o` the table goes to standard output when that is a pipe or a file; a terminal gets text alone, and
    /// only when asked with `-o -`.
    pub(crate) fn new(output: Option<&Path>, format: Option<Format>) -> anyhow::Result<Self> {
        let is_stdout = output.is_none_or(|path| path == Path::new("-"));
        if let (Some(path), false) = (output, is_stdout) {
            FrameWriter::check_name(path)?;
            if format.is_some_and(|format| Some(format) != Format::of(path)) {
                let text = format!("--format contradicts the name of {}; leave --format out", path.display());
                return Err(Usage(text).into());
            }
            check_file(path)?;
            return Ok(TableTarget::File(path.to_path_buf()));
        }
        let format = format.unwrap_or(Format::Csv);
        if io::stdout().is_terminal() {
            if format == Format::Npy {
                return Err(Usage("NPY is binary and not for a terminal; give -o FILE.npy or a pipe".into()).into());
            }
            if output.is_none() {
                let text = "where shall the rows go? Give -o FILE.npy, -o FILE.csv, a pipe, or -o - for the terminal";
                return Err(Usage(text.into()).into());
            }
        }
        Ok(TableTarget::Stdout(format))
    }

    /// Writes the table whole.
    pub(crate) fn write(&self, columns: Vec<Column>) -> Result<(), OutputError> {
        self.write_shaped(columns, &[])
    }

    /// Writes the table whole; rows of an array have this shape, where it is not empty.
    fn write_shaped(&self, columns: Vec<Column>, shape: &[usize]) -> Result<(), OutputError> {
        let frame = Frame { first_row: 0, columns };
        let fields = frame.fields();
        let mut writer = match self {
            TableTarget::File(path) => FrameWriter::of_arrays(path, &fields, shape)?,
            TableTarget::Stdout(format) => FrameWriter::to_stdout(*format, &fields, frame.n_rows() as u64, shape)?,
        };
        writer.write(&frame)?;
        writer.finish()
    }

    /// Whether it holds numbers alone.
    fn is_array(&self) -> bool {
        match self {
            TableTarget::File(path) => Format::of(path) == Some(Format::Npy),
            TableTarget::Stdout(format) => *format == Format::Npy,
        }
    }

    /// Writes `columns` behind those that go along with the rows, which an array leaves out. Of two columns of one name
    /// ours has `cae_` before it.
    pub(crate) fn write_along(
        &self,
        carried: &[Column],
        columns: Vec<Column>,
        is_quiet: bool,
    ) -> Result<(), OutputError> {
        self.write_pictures_along(carried, columns, &[], is_quiet)
    }

    /// The same of rows that are pictures of this shape, where it is not empty: an array has it.
    pub(crate) fn write_pictures_along(
        &self,
        carried: &[Column],
        columns: Vec<Column>,
        shape: &[usize],
        is_quiet: bool,
    ) -> Result<(), OutputError> {
        if self.is_array() {
            if !carried.is_empty() && !is_quiet {
                let names: Vec<&str> = carried.iter().map(|column| column.name.as_str()).collect();
                say(format!("note: an array of numbers is written without {}", some_names(&names)));
            }
            return self.write_shaped(columns, shape);
        }
        let taken: HashSet<&str> = carried.iter().map(|column| column.name.as_str()).collect();
        let renamed = columns.into_iter().map(|mut column| {
            while taken.contains(column.name.as_str()) {
                column.name = format!("cae_{}", column.name);
            }
            column
        });
        self.write(carried.iter().cloned().chain(renamed).collect())
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            TableTarget::File(path) => Some(path),
            TableTarget::Stdout(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_and_gives_no_orders() {
        let name = "a\u{9b}2J\x1b\u{7f}\u{202e}ä\n";
        let json = escaped(&serde_json::to_string_pretty(&[name]).unwrap()).into_owned();
        assert!(!json.chars().any(|c| is_hidden(c) && c != '\n'), "{json:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [name]);
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_work() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        write_file(&file, b"whole").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"whole");
        assert!(check_file(&file).is_ok());
        assert!(check_file(folder.path()).is_err());
        assert!(check_file(&file.join("below.csv")).is_err());
        assert!(check_file(&folder.path().join("absent/x.csv")).is_err());
        assert!(check_folder(&folder.path().join("new/run")).is_ok());
        assert!(!folder.path().join("new").exists());
        assert!(check_folder(&file.join("run")).is_err());
    }
}
