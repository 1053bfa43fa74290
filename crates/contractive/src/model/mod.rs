//! A trained autoencoder with everything needed to use it: parameters, objective, preprocessing, where it came from.

mod error;
mod files;
pub mod finite;
mod head;
mod of_patches;
mod patches;
mod reading;
mod session;
mod whole_pictures;

#[cfg(test)]
mod tests;

use contractive_core::engine::CpuEngine;
use contractive_core::optimiser::Optimiser;
use contractive_core::patches::PictureShape;
use contractive_core::{Architecture, ArgumentError, Noise, Objective, Parameters};
use serde::{Deserialize, Serialize};

use crate::preprocess::Preprocessing;

pub use crate::tensor_file::TensorFileError;
pub use error::ModelError;
pub use files::{CONFIG_FILE, FORMAT_VERSION, MODEL_FOLDER, NOTE_FILE, TENSOR_FILE, read_at_most};
pub use head::DocumentHead;
pub use patches::Patches;
pub use reading::PictureReading;
pub use session::Session;
pub use whole_pictures::{JudgedPicture, PictureEvaluation, PictureSession, evaluate_pictures};

/// A trained autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Weights and biases, with their architecture.
    pub(crate) parameters: Parameters,
    /// What was minimised.
    pub(crate) objective: Objective,
    /// Input noise it was trained with, if any. Not used afterwards.
    pub(crate) noise: Option<Noise>,
    /// How a user's rows become the network's, with the feature names.
    pub(crate) preprocessing: Preprocessing,
    /// The shape of a row where rows are pictures, or patches of pictures.
    pub(crate) picture_shape: Option<PictureShape>,
    /// Where rows are patches of pictures.
    pub(crate) patches: Option<Patches>,
    /// How pictures of folders were made alike.
    pub(crate) reading: PictureReading,
    /// Where it came from.
    pub(crate) provenance: Provenance,
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
    /// Version of the tool that trained it, or imported it.
    pub version: String,
    /// What it was imported from; then there is nothing else to say of its training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFrom>,
}

/// What a model was imported from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedFrom {
    /// A file of weights by its name, or what else had them.
    pub source: String,
    /// SHA-256 of the file, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Model {
    /// A model of these parameters, trained for `objective` on rows as `preprocessing` scales them.
    ///
    /// # Errors
    /// [`ModelError::Argument`] when the objective does not fit the network, or a parameter is not finite;
    /// [`ModelError::Columns`] when the preprocessing is of another number of features, or contradicts itself.
    pub fn new(
        parameters: Parameters,
        objective: Objective,
        preprocessing: Preprocessing,
    ) -> Result<Model, ModelError> {
        objective.check(parameters.architecture())?;
        parameters.check_finite()?;
        preprocessing.check_stored()?;
        preprocessing.check_columns("the network", parameters.architecture().input_size(), None)?;
        let provenance = Provenance::default();
        let (picture_shape, patches, reading) = (None, None, PictureReading::default());
        Ok(Model { parameters, objective, noise: None, preprocessing, picture_shape, patches, reading, provenance })
    }

    /// The model with what is known of where it came from.
    pub fn with_provenance(mut self, provenance: Provenance) -> Model {
        self.provenance = provenance;
        self
    }

    /// The model of images of height × width grey pixels; ignored where that is not the number of its features.
    pub fn with_image_shape(self, shape: Option<(usize, usize)>) -> Model {
        self.with_picture_shape(shape.map(|(height, width)| PictureShape::grey(height, width)))
    }

    /// The model of pictures of this shape; ignored where that is not the number of its features.
    pub fn with_picture_shape(mut self, shape: Option<PictureShape>) -> Model {
        let d = self.architecture().input_size();
        self.picture_shape = shape.filter(|shape| shape.holds(d));
        self
    }

    /// Weights and biases, with their architecture.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What was minimised.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// Input noise it was trained with, if any. Not used afterwards.
    pub fn noise(&self) -> Option<Noise> {
        self.noise
    }

    /// How a user's rows become the network's, with the feature names.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// (height, width) where rows are grey images; see [`Model::picture_shape`] for those in colour too.
    pub fn image_shape(&self) -> Option<(usize, usize)> {
        let grey = self.picture_shape.filter(|shape| shape.channels == 1);
        grey.map(|shape| (shape.height, shape.width))
    }

    /// The shape of a row where rows are pictures, or patches of pictures.
    pub fn picture_shape(&self) -> Option<PictureShape> {
        self.picture_shape
    }

    /// Where its rows are patches of pictures: how large, and how far apart.
    pub fn patches(&self) -> Option<Patches> {
        self.patches
    }

    /// How pictures of folders and archives were made alike in training.
    pub fn picture_reading(&self) -> PictureReading {
        self.reading
    }

    /// Where it came from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

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
