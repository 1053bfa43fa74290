//! Everything that describes a training run, as one TOML document.
//!
//! A run is a base (a [recipe](crate::recipe) or the defaults below) under layers of overrides: the user's file, then the
//! command line's flags. [`TrainConfig::layered`] merges them and names the layer, line and key at fault.
//! [`TrainConfig::check`] refuses settings outside their range before any work.
//!
//! Settings that are left to the data (`data.scale`, `model.output_activation`) are filled in by
//! [`TrainConfig::resolve`]; the `config.toml` of a run states them.

mod check;
mod error;
mod layers;
mod one_patch;
mod penalty;
#[cfg(feature = "pictures")]
mod picture_options;
mod pictures;
mod text;

#[cfg(test)]
mod tests;

use contractive_core::initialisation::Initialisation;
use contractive_core::objective::Sparsity;
use contractive_core::optimiser::Optimiser;
use contractive_core::schedule::Schedule;
use contractive_core::{Activation, Architecture, Loss, Noise, Objective, Penalty};
use serde::{Deserialize, Serialize};

use crate::data::{ColumnOptions, Dataset, TextOptions};
use crate::encoding::MissingRule;
use crate::preprocess::{LibrarySize, Scale};

pub use error::ConfigError;
pub use layers::Layer;
pub use penalty::CHEAP;
pub use pictures::{ImageSize, PictureColour, PictureFit};
pub use text::config_text;

/// A training run: data, network, objective and training.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Name of the recipe that this run started from, if any; a record, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// What is trained on.
    pub data: DataConfig,
    /// The network.
    pub model: ModelConfig,
    /// What is minimised.
    pub objective: ObjectiveConfig,
    /// How it is minimised.
    pub training: TrainingConfig,
}

/// The section `[data]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A registered name or a path, as `DataSpec` of the crate `contractive-datasets` reads it. Default `strokes`.
    pub spec: String,
    /// Only the first rows of the training part; all by default (`"none"` in a layer unsets it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Column of a table that holds labels, not features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Columns of a table to learn from; by default all that are nothing else. Text is a category, a feature a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Columns of a table that are carried along with its rows, cell for cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Columns of numbers that are categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<String>,
    /// What becomes of missing cells of a table: `refuse`, or the training rows' `mean` or `median`. Default `refuse`.
    #[serde(skip_serializing_if = "is_refuse")]
    pub missing: MissingRule,
    /// Array of an NPZ archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Whether the rows are the columns of the file. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transpose: bool,
    /// Whether the first line of a text table names its columns. By default it does unless it is all numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What stands before the fraction of a text table's numbers, `.` or `,`. By default a point; where semicolons part the
    /// cells, what a column's first fraction has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// What parts the thousands of a text table's numbers: `,`, `.`, `_`, a space or an apostrophe. By default nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// Of pictures in a folder or an archive: `auto`, `grey` or `rgb`. Left out: `auto`, colour where there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<PictureColour>,
    /// Of pictures in a folder or an archive: width and height that they are brought to, such as "64x48", or one number for
    /// both. Left out: all have one size, or with `patch` each its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<ImageSize>,
    /// Of pictures in a folder or an archive, what becomes of other aspects than that of `image_size`: `keep`, `pad`, `crop` or
    /// `stretch`. Left out: `pad`, and with `patch` `keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<PictureFit>,
    /// Whether broken pictures of a folder or an archive are counted and passed over. Default false: the first is an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_broken: bool,
    /// Pixels of a patch's side: pictures are trained on patch by patch, as a convolution sees them. By default (`"none"`) on
    /// whole pictures.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "one_patch::deserialize")]
    pub patch: Option<usize>,
    /// Pixels from patch to patch, from 1 to `patch`. Left out: half of `patch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Share of the training rows (of patches: of the pictures) held out for validation, at least 0 and below 1. Default
    /// 0.1; 0 holds out none.
    pub validation: f64,
    /// Whether the rows stay in their file and are read anew each epoch: for tables larger than memory. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Rows of the buffer through which a stream is shuffled, at least 1. By default as many as 64 MiB hold, at most
    /// 65,536 and at least 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_rows: Option<usize>,
    /// What the sum of each row becomes before features are scaled: `median`, of the sums of the training rows, or a number.
    /// By default (`"none"`) rows are not divided by their sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library_size: Option<LibrarySize>,
    /// Whether log(1 + x) is taken before features are scaled, and after `library_size`. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log1p: bool,
    /// How features are scaled, learnt on the training rows. Left out, or `"auto"`: none for images (already in [0, 1]);
    /// for tables `minmax` with a cross-entropy loss, else `standard`. A stream takes no `robust` and no `quantile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

