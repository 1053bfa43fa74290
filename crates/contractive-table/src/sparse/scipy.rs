//! NPZ archives as `scipy.sparse.save_npz` writes them: `format`, `shape`, and the entries as `data` with `indices` and
//! `indptr` (CSR, CSC) or `row` and `col` (COO).

use std::path::Path;

use super::compressed::{Parts, Stored, corrupt, index, rows, sizes};
use super::entries::Entries;
use super::matrix::Triplets;
use crate::array::{NumberStream, archive_text, archive_vector};
use crate::error::TableError;

/// The order of the entries, as the archive names it; `None` where it is no sparse matrix.
pub(crate) fn order_of(path: &Path) -> Option<String> {
    let order = archive_text(path, "format")?;
    ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"].contains(&order.as_str()).then_some(order)
}

/// Opens the matrix, transposed where asked for. CSR is left in its file unless it is to be transposed.
pub(crate) fn open(path: &Path, transpose: bool) -> Result<Entries, TableError> {
    let shape = sizes(path, &archive_vector(path, "shape")?)?;
    let stored = match order_of(path).as_deref() {
        Some("csr") if !transpose => {
            let open = |array| NumberStream::open(path, array).map(|stream| (stream.len(), stream));
            let ((n, columns), (n_values, values)) = (open("indices")?, open("data")?);
            let parts = Parts { indices: (Box::new(columns), n), data: (Box::new(values), n_values) };
            let rows = rows(path, shape, parts, || archive_vector(path, "indptr"))?;
            return Ok(Entries::Compressed(Box::new(rows)));
        }
        Some("csr") => lines(path, shape)?,
        // The rows of the transposed matrix are the columns of this one.
        Some("csc") => lines(path, [shape[1], shape[0]])?.turned(),
        Some("coo") => {
            let values = archive_vector(path, "data")?;
            let (rows, columns) = (places(path, "row", shape[0])?, places(path, "col", shape[1])?);
            if rows.len() != values.len() || columns.len() != values.len() {
                return Err(corrupt(path, "`row`, `col` and `data` must be of one length"));
            }
            Stored { shape, entries: Triplets { rows, columns, values } }
        }
        order => {
            return Err(TableError::Type {
                path: path.to_path_buf(),
                got: format!("a sparse matrix in {} order", order.unwrap_or("no known").to_uppercase()),
                expected: "in CSR, CSC or COO order; save `matrix.tocsr()`",
            });
        }
    };
    let stored = if transpose { stored.turned() } else { stored };
    Ok(Entries::Memory(stored.matrix(path)?))
}

/// The entries of `indices` and `indptr`, of which the latter has a line for each row of `shape`.
fn lines(path: &Path, shape: [u64; 2]) -> Result<Stored, TableError> {
    let (values, indices) = (archive_vector(path, "data")?, archive_vector(path, "indices")?);
    Stored::of_lines(path, shape, &indices, values, archive_vector(path, "indptr")?)
}

/// Places of entries in a dimension of `n`.
fn places(path: &Path, array: &str, n: u64) -> Result<Vec<u32>, TableError> {
    let n = n.min(u64::from(u32::MAX)) as usize;
    let place = |value: f64| {
        let wrong = || format!("an entry of `{array}` must be below {n}, which `shape` says, got {value}");
        index(value, n).map(|place| place as u32).ok_or_else(|| corrupt(path, &wrong()))
    };
    archive_vector(path, array)?.into_iter().map(place).collect()
}
