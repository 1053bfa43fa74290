//! A model of tensors that another program holds.

use std::collections::BTreeMap;

use contractive::Model;
use contractive::model::{ImportedFrom, Provenance};
use contractive::preprocess::Preprocessing;
use contractive_core::{Architecture, Loss, Objective, Parameters, Penalty};
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
pub fn model_of(description: &str, tensors: &Tensors<'_>) -> PyResult<Model> {
    let description: Description = by_key(description)?;
    let mut parameters = Parameters::zeros(&description.architecture).map_err(raise)?;
    fill(&mut parameters, tensors)?;
    let d = description.architecture.input_size();
    if let Some((height, width)) = description.image_shape
        && height.checked_mul(width) != Some(d)
    {
        let text = format!("image_shape must have {d} pixels, one a feature, got {height} x {width}");
        return Err(PyValueError::new_err(text));
    }
    let objective = description.objective.unwrap_or_else(|| Objective::new(Loss::Mse, Penalty::None, 0.0));
    let model = Model::new(parameters, objective, Preprocessing::identity(d)).map_err(raise)?;
    let imported = description.source.map(|source| ImportedFrom { source, sha256: None });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let provenance = Provenance { imported, version, ..Provenance::default() };
    Ok(model.with_image_shape(description.image_shape).with_provenance(provenance))
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
