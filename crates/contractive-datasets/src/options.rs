//! Where data are looked for, and how they are read.

use contractive::config::DataConfig;
use contractive::data::{FileOptions, TextOptions};
use contractive_pictures::PictureOptions;

use crate::error::DatasetError;
use crate::registry::{Registered, Source};

/// Where and how to look for data. The default looks everywhere, downloads what is missing and takes every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Where registered sets may come from.
    pub source: Source,
    /// How a file is read. Registered sets heed its `rows` alone: a set drawn from a seed has a default of its own, and a
    /// maximum.
    pub file: FileOptions,
    /// How pictures of a folder or an archive are read.
    pub pictures: PictureOptions,
}

impl LoadOptions {
    /// What a configuration says of its training rows.
    pub fn of(config: &DataConfig, source: Source) -> Self {
        let file = FileOptions {
            rows: config.rows,
            label_column: config.label_column.clone(),
            array: config.array.clone(),
            transpose: config.transpose,
            text: config.text(),
            columns: config.column_options(),
            ..FileOptions::default()
        };
        LoadOptions { source, file, pictures: config.picture_options() }
    }
}

/// Refuses options that mean nothing for a registered set, rather than pass over them.
pub(crate) fn refuse_options(set: &'static Registered, options: &FileOptions) -> Result<(), DatasetError> {
    refuse_columns(set.name, options)
}

/// Refuses options of tables and arrays for what is neither.
pub(crate) fn refuse_columns(name: &'static str, options: &FileOptions) -> Result<(), DatasetError> {
    if options.columns.is_given() {
        return Err(DatasetError::Columns { name: name.to_owned() });
    }
    let TextOptions { header, decimal, thousands } = options.text;
    for (setting, got) in [
        ("data.label_column", options.label_column.clone()),
        ("data.array", options.array.clone()),
        ("data.transpose", options.transpose.then(|| "true".to_owned())),
        ("data.header", header.map(|has| has.to_string())),
        ("data.decimal", decimal.map(String::from)),
        ("data.thousands", thousands.map(String::from)),
    ] {
        if let Some(got) = got {
            return Err(DatasetError::Setting { setting, name, got });
        }
    }
    Ok(())
}
