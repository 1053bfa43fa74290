//! Frames to a file, in the format that its name says.

#[cfg(feature = "arrow")]
mod arrow_frame;
#[cfg(feature = "arrow")]
mod ipc;
#[cfg(feature = "npz")]
pub(crate) mod npz;
mod numpy;
#[cfg(feature = "parquet")]
mod parquet;
mod sink;
mod target;
mod text;

use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use self::sink::{FrameSink, Said};
use self::target::Target;
use crate::atomic::AtomicFile;
use crate::format::Format;
use crate::frame::{Column, Field, Frame};
use crate::output::OutputError;

/// Endings of the tables that are written.
const KNOWN_ENDINGS: &str =
    ".csv or .tsv (also with .gz), .parquet, .arrow, .ipc, .feather, .npy, or .jsonl; `-` is CSV on standard output";

/// What standard output is called in messages.
const STDOUT: &str = "standard output";

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
    pub fn create(path: impl AsRef<Path>, fields: &[Field]) -> Result<Self, OutputError> {
        Self::begin(path.as_ref(), fields, None, &[])
    }

    /// Begins a table whose rows are arrays of `shape`, such as pictures of (height, width), with as many numbers as there are columns.
    /// NPY has (rows, height, width); in other formats they are columns.
    ///
    /// # Errors
    ///
    /// As [`FrameWriter::create`]; [`OutputError::Write`] where the shape does not have as many numbers, or more than three sides.
    pub fn of_arrays(path: impl AsRef<Path>, fields: &[Field], shape: &[usize]) -> Result<Self, OutputError> {
        Self::begin(path.as_ref(), fields, None, shape)
    }

    /// Begins a table that says `text` of itself under `key`, beside its columns: see [`FrameReader::metadata`]. Parquet
    /// and Arrow files do; in other formats there is no place for it, and it is left out.
    ///
    /// # Errors
    ///
    /// As [`FrameWriter::create`].
    ///
    /// [`FrameReader::metadata`]: crate::FrameReader::metadata
    pub fn saying(path: impl AsRef<Path>, fields: &[Field], key: &str, text: &str) -> Result<Self, OutputError> {
        Self::begin(path.as_ref(), fields, Some((key, text)), &[])
    }

    #[cfg_attr(not(feature = "arrow"), allow(unused_variables))] // formats whose feature is off
    fn begin(path: &Path, fields: &[Field], said: Said<'_>, shape: &[usize]) -> Result<Self, OutputError> {
        let is_stdout = path == Path::new("-");
        let called = if is_stdout { Path::new(STDOUT) } else { path };
        let failed = |source| OutputError::Write { path: called.to_path_buf(), source };
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        let target = || Ok(Target::File(BufWriter::with_capacity(1 << 16, AtomicFile::create(path).map_err(failed)?)));
        let sink: Box<dyn FrameSink> = if is_stdout {
            let out = Target::Stdout(BufWriter::with_capacity(1 << 16, io::stdout()));
            let sink = if io::stdout().is_terminal() { text::CsvSink::on_terminal } else { text::CsvSink::new };
            Box::new(sink(out, b',', fields).map_err(failed)?)
        } else if ends(&[".csv.gz", ".tsv.gz"]) {
            Box::new(text::CsvSink::packed(target()?, separator(&name), fields).map_err(failed)?)
        } else if ends(&[".csv", ".tsv"]) {
            Box::new(text::CsvSink::new(target()?, separator(&name), fields).map_err(failed)?)
        } else if ends(&[".jsonl", ".ndjson"]) {
            Box::new(text::JsonSink::new(target()?))
        } else if ends(&[".npy"]) {
            check_numbers(path, fields)?;
            Box::new(numpy::NpySink::new(target()?, fields, None, shape).map_err(failed)?)
        } else if let Some(feature) = Format::of(path).and_then(Format::feature) {
            return Err(OutputError::NotBuilt { path: path.to_path_buf(), feature });
        } else {
            match Format::of(path) {
                #[cfg(feature = "parquet")]
                Some(Format::Parquet) => Box::new(parquet::ParquetSink::new(target()?, fields, said).map_err(failed)?),
                #[cfg(feature = "arrow")]
                Some(Format::Arrow) => Box::new(ipc::IpcSink::new(target()?, fields, said).map_err(failed)?),
                _ => return Err(OutputError::UnknownFormat { path: path.to_path_buf(), known: KNOWN_ENDINGS }),
            }
        };
        Ok(FrameWriter { path: called.to_path_buf(), fields: fields.to_vec(), sink, n_rows: 0 })
    }

    /// Begins a table on standard output, CSV or NPY; NPY needs `n_rows`, the number of rows to come, and their `shape` where it is
    /// not empty, as [`FrameWriter::of_arrays`].
    ///
    /// # Errors
    ///
    /// As [`FrameWriter::create`].
    pub fn to_stdout(format: Format, fields: &[Field], n_rows: u64, shape: &[usize]) -> Result<Self, OutputError> {
        if format != Format::Npy {
            return FrameWriter::create("-", fields);
        }
        let path = PathBuf::from(STDOUT);
        let out = Target::Stdout(BufWriter::with_capacity(1 << 16, io::stdout()));
        check_numbers(&path, fields)?;
        let sink = numpy::NpySink::new(out, fields, Some(n_rows), shape)
            .map_err(|source| OutputError::Write { path: path.clone(), source })?;
        Ok(FrameWriter { path, fields: fields.to_vec(), sink: Box::new(sink), n_rows: 0 })
    }

    /// Refuses a name whose ending is that of no table, before any work.
    ///
    /// # Errors
    ///
    /// [`OutputError::UnknownFormat`] and [`OutputError::NotBuilt`].
    pub fn check_name(path: impl AsRef<Path>) -> Result<(), OutputError> {
        let path = path.as_ref();
        let name = path.to_string_lossy().to_ascii_lowercase();
        let is_json = name.ends_with(".jsonl") || name.ends_with(".ndjson");
        match Format::of(path) {
            Some(format) if format.feature().is_some() => {
                Err(OutputError::NotBuilt { path: path.to_path_buf(), feature: format.feature().unwrap_or_default() })
            }
            Some(Format::Csv | Format::Parquet | Format::Arrow) => Ok(()),
            Some(Format::Npy) if !name.ends_with(".gz") => Ok(()),
            _ if is_json || path == Path::new("-") => Ok(()),
            _ => Err(OutputError::UnknownFormat { path: path.to_path_buf(), known: KNOWN_ENDINGS }),
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`]; also where the columns are not those that the table began with.
    pub fn write(&mut self, frame: &Frame) -> Result<(), OutputError> {
        let failed = |source| OutputError::Write { path: self.path.clone(), source };
        let n = frame.n_rows();
        let fits = |(field, column): (&Field, &Column)| {
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

/// NPY takes numbers alone.
fn check_numbers(path: &Path, fields: &[Field]) -> Result<(), OutputError> {
    match fields.iter().find(|field| !field.kind.is_numeric()) {
        None => Ok(()),
        Some(field) => {
            let (path, column) = (path.to_path_buf(), field.name.clone());
            Err(OutputError::NumbersAlone { path, column, kind: field.kind.name() })
        }
    }
}
