//! Errors of the crate `parquet` as this one tells them.

use std::path::Path;

use parquet::errors::ParquetError;

use crate::error::TableError;

/// The error that a file is not as it says.
pub(super) fn damaged(reason: String) -> ParquetError {
    ParquetError::General(reason)
}

/// An error of the crate `parquet` as one of the file at `path`.
pub(super) fn failure(path: &Path, error: ParquetError) -> TableError {
    match error {
        ParquetError::External(e) => match e.downcast::<std::io::Error>() {
            Ok(e) => TableError::reading(path, *e),
            Err(e) => TableError::Corrupt { path: path.to_path_buf(), reason: e.to_string() },
        },
        e => TableError::Corrupt { path: path.to_path_buf(), reason: reason(e) },
    }
}

/// What an error of the crate says, without its own name, which comes once for each layer that it went through.
pub(super) fn reason(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.as_str();
    while let Some(more) = rest.strip_prefix("Parquet argument error: ").or(rest.strip_prefix("Parquet error: ")) {
        rest = more;
    }
    rest.to_owned()
}
