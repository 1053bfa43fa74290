//! The rows a run needs, split and ready.

use std::path::PathBuf;

use contractive_core::matrix::MatRef;
use contractive_core::{Architecture, ArgumentError};

use super::batches::{EVALUATION_ROWS, Reader};
use super::stream::{self, StreamedRows, Surveyed};
use crate::config::TrainConfig;
use crate::data::registry::Progress;
use crate::data::{self, DataSpec, Dataset, LoadOptions, Part, split_validation};
use crate::error::Error;
use crate::model::{Model, Provenance};
use crate::preprocess::{Preprocessing, Scale};

/// Where data sets may come from; not part of what a run is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Folder searched first.
    pub data_dir: Option<PathBuf>,
    /// Whether downloads are refused.
    pub offline: bool,
}

/// A resolved configuration with its data.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The configuration, with everything filled in that was left to the data.
    pub config: TrainConfig,
    /// Training and validation rows; of a stream, a sample of them.
    pub data: Dataset,
    /// Rows of `data` trained on, ascending.
    pub train_rows: Vec<u32>,
    /// Rows of `data` held out, ascending.
    pub validation_rows: Vec<u32>,
    /// The test part, if there is one.
    pub test: Option<Dataset>,
    /// Learnt on the training rows.
    pub preprocessing: Preprocessing,
    /// The network's shape.
    pub architecture: Architecture,
    /// The training rows where they stay in their file.
    pub(crate) streamed: Option<StreamedRows>,
}

impl Prepared {
    /// Checks the configuration, loads its data, and makes it ready.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Data`]; [`Error::Argument`] when rows do not suit the loss; [`Error::Train`] when
    /// validation leaves no row to train on.
    pub fn load(config: &TrainConfig, source: &Source) -> Result<Self, Error> {
        Prepared::load_with_progress(config, source, &mut |_, _, _| {})
    }

    /// [`Prepared::load`], telling `progress` about a download: (file, bytes done, bytes in all).
    ///
    /// # Errors
    /// As [`Prepared::load`].
    pub fn load_with_progress(config: &TrainConfig, source: &Source, progress: Progress<'_>) -> Result<Self, Error> {
        config.check()?;
        if config.data.stream {
            return Prepared::survey(config);
        }
        let spec: DataSpec = config.data.spec.parse()?;
        let mut options = LoadOptions {
            data_dir: source.data_dir.clone(),
            offline: source.offline,
            rows: config.data.rows,
            label_column: config.data.label_column.clone(),
            array: config.data.array.clone(),
        };
        let data = data::load_with_progress(&spec, Part::Train, &options, progress)?;
        // A spec that names its part is trained on as it is: there is nothing else to test on.
        let test = if spec.part().is_none() && data::has_test_part(&spec) {
            options.rows = None;
            Some(data::load_with_progress(&spec, Part::Test, &options, progress)?)
        } else {
            None
        };
        Prepared::new(config, data, test)
    }

