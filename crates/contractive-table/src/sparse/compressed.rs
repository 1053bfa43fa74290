//! Matrices whose entries lie line after line, as SciPy and AnnData have them: `data` and `indices`, and in `indptr` where
//! each line begins. Lines are rows (CSR) or columns (CSC).

use std::path::{Path, PathBuf};

use super::matrix::{SparseMatrix, Triplets, check_shape};
use super::numbers::Numbers;
use crate::error::TableError;

/// Entries read at a time, however many a row has.
pub(super) const PORTION: usize = 1 << 14;

/// The entries of rows, read side by side from two arrays of a file.
pub(crate) struct CompressedEntries {
    pub path: PathBuf,
    pub n_columns: usize,
    /// Where each row begins; ascending.
    pub starts: Vec<u64>,
    columns: Box<dyn Numbers>,
    values: Box<dyn Numbers>,
    portion: (Vec<f64>, Vec<f64>),
}

impl CompressedEntries {
    pub fn add_row(&mut self, row: usize, out: &mut [f64]) -> Result<(), TableError> {
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

    pub fn finish(&mut self) -> Result<(), TableError> {
        self.columns.finish()?;
        self.values.finish()
    }

    pub fn held(&self) -> u64 {
        self.columns.held().saturating_add(self.values.held())
    }
}

/// The two arrays of entries, each with its length.
pub(super) struct Parts {
    pub indices: (Box<dyn Numbers>, u64),
    pub data: (Box<dyn Numbers>, u64),
}

/// Rows that are left in their file; `starts` reads `indptr` once the shape is known to be sound.
pub(super) fn rows(
    path: &Path,
    [n_rows, n_columns]: [u64; 2],
    parts: Parts,
    indptr: impl FnOnce() -> Result<Vec<f64>, TableError>,
) -> Result<CompressedEntries, TableError> {
    let Parts { indices: (columns, n), data: (values, n_values) } = parts;
    if n != n_values {
        return Err(corrupt(path, "`indices` and `data` must be of one length"));
    }
    check_shape(path, [n_rows, n_columns], n)?;
    let starts = starts(path, n_rows, n, indptr()?)?;
    let (path, n_columns, portion) = (path.to_path_buf(), n_columns as usize, Default::default());
    Ok(CompressedEntries { path, n_columns, starts, columns, values, portion })
}

/// Entries with the shape of their matrix.
pub(super) struct Stored {
    pub shape: [u64; 2],
    pub entries: Triplets,
}

impl Stored {
    /// Of lines in memory, `shape` being lines and the places in one.
    pub fn of_lines(
        path: &Path,
        shape: [u64; 2],
        indices: &[f64],
        values: Vec<f64>,
        indptr: Vec<f64>,
    ) -> Result<Self, TableError> {
        if indices.len() != values.len() {
            return Err(corrupt(path, "`indices` and `data` must be of one length"));
        }
        let starts = starts(path, shape[0], values.len() as u64, indptr)?;
        let mut entries = Triplets { rows: Vec::with_capacity(values.len()), columns: Vec::new(), values };
        let n_columns = shape[1].min(u64::from(u32::MAX)) as usize;
        for (line, ends) in starts.windows(2).enumerate() {
            for &value in &indices[ends[0] as usize..ends[1] as usize] {
                let column = index(value, n_columns).ok_or_else(|| outside(path, line, value, n_columns))?;
                entries.rows.push(line as u32);
                entries.columns.push(column as u32);
            }
        }
        Ok(Stored { shape, entries })
    }

    /// The same with rows and columns exchanged.
    pub fn turned(self) -> Self {
        let Stored { shape: [n_rows, n_columns], entries: Triplets { rows, columns, values } } = self;
        Stored { shape: [n_columns, n_rows], entries: Triplets { rows: columns, columns: rows, values } }
    }

    pub fn matrix(self, path: &Path) -> Result<SparseMatrix, TableError> {
        SparseMatrix::of(path, self.shape, &self.entries)
    }
}

/// `indptr`: where each of `n` lines begins among `n_entries`.
fn starts(path: &Path, n: u64, n_entries: u64, starts: Vec<f64>) -> Result<Vec<u64>, TableError> {
    check_starts(path, n, starts.len() as u64)?;
    let ascends = starts.windows(2).all(|ends| ends[0] <= ends[1]) && starts.iter().all(|start| start.fract() == 0.0);
    if !ascends || starts.first() != Some(&0.0) || starts.last() != Some(&(n_entries as f64)) {
        let reason = format!("`indptr` must ascend from 0 to {n_entries}, the number of entries");
        return Err(corrupt(path, &reason));
    }
    Ok(starts.into_iter().map(|start| start as u64).collect())
}

/// Refuses an `indptr` that has not one entry more than there are lines, however many those are.
pub(super) fn check_starts(path: &Path, n_lines: u64, got: u64) -> Result<(), TableError> {
    let expected = n_lines.saturating_add(1);
    if got == expected && n_lines < u64::from(u32::MAX) {
        return Ok(());
    }
    let reason = format!("`indptr` must have {expected} entries, one more than `shape` says, got {got}");
    Err(corrupt(path, &reason))
}

/// Refuses a `shape` of other than two numbers before they are read.
pub(super) fn check_sizes(path: &Path, got: u64) -> Result<(), TableError> {
    let reason = || format!("`shape` must hold two sizes, rows and columns, got {got} numbers");
    (got == 2).then_some(()).ok_or_else(|| corrupt(path, &reason()))
}

/// The two sizes in `shape`.
pub(super) fn sizes(path: &Path, shape: &[f64]) -> Result<[u64; 2], TableError> {
    let is_size = |size: &f64| *size >= 0.0 && size.fract() == 0.0 && *size < 9e15;
    match *shape {
        [rows, columns] if shape.iter().all(is_size) => Ok([rows as u64, columns as u64]),
        _ => Err(corrupt(path, "`shape` must hold two sizes, rows and columns")),
    }
}

/// `value` as a place among `n`.
pub(super) fn index(value: f64, n: usize) -> Option<usize> {
    (value >= 0.0 && value < n as f64 && value.fract() == 0.0).then_some(value as usize)
}

/// The refusal of an entry beyond the matrix.
fn outside(path: &Path, line: usize, got: f64, n: usize) -> TableError {
    let most = n.saturating_sub(1);
    corrupt(path, &format!("an entry of `indices` in line {line} (from 0) must be from 0 to {most}, got {got}"))
}

pub(super) fn corrupt(path: &Path, reason: &str) -> TableError {
    TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() }
}
