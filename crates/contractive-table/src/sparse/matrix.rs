//! A sparse matrix in memory, by its rows.

use std::path::Path;

use crate::error::TableError;
use crate::limits::MOST_COLUMNS;

/// Of each row the columns that are not zero, with their values. A column that is there twice counts with the sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SparseMatrix {
    pub n_columns: usize,
    /// Where each row begins in `columns` and `values`, and where the last one ends.
    pub starts: Vec<usize>,
    pub columns: Vec<u32>,
    pub values: Vec<f64>,
}

/// A matrix as rows, columns and values.
#[derive(Debug, Default)]
pub(crate) struct Triplets {
    pub rows: Vec<u32>,
    pub columns: Vec<u32>,
    pub values: Vec<f64>,
}

impl SparseMatrix {
    /// The matrix of these entries, in any order.
    pub fn of(path: &Path, [n_rows, n_columns]: [u64; 2], entries: &Triplets) -> Result<Self, TableError> {
        check_shape(path, [n_rows, n_columns], entries.values.len() as u64)?;
        let (n_rows, n_columns) = (n_rows as usize, n_columns as usize);
        let starts = starts_of(n_rows, &entries.rows);
        let mut next = starts.clone();
        let mut matrix = SparseMatrix {
            n_columns,
            starts,
            columns: vec![0; entries.values.len()],
            values: vec![0.0; entries.values.len()],
        };
        for ((&row, &column), &value) in entries.rows.iter().zip(&entries.columns).zip(&entries.values) {
            let place = next[row as usize];
            (matrix.columns[place], matrix.values[place]) = (column, value);
            next[row as usize] += 1;
        }
        Ok(matrix)
    }

    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }
}

/// Where each row begins, of entries with these rows.
fn starts_of(n_rows: usize, rows: &[u32]) -> Vec<usize> {
    let mut starts = vec![0; n_rows + 1];
    rows.iter().for_each(|row| starts[*row as usize + 1] += 1);
    for row in 0..n_rows {
        starts[row + 1] += starts[row];
    }
    starts
}

/// Refuses a shape without cells, with more columns than any table has, or one that so few entries cannot be meant to
/// fill: neither memory nor time may follow a header's word.
pub(crate) fn check_shape(path: &Path, [n_rows, n_columns]: [u64; 2], n_entries: u64) -> Result<(), TableError> {
    if n_rows == 0 || n_columns == 0 {
        return Err(TableError::Empty { what: path.display().to_string() });
    }
    let corrupt = |reason: String| Err(TableError::Corrupt { path: path.to_path_buf(), reason });
    if n_columns > MOST_COLUMNS as u64 {
        let columns = "where its rows are meant to be columns, it must be transposed";
        return corrupt(format!("its rows have {n_columns} values; at most {MOST_COLUMNS} are read; {columns}"));
    }
    let most_rows = n_entries.saturating_mul(16).saturating_add(1 << 20);
    let most_cells = (1 << 30) + u128::from(n_entries) * (1 << 20);
    if n_rows > most_rows.min(u64::from(u32::MAX)) || u128::from(n_rows) * u128::from(n_columns) > most_cells {
        return corrupt(format!("it claims {n_rows} rows of {n_columns} columns for {n_entries} entries"));
    }
    Ok(())
}
