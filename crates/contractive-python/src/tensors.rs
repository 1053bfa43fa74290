//! Models of tensors that another program holds, or has written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contractive::Model;
use contractive::import::{ImportOptions, ImportReport, import};
use contractive::model::{ImportedFrom, Provenance};
use contractive::preprocess::Preprocessing;
use contractive_core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};
use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;

use crate::failure::raise;
use crate::rows::check_aligned;
use crate::settings::by_key;

/// What is said of a model beside its numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    architecture: Architecture,
    /// What it was trained for, if anyone says.
    #[serde(default)]
    objective: Option<Objective>,
    #[serde(default)]
    feature_names: Option<Vec<String>>,
    #[serde(default)]
    image_shape: Option<(usize, usize)>,
    /// What the tensors were taken from, in words.
    #[serde(default)]
    source: Option<String>,
}

/// Tensors by name.
pub type Tensors<'py> = BTreeMap<String, PyReadonlyArrayDyn<'py, f32>>;

/// The model that `description`, as JSON, and `tensors` make: exactly those of the architecture, in the shapes of a model
/// file. Rows come to it as they are.
///
/// # Errors
/// `ValueError`.
#[pyfunction]
pub fn model_of_tensors(description: &str, tensors: Tensors<'_>) -> PyResult<crate::model::Model> {
    Ok(model_of(description, &tensors)?.into())
}

fn model_of(description: &str, tensors: &Tensors<'_>) -> PyResult<Model> {
    let description: Description = by_key(description)?;
    let mut parameters = Parameters::zeros(&description.architecture).map_err(raise)?;
    fill(&mut parameters, tensors)?;
    let d = description.architecture.input_size();
    check_pixels(description.image_shape, d)?;
    let objective = description.objective.unwrap_or_else(unknown);
    let preprocessing = Preprocessing::identity(d).with_feature_names(description.feature_names).map_err(raise)?;
    let model = Model::new(parameters, objective, preprocessing).map_err(raise)?;
    let imported = description.source.map(|source| ImportedFrom { source, sha256: None });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let provenance = Provenance { imported, version, ..Provenance::default() };
    Ok(model.with_image_shape(description.image_shape).with_provenance(provenance))
}

/// The objective of a model of which nobody says what it was trained for.
fn unknown() -> Objective {
    Objective::new(Loss::Mse, Penalty::None, 0.0)
}

fn check_pixels(image_shape: Option<(usize, usize)>, d: usize) -> PyResult<()> {
    match image_shape {
        Some((height, width)) if height.checked_mul(width) != Some(d) => {
            let text = format!("`image_shape` must have {d} pixels, one a feature, got {height} x {width}");
            Err(PyValueError::new_err(text))
        }
        _ => Ok(()),
    }
}

/// What is said of a file of weights.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wishes {
    layers: Option<Vec<String>>,
    decoder_layers: Option<Vec<String>>,
    tied: bool,
    is_turned: Option<bool>,
    activation: Option<Activation>,
    code_activation: Option<Activation>,
    decoder_activation: Option<Activation>,
    output_activation: Option<Activation>,
    objective: Option<Objective>,
    feature_names: Option<Vec<String>>,
    image_shape: Option<(usize, usize)>,
}

/// The model that a safetensors file at `path` holds, as `wishes`, in JSON, say, and what became of its tensors, in JSON.
///
/// # Errors
/// `OSError`, `ValueError`.
#[pyfunction]
pub fn import_weights(py: Python<'_>, path: PathBuf, wishes: &str) -> PyResult<(crate::model::Model, String)> {
    let (model, report) = crate::work::in_this_thread(py, || imported(&path, wishes))?;
    Ok((model.into(), serde_json::to_string(&report).map_err(raise)?))
}

fn imported(path: &Path, wishes: &str) -> PyResult<(Model, ImportReport)> {
    let wishes: Wishes = by_key(wishes)?;
    let options = ImportOptions {
        layers: wishes.layers,
        decoder_layers: wishes.decoder_layers,
        tied: wishes.tied,
        is_turned: wishes.is_turned,
        activation: wishes.activation,
        code_activation: wishes.code_activation,
        decoder_activation: wishes.decoder_activation,
        output_activation: wishes.output_activation,
    };
    let imported = import(path, &options).map_err(raise)?;
    let d = imported.parameters.architecture().input_size();
    check_pixels(wishes.image_shape, d)?;
    let report = imported.report.clone();
    let objective = wishes.objective.unwrap_or_else(unknown);
    let preprocessing = Preprocessing::identity(d).with_feature_names(wishes.feature_names).map_err(raise)?;
    let model = imported.into_model(objective, preprocessing).map_err(raise)?;
    Ok((model.with_image_shape(wishes.image_shape), report))
}

fn fill(parameters: &mut Parameters, tensors: &Tensors<'_>) -> PyResult<()> {
    let places = parameters.places().to_vec();
    let names = || places.iter().map(|place| place.name.as_str()).collect::<Vec<&str>>().join(", ");
    if let Some(name) = tensors.keys().find(|name| places.iter().all(|place| place.name != **name)) {
        return Err(PyValueError::new_err(format!("the network has no tensor `{name}`; it has {}", names())));
    }
    for place in &places {
        let Some(array) = tensors.get(&place.name) else {
            return Err(PyValueError::new_err(format!("the tensor `{}` is missing; give {}", place.name, names())));
        };
        if array.shape() != place.shape {
            let (name, want, got) = (&place.name, &place.shape, array.shape());
            return Err(PyValueError::new_err(format!("the tensor `{name}` must have shape {want:?}, got {got:?}")));
        }
        check_aligned(array)?;
        if let Some(into) = parameters.tensor_mut(&place.name) {
            into.iter_mut().zip(array.as_array()).for_each(|(into, value)| *into = *value);
        }
    }
    Ok(())
}
