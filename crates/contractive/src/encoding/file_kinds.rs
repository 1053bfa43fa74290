//! What a file is to an encoding, by its name.

use std::path::Path;

use contractive_table::Format;

/// Whether the file at `path`, by its name, is a table with columns of several kinds (CSV, Parquet, Arrow, and `-`), or
/// an array or matrix of numbers (NPY, NPZ, MTX, HDF5: false); `None` for what is not read in frames.
pub fn has_columns(path: impl AsRef<Path>) -> Option<bool> {
    let path = path.as_ref();
    if path == Path::new("-") {
        return Some(true);
    }
    match Format::of(path)? {
        Format::Csv | Format::Parquet | Format::Arrow => Some(true),
        Format::Npy | Format::Npz | Format::Mtx | Format::Hdf5 => Some(false),
        Format::Idx => None,
    }
}

/// Whether a table's cells are text, so that a key's zeros in front would be lost by reading numbers.
pub(super) fn is_text_table(path: &Path) -> bool {
    path == Path::new("-") || Format::of(path) == Some(Format::Csv)
}
