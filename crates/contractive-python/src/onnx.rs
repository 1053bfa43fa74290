//! Models and detectors as ONNX files, or their bytes.

use std::path::PathBuf;

use contractive_onnx::{OnnxError, OnnxFile, Opset};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::failure::raise;
use crate::work::whole;

/// What `export` makes with this opset: written to `path`, or given where there is none.
pub fn exported<'py>(
    py: Python<'py>,
    path: Option<PathBuf>,
    opset: u32,
    export: impl FnOnce(Opset) -> Result<OnnxFile, OnnxError> + Send,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let opset = Opset::new(opset).map_err(raise)?;
    let file = whole(py, || {
        let file = export(opset).map_err(raise)?;
        if let Some(path) = &path {
            file.write(path).map_err(raise)?;
        }
        Ok(file)
    })?;
    Ok(path.is_none().then(|| PyBytes::new(py, file.bytes())))
}
