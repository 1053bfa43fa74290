//! Frames to a file, in the format that its name says.

mod arrow_frame;
mod binary;
mod numpy;
mod text;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::frame::{Field, Frame};
use crate::files::AtomicFile;
use crate::output::OutputError;

/// Endings of the tables that are written.
pub(crate) const KNOWN_ENDINGS: &str =
    ".csv or .tsv (also with .gz), .parquet, .arrow, .ipc, .feather, .npy, or .jsonl; `-` is CSV on standard output";

/// A table being written.
///
/// The file takes its name when [`FrameWriter::finish`] says that it is whole; before that, and after an error, there is
/// none.
pub struct FrameWriter {
    path: PathBuf,
    fields: Vec<Field>,
    sink: Box<dyn FrameSink>,
    n_rows: u64,
}

/// A format's side of a [`FrameWriter`].
trait FrameSink {
    fn write(&mut self, frame: &Frame) -> io::Result<()>;

    /// Writes what is left, and gives the file its name.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Where the bytes go.
enum Target {
    File(BufWriter<AtomicFile>),
    Stdout(BufWriter<io::Stdout>),
}

impl Target {
    /// Flushes and, if it is a file, names it.
    fn commit(self) -> io::Result<()> {
        match self {
            Target::File(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.commit(),
            Target::Stdout(mut out) => out.flush(),
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match self {
            Target::File(file) => {
                file.flush()?;
                Ok(file.get_mut().file_mut())
            }
            Target::Stdout(_) => Err(io::Error::other("standard output has no beginning to go back to")),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File(file) => file.flush(),
            Target::Stdout(out) => out.flush(),
        }
    }
}

impl FrameWriter {
    /// Begins a table of columns `fields`; `-` is CSV on standard output.
    ///
    /// Numbers are written so that they read back as the same; missing cells are empty in CSV and null elsewhere (NaN in
    /// NPY, which takes numbers alone); JSON has no infinities and gets null for them. Times become ISO 8601 in CSV and
    /// JSON.
    ///
    /// # Errors
    ///
    /// [`OutputError::UnknownFormat`] for another ending, [`OutputError::NumbersAlone`] where NPY is to hold text,
    /// [`OutputError::Write`] when the folder takes no file.
    pub fn create(path: &Path, fields: &[Field]) -> Result<Self, OutputError> {
        let failed = |source| OutputError::Write { path: path.to_path_buf(), source };
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        let target = || Ok(Target::File(BufWriter::with_capacity(1 << 16, AtomicFile::create(path).map_err(failed)?)));
        let sink: Box<dyn FrameSink> = if path == Path::new("-") {
            let out = Target::Stdout(BufWriter::with_capacity(1 << 16, io::stdout()));
            Box::new(text::CsvSink::new(out, b',', fields).map_err(failed)?)
        } else if ends(&[".csv.gz", ".tsv.gz"]) {
            Box::new(text::CsvSink::packed(target()?, separator(&name), fields).map_err(failed)?)
        } else if ends(&[".csv", ".tsv"]) {
            Box::new(text::CsvSink::new(target()?, separator(&name), fields).map_err(failed)?)
        } else if ends(&[".jsonl", ".ndjson"]) {
            Box::new(text::JsonSink::new(target()?))
        } else if ends(&[".npy"]) {
            if let Some(field) = fields.iter().find(|field| !field.kind.is_numeric()) {
                let (path, column) = (path.to_path_buf(), field.name.clone());
                return Err(OutputError::NumbersAlone { path, column, kind: field.kind.name() });
            }
            Box::new(numpy::NpySink::new(target()?, fields).map_err(failed)?)
        } else if ends(&[".parquet"]) {
            Box::new(binary::ParquetSink::new(target()?, fields).map_err(failed)?)
        } else if ends(&[".arrow", ".ipc", ".feather"]) {
            Box::new(binary::IpcSink::new(target()?, fields).map_err(failed)?)
        } else {
            return Err(OutputError::UnknownFormat { path: path.to_path_buf(), known: KNOWN_ENDINGS });
        };
        Ok(FrameWriter { path: path.to_path_buf(), fields: fields.to_vec(), sink, n_rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`]; also where the columns are not those that the table began with.
    pub fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        let failed = |source| OutputError::Write { path: self.path.clone(), source };
        let n = frame.n_rows();
        let fits = |(field, column): (&Field, &super::Column)| {
            field.name == column.name && field.kind == column.values.kind() && column.values.len() == n
        };
        if frame.columns.len() != self.fields.len() || !self.fields.iter().zip(&frame.columns).all(fits) {
            let text = "its columns must be those that it began with, in name, kind, order and length";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        self.sink.write(frame).map_err(failed)?;
        self.n_rows += n as u64;
        Ok(())
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`].
    pub fn finish(self) -> Result<(), OutputError> {
        let path = self.path;
        self.sink.finish().map_err(|source| OutputError::Write { path, source })
    }
}

fn separator(name: &str) -> u8 {
    if name.contains(".tsv") { b'\t' } else { b',' }
}
