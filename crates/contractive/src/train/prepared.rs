//! The rows a run needs, split and ready.

use std::path::Path;

use contractive_core::communicator::Group;
use contractive_core::{Architecture, ArgumentError};

use super::error::TrainError;
use super::shared::{Shared, check_settings, in_common};
use super::stream::{self, StreamedRows, Surveyed};
use crate::config::{PictureFit, TrainConfig};
use crate::data::{Dataset, PatchError, split_together};
use crate::measure::Measured;
use crate::model::{Model, Patches, PictureReading, Provenance};
use crate::preprocess::{Counts, Preprocessing, Sample, Scale, ScaledRows};

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
    /// The rows of all ranks, where several train together; what is above is of this one.
    pub(crate) shared: Option<Shared>,
}

/// Pictures as their patches, where the configuration asks for these.
fn patches(
    config: &TrainConfig,
    data: Dataset,
    test: Option<Dataset>,
) -> Result<(Dataset, Option<Dataset>), PatchError> {
    let Some((patch, stride)) = config.data.patches() else { return Ok((data, test)) };
    let test = test.map(|test| test.with_patches(patch, stride)).transpose()?;
    Ok((data.with_patches(patch, stride)?, test))
}

impl Prepared {
    /// Makes data ready that are already in memory.
    ///
    /// # Errors
    /// [`TrainError::Config`]; [`TrainError::Argument`] when rows do not suit the loss; [`TrainError::Columns`] when the
    /// test part has other columns; [`TrainError::NoTrainingRows`] when validation leaves no row to train on.
    pub fn new(config: &TrainConfig, data: Dataset, test: Option<Dataset>) -> Result<Self, TrainError> {
        Prepared::shared(config, data, test, &Group::alone())
    }

