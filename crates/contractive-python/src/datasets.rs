//! `contractive._core.load`: registered data sets, and any file that `cae --data` reads.

use std::path::PathBuf;

use contractive::data::FileOptions;
use contractive_datasets::{DataSpec, LoadOptions, Part, Source};
use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::raise;
use crate::work::whole;

/// Rows as float32, with labels, names and the shape of images: `X`, `labels`, `feature_names`, `class_names`, `image_shape`.
#[pyfunction]
#[pyo3(signature = (spec, part, rows=None, data_dir=None, offline=false))]
pub fn load<'py>(
    py: Python<'py>,
    spec: &str,
    part: &str,
    rows: Option<usize>,
    data_dir: Option<PathBuf>,
    offline: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let part = match part {
        "train" => Part::Train,
        "test" => Part::Test,
        other => return Err(PyValueError::new_err(format!("`part` must be train or test, got {other}"))),
    };
    let spec: DataSpec = spec.parse().map_err(raise)?;
    let source = Source { data_dir, offline };
    let file = FileOptions { rows, ..FileOptions::default() };
    let options = LoadOptions { source, file, ..LoadOptions::default() };
    let (data, values) = whole(py, || {
        let data = contractive_datasets::load(&spec, part, &options).map_err(raise)?;
        let values = data.to_vec();
        Ok((data, values))
    })?;
    let told = PyDict::new(py);
    let rows: Bound<'py, PyArray2<f32>> = values.into_pyarray(py).reshape([data.len(), data.n_features()])?;
    told.set_item("X", rows)?;
    told.set_item("labels", data.labels().map(|labels| labels.to_vec().into_pyarray(py)))?;
    told.set_item("feature_names", data.feature_names())?;
    told.set_item("class_names", data.class_names())?;
    told.set_item("image_shape", data.image_shape())?;
    told.set_item("name", data.name())?;
    Ok(told)
}
