//! Data: rows of numbers from files, from registered data sets, or drawn from a seed.
//!
//! [`DataSpec`] says which data, [`load`] gets them, [`Dataset`] holds them. One file a format: `idx.rs`, `csv.rs`,
//! `npy.rs`, `npz.rs`, and `columnar.rs` for Parquet and Arrow. No file, however malformed, panics, hangs, or takes more memory than its own size justifies:
//! a header's word is never enough.

mod checksum;
pub(crate) mod columnar;
pub(crate) mod csv;
mod dataset;
pub(crate) mod error;
mod idx;
pub(crate) mod npy;
pub(crate) mod npz;
mod place;
pub mod registry;
pub(crate) mod source;
mod spec;
mod split;
pub mod strokes;

use std::path::{Path, PathBuf};

pub(crate) use checksum::sha256_of_file;
pub use dataset::{Dataset, Storage};
pub use error::DataError;
pub use place::Place;
pub(crate) use source::most_expanded;
use spec::Target;
pub use spec::{DataSpec, Part};
pub use split::split_validation;

/// Endings of names that can be read, as errors list them.
const KNOWN_ENDINGS: &str =
    ".csv, .tsv, .npy or -ubyte (IDX), also with .gz, or in .npz, .parquet, .arrow, .ipc or .feather";

/// Where and how to look for data. The default looks everywhere, downloads what is missing and takes every row.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// A folder with data sets in folders of their names (or one set's files themselves), searched first.
    pub data_dir: Option<PathBuf>,
    /// Whether downloading is refused. Default: false.
    pub offline: bool,
    /// The first rows to take; all by default. A data set drawn from a seed has a default of its own, and a maximum.
    pub rows: Option<usize>,
    /// The column of a CSV, Parquet or Arrow table that holds labels, taken out of the features.
    pub label_column: Option<String>,
    /// The array of an NPZ archive to read. Default: `X`, or the only table.
    pub array: Option<String>,
}

/// Loads data; `part` is meant when the spec names none.
///
/// # Errors
///
/// Any [`DataError`]; see [`DataError::is_usage`] and [`DataError::is_bad_data`].
pub fn load(spec: &DataSpec, part: Part, options: &LoadOptions) -> Result<Dataset, DataError> {
    load_with_progress(spec, part, options, &mut |_, _, _| {})
}

/// [`load`], telling `progress` about a download: (file, bytes done, bytes in all).
///
/// # Errors
///
/// As [`load`].
pub fn load_with_progress(
    spec: &DataSpec,
    part: Part,
    options: &LoadOptions,
    progress: registry::Progress<'_>,
) -> Result<Dataset, DataError> {
    if options.rows == Some(0) {
        return Err(DataError::RowCount { name: spec.to_string(), asked: 0, most: u32::MAX as usize });
    }
    let dataset = match spec.target() {
        Target::Registered { set, part: named } => {
            refuse_options(Path::new(set.name), options)?;
            registry::load(set, named.unwrap_or(part), options, progress)?
        }
        Target::File(path) => load_file(path, options)?,
    };
    Ok(match options.rows {
        Some(rows) => dataset.take(rows),
        None => dataset,
    })
}

/// Whether the data have a test part: registered names do, single files do not.
pub fn has_test_part(spec: &DataSpec) -> bool {
    spec.registered().is_some()
}

fn load_file(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let Some(format) = Format::of(path) else {
        return match path.metadata() {
            Ok(_) => Err(DataError::UnknownFormat { path: path.to_path_buf(), known: KNOWN_ENDINGS }),
            Err(e) => Err(DataError::io("open", path, e)),
        };
    };
    if !matches!(format, Format::Csv | Format::Parquet | Format::Arrow) {
        refuse_options(path, &LoadOptions { array: None, ..options.clone() })?;
    }
    if format != Format::Npz {
        refuse_options(path, &LoadOptions { label_column: None, ..options.clone() })?;
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let dataset = match format {
        Format::Csv => csv::load(path, &name, options.label_column.as_deref()),
        Format::Idx => idx::load(path, &name),
        Format::Npy => npy::load(path, &name),
        Format::Npz => npz::load(path, &name, options.array.as_deref()),
        Format::Parquet | Format::Arrow => columnar::load(path, &name, options.label_column.as_deref()),
    }?;
    Ok(dataset.with_sha256(sha256_of_file(path)?))
}

/// Refuses options that mean nothing for this source, rather than pass over them.
fn refuse_options(path: &Path, options: &LoadOptions) -> Result<(), DataError> {
    let path = path.to_path_buf();
    if let Some(column) = options.label_column.clone() {
        let available = vec!["not named (only CSV, Parquet and Arrow have named columns)".into()];
        return Err(DataError::NoSuchColumn { path, column, available });
    }
    if let Some(array) = &options.array {
        let available = vec!["not named (only .npz archives have named arrays)".into()];
        return Err(DataError::NoSuchArray { path, wanted: format!("`{array}`"), available });
    }
    Ok(())
}

/// The formats of single files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Idx,
    Npy,
    Npz,
    Parquet,
    Arrow,
}

impl Format {
    /// By the end of the name.
    pub(crate) fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        match plain {
            _ if plain.ends_with(".csv") || plain.ends_with(".tsv") => Some(Format::Csv),
            _ if plain.ends_with("-ubyte") || plain.ends_with(".idx") => Some(Format::Idx),
            _ if plain.ends_with(".npy") => Some(Format::Npy),
            _ if name.ends_with(".npz") => Some(Format::Npz),
            _ if name.ends_with(".parquet") => Some(Format::Parquet),
            _ if [".arrow", ".ipc", ".feather"].iter().any(|end| name.ends_with(end)) => Some(Format::Arrow),
            _ => None,
        }
    }
}
