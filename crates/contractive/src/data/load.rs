//! A file as a data set.

use std::path::Path;

use contractive_table::checksum::sha256_of_file;
use contractive_table::{Format, Share, TableError, TableSource, array, is_sparse};

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

/// Reads a share of a table in files, all of its rows, called `name`; `None` of an empty one. Several files follow each other
/// as one table; names and kinds of columns must agree. The checksum, which is of whole files, is not taken.
///
/// # Errors
///
/// Any [`TableError`]; [`TableError::OtherColumns`] names file and column.
pub fn load_share(share: &Share, name: &str, options: &FileOptions) -> Result<Option<Dataset>, TableError> {
    if share.is_empty() {
        return Ok(None);
    }
    let format = check_options(share.first_path(), options)?;
    if has_columns(format) && !options.transpose {
        return table::load(TableSource::Share(share), name, options).map(Some);
    }
    let mut parts = Vec::with_capacity(share.pieces().len());
    for piece in share.pieces() {
        parts.push(load_one(&piece.path, format, name, options)?);
    }
    Dataset::joined(parts).map(Some)
}

fn load_whole(path: &Path, options: &FileOptions) -> Result<Dataset, TableError> {
    let format = check_options(path, options)?;
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    Ok(load_one(path, format, &name, options)?.with_sha256(sha256_of_file(path)?))
}

fn has_columns(format: Format) -> bool {
    matches!(format, Format::Csv | Format::Parquet | Format::Arrow)
}

/// The format of a file, for which the options must mean something.
fn check_options(path: &Path, options: &FileOptions) -> Result<Format, TableError> {
    let Some(format) = Format::of(path) else { return Err(TableError::unknown_format(path, KNOWN_ENDINGS)) };
    if let (Some(column), false) = (&options.label_column, has_columns(format) || options.transpose) {
        let available = vec!["not named (only CSV, Parquet and Arrow have named columns)".into()];
        return Err(TableError::MissingColumns { path: path.to_path_buf(), missing: vec![column.clone()], available });
    }
    if let (Some(array), false) = (&options.array, matches!(format, Format::Npz | Format::Hdf5)) {
        let available = vec!["not named (only .npz archives and .h5ad files have named arrays)".into()];
        return Err(TableError::NoSuchArray { path: path.to_path_buf(), wanted: format!("`{array}`"), available });
    }
    Ok(format)
}

fn load_one(path: &Path, format: Format, name: &str, options: &FileOptions) -> Result<Dataset, TableError> {
    if is_sparse(path, options.array.as_deref()) {
        sparse::load(path, name, options)
    } else if has_columns(format) || options.transpose {
        table::load(TableSource::File(path), name, options)
    } else {
        arrays::dataset(array::read(path, options.array.as_deref())?, name, options.divide_bytes)
    }
}
