//! The rows a run needs, split and ready.

use std::path::Path;

use contractive_core::{Architecture, ArgumentError};

use super::error::TrainError;
use super::stream::{self, StreamedRows, Surveyed};
use crate::config::TrainConfig;
use crate::data::{Dataset, split_validation};
use crate::model::{Model, Provenance};
use crate::preprocess::{Counts, Preprocessing, Scale, ScaledRows};

/// A resolved configuration with its data.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The configuration, with everything filled in that was left to the data.
    pub(crate) config: TrainConfig,
    /// Training and validation rows; of a stream, a sample of them.
    pub(crate) data: Dataset,
    /// Rows of `data` trained on, ascending.
    pub(crate) train_rows: Vec<u32>,
    /// Rows of `data` held out, ascending.
    pub(crate) validation_rows: Vec<u32>,
    /// The test part, if there is one.
    pub(crate) test: Option<Dataset>,
    /// Learnt on the training rows.
    pub(crate) preprocessing: Preprocessing,
    /// The network's shape.
    pub(crate) architecture: Architecture,
    /// The training rows where they stay in their file.
    pub(crate) streamed: Option<StreamedRows>,
}

impl Prepared {
    /// Makes data ready that are already in memory.
    ///
    /// # Errors
    /// [`TrainError::Config`]; [`TrainError::Argument`] when rows do not suit the loss; [`TrainError::Columns`] when the
    /// test part has other columns; [`TrainError::NoTrainingRows`] when validation leaves no row to train on.
    pub fn new(config: &TrainConfig, data: Dataset, test: Option<Dataset>) -> Result<Self, TrainError> {
        let mut config = config.clone();
        config.check()?;
        let (train_rows, validation_rows) = split_validation(data.len(), config.data.validation, config.training.seed);
        config.resolve(&data, train_rows.len());
        let architecture = config.architecture(data.n_features());
        let objective = config.objective();
        objective.check(&architecture)?;
        if train_rows.is_empty() {
            return Err(TrainError::NoTrainingRows { rows: data.len(), share: config.data.validation });
        }
        let scale = config.data.scale.unwrap_or_default();
        let counts = Counts::learn(config.data.library_size, config.data.log1p, &data, &train_rows);
        if !counts.is_none() && data.encoding().is_some_and(|encoding| encoding.levels().contains(&true)) {
            let what = "`data.library_size` and `data.log1p` must be for a table of counts alone".to_owned();
            let but = format!("{} has columns of categories", data.name());
            return Err(ArgumentError::Conflict { what, but, remedy: "leave them out, or those columns" }.into());
        }
        let mut preprocessing = Preprocessing::fit_counts(counts, scale, &data, &train_rows);
        preprocessing.clip = scale == Scale::Minmax && objective.loss.is_cross_entropy();
        preprocessing.text = config.data.text();
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed: None };
        for data in std::iter::once(&prepared.data).chain(&prepared.test) {
            prepared.preprocessing.check(data)?;
        }
        for data in std::iter::once(&prepared.data).chain(&prepared.test) {
            prepared.check_range(data)?;
        }
        Ok(prepared)
    }

    /// Goes through the file at `path` once, and makes its rows ready to be streamed: they stay there, for tables larger
    /// than memory.
    ///
    /// # Errors
    /// As [`Prepared::new`]; [`TrainError::NotAStream`] and [`TrainError::Data`].
    pub fn streamed(config: &TrainConfig, path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let mut config = config.clone();
        config.check()?;
        let Surveyed { rows, data, train_rows, validation_rows, counts, statistics, first_outside } =
            stream::survey(&config, path.as_ref())?;
        config.resolve(&data, rows.n_training);
        let architecture = config.architecture(data.n_features());
        let objective = config.objective();
        objective.check(&architecture)?;
        let scale = config.data.scale.unwrap_or_default();
        let names = data.feature_names().map(<[String]>::to_vec);
        let mut preprocessing = Preprocessing::learnt(scale, data.n_features(), names, &statistics);
        preprocessing.clip = scale == Scale::Minmax && objective.loss.is_cross_entropy();
        preprocessing.text = config.data.text();
        preprocessing.divides_bytes = rows.divides;
        preprocessing.counts = counts;
        if let (true, Scale::None, Some((row, column, value))) =
            (objective.loss.is_cross_entropy(), scale, first_outside)
        {
            return Err(ArgumentError::Range { loss: objective.loss.name(), row, column, value }.into());
        }
        let (test, streamed) = (None, Some(rows));
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed };
        prepared.preprocessing.check(&prepared.data)?;
        prepared.check_range(&prepared.data)?;
        Ok(prepared)
    }

    /// The configuration, with everything filled in that was left to the data.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Training and validation rows; of a stream, a sample of them.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// Rows of [`Prepared::data`] trained on, ascending.
    pub fn train_rows(&self) -> &[u32] {
        &self.train_rows
    }

    /// Rows of [`Prepared::data`] held out, ascending.
    pub fn validation_rows(&self) -> &[u32] {
        &self.validation_rows
    }

    /// The test part, if there is one.
    pub fn test(&self) -> Option<&Dataset> {
        self.test.as_ref()
    }

    /// What was learnt on the training rows.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The network's shape.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
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
        ScaledRows { data, preprocessing: &self.preprocessing }.check_unit_interval(objective.loss.name())
    }

    /// The rows as the network takes them.
    pub fn reader(&self) -> ScaledRows<'_> {
        ScaledRows { data: &self.data, preprocessing: &self.preprocessing }
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
                imported: None,
            },
        }
    }
}
