//! The formats of files, told by the end of the name.

use std::path::Path;

use crate::error::TableError;

/// The formats of single files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with separators, plain or gzip.
    Csv,
    /// MNIST's format, plain or gzip.
    Idx,
    /// One NumPy array, plain or gzip.
    Npy,
    /// A zip of NumPy arrays, or of those of a sparse SciPy matrix.
    Npz,
    /// A Matrix Market matrix, plain or gzip.
    Mtx,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream.
    Arrow,
    /// HDF5: AnnData's, or counts by 10x Genomics.
    Hdf5,
}

impl Format {
    /// By the end of the name.
    pub fn of(path: impl AsRef<Path>) -> Option<Format> {
        let name = path.as_ref().file_name()?.to_string_lossy().to_ascii_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        match plain {
            _ if plain.ends_with(".csv") || plain.ends_with(".tsv") => Some(Format::Csv),
            _ if plain.ends_with("-ubyte") || plain.ends_with(".idx") => Some(Format::Idx),
            _ if plain.ends_with(".npy") => Some(Format::Npy),
            _ if plain.ends_with(".mtx") => Some(Format::Mtx),
            _ if name.ends_with(".npz") => Some(Format::Npz),
            _ if name.ends_with(".parquet") => Some(Format::Parquet),
            _ if [".arrow", ".ipc", ".feather"].iter().any(|end| name.ends_with(end)) => Some(Format::Arrow),
            _ if [".h5ad", ".h5", ".hdf5"].iter().any(|end| name.ends_with(end)) => Some(Format::Hdf5),
            _ => None,
        }
    }

    /// The feature of this crate that the format needs, where it is not built in.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Format::Npz if cfg!(not(feature = "npz")) => Some("npz"),
            Format::Parquet if cfg!(not(feature = "parquet")) => Some("parquet"),
            Format::Arrow if cfg!(not(feature = "arrow")) => Some("arrow"),
            Format::Hdf5 if cfg!(not(feature = "h5ad")) => Some("h5ad"),
            _ => None,
        }
    }

    /// The refusal of a file whose format is not built in.
    pub(crate) fn not_built(self, path: &Path) -> TableError {
        TableError::NotBuilt { path: path.to_path_buf(), feature: self.feature().unwrap_or_default() }
    }
}
