//! The model directory: `config.json` and `model.safetensors`. Reading one never runs code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contractive_core::patches::PictureShape;
use contractive_core::{Architecture, Noise, Objective, Parameters};
use serde::{Deserialize, Serialize};

use super::head::DocumentHead;
use super::{Model, ModelError, Patches, PictureReading, Provenance};
use crate::config::{ImageSize, PictureFit};
use crate::preprocess::Preprocessing;
use crate::tensor_file::{Expected, TensorFile, tensors_of, write_tensors};
use contractive_table::atomic::{FolderParts, ReservedFolder, write_atomically};
use contractive_table::json::from_json;
use contractive_table::limits;

/// The format written and read.
pub const FORMAT_VERSION: u64 = 1;
/// Name of the model's folder in a run directory.
pub const MODEL_FOLDER: &str = "model";
/// Name of the configuration in a model directory.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the tensors in a model directory.
pub const TENSOR_FILE: &str = "model.safetensors";
/// A file of a model directory that another program keeps there: the Python package its parameters and threshold.
pub const NOTE_FILE: &str = "estimator.json";
const PARTS: FolderParts =
    FolderParts { is_part: |name| [CONFIG_FILE, TENSOR_FILE, NOTE_FILE].contains(&name), last: CONFIG_FILE };
/// The largest configuration read: room for the names of a million features.
const LARGEST_CONFIG: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelConfigFile {
    format_version: u64,
    architecture: Architecture,
    objective: Objective,
    #[serde(default)]
    noise: Option<Noise>,
    preprocessing: Preprocessing,
    #[serde(default)]
    image_shape: Option<(usize, usize)>,
    /// Left out of grey images, as in the files of versions that had no colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    /// These are left out where there is nothing to say, as in the files of versions that did not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_size: Option<ImageSize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fit: Option<PictureFit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    median_size: Option<ImageSize>,
    #[serde(default)]
    provenance: Provenance,
}

impl Model {
    /// Writes the model directory `path` whole: under a temporary name first, then renamed. A model that is there
    /// already is replaced, and other files beside it stay; anything else is not replaced.
    ///
    /// # Errors
    /// [`ModelError::Write`], [`ModelError::Occupied`]; [`ModelError::Argument`] or [`ModelError::Columns`] for parameters
    /// or a scaling that are not finite.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        self.save_with_note(path, None)
    }

    /// The same, with the file [`NOTE_FILE`] beside it: what another program that saves models wants to find again. Nothing
    /// here reads it.
    ///
    /// # Errors
    /// As [`Model::save`].
    pub fn save_with_note(&self, path: impl AsRef<Path>, note: Option<&str>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let failed = |source| ModelError::Write { path: path.to_path_buf(), source };
        self.parameters.check_finite()?;
        self.preprocessing.check_stored()?;
        let folder = ReservedFolder::free_or_own(path, PARTS, is_model).map_err(failed)?;
        let folder = folder.ok_or_else(|| ModelError::Occupied { path: path.to_path_buf() })?;
        folder.fill(failed, |whole| {
            self.write_config(&whole.join(CONFIG_FILE)).map_err(failed)?;
            let tensors: Vec<_> = self
                .parameters
                .places()
                .iter()
                .map(|p| {
                    let tensor = Expected { name: p.name.clone(), shape: p.shape.clone() };
                    (tensor, &self.parameters.values()[p.range()])
                })
                .collect();
            write_tensors(&whole.join(TENSOR_FILE), &tensors, ("format", "contractive-model".into()))?;
            match note {
                Some(note) => {
                    write_atomically(&whole.join(NOTE_FILE), |file| file.write_all(note.as_bytes())).map_err(failed)
                }
                None => Ok(()),
            }
        })
    }

    fn write_config(&self, path: &Path) -> io::Result<()> {
        let config = ModelConfigFile {
            format_version: FORMAT_VERSION,
            architecture: self.architecture().clone(),
            objective: self.objective.clone(),
            noise: self.noise,
            preprocessing: self.preprocessing.clone(),
            image_shape: self.picture_shape.map(|shape| (shape.height, shape.width)),
            channels: self.picture_shape.map(|shape| shape.channels).filter(|channels| *channels != 1),
            patch: self.patches.map(|patches| patches.patch),
            stride: self.patches.map(|patches| patches.stride),
            image_size: self.reading.size,
            fit: self.reading.fit,
            median_size: self.reading.median_size,
            provenance: self.provenance.clone(),
        };
        write_atomically(path, |file| {
            serde_json::to_writer_pretty(&mut *file, &config)?;
            file.write_all(b"\n")
        })
    }

    /// Reads a model directory, or the `model/` of a run directory.
    ///
    /// Every size is checked against the configuration before it is allocated.
    ///
    /// # Errors
    /// All of [`ModelError`] but those of writing.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, ModelError> {
        let path = path.as_ref();
        let inside = path.join(MODEL_FOLDER);
        let directory: PathBuf =
            if !path.join(CONFIG_FILE).exists() && inside.is_dir() { inside } else { path.to_path_buf() };
        let config_path = directory.join(CONFIG_FILE);
        let config = read_config(&config_path)?;
        let settings = |source| ModelError::Settings { path: config_path.clone(), source };
        config.objective.check(&config.architecture).map_err(settings)?;
        if let Some(noise) = config.noise {
            noise.check().map_err(settings)?;
        }
        let stored = |e| ModelError::StoredPreprocessing { path: config_path.clone(), source: Box::new(e) };
        config.preprocessing.check_stored().map_err(stored)?;
        let d = config.architecture.input_size();
        if config.preprocessing.n_features != d {
            let reason =
                format!("the preprocessing is of {} features, the network takes {d}", config.preprocessing.n_features);
            return Err(ModelError::Config { path: config_path, reason });
        }
        let (picture_shape, patches) =
            config.pictures(d).map_err(|reason| ModelError::Config { path: config_path.clone(), reason })?;
        let reading = config.reading().map_err(|reason| ModelError::Config { path: config_path, reason })?;
        let expected = tensors_of(&config.architecture);
        let values = TensorFile::open(&directory.join(TENSOR_FILE))?.read(&expected)?;
        let mut parameters = Parameters::zeros(&config.architecture)?;
        parameters.values_mut().copy_from_slice(&values);
        Ok(Model {
            parameters,
            objective: config.objective,
            noise: config.noise,
            preprocessing: config.preprocessing,
            picture_shape,
            patches,
            reading,
            provenance: config.provenance,
        })
    }
}