fn is_refuse(rule: &MissingRule) -> bool {
    *rule == MissingRule::Refuse
}

impl DataConfig {
    /// What the columns of a table are for.
    pub fn column_options(&self) -> ColumnOptions {
        ColumnOptions {
            columns: self.columns.clone(),
            keys: self.keys.clone(),
            categories: self.categorical.clone(),
            missing: self.missing,
        }
    }

    /// Pixels of a patch's side, and from patch to patch, where pictures are seen as patches.
    pub fn patches(&self) -> Option<(usize, usize)> {
        self.patch.map(|patch| (patch, self.stride.unwrap_or((patch / 2).max(1))))
    }

    /// How a text table is spelled.
    pub fn text(&self) -> TextOptions {
        TextOptions { header: self.header, decimal: self.decimal, thousands: self.thousands }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            spec: "strokes".into(),
            rows: None,
            label_column: None,
            columns: None,
            keys: Vec::new(),
            categorical: Vec::new(),
            missing: MissingRule::Refuse,
            array: None,
            transpose: false,
            colour: None,
            image_size: None,
            fit: None,
            skip_broken: false,
            patch: None,
            stride: None,
            header: None,
            decimal: None,
            thousands: None,
            validation: 0.1,
            stream: false,
            shuffle_rows: None,
            library_size: None,
            log1p: false,
            scale: None,
        }
    }
}

/// The section `[model]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Sizes of the encoder's layers, the last one the code. Default `[64, 16]`.
    pub hidden: Vec<usize>,
    /// Sizes of the decoder's layers between code and output; by default the encoder's mirrored. A layer of overrides
    /// that sets `hidden` alone goes back to the mirror; `"none"` unsets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Vec<usize>>,
    /// Activation of the layers between. Default `tanh`.
    pub hidden_activation: Activation,
    /// Activation of the decoder's layers between code and output. Left out, or `"auto"`: `hidden_activation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_activation: Option<Activation>,
    /// Activation of the code. Default `tanh`.
    pub code_activation: Activation,
    /// Activation of the output. Left out, or `"auto"`: `sigmoid` with a cross-entropy loss, else `identity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_activation: Option<Activation>,
    /// Whether decoder weights are the encoder's, transposed. Default false.
    pub tied: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig {
            hidden: vec![64, 16],
            decoder: None,
            hidden_activation: Activation::Tanh,
            decoder_activation: None,
            code_activation: Activation::Tanh,
            output_activation: None,
            tied: false,
        }
    }
}

/// The section `[objective]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// Reconstruction loss. Default `mse`.
    pub loss: Loss,
    /// Weight of the penalty, finite and at least 0. Default 1e-3.
    pub contraction: f64,
    /// Penalty: a table with `kind` and its settings, or the name alone. Left out, or `"auto"`: `jacobian`, exact, where
    /// that adds at most [`CHEAP`] times the work of a plain step, else `projection`, whose noise disappears beside that
    /// of the batches; the penalty of held-out rows is exact either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Penalty>,
    /// Why the penalty was chosen, where it was left out; written by the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty_reason: Option<String>,
    /// Input noise: a table with `kind`, or `"none"`. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// Sparsity of the code: `{ target, weight }`, or `"none"`. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<Sparsity>,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        ObjectiveConfig {
            loss: Loss::Mse,
            contraction: 1e-3,
            penalty: None,
            penalty_reason: None,
            noise: None,
            sparsity: None,
        }
    }
}

