//! A trained autoencoder with everything needed to use it: parameters, objective, preprocessing, where it came from.

mod error;
mod files;
mod session;

#[cfg(test)]
mod tests;

use contractive_core::engine::CpuEngine;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Architecture, ArgumentError, Noise, Objective, Parameters};
use serde::{Deserialize, Serialize};

use crate::preprocess::Preprocessing;

pub use crate::tensor_file::TensorFileError;
pub use error::ModelError;
pub use files::{CONFIG_FILE, FORMAT_VERSION, MODEL_FOLDER, TENSOR_FILE, read_at_most};
pub use session::Session;

/// A trained autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Weights and biases, with their architecture.
    pub parameters: Parameters,
    /// What was minimised.
    pub objective: Objective,
    /// Input noise it was trained with, if any. Not used afterwards.
    pub noise: Option<Noise>,
    /// How a user's rows become the network's, with the feature names.
    pub preprocessing: Preprocessing,
    /// (height, width) where rows are images.
    pub image_shape: Option<(usize, usize)>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    /// The recipe it started from, if any.
    pub recipe: Option<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// What the training data are called.
    pub data: String,
    /// SHA-256 of the training data's source, in hexadecimal.
    pub data_sha256: Option<String>,
    /// Rows trained on, the validation rows not counted.
    pub rows: usize,
    /// The epoch of these parameters, from 1.
    pub epoch: usize,
    /// Version of the tool that trained it.
    pub version: String,
}

impl Model {
    /// The network's shape.
    pub fn architecture(&self) -> &Architecture {
        self.parameters.architecture()
    }

    /// A CPU engine with these parameters, evaluating `objective`.
    ///
    /// # Errors
    /// When the objective does not fit the network.
    pub fn engine_for(&self, objective: &Objective, threads: usize) -> Result<CpuEngine, ArgumentError> {
        CpuEngine::new(&self.parameters, objective, Optimiser::Sgd { weight_decay: 0.0 }, None, threads)
    }
}
