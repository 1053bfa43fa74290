//! Standard output, files and terminals.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use contractive::output::{OutputError, TableFormat, write_table};
use serde::Serialize;

use crate::exit::Usage;

/// Whether colour may be used at all: `NO_COLOR` unset or empty.
pub(crate) fn allows_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `word` in bold red where standard error is a terminal that takes colour.
pub(crate) fn paint_error(word: &str) -> String {
    let is_plain = !io::stderr().is_terminal()
        || !allows_colour()
        || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if is_plain { word.to_owned() } else { format!("\x1b[1;31m{word}\x1b[0m") }
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a value to standard output as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(print(&format!("{text}\n"))?)
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn print_json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    Ok(print(&format!("{text}\n"))?)
}

/// Refuses a file that could not be written, before any work: its folder must be there and take files.
pub(crate) fn check_file(path: &Path) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write { path: path.to_path_buf(), source };
    if path.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; give the name of a file")));
    }
    tempfile::tempfile_in(folder_of(path)).map(drop).map_err(failed)
}

/// Refuses to write over the file that is read: its rows would be lost.
pub(crate) fn check_not_read(output: &Path, data: &Path) -> Result<(), Usage> {
    let is_same = fs::canonicalize(output).is_ok_and(|output| fs::canonicalize(data).is_ok_and(|data| data == output));
    if is_same {
        let text = format!("{} is the table that is read; give -o another name", output.display());
        return Err(Usage(text));
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
    let failed = |source| OutputError::Write { path: path.to_path_buf(), source };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    with_usual_permissions(&mut builder);
    let mut temporary = builder.tempfile_in(folder_of(path)).map_err(failed)?;
    temporary.write_all(bytes).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map(drop).map_err(|e| failed(e.error))
}

// Temporary files are made for their owner alone; results get what the user's umask says.
#[cfg(unix)]
fn with_usual_permissions(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn with_usual_permissions(_: &mut tempfile::Builder<'_, '_>) {}

fn folder_of(path: &Path) -> PathBuf {
    or_here(path.parent().unwrap_or(Path::new("")))
}

fn or_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() }
}

/// Where a table of numbers goes.
pub(crate) enum TableTarget {
    /// A file, in the format that its name says.
    File(PathBuf),
    /// Standard output.
    Stdout(TableFormat),
}

impl TableTarget {
    /// The target of `-o` and `--format`, refused before any work when it cannot be written.
    ///
    /// Without `-o` the table goes to standard output when that is a pipe or a file; a terminal gets text alone, and
    /// only when asked with `-o -`.
    pub(crate) fn new(output: Option<&Path>, format: Option<TableFormat>) -> anyhow::Result<Self> {
        let is_stdout = output.is_none_or(|path| path == Path::new("-"));
        if let (Some(path), false) = (output, is_stdout) {
            let by_name = TableFormat::of(path)?;
            if format.is_some_and(|format| format != by_name) {
                let text = format!("--format contradicts the name of {}; leave --format out", path.display());
                return Err(Usage(text).into());
            }
            check_file(path)?;
            return Ok(TableTarget::File(path.to_path_buf()));
        }
        let format = format.unwrap_or(TableFormat::Csv);
        if io::stdout().is_terminal() {
            if format == TableFormat::Npy {
                return Err(Usage("NPY is binary and not for a terminal; give -o FILE.npy or a pipe".into()).into());
            }
            if output.is_none() {
                let text = "where shall the rows go? Give -o FILE.npy, -o FILE.csv, a pipe, or -o - for the terminal";
                return Err(Usage(text.into()).into());
            }
        }
        Ok(TableTarget::Stdout(format))
    }

    /// Writes the table, row-major with one column a name.
    pub(crate) fn write(&self, names: &[String], values: &[f32]) -> anyhow::Result<()> {
        match self {
            TableTarget::File(path) => write_table(path, names, values)?,
            TableTarget::Stdout(format) => {
                let mut out = io::BufWriter::new(Noted { inner: io::stdout().lock(), broken: false });
                let result = format.write(&mut out, names, values).and_then(|()| out.flush());
                if out.get_ref().broken {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                }
                result?;
            }
        }
        Ok(())
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            TableTarget::File(path) => Some(path),
            TableTarget::Stdout(_) => None,
        }
    }
}

/// A stream that remembers a broken pipe: on its way through the CSV writer the kind of an error is lost.
struct Noted<W> {
    inner: W,
    broken: bool,
}

impl<W: Write> Noted<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.broken |= result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Noted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
