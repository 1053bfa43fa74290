//! The entries of a sparse matrix, row after row: from memory, or from an archive as they are asked for.

#[cfg(feature = "npz")]
use std::path::PathBuf;

use super::matrix::SparseMatrix;
#[cfg(feature = "npz")]
use crate::array::NumberStream;
use crate::error::TableError;

/// Entries read at a time, however many a row has.
#[cfg(feature = "npz")]
const PORTION: usize = 1 << 14;

/// Entries by rows.
pub(crate) enum Entries {
    /// All of them.
    Memory(SparseMatrix),
    /// Those that the archive's streams are at.
    #[cfg(feature = "npz")]
    Archive(Box<ArchiveEntries>),
}

/// Two arrays of an archive in CSR order, read side by side.
#[cfg(feature = "npz")]
pub(crate) struct ArchiveEntries {
    pub path: PathBuf,
    pub n_columns: usize,
    /// Where each row begins; ascending.
    pub starts: Vec<u64>,
    pub columns: NumberStream,
    pub values: NumberStream,
    pub portion: (Vec<f64>, Vec<f64>),
}

impl Entries {
    pub fn n_rows(&self) -> usize {
        match self {
            Entries::Memory(matrix) => matrix.n_rows(),
            #[cfg(feature = "npz")]
            Entries::Archive(archive) => archive.starts.len() - 1,
        }
    }

    pub fn n_columns(&self) -> usize {
        match self {
            Entries::Memory(matrix) => matrix.n_columns,
            #[cfg(feature = "npz")]
            Entries::Archive(archive) => archive.n_columns,
        }
    }

    /// Adds the entries of row `row` to `out`, which is as long as a row. Rows are asked for in order, each once.
    pub fn add_row(&mut self, row: usize, out: &mut [f64]) -> Result<(), TableError> {
        match self {
            Entries::Memory(matrix) => {
                let places = matrix.starts[row]..matrix.starts[row + 1];
                let entries = matrix.columns[places.clone()].iter().zip(&matrix.values[places]);
                entries.for_each(|(column, value)| out[*column as usize] += value);
                Ok(())
            }
            #[cfg(feature = "npz")]
            Entries::Archive(archive) => archive.add_row(row, out),
        }
    }

    /// Refuses anything after the last row.
    pub fn finish(&mut self) -> Result<(), TableError> {
        match self {
            Entries::Memory(_) => Ok(()),
            #[cfg(feature = "npz")]
            Entries::Archive(archive) => {
                archive.columns.finish()?;
                archive.values.finish()
            }
        }
    }
}

#[cfg(feature = "npz")]
impl ArchiveEntries {
    fn add_row(&mut self, row: usize, out: &mut [f64]) -> Result<(), TableError> {
        let mut left = usize::try_from(self.starts[row + 1] - self.starts[row]).unwrap_or(usize::MAX);
        let (columns, values) = &mut self.portion;
        while left > 0 {
            let n = left.min(PORTION);
            self.columns.next(n, columns)?;
            self.values.next(n, values)?;
            for (&column, value) in columns.iter().zip(&*values) {
                match index(column, out.len()) {
                    Some(column) => out[column] += value,
                    None => return Err(outside(&self.path, row, column, out.len())),
                }
            }
            left -= n;
        }
        Ok(())
    }
}

/// `value` as a place among `n`.
#[cfg(feature = "npz")]
pub(crate) fn index(value: f64, n: usize) -> Option<usize> {
    (value >= 0.0 && value < n as f64 && value.fract() == 0.0).then_some(value as usize)
}

/// The refusal of an entry beyond the matrix.
#[cfg(feature = "npz")]
pub(crate) fn outside(path: &std::path::Path, line: usize, got: f64, n: usize) -> TableError {
    let reason = format!("an entry of `indices` in line {line} (from 0) must be from 0 to {}, got {got}", n - 1);
    TableError::Corrupt { path: path.to_path_buf(), reason }
}
