//! NPZ archives as `scipy.sparse.save_npz` writes them: `format`, `shape`, and the entries as `data` with `indices` and
//! `indptr` (CSR, CSC) or `row` and `col` (COO).

use std::path::Path;

use super::entries::{ArchiveEntries, Entries, index, outside};
use super::matrix::{SparseMatrix, Triplets, check_shape};
use crate::array::{NumberStream, archive_text, archive_vector};
use crate::error::TableError;

/// The order of the entries, as the archive names it; `None` where it is no sparse matrix.
pub(crate) fn order_of(path: &Path) -> Option<String> {
    let order = archive_text(path, "format")?;
    ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"].contains(&order.as_str()).then_some(order)
}

/// Opens the matrix, transposed where asked for. CSR is left in its file unless it is to be transposed.
pub(crate) fn open(path: &Path, transpose: bool) -> Result<Entries, TableError> {
    let shape = shape(path)?;
    match order_of(path).as_deref() {
        Some("csr") if !transpose => archive(path, shape),
        Some("csr") => Ok(Entries::Memory(matrix(path, compressed(path, shape)?, transpose)?)),
        Some("csc") => {
            // The rows of the transposed matrix are the columns of this one.
            let Stored { shape: [n_columns, n_rows], entries: Triplets { rows, columns, values } } =
                compressed(path, [shape[1], shape[0]])?;
            let stored =
                Stored { shape: [n_rows, n_columns], entries: Triplets { rows: columns, columns: rows, values } };
            Ok(Entries::Memory(matrix(path, stored, transpose)?))
        }
        Some("coo") => {
            let values = archive_vector(path, "data")?;
            let (rows, columns) = (places(path, "row", shape[0])?, places(path, "col", shape[1])?);
            if rows.len() != values.len() || columns.len() != values.len() {
                return Err(corrupt(path, "`row`, `col` and `data` must be of one length"));
            }
            let entries = Triplets { rows, columns, values };
            Ok(Entries::Memory(matrix(path, Stored { shape, entries }, transpose)?))
        }
        order => Err(TableError::Type {
            path: path.to_path_buf(),
            got: format!("a sparse matrix in {} order", order.unwrap_or("no known").to_uppercase()),
            expected: "in CSR, CSC or COO order; save `matrix.tocsr()`",
        }),
    }
}

/// Entries with the shape of their matrix.
struct Stored {
    shape: [u64; 2],
    entries: Triplets,
}

fn matrix(path: &Path, stored: Stored, transpose: bool) -> Result<SparseMatrix, TableError> {
    let Stored { shape: [n_rows, n_columns], entries: Triplets { rows, columns, values } } = stored;
    match transpose {
        true => SparseMatrix::of(path, [n_columns, n_rows], &Triplets { rows: columns, columns: rows, values }),
        false => SparseMatrix::of(path, [n_rows, n_columns], &Triplets { rows, columns, values }),
    }
}

fn archive(path: &Path, [n_rows, n_columns]: [u64; 2]) -> Result<Entries, TableError> {
    let (columns, values) = (NumberStream::open(path, "indices")?, NumberStream::open(path, "data")?);
    if columns.len() != values.len() {
        return Err(corrupt(path, "`indices` and `data` must be of one length"));
    }
    check_shape(path, [n_rows, n_columns], values.len())?;
    let starts = starts(path, n_rows, values.len())?;
    let portion = Default::default();
    let path = path.to_path_buf();
    let archive = ArchiveEntries { path, n_columns: n_columns as usize, starts, columns, values, portion };
    Ok(Entries::Archive(Box::new(archive)))
}

/// The entries of `indices` and `indptr`, of which the latter has a line for each row of `shape`.
fn compressed(path: &Path, shape: [u64; 2]) -> Result<Stored, TableError> {
    let values = archive_vector(path, "data")?;
    let indices = archive_vector(path, "indices")?;
    if indices.len() != values.len() {
        return Err(corrupt(path, "`indices` and `data` must be of one length"));
    }
    let starts = starts(path, shape[0], values.len() as u64)?;
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

/// `indptr`: where each of `n` lines begins among `n_entries`.
fn starts(path: &Path, n: u64, n_entries: u64) -> Result<Vec<u64>, TableError> {
    let starts = archive_vector(path, "indptr")?;
    if starts.len() as u64 != n.saturating_add(1) || n >= u64::from(u32::MAX) {
        let reason = format!("`indptr` must have {} entries, one more than `shape` says, got {}", n + 1, starts.len());
        return Err(corrupt(path, &reason));
    }
    let ascends = starts.windows(2).all(|ends| ends[0] <= ends[1]) && starts.iter().all(|start| start.fract() == 0.0);
    if !ascends || starts.first() != Some(&0.0) || starts.last() != Some(&(n_entries as f64)) {
        let reason = format!("`indptr` must ascend from 0 to {n_entries}, the number of entries");
        return Err(corrupt(path, &reason));
    }
    Ok(starts.into_iter().map(|start| start as u64).collect())
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

fn shape(path: &Path) -> Result<[u64; 2], TableError> {
    let shape = archive_vector(path, "shape")?;
    let is_size = |size: &f64| *size >= 0.0 && size.fract() == 0.0 && *size < 9e15;
    match shape[..] {
        [rows, columns] if shape.iter().all(is_size) => Ok([rows as u64, columns as u64]),
        _ => Err(corrupt(path, "`shape` must hold two sizes, rows and columns")),
    }
}

fn corrupt(path: &Path, reason: &str) -> TableError {
    TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() }
}
