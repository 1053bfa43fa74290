//! Arrays in files: IDX, NPY, and the members of NPZ archives. [`read`] takes one whole into memory, in row order;
//! `ArraySource` gives frames of NPY and NPZ, a bounded number of rows at a time.

#[allow(clippy::module_inception)] // the noun of this folder
mod array;
mod frames;
mod header;
mod idx;
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "npz")]
mod vector;

use std::path::Path;

use crate::error::TableError;
use crate::format::Format;

pub use array::{Array, ArrayValues, Arrays, RowShape, byte_image_shape};
pub(crate) use frames::ArraySource;
pub use header::{Header as ArrayHeader, Kind as ArrayKind};
#[cfg(feature = "npz")]
pub(crate) use vector::{NumberStream, archive_text, archive_vector};

/// Reads a file of arrays, IDX, NPY or NPZ by its name; of an archive `array`, or `X`, or the only array of two or more
/// dimensions.
///
/// # Errors
/// Any [`TableError`] of a file that cannot be read.
pub fn read(path: impl AsRef<Path>, array: Option<&str>) -> Result<Arrays, TableError> {
    let path = path.as_ref();
    match Format::of(path) {
        Some(Format::Idx) => idx::read(path),
        Some(Format::Npy) => Ok(Arrays { rows: npy::read_file(path)?, labels: None }),
        #[cfg(feature = "npz")]
        Some(Format::Npz) => npz::read(path, array),
        #[cfg(not(feature = "npz"))]
        Some(format @ Format::Npz) => {
            let _ = array;
            Err(format.not_built(path))
        }
        _ => Err(TableError::unknown_format(path, ".npy or -ubyte (IDX), also with .gz, or in .npz")),
    }
}

/// Reads one array as [`read`] does, without the labels that may lie beside it: those of an archive are of other rows perhaps.
///
/// # Errors
/// Any [`TableError`] of a file that cannot be read.
pub fn read_alone(path: impl AsRef<Path>, array: Option<&str>) -> Result<Array, TableError> {
    let path = path.as_ref();
    match Format::of(path) {
        Some(Format::Idx) => idx::read_alone(path),
        #[cfg(feature = "npz")]
        Some(Format::Npz) => npz::read_alone(path, array),
        _ => read(path, array).map(|arrays| arrays.rows),
    }
}

/// Reads one IDX file, without the labels that may lie beside it.
///
/// # Errors
/// Any [`TableError`] of a file that cannot be read.
pub fn read_idx(path: impl AsRef<Path>) -> Result<Array, TableError> {
    idx::read_alone(path.as_ref())
}
