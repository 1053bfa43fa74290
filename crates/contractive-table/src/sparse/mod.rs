//! Matrices in files, SciPy's NPZ, Matrix Market's MTX and the HDF5 of AnnData and 10x, as rows of numbers. Only what is
//! not zero is held in memory, and of a file in CSR order not even that; zeros appear in the block of rows that is given.

#[cfg(feature = "h5ad")]
mod anndata;
#[cfg(any(feature = "npz", feature = "h5ad"))]
mod checking;
#[cfg(any(feature = "npz", feature = "h5ad"))]
mod compressed;
mod entries;
mod frames;
mod market;
mod matrix;
#[cfg(any(feature = "npz", feature = "h5ad"))]
mod numbers;
#[cfg(feature = "npz")]
mod scipy;

use std::path::Path;

use crate::format::Format;

pub(crate) use frames::SparseSource;

/// Whether the file at `path` is read as a matrix, by blocks of rows: Matrix Market and HDF5 by the name, an NPZ archive by
/// its arrays, unless one `array` of it is asked for.
pub fn is_sparse(path: impl AsRef<Path>, array: Option<&str>) -> bool {
    let (path, is_whole) = (path.as_ref(), array.is_none());
    match Format::of(path).filter(|format| is_whole || *format != Format::Npz) {
        Some(Format::Mtx | Format::Hdf5) => true,
        #[cfg(feature = "npz")]
        Some(Format::Npz) => scipy::order_of(path).is_some(),
        _ => false,
    }
}
