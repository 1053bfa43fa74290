//! Everything that describes a training run, as one TOML document.
//!
//! A run is a base (a [recipe](crate::recipe) or the defaults below) under layers of overrides: the user's file, then the
//! command line's flags. [`TrainConfig::layered`] merges them and names the layer, line and key at fault.
//! [`TrainConfig::check`] refuses settings outside their range before any work.
//!
//! Settings that are left to the data (`data.scale`, `model.output_activation`) are filled in by
//! [`TrainConfig::resolve`]; the `config.toml` of a run states them.

mod check;
mod data;
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

use crate::data::Dataset;
use crate::preprocess::Scale;

pub use data::DataConfig;
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
