//! Rows of a spec, and all that a configuration asks for.

use contractive::config::DataConfig;
use std::path::Path;

use contractive::data::{Dataset, FileOptions, TextOptions, has_categories};
use contractive::encoding;
use contractive::train::TrainError;
use contractive::{Prepared, TrainConfig, data};

use crate::error::DatasetError;
use crate::part::Part;
use crate::registry::{self, Registered, Source};
use crate::spec::{DataSpec, Target};

/// Where and how to look for data. The default looks everywhere, downloads what is missing and takes every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Where registered sets may come from.
    pub source: Source,
    /// How a file is read. Registered sets heed its `rows` alone: a set drawn from a seed has a default of its own, and a
    /// maximum.
    pub file: FileOptions,
}

impl LoadOptions {
    /// What a configuration says of its training rows.
    pub fn of(config: &DataConfig, source: Source) -> Self {
        let file = FileOptions {
            rows: config.rows,
            label_column: config.label_column.clone(),
            array: config.array.clone(),
            text: config.text(),
            columns: config.column_options(),
            ..FileOptions::default()
        };
        LoadOptions { source, file }
    }
}

/// Loads data; `part` is meant when the spec names none.
///
/// # Errors
///
/// Any [`DatasetError`].
pub fn load(spec: &DataSpec, part: Part, options: &LoadOptions) -> Result<Dataset, DatasetError> {
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
) -> Result<Dataset, DatasetError> {
    if options.file.rows == Some(0) {
        return Err(DatasetError::RowCount { name: spec.to_string(), asked: 0, most: u32::MAX as usize });
    }
    match spec.target() {
        Target::File(path) => load_file(path, &options.file),
        Target::Registered { set, part: named } => {
            refuse_options(set, &options.file)?;
            let data = registry::load(set, named.unwrap_or(part), &options.source, options.file.rows, progress)?;
            Ok(match options.file.rows {
                Some(rows) => data.take(rows),
                None => data,
            })
        }
    }
}

/// A file: a table of numbers as it is, one of other columns by an encoding.
fn load_file(path: &Path, options: &FileOptions) -> Result<Dataset, DatasetError> {
    let has_columns = encoding::has_columns(path) == Some(true);
    if !has_columns && options.columns.is_given() {
        return Err(DatasetError::Columns { name: path.display().to_string() });
    }
    let is_encoded =
        options.encoding.is_some() || options.columns.is_given() || (has_columns && has_categories(path, options)?);
    match is_encoded && has_columns {
        true => Ok(data::load_encoded(path, options)?),
        false => Ok(data::load(path, options)?),
    }
}

/// Refuses options that mean nothing for a registered set, rather than pass over them.
fn refuse_options(set: &'static Registered, options: &FileOptions) -> Result<(), DatasetError> {
    if options.columns.is_given() {
        return Err(DatasetError::Columns { name: set.name.to_owned() });
    }
    let TextOptions { header, decimal, thousands } = options.text;
    for (setting, got) in [
        ("data.label_column", options.label_column.clone()),
        ("data.array", options.array.clone()),
        ("data.header", header.map(|has| has.to_string())),
        ("data.decimal", decimal.map(String::from)),
        ("data.thousands", thousands.map(String::from)),
    ] {
        if let Some(got) = got {
            return Err(DatasetError::Setting { setting, name: set.name, got });
        }
    }
    Ok(())
}

/// Whether the data have a test part: registered names do, single files do not.
pub fn has_test_part(spec: &DataSpec) -> bool {
    spec.registered().is_some()
}

/// Checks a configuration, loads its data, and makes them ready to be trained on.
///
/// # Errors
/// Any [`DatasetError`].
pub fn prepare(config: &TrainConfig, source: &Source) -> Result<Prepared, DatasetError> {
    prepare_with_progress(config, source, &mut |_, _, _| {})
}

/// [`prepare`], telling `progress` about a download: (file, bytes done, bytes in all).
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_progress(
    config: &TrainConfig,
    source: &Source,
    progress: registry::Progress<'_>,
) -> Result<Prepared, DatasetError> {
    config.check().map_err(TrainError::from)?;
    let spec: DataSpec = config.data.spec.parse()?;
    if config.data.stream {
        let Some(path) = spec.path() else {
            return Err(TrainError::NotAStream { name: config.data.spec.clone() }.into());
        };
        return Ok(Prepared::streamed(config, path)?);
    }
    let mut options = LoadOptions::of(&config.data, source.clone());
    let data = load_with_progress(&spec, Part::Train, &options, progress)?;
    // A spec that names its part is trained on as it is: there is nothing else to test on.
    let test = if spec.part().is_none() && has_test_part(&spec) {
        options.file.rows = None;
        Some(load_with_progress(&spec, Part::Test, &options, progress)?)
    } else {
        None
    };
    Ok(Prepared::new(config, data, test)?)
}
