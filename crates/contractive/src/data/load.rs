//! A file as a data set.

use std::path::Path;

use contractive_table::checksum::sha256_of_file;
use contractive_table::{Format, TableError, array, is_sparse};

use super::options::FileOptions;
use super::{Dataset, arrays, sparse, table};

/// Endings of names that can be read, as errors list them.
const KNOWN_ENDINGS: &str =
    ".csv, .tsv, .npy, .mtx or -ubyte (IDX), also with .gz, or in .npz, .parquet, .arrow, .ipc, .feather, .h5ad or .h5";

/// Reads a file, whose format the end of its name tells.
///
/// # Errors
///
/// Any [`TableError`].
pub fn load(path: impl AsRef<Path>, options: &FileOptions) -> Result<Dataset, TableError> {
    let path = path.as_ref();
    if options.rows == Some(0) {
        let what = format!("the number of rows of {}", path.display());
        return Err(TableError::Shape { what, expected: "at least 1".into(), got: "0".into() });
    }
    let dataset = load_whole(path, options)?;
    Ok(match options.rows {
        Some(rows) => dataset.take(rows),
        None => dataset,
    })
}

fn load_whole(path: &Path, options: &FileOptions) -> Result<Dataset, TableError> {
    let Some(format) = Format::of(path) else { return Err(TableError::unknown_format(path, KNOWN_ENDINGS)) };
    let has_columns = matches!(format, Format::Csv | Format::Parquet | Format::Arrow);
    if let (Some(column), false) = (&options.label_column, has_columns || options.transpose) {
        let available = vec!["not named (only CSV, Parquet and Arrow have named columns)".into()];
        return Err(TableError::MissingColumns { path: path.to_path_buf(), missing: vec![column.clone()], available });
    }
    if let (Some(array), false) = (&options.array, matches!(format, Format::Npz | Format::Hdf5)) {
        let available = vec!["not named (only .npz archives and .h5ad files have named arrays)".into()];
        return Err(TableError::NoSuchArray { path: path.to_path_buf(), wanted: format!("`{array}`"), available });
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let dataset = if is_sparse(path, options.array.as_deref()) {
        sparse::load(path, &name, options)?
    } else if has_columns || options.transpose {
        table::load(path, &name, options)?
    } else {
        arrays::dataset(array::read(path, options.array.as_deref())?, &name, options.divide_bytes)?
    };
    Ok(dataset.with_sha256(sha256_of_file(path)?))
}
