//! Sparse matrices in files, SciPy's NPZ and Matrix Market's MTX, as rows of numbers. Only what is not zero is held in
//! memory, and of an NPZ archive in CSR order not even that; zeros appear in the block of rows that is given.

mod entries;
mod frames;
mod market;
mod matrix;
#[cfg(feature = "npz")]
mod scipy;

use std::path::Path;

use crate::format::Format;

pub(crate) use frames::SparseSource;

/// Whether the file at `path` is a sparse matrix: by its name, and of an NPZ archive by its arrays.
pub fn is_sparse(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    match Format::of(path) {
        Some(Format::Mtx) => true,
        #[cfg(feature = "npz")]
        Some(Format::Npz) => scipy::order_of(path).is_some(),
        _ => false,
    }
}