/// The section `[training]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the training rows, at least 1. Left out, or `"auto"`: 50, and as many as make 2,000 steps, so that a
    /// small table is learnt too; of patches, which overlap, 10 instead of 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Rows a step, at least 1. Default 128.
    pub batch_size: usize,
    /// Base learning rate, finite and above 0. Default 1e-3.
    pub learning_rate: f64,
    /// Largest Euclidean norm of the gradient, above 0; not clipped by default (`"none"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// How weights start. Default `kaiming_uniform`.
    pub initialisation: Initialisation,
    /// Seed of everything random: weights, order, noise, probes and the validation split; at most 2^63 - 1. Default 0.
    pub seed: u64,
    /// Threads, at least 1; the result does not depend on it. By default (`"auto"`) one a processor core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Whether each epoch takes the rows in a new order. Default true.
    pub shuffle: bool,
    /// Whether the rows left over after the last whole batch make a short one. Default true.
    pub keep_last_partial_batch: bool,
    /// Optimiser: a table with `kind`, or the name alone. Default `adam`.
    pub optimiser: Optimiser,
    /// Learning-rate schedule: a table with `kind`, or `constant`. Default `constant`.
    pub schedule: Schedule,
    /// When to stop before `epochs`; `"none"` for never. By default where rows are held out for validation; a recipe and
    /// the stored configuration of a run stop early only where they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            epochs: None,
            batch_size: 128,
            learning_rate: 1e-3,
            clip: None,
            initialisation: Initialisation::KaimingUniform,
            seed: 0,
            threads: None,
            shuffle: true,
            keep_last_partial_batch: true,
            optimiser: Optimiser::default(),
            schedule: Schedule::Constant,
            early_stopping: Some(EarlyStopping { patience: None, min_delta: 0.0 }),
        }
    }
}

/// Stops when the watched total (of the validation rows, else of the training rows) no longer falls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without improvement that are let pass, at least 1. Left out: 10, and as many as make 200 steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Least decrease that counts as improvement, finite and at least 0. Default 0.
    #[serde(default)]
    pub min_delta: f64,
}

impl EarlyStopping {
    /// The epochs let pass.
    pub fn patience(&self) -> usize {
        self.patience.unwrap_or(FEWEST_EPOCHS_PATIENT)
    }
}

/// Epochs where their number is left out: at least so many, and so many steps.
const FEWEST_EPOCHS: usize = 50;
const FEWEST_STEPS: usize = 2000;
/// Epochs of patches: they overlap, so that each pixel is seen several times in one.
const FEWEST_EPOCHS_OF_PATCHES: usize = 10;
/// The same of the epochs without improvement that are let pass.
const FEWEST_EPOCHS_PATIENT: usize = 10;
const FEWEST_STEPS_PATIENT: usize = 200;
const FEWEST_EPOCHS_PATIENT_OF_PATCHES: usize = 3;

impl TrainingConfig {
    /// Passes over the training rows; 50 where that is still left to the data.
    pub fn epochs(&self) -> usize {
        self.epochs.unwrap_or(FEWEST_EPOCHS)
    }

    /// Fills in what is left to the number of rows trained on.
    fn resolve(&mut self, n_training_rows: usize, has_validation: bool, has_patches: bool) {
        let (fewest, patient) = match has_patches {
            true => (FEWEST_EPOCHS_OF_PATCHES, FEWEST_EPOCHS_PATIENT_OF_PATCHES),
            false => (FEWEST_EPOCHS, FEWEST_EPOCHS_PATIENT),
        };
        let steps = n_training_rows.div_ceil(self.batch_size.max(1)).max(1);
        self.epochs.get_or_insert(fewest.max(FEWEST_STEPS.div_ceil(steps)));
        let patience = patient.max(FEWEST_STEPS_PATIENT.div_ceil(steps));
        match &mut self.early_stopping {
            // Nothing was asked for, and there is nothing to judge by.
            Some(EarlyStopping { patience: None, .. }) if !has_validation => self.early_stopping = None,
            Some(rule) => rule.patience = Some(rule.patience.unwrap_or(patience)),
            None => {}
        }
    }
}

