//! A file as a data set.

use std::path::Path;

use contractive::data::{self, Dataset, FileOptions, has_categories};
use contractive::encoding;

use crate::error::DatasetError;

/// A file: a table of numbers as it is, one of other columns by an encoding.
pub(crate) fn load(path: &Path, options: &FileOptions) -> Result<Dataset, DatasetError> {
    match is_encoded(path, options)? {
        true => Ok(data::load_encoded(path, options)?),
        false => Ok(data::load(path, options)?),
    }
}

/// Whether a table is read by an encoding, since not all of its columns are numbers.
pub(crate) fn is_encoded(path: &Path, options: &FileOptions) -> Result<bool, DatasetError> {
    // Transposed, a table has columns of numbers alone.
    let has_columns = encoding::has_columns(path) == Some(true) && !options.transpose;
    if !has_columns && options.columns.is_given() {
        return Err(DatasetError::Columns { name: path.display().to_string() });
    }
    let is_wanted = options.encoding.is_some() || options.columns.is_given();
    Ok(has_columns && (is_wanted || has_categories(path, options)?))
}