impl ModelConfigFile {
    /// What rows of `d` features are pictures of, or what is wrong with what is said of it.
    fn pictures(&self, d: usize) -> Result<(Option<PictureShape>, Option<Patches>), String> {
        let channels = self.channels.unwrap_or(1);
        let shape = self.image_shape.map(|(height, width)| PictureShape { height, width, channels });
        if let Some(shape) = shape.filter(|shape| !shape.holds(d)) {
            let sides = (shape.height, shape.width);
            return Err(match channels {
                1 => format!("`image_shape` must have {d} pixels, got {sides:?}"),
                _ => format!("`image_shape` times `channels` must be {d}, got {sides:?} and {channels}"),
            });
        }
        if let (None, Some(channels)) = (shape, self.channels) {
            return Err(format!("`channels` must be left out without `image_shape`, got {channels}"));
        }
        let patches = match (self.patch, self.stride) {
            (None, None) => None,
            (Some(patch), Some(stride)) => Some(Patches { patch, stride }),
            (patch, stride) => return Err(format!("`patch` and `stride` go together, got {patch:?} and {stride:?}")),
        };
        if let Some(Patches { patch, stride }) = patches
            && (shape.map(|shape| (shape.height, shape.width)) != Some((patch, patch))
                || !(1..=patch).contains(&stride))
        {
            return Err(format!(
                "`patch` must be both sides of `image_shape` and `stride` from 1 to it, got {patch} and {stride}"
            ));
        }
        Ok((shape, patches))
    }

    /// How pictures of folders are made alike, or what is wrong with what is said of it.
    fn reading(&self) -> Result<PictureReading, String> {
        let (size, fit, median_size) = (self.image_size, self.fit, self.median_size);
        if let (None, Some(size)) = (self.patch, size.or(median_size)) {
            return Err(format!("`image_size` and `median_size` must be left out without `patch`, got {size}"));
        }
        if fit.is_some() && self.image_shape.is_none() {
            return Err("`fit` must be left out without `image_shape`".into());
        }
        Ok(PictureReading { size, fit, median_size })
    }
}

/// Whether a folder holds a model of this format.
fn is_model(path: &Path) -> bool {
    path.join(TENSOR_FILE).is_file() && read_config(&path.join(CONFIG_FILE)).is_ok()
}

/// The bytes of a file that are at most `most`.
///
/// # Errors
/// [`ModelError::Read`] and [`ModelError::ConfigSize`].
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    let failed = |source| ModelError::Read { path: path.to_path_buf(), source };
    let size = path.metadata().map_err(failed)?.len();
    if size > most {
        return Err(ModelError::ConfigSize { path: path.to_path_buf(), most, got: size });
    }
    limits::read_at_most(path, most).map_err(failed)
}

fn read_config(path: &Path) -> Result<ModelConfigFile, ModelError> {
    let wrong = |e: serde_json::Error| ModelError::Config { path: path.to_path_buf(), reason: e.to_string() };
    let text = read_at_most(path, LARGEST_CONFIG)?;
    // The version first: another one may differ in anything else.
    let head = DocumentHead::of(&text).map_err(wrong)?;
    if head.version() != Some(FORMAT_VERSION) {
        let (expected, got) = (FORMAT_VERSION, head.version_text());
        return Err(ModelError::Version { path: path.to_path_buf(), expected, got });
    }
    from_json(&text).map_err(wrong)
}