impl TrainConfig {
    /// The base of a document that states everything, such as a recipe: it stops early only where it says so.
    pub(crate) fn stated() -> TrainConfig {
        let mut config = TrainConfig::default();
        config.training.early_stopping = None;
        config
    }

    /// Fills in what is left to the data, of which `n_training_rows` are trained on: `data.scale`,
    /// `data.stride`, `model.output_activation`, `objective.penalty`, `training.epochs` and the patience of `training.early_stopping`.
    pub fn resolve(&mut self, data: &Dataset, n_training_rows: usize) {
        self.training.resolve(n_training_rows, self.data.validation > 0.0, self.data.patch.is_some());
        self.data.stride = self.data.patches().map(|(_, stride)| stride);
        let is_cross_entropy = self.objective.loss.is_cross_entropy();
        self.data.scale.get_or_insert(match (data.picture_shape(), is_cross_entropy) {
            (Some(_), _) => Scale::None,
            (None, true) => Scale::Minmax,
            (None, false) => Scale::Standard,
        });
        self.model.output_activation = Some(self.output_activation());
        if self.objective.penalty.is_none() {
            let (penalty, reason) = penalty::choose(&self.architecture(data.n_features()), self.training.batch_size);
            self.objective.penalty = Some(penalty);
            self.objective.penalty_reason = self.objective().has_penalty().then_some(reason);
        }
    }

    /// The output's activation, chosen by the loss where it is left out.
    pub fn output_activation(&self) -> Activation {
        let by_loss = if self.objective.loss.is_cross_entropy() { Activation::Sigmoid } else { Activation::Identity };
        self.model.output_activation.unwrap_or(by_loss)
    }

    /// The network for rows of `d` features.
    pub fn architecture(&self, d: usize) -> Architecture {
        let model = &self.model;
        let (hidden, code, output) = (model.hidden_activation, model.code_activation, self.output_activation());
        let mut architecture = Architecture::mirrored(d, &model.hidden, hidden, code, output, model.tied);
        if let Some(between) = &model.decoder {
            let k = architecture.code_size();
            architecture.decoder_sizes = std::iter::once(k).chain(between.iter().copied()).chain([d]).collect();
        }
        let between = architecture.decoder_sizes.len().saturating_sub(2);
        architecture.decoder_activations = vec![model.decoder_activation.unwrap_or(hidden); between];
        architecture.decoder_activations.push(output);
        architecture
    }

    /// The objective in the mathematics' words; the penalty exact where it is still left to the data.
    pub fn objective(&self) -> Objective {
        let ObjectiveConfig { loss, contraction, penalty, sparsity, .. } = self.objective;
        Objective { loss, penalty: penalty.unwrap_or(Penalty::Jacobian), contraction, sparsity }
    }

    /// Threads to use: the setting, else one a processor core.
    pub fn threads(&self) -> usize {
        self.training.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
    }

    /// The configuration as a TOML document.
    ///
    /// # Errors
    /// [`ConfigError::NotWritable`] for a number that TOML cannot hold, [`ConfigError::Long`] for a document that could not be
    /// read again.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let text = toml::to_string_pretty(self).map_err(|e| ConfigError::NotWritable { reason: e.to_string() })?;
        match text.len() as u64 > text::MOST_TEXT {
            true => Err(ConfigError::Long { origin: "the configuration".into(), most: text::MOST_TEXT }),
            false => Ok(text),
        }
    }
}
