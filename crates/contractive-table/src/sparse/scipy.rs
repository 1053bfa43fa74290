//! NPZ archives as `scipy.sparse.save_npz` writes them: `format`, `shape`, and the entries as `data` with `indices` and
//! `indptr` (CSR, CSC) or `row` and `col` (COO).

use std::path::Path;

use super::checking::Arrays;
use super::compressed::{Parts, Stored, check_sizes, corrupt, index, rows, sizes};
use super::entries::Entries;
use super::matrix::Triplets;
use super::numbers::Numbers;
use crate::array::{NumberStream, archive_text, archive_vector};
use crate::error::TableError;

/// The order of the entries, as the archive names it; `None` where it is no sparse matrix.
pub(crate) fn order_of(path: &Path) -> Option<String> {
    let order = archive_text(path, "format")?;
    ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"].contains(&order.as_str()).then_some(order)
}

/// Opens the matrix, transposed where asked for. CSR is left in its file unless it is to be transposed.
pub(crate) fn open(path: &Path, transpose: bool) -> Result<Entries, TableError> {
    let order = order_of(path);
    // Before the arrays, which are others there.
    if !matches!(order.as_deref(), Some("csr" | "csc" | "coo")) {
        return Err(TableError::Type {
            path: path.to_path_buf(),
            got: format!("a sparse matrix in {} order", order.as_deref().unwrap_or("no known").to_uppercase()),
            expected: "in CSR, CSC or COO order; save `matrix.tocsr()`",
        });
    }
    check_sizes(path, NumberStream::open(path, "shape")?.len())?;
    let shape = sizes(path, &archive_vector(path, "shape")?)?;
    let open = |array: &str| {
        let stream = NumberStream::open(path, array)?;
        let n = stream.len();
        Ok((Box::new(stream) as Box<dyn Numbers>, n))
    };
    let arrays = Arrays { path, open: &open };
    let turned = [shape[1], shape[0]];
    arrays.check_shape(if transpose { turned } else { shape }, arrays.n_entries()?)?;
    let stored = match order.as_deref() {
        Some("csr") if !transpose => {
            let parts = Parts { indices: open("indices")?, data: open("data")? };
            let indptr = || arrays.check_lines(shape, false).and_then(|()| archive_vector(path, "indptr"));
            let rows = rows(path, shape, parts, indptr)?;
            return Ok(Entries::Compressed(Box::new(rows)));
        }
        Some("csr") => lines(&arrays, shape)?,
        // The rows of the transposed matrix are the columns of this one.
        Some("csc") => lines(&arrays, turned)?.turned(),
        // COO.
        _ => {
            arrays.check_triplets(shape)?;
            let values = archive_vector(path, "data")?;
            let (rows, columns) = (places(path, "row", shape[0])?, places(path, "col", shape[1])?);
            if rows.len() != values.len() || columns.len() != values.len() {
                return Err(corrupt(path, "`row`, `col` and `data` must be of one length"));
            }
            Stored { shape, entries: Triplets { rows, columns, values } }
        }
    };
    let stored = if transpose { stored.turned() } else { stored };
    Ok(Entries::Memory(stored.matrix(path)?))
}

/// The entries of `indices` and `indptr`, of which the latter has a line for each row of `shape`.
fn lines(arrays: &Arrays<'_>, shape: [u64; 2]) -> Result<Stored, TableError> {
    arrays.check_lines(shape, true)?;
    let path = arrays.path;
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