    /// Makes data ready that are already in memory.
    ///
    /// # Errors
    /// As [`Prepared::load`]; [`Error::Preprocess`] when the test part has other columns.
    pub fn new(config: &TrainConfig, data: Dataset, test: Option<Dataset>) -> Result<Self, Error> {
        let mut config = config.clone();
        config.check()?;
        config.resolve(&data);
        let architecture = config.architecture(data.n_features());
        let objective = config.objective();
        objective.check(&architecture)?;
        let (train_rows, validation_rows) = split_validation(data.len(), config.data.validation, config.training.seed);
        if train_rows.is_empty() {
            let error = super::TrainError::NoTrainingRows { rows: data.len(), share: config.data.validation };
            return Err(error.into());
        }
        let scale = config.data.scale.unwrap_or_default();
        let mut preprocessing = Preprocessing::fit(scale, &data, &train_rows);
        preprocessing.clip = scale == Scale::Minmax && objective.loss.is_cross_entropy();
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed: None };
        if let Some(test) = &prepared.test {
            prepared.preprocessing.check(test)?;
        }
        for data in std::iter::once(&prepared.data).chain(&prepared.test) {
            prepared.check_range(data)?;
        }
        Ok(prepared)
    }

    /// Goes through the file once, and makes its rows ready to be streamed.
    fn survey(config: &TrainConfig) -> Result<Self, Error> {
        let mut config = config.clone();
        let Surveyed { rows, data, train_rows, validation_rows, statistics, first_outside } = stream::survey(&config)?;
        config.resolve(&data);
        let architecture = config.architecture(data.n_features());
        let objective = config.objective();
        objective.check(&architecture)?;
        let scale = config.data.scale.unwrap_or_default();
        let names = data.feature_names().map(<[String]>::to_vec);
        let mut preprocessing = Preprocessing::learnt(scale, data.n_features(), names, &statistics);
        preprocessing.clip = scale == Scale::Minmax && objective.loss.is_cross_entropy();
        if let (true, Scale::None, Some((row, column, value))) =
            (objective.loss.is_cross_entropy(), scale, first_outside)
        {
            return Err(ArgumentError::Range { loss: objective.loss.name(), row, column, value }.into());
        }
        let (test, streamed) = (None, Some(rows));
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed };
        prepared.check_range(&prepared.data)?;
        Ok(prepared)
    }

    /// Rows trained on, whether in memory or not.
    pub fn n_training_rows(&self) -> usize {
        self.streamed.as_ref().map_or(self.train_rows.len(), |rows| rows.n_training)
    }

    /// Rows held out, whether in memory or not.
    pub fn n_validation_rows(&self) -> usize {
        self.streamed.as_ref().map_or(self.validation_rows.len(), |rows| rows.n_validation)
    }

    /// Rows of the shuffle buffer where the training rows stay in their file; 0 in the file's order.
    pub fn shuffle_buffer(&self) -> Option<usize> {
        self.streamed.as_ref().map(|rows| rows.shuffle_rows)
    }

    /// Refuses rows outside [0, 1] where the loss is a cross-entropy.
    fn check_range(&self, data: &Dataset) -> Result<(), ArgumentError> {
        let objective = self.config.objective();
        if !objective.loss.is_cross_entropy() || self.preprocessing.clip {
            return Ok(());
        }
        check_unit_interval(objective.loss.name(), Reader { data, preprocessing: &self.preprocessing })
    }

    /// The rows as the network takes them.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { data: &self.data, preprocessing: &self.preprocessing }
    }

    /// A model of this run with these parameters, of epoch `epoch`.
    pub fn model(&self, parameters: contractive_core::Parameters, epoch: usize) -> Model {
        Model {
            parameters,
            objective: self.config.objective(),
            noise: self.config.objective.noise,
            preprocessing: self.preprocessing.clone(),
            image_shape: self.data.image_shape(),
            provenance: Provenance {
                recipe: self.config.recipe.clone(),
                seed: self.config.training.seed,
                data: self.data.name().to_owned(),
                data_sha256: self.data.sha256().map(str::to_owned),
                rows: self.n_training_rows(),
                epoch,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        }
    }
}

/// Refuses the first value outside [0, 1] of all rows after preprocessing.
pub(crate) fn check_unit_interval(loss: &'static str, reader: Reader<'_>) -> Result<(), ArgumentError> {
    match first_outside(reader) {
        None => Ok(()),
        Some((row, column, value)) => Err(ArgumentError::Range { loss, row, column, value }),
    }
}

/// (row, column, value) of the first value outside [0, 1] after preprocessing.
pub(crate) fn first_outside(reader: Reader<'_>) -> Option<(usize, usize, f32)> {
    if reader.preprocessing.scale == Scale::None {
        return reader.data.first_outside_unit_interval();
    }
    let d = reader.data.n_features();
    let rows: Vec<u32> = (0..reader.data.len() as u32).collect();
    let mut buffer = Vec::new();
    for (i, some) in rows.chunks(EVALUATION_ROWS).enumerate() {
        reader.gather(some, &mut buffer);
        let matrix = MatRef::new(&buffer, some.len(), d);
        if let Some(at) = matrix.values().iter().position(|v| !(0.0..=1.0).contains(v)) {
            return Some((i * EVALUATION_ROWS + at / d, at % d, buffer[at]));
        }
    }
    None
}
