//! Why a table cannot be written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a table cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The name has no ending of a table that is written in frames.
    #[error("cannot tell the format of {}: the name must end in {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that can be written.
        known: &'static str,
    },
    /// A format whose feature was left out of this build.
    #[error("{} cannot be written: this program was built without the feature `{feature}`", path.display())]
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// The feature of the crate `contractive-table`.
        feature: &'static str,
    },
    /// NPY asked for with a column that is no number.
    #[error(
        "cannot write {}: NPY holds numbers alone, and column `{column}` is {kind}", path.display()
    )]
    NumbersAlone {
        /// The file.
        path: PathBuf,
        /// The first such column.
        column: String,
        /// What it holds.
        kind: &'static str,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