    /// Makes the rows ready that several ranks hold: each gives its own, of which it may have none
    /// ([`Dataset::without_rows`]), and the ranks' rows one after the other are the table. Which are held out, scaling,
    /// the order of rows and random numbers are to the bit those of one process with all rows; steps differ by rounding.
    /// Collective: every rank must call it.
    ///
    /// # Errors
    /// As [`Prepared::new`]; [`TrainError::Communication`] where another rank fails, or was given other settings or columns;
    /// [`TrainError::NotShared`].
    pub fn shared(
        config: &TrainConfig,
        data: Dataset,
        test: Option<Dataset>,
        group: &Group,
    ) -> Result<Self, TrainError> {
        let mut config = config.clone();
        group.agree(config.check().map_err(TrainError::from))?;
        let (data, test, shared) = if group.is_alone() {
            let (data, test) = patches(&config, data, test)?;
            (data, test, None)
        } else {
            check_settings(group, &config)?;
            let has_test = test.is_some();
            let data = group.agree(in_common(group, data, has_test))?;
            let test = test.map(|test| in_common(group, test, has_test)).transpose();
            let test = group.agree(test)?;
            let (data, test) = group.agree(patches(&config, data, test).map_err(TrainError::from))?;
            let shared = Shared::of(group, &config, &data, test.as_ref().map(Dataset::len))?;
            (data, test, Some(shared))
        };
        let (train_rows, validation_rows) = match &shared {
            Some(shared) => (shared.own(&shared.train_rows), shared.own(&shared.validation_rows)),
            None => {
                let (share, seed) = (config.data.validation, config.training.seed);
                split_together(data.len(), data.rows_a_picture(), share, seed)
            }
        };
        let total = shared.as_ref().map_or(train_rows.len(), |shared| shared.train_rows.len());
        config.resolve(&data, total);
        let architecture = config.architecture(data.n_features());
        let objective = config.objective();
        group.agree(objective.check(&architecture).map_err(TrainError::from))?;
        if total == 0 {
            let rows = shared.as_ref().map_or(data.len(), |shared| shared.validation_rows.len());
            return Err(TrainError::NoTrainingRows { rows, share: config.data.validation });
        }
        let scale = config.data.scale.unwrap_or_default();
        let sample = Sample { rows: &train_rows, total, group };
        let counts = Counts::learn_shared(config.data.library_size, config.data.log1p, &data, &sample)?;
        if !counts.is_none() && data.encoding().is_some_and(|encoding| encoding.levels().contains(&true)) {
            let what = "`data.library_size` and `data.log1p` must be for a table of counts alone".to_owned();
            let but = format!("{} has columns of categories", data.name());
            return Err(ArgumentError::Conflict { what, but, remedy: "leave them out, or those columns" }.into());
        }
        let mut preprocessing = Preprocessing::fit_shared(counts, scale, &data, &sample)?;
        preprocessing.clip = scale == Scale::Minmax && objective.loss.is_cross_entropy();
        preprocessing.text = config.data.text();
        let streamed = None;
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed, shared };
        group.agree(prepared.check_rows())?;
        Ok(prepared)
    }

    /// Goes through the file at `path` once, and makes its rows ready to be streamed: they stay there, for tables larger
    /// than memory.
    ///
    /// # Errors
    /// As [`Prepared::new`]; [`TrainError::NotAStream`] and [`TrainError::Data`].
    pub fn streamed(config: &TrainConfig, path: impl AsRef<Path>) -> Result<Self, TrainError> {
        config.check()?;
        if config.data.patch.is_some() {
            let what = "a stream of a file must be rows as it has them".to_owned();
            let but = "`data.patch` asks for patches of pictures".to_owned();
            let remedy = "leave out `data.stream` or `data.patch`, or give a folder of pictures";
            return Err(ArgumentError::Conflict { what, but, remedy }.into());
        }
        let surveyed = stream::survey(config, path.as_ref())?;
        Prepared::of_survey(config, surveyed)
    }

    /// The same of the pictures of a folder or an archive, whole or by patches: they are decoded anew each epoch, ahead of the
    /// training, in bounded memory. Pictures, not patches, are held out.
    ///
    /// # Errors
    /// As [`Prepared::new`]; [`TrainError::Pictures`]; [`TrainError::SeveralSizes`] of whole pictures;
    /// [`TrainError::Patches`] of a picture smaller than a patch.
    #[cfg(feature = "pictures")]
    pub fn streamed_pictures(
        config: &TrainConfig,
        source: contractive_pictures::PictureSource,
    ) -> Result<Self, TrainError> {
        let mut config = config.clone();
        config.data.stream = true;
        config.check()?;
        let surveyed = stream::survey_pictures(&config, source)?;
        Prepared::of_survey(&config, surveyed)
    }

    fn of_survey(config: &TrainConfig, surveyed: Surveyed) -> Result<Self, TrainError> {
        let mut config = config.clone();
        let Surveyed { rows, data, train_rows, validation_rows, counts, statistics, first_outside } = surveyed;
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
        let (test, streamed, shared) = (None, Some(rows), None);
        let prepared =
            Prepared { config, data, train_rows, validation_rows, test, preprocessing, architecture, streamed, shared };
        prepared.check_rows()?;
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

    /// Rows trained on, whether in memory or not, here or with other ranks.
    pub fn n_training_rows(&self) -> usize {
        match (&self.streamed, &self.shared) {
            (Some(rows), _) => rows.n_training,
            (None, Some(shared)) => shared.train_rows.len(),
            (None, None) => self.train_rows.len(),
        }
    }

    /// Rows held out, whether in memory or not, here or with other ranks.
    pub fn n_validation_rows(&self) -> usize {
        match (&self.streamed, &self.shared) {
            (Some(rows), _) => rows.n_validation,
            (None, Some(shared)) => shared.validation_rows.len(),
            (None, None) => self.validation_rows.len(),
        }
    }

    /// Rows of the shuffle buffer where the training rows stay in their file; 0 in the file's order.
    pub fn shuffle_buffer(&self) -> Option<usize> {
        self.streamed.as_ref().map(|rows| rows.shuffle_rows)
    }

    /// The ranks that hold the rows together; a group of one where they are all here.
    pub fn group(&self) -> Group {
        self.shared.as_ref().map(|shared| shared.group.clone()).unwrap_or_default()
    }

    /// The rows trained on, of all ranks where it is said which lie here.
    pub(super) fn measured_training(&self) -> Measured<'_> {
        self.measured(&self.train_rows, |shared| &shared.train_rows)
    }

    /// The rows held out likewise.
    pub(super) fn measured_validation(&self) -> Measured<'_> {
        self.measured(&self.validation_rows, |shared| &shared.validation_rows)
    }

    /// Rows of the test part, here or with other ranks; 0 without one.
    pub fn n_test_rows(&self) -> usize {
        let of_all = self.shared.as_ref().and_then(|shared| shared.test).map(|(rows, _)| rows as usize);
        of_all.or(self.test.as_ref().map(Dataset::len)).unwrap_or(0)
    }

    /// The rows `rows` of the test part, where there is one.
    pub(super) fn measured_test<'a>(&'a self, rows: &'a [u32]) -> Option<Measured<'a>> {
        let reader = ScaledRows { data: self.test.as_ref()?, preprocessing: &self.preprocessing };
        let here = self.shared.as_ref().and_then(|shared| shared.test).map(|(_, here)| here);
        Some(Measured { reader, rows, here })
    }

    fn measured<'a>(&'a self, own: &'a [u32], of_all: fn(&Shared) -> &[u32]) -> Measured<'a> {
        let shared = self.shared.as_ref();
        Measured { reader: self.reader(), rows: shared.map_or(own, of_all), here: shared.map(|shared| shared.here) }
    }

    /// Refuses rows that the preprocessing or the loss cannot take.
    fn check_rows(&self) -> Result<(), TrainError> {
        for data in std::iter::once(&self.data).chain(&self.test) {
            self.preprocessing.check(data)?;
        }
        for data in std::iter::once(&self.data).chain(&self.test) {
            self.check_range(data)?;
        }
        Ok(())
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

    /// Where rows are patches of pictures; a stream keeps some patches alone.
    fn patches(&self) -> Option<Patches> {
        let of_config = || self.config.data.patches().map(|(patch, stride)| Patches { patch, stride });
        self.data.patch_grid().map(Patches::of).or_else(of_config)
    }

    /// How pictures of folders are made alike; of patches, which are taken of pictures of any size, with what those had.
    fn reading(&self) -> PictureReading {
        let data = &self.config.data;
        let size = data.image_size.filter(|_| data.patch.is_some());
        let median_size = self.streamed.as_ref().and_then(StreamedRows::median_size);
        let keeps = size.or(median_size).map(|_| PictureFit::Keep);
        // Settings of pictures are refused for other data.
        PictureReading { size, fit: data.fit.or(keeps), median_size }
    }

    /// A model of this run with these parameters, of epoch `epoch`.
    pub fn model(&self, parameters: contractive_core::Parameters, epoch: usize) -> Model {
        Model {
            parameters,
            objective: self.config.objective(),
            noise: self.config.objective.noise,
            preprocessing: self.preprocessing.clone(),
            picture_shape: self.data.picture_shape(),
            patches: self.patches(),
            reading: self.reading(),
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
