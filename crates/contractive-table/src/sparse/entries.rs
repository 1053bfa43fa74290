//! The entries of a matrix, row after row: from memory, or from a file as they are asked for.

#[cfg(any(feature = "npz", feature = "h5ad"))]
use super::compressed::CompressedEntries;
use super::matrix::SparseMatrix;
#[cfg(feature = "h5ad")]
use super::numbers::Numbers;
use crate::error::TableError;

/// Entries by rows.
pub(crate) enum Entries {
    /// All of them.
    Memory(SparseMatrix),
    /// Those that the file's streams are at, without zeros.
    #[cfg(any(feature = "npz", feature = "h5ad"))]
    Compressed(Box<CompressedEntries>),
    /// Rows with their zeros, as the file has them.
    #[cfg(feature = "h5ad")]
    Dense {
        /// The rows, one after the other.
        values: Box<dyn Numbers>,
        /// How many.
        n_rows: usize,
        /// Values of each.
        n_columns: usize,
        /// A row.
        row: Vec<f64>,
    },
}

impl Entries {
    pub fn n_rows(&self) -> usize {
        match self {
            Entries::Memory(matrix) => matrix.n_rows(),
            #[cfg(any(feature = "npz", feature = "h5ad"))]
            Entries::Compressed(entries) => entries.starts.len() - 1,
            #[cfg(feature = "h5ad")]
            Entries::Dense { n_rows, .. } => *n_rows,
        }
    }

    pub fn n_columns(&self) -> usize {
        match self {
            Entries::Memory(matrix) => matrix.n_columns,
            #[cfg(any(feature = "npz", feature = "h5ad"))]
            Entries::Compressed(entries) => entries.n_columns,
            #[cfg(feature = "h5ad")]
            Entries::Dense { n_columns, .. } => *n_columns,
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
            #[cfg(any(feature = "npz", feature = "h5ad"))]
            Entries::Compressed(entries) => entries.add_row(row, out),
            #[cfg(feature = "h5ad")]
            Entries::Dense { values, row, .. } => {
                values.next(out.len(), row)?;
                out.copy_from_slice(row);
                Ok(())
            }
        }
    }

    /// Refuses anything after the last row.
    pub fn finish(&mut self) -> Result<(), TableError> {
        match self {
            Entries::Memory(_) => Ok(()),
            #[cfg(any(feature = "npz", feature = "h5ad"))]
            Entries::Compressed(entries) => entries.finish(),
            #[cfg(feature = "h5ad")]
            Entries::Dense { values, .. } => values.finish(),
        }
    }
    /// Bytes that reading holds at most while the file is not known to be sound.
    pub fn held(&self) -> u64 {
        match self {
            Entries::Memory(_) => 0,
            #[cfg(any(feature = "npz", feature = "h5ad"))]
            Entries::Compressed(entries) => entries.held(),
            #[cfg(feature = "h5ad")]
            Entries::Dense { values, .. } => values.held(),
        }
    }
}
