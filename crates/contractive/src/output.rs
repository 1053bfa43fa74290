//! Tables of numbers as files: NPY or CSV, by the end of the name, written atomically.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use thiserror::Error;

use crate::files::write_atomically;

/// Why a table cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The name has no known ending.
    #[error("cannot tell the format of {}: the name must end in .npy or .csv", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The name has no ending of a table that is written in frames.
    #[error("cannot tell the format of {}: the name must end in {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that can be written.
        known: &'static str,
    },
    /// NPY asked for with a column that is no number.
    #[error(
        "cannot write {}: NPY holds numbers alone, and column `{column}` is {kind}; give a name that ends in .csv, \
         .parquet, .arrow or .jsonl", path.display()
    )]
    NumbersAlone {
        /// The file.
        path: PathBuf,
        /// The first such column.
        column: String,
        /// What it holds.
        kind: &'static str,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// NumPy's format, shape (N, columns), f32.
    Npy,
    /// Comma-separated text under a line of column names; each number reads back as the same f32.
    Csv,
}

impl TableFormat {
    /// The format that the end of a file's name says.
    ///
    /// # Errors
    /// [`OutputError::Format`].
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("npy") => Ok(TableFormat::Npy),
            Some("csv") => Ok(TableFormat::Csv),
            _ => Err(OutputError::Format { path: path.to_path_buf() }),
        }
    }

    /// Writes `values`, row-major with one column a name, to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, out: &mut dyn Write, names: &[String], values: &[f32]) -> io::Result<()> {
        let columns = names.len().max(1);
        match self {
            TableFormat::Npy => {
                let shape = [(values.len() / columns) as u64, columns as u64];
                let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out).begin_nd()?;
                writer.extend(values.iter().copied())?;
                writer.finish()
            }
            TableFormat::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(names)?;
                for row in values.chunks_exact(columns) {
                    writer.write_record(row.iter().map(f32::to_string))?;
                }
                writer.flush()
            }
        }
    }
}

/// Writes a table whole to `path`, in the format that its name says.
///
/// # Errors
/// [`OutputError`].
pub fn write_table(path: &Path, names: &[String], values: &[f32]) -> Result<(), OutputError> {
    let format = TableFormat::of(path)?;
    write_atomically(path, |file| format.write(file, names, values))
        .map_err(|source| OutputError::Write { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_the_same_bits_from_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["a".to_owned(), "b, quoted".to_owned()];
        let values = vec![0.1_f32, -0.0, 1e-40, f32::MAX, 1.0 / 3.0, -7.0];
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let csv_path = folder.path().join("t.csv");
        write_table(&csv_path, &names, &values).unwrap();
        let mut reader = csv::Reader::from_path(&csv_path).unwrap();
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), ["a", "b, quoted"]);
        let read: Vec<f32> = reader
            .records()
            .flat_map(|r| r.unwrap().iter().map(|c| c.parse().unwrap()).collect::<Vec<f32>>())
            .collect();
        assert_eq!(bits(&read), bits(&values));
        let npy_path = folder.path().join("t.npy");
        write_table(&npy_path, &names, &values).unwrap();
        let file = npyz::NpyFile::new(std::fs::File::open(&npy_path).unwrap()).unwrap();
        assert_eq!(file.shape(), [3, 2]);
        assert_eq!(bits(&file.into_vec::<f32>().unwrap()), bits(&values));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn other_endings_are_refused() {
        assert!(matches!(write_table(Path::new("x.txt"), &[], &[]), Err(OutputError::Format { .. })));
    }
}
