//! The rows of a sweep, read once for all runs that take the same.

use std::sync::{Mutex, PoisonError};

use contractive::config::DataConfig;
use contractive::data::Dataset;
use contractive::train::TrainError;
use contractive::{Prepared, TrainConfig};
use contractive_datasets::DatasetError;

use crate::arguments::SourceArguments;
use crate::sources::prepare;

/// What was read for some settings.
struct Read {
    config: DataConfig,
    data: Dataset,
    test: Option<Dataset>,
}

/// Rows by the settings that they were read with.
pub(crate) struct SharedRows<'a> {
    source: &'a SourceArguments,
    is_quiet: bool,
    read: Mutex<Vec<Read>>,
}

impl<'a> SharedRows<'a> {
    /// Nothing read yet.
    pub(crate) fn new(source: &'a SourceArguments, is_quiet: bool) -> Self {
        SharedRows { source, is_quiet, read: Mutex::new(Vec::new()) }
    }

    /// Where registered data are looked for.
    pub(crate) fn source(&self) -> &SourceArguments {
        self.source
    }

    /// As [`prepare`]. Rows in memory are shared between runs; streams are each read by themselves.
    pub(crate) fn prepare(&self, config: &TrainConfig) -> anyhow::Result<Prepared> {
        if config.data.stream {
            return prepare(config, self.source, self.is_quiet);
        }
        // Held while reading, so that two runs do not read the same.
        let mut all = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = all.iter().find(|read| takes_the_same_rows(&read.config, &config.data)) {
            let (data, test) = (read.data.clone(), read.test.clone());
            drop(all);
            return Ok(Prepared::new(config, data, test).map_err(|e: TrainError| DatasetError::from(e))?);
        }
        let prepared = prepare(config, self.source, self.is_quiet)?;
        let (data, test) = (prepared.data().clone(), prepared.test().cloned());
        all.push(Read { config: config.data.clone(), data, test });
        Ok(prepared)
    }
}

/// Whether both read the same rows, whatever they then hold out and however they scale.
fn takes_the_same_rows(one: &DataConfig, two: &DataConfig) -> bool {
    let of_rows =
        |config: &DataConfig| DataConfig { validation: 0.0, scale: None, shuffle_rows: None, ..config.clone() };
    of_rows(one) == of_rows(two)
}
