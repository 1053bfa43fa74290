//! What can be wrong with a model directory or its use.

use std::io;
use std::path::PathBuf;

use contractive_core::ArgumentError;
use contractive_table::TableError;
use thiserror::Error;

use crate::data::PatchError;
use crate::preprocess::PreprocessError;
use crate::tensor_file::TensorFileError;

/// Why a model cannot be written, read or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The model cannot be written.
    #[error("cannot write the model {}: {source}", path.display())]
    Write {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The place is taken by something that is not a model.
    #[error("cannot write the model {}: it exists and is not a model directory; choose another place", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// The model cannot be read.
    #[error("cannot read the model {}: {source}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration is not the JSON expected.
    #[error("{}: {reason}; it is damaged or not a model's configuration", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        reason: String,
    },
    /// The configuration is larger than any.
    #[error("{}: a model's configuration has at most {most} bytes, got {got}", path.display())]
    ConfigSize {
        /// The file.
        path: PathBuf,
        /// Largest size read.
        most: u64,
        /// Size found.
        got: u64,
    },
    /// Written in another format.
    #[error("{}: `format_version` must be {expected}, got {got}; use the version of Contractive that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version known.
        expected: u64,
        /// The version found.
        got: String,
    },
    /// Settings inside the configuration contradict each other.
    #[error("{}: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArgumentError,
    },
    /// The stored preprocessing is not valid.
    #[error("{}: {source}", path.display())]
    StoredPreprocessing {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<PreprocessError>,
    },
    /// The tensors are refused.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// A table does not fit the model.
    #[error(transparent)]
    Columns(#[from] PreprocessError),
    /// Rows that are not numbers.
    #[error(transparent)]
    Rows(#[from] TableError),
    /// A result that is not finite: a row, or weights, too large for 32 bits.
    #[error(
        "{data} row {row} (from 0): {what} must be finite, got {value}; the row or the model's weights are too large for 32 bits"
    )]
    NotFinite {
        /// What the rows are called.
        data: String,
        /// The row, counted from 0.
        row: usize,
        /// What is not finite: a code unit, a feature, the loss, the penalty, ‖J‖².
        what: String,
        /// ∞ or NaN.
        value: f64,
    },
    /// Pictures that have no such patches as the model takes.
    #[error(transparent)]
    Patches(#[from] PatchError),
    /// The mathematics refused.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}
