//! `contractive._core.Model`: a trained autoencoder.

mod pieces;

use std::path::PathBuf;
use std::sync::Arc;

use contractive::Model as Trained;
use contractive::data::Dataset;
use contractive::model::finite::{check_rows, entry, singular_value};
use contractive_core::engine::Engine;
use contractive_core::jacobian::explicit;
use contractive_core::matrix::MatRef;
use contractive_core::row_spectra::RowSpectra;
use contractive_onnx::{export_model, export_rows};
use contractive_report::analysis::spectrum::row_values;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::failure::raise;
use crate::folders::{Files, files_of, of_files};
use crate::onnx::exported;
use crate::rows::{Rows, numbers_of};
use crate::work::{pieces, room_for, threads, whole};

/// Rows whose spectra are taken between which Ctrl-C is heard: each is work.
const SPECTRA: usize = 64;

/// A trained autoencoder: parameters, scaling, objective, where it came from.
#[pyclass(frozen, module = "contractive._core", from_py_object)]
#[derive(Clone)]
pub struct Model {
    pub trained: Arc<Trained>,
}

impl From<Trained> for Model {
    fn from(trained: Trained) -> Self {
        Model { trained: Arc::new(trained) }
    }
}

/// Numbers of N rows, `width` each, as an array.
fn table<'py, T: numpy::Element>(py: Python<'py>, values: Vec<T>, width: usize) -> PyResult<Bound<'py, PyArray2<T>>> {
    let n = values.len().checked_div(width).unwrap_or(0);
    values.into_pyarray(py).reshape([n, width])
}

#[pymethods]
impl Model {
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Model> {
        Ok(Trained::load(path).map_err(raise)?.into())
    }

    #[pyo3(signature = (path, note=None))]
    fn save(&self, path: PathBuf, note: Option<&str>) -> PyResult<()> {
        self.trained.save_with_note(path, note).map_err(raise)
    }

    /// An ONNX file at `path`, or its bytes where there is no path; of a model of patches, of whole pictures or of `rows`.
    #[pyo3(signature = (path, *, opset, rows=false))]
    fn to_onnx<'py>(
        &self,
        py: Python<'py>,
        path: Option<PathBuf>,
        opset: u32,
        rows: bool,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let export = if rows { export_rows } else { export_model };
        exported(py, path, opset, |opset| export(&self.trained, opset))
    }

    fn to_files(&self) -> PyResult<Files> {
        files_of(|folder| self.trained.save(folder).map_err(raise))
    }

    /// Pickled as its files.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Files,))> {
        Ok((py.get_type::<Model>().getattr("from_files")?, (self.to_files()?,)))
    }

    #[staticmethod]
    fn from_files(files: Files) -> PyResult<Model> {
        of_files(&files, |folder| Ok(Trained::load(folder).map_err(raise)?.into()))
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.d()
    }

    #[getter]
    fn code_size(&self) -> usize {
        self.k()
    }

    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        self.trained.preprocessing().feature_names().map(<[String]>::to_vec)
    }

    #[getter]
    fn image_shape(&self) -> Option<(usize, usize)> {
        self.trained.image_shape()
    }

    #[getter]
    fn scale(&self) -> &'static str {
        self.trained.preprocessing().scale().name()
    }

    /// Sizes and activations of the layers, loss, penalty and provenance, as JSON.
    fn describe(&self) -> PyResult<String> {
        let (model, architecture) = (&self.trained, self.trained.architecture());
        let told = serde_json::json!({
            "architecture": architecture,
            "objective": model.objective(),
            "noise": model.noise(),
            "scale": self.scale(),
            "log1p": model.preprocessing().counts().log1p,
            "library_size": model.preprocessing().counts().library_size,
            "image_shape": model.image_shape(),
            "picture_shape": model.picture_shape().map(|shape| (shape.height, shape.width, shape.channels)),
            "patch": model.patches().map(|patches| patches.patch),
            "stride": model.patches().map(|patches| patches.stride),
            "provenance": model.provenance(),
        });
        Ok(told.to_string())
    }

    /// The tensors by name, copied, weights of shape (out, in).
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tensors = PyDict::new(py);
        let parameters = self.trained.parameters();
        for place in parameters.places() {
            let values = parameters.values()[place.range()].to_vec().into_pyarray(py);
            match place.shape.as_slice() {
                [rows, columns] => tensors.set_item(&place.name, values.reshape([*rows, *columns])?)?,
                _ => tensors.set_item(&place.name, values)?,
            }
        }
        Ok(tensors)
    }

    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let data = rows.dataset(names, None)?;
        let encode = |piece: &Dataset| self.trained.encode(piece, threads(n_threads));
        table(py, self.in_pieces(py, &data, self.k(), encode)?, self.k())
    }

    /// What the network restores, in its own units.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn outputs<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let data = rows.dataset(names, None)?;
        let outputs = |piece: &Dataset| self.trained.outputs(piece, threads(n_threads));
        table(py, self.in_pieces(py, &data, self.d(), outputs)?, self.d())
    }

    /// The rows in the network's units.
    #[pyo3(signature = (rows, names=None))]
    fn scaled<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let data = rows.dataset(names, None)?;
        let scaled = |piece: &Dataset| self.scaled_rows(piece);
        table(py, self.in_pieces(py, &data, self.d(), scaled)?, self.d())
    }

    /// The mean squared error of each row in the network's units, (N,): what `scaled` and `outputs` differ by.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn row_errors<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let data = rows.dataset(names, None)?;
        let errors = |piece: &Dataset| self.errors(piece, threads(n_threads));
        Ok(self.in_pieces(py, &data, 1, errors)?.into_pyarray(py))
    }

    /// What the network restores, in the units of the rows.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let data = rows.dataset(names, None)?;
        let restored = |piece: &Dataset| self.trained.reconstruct(piece, threads(n_threads));
        table(py, self.in_pieces(py, &data, self.d(), restored)?, self.d())
    }

    /// The decoder at codes, in the units of the rows.
    #[pyo3(signature = (codes, n_threads=None))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray2<'py, f32>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (n, k, d) = (codes.shape()[0], codes.shape()[1], self.d());
        if k != self.k() {
            let text = format!("H must have {} columns, one a code unit, got {k}", self.k());
            return Err(PyValueError::new_err(text));
        }
        room_for::<f64>(&[n, d])?;
        let codes = numbers_of(codes)?;
        let restored = whole(py, || {
            let mut engine = self.trained.engine_for(self.trained.objective(), threads(n_threads)).map_err(raise)?;
            let mut outputs = vec![0.0; n * d];
            engine.decode(MatRef::new(&codes, n, k), &mut outputs).map_err(raise)?;
            let preprocessing = self.trained.preprocessing();
            let mut rows = preprocessing.invert(&outputs);
            // A code does not know what its row's counts added up to: they come back as rows of the size learnt.
            let size = preprocessing.counts().library_size.unwrap_or(1.0);
            preprocessing.invert_counts(&mut rows, &vec![size; n]);
            self.trained.check_restored("H", &rows).map_err(raise)?;
            Ok(rows)
        })?;
        table(py, restored, d)
    }

    /// ∂h/∂x of each row, (N, k, d): x in the network's units.
    #[pyo3(signature = (rows, names=None))]
    fn jacobian<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let (data, d) = (rows.dataset(names, None)?, self.d());
        let n = data.len();
        let all = self.in_pieces(py, &data, self.k() * d, |piece| {
            let all = explicit(self.trained.parameters(), MatRef::new(&self.scaled_rows(piece)?, piece.len(), d));
            check_rows(piece.name(), 0, &all, self.k() * d, entry("J", d))?;
            Ok(all)
        })?;
        all.into_pyarray(py).reshape([n, self.k(), d])
    }

    /// dx/dx′ of each cell, (N, d), x′ being x in the network's units.
    #[pyo3(signature = (rows, names=None))]
    fn slopes<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (data, d) = (rows.dataset(names, None)?, self.d());
        let all = self.in_pieces(py, &data, d, |piece| {
            let (scaled, preprocessing) = (self.scaled_rows(piece)?, self.trained.preprocessing());
            let slopes: Vec<f64> = scaled.chunks_exact(d).flat_map(|row| preprocessing.slopes(row)).collect();
            check_rows(piece.name(), 0, &slopes, d, |j| format!("the slope of column {j}"))?;
            Ok(slopes)
        })?;
        table(py, all, d)
    }

    /// ‖J‖_F of each row.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn jacobian_norms<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let data = rows.dataset(names, None)?;
        let norms = |piece: &Dataset| self.trained.jacobian_norms(piece, threads(n_threads));
        Ok(self.in_pieces(py, &data, 1, norms)?.into_pyarray(py))
    }

    /// Singular values of J at each row, (N, min(k, d)), largest first.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn singular_values<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (data, d) = (rows.dataset(names, None)?, self.d());
        room_for::<f64>(&[data.len(), d.min(self.k())])?;
        let all = pieces(py, |stop| {
            let scaled = self.scaled_rows(&data).map_err(raise)?;
            let spectra = RowSpectra::new(self.trained.parameters(), data.len());
            let mut all = Vec::new();
            for some in scaled.chunks(SPECTRA * d) {
                stop.check();
                let some = MatRef::new(some, some.len() / d, d);
                let values = row_values(&spectra, some, threads(n_threads)).concat();
                let n = d.min(self.k());
                check_rows(data.name(), all.len() / n, &values, n, singular_value).map_err(raise)?;
                all.extend(values);
            }
            Ok(all)
        })?;
        table(py, all, d.min(self.k()))
    }

    /// The `most` directions in which the code moves most at each row, (N, most, d).
    #[pyo3(signature = (rows, most, names=None))]
    fn tangents<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        most: usize,
        names: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let (data, d) = (rows.dataset(names, None)?, self.d());
        let (rows, n) = (data.len(), most.min(d).min(self.k()));
        room_for::<f64>(&[rows, n, d])?;
        let directions = pieces(py, |stop| {
            let scaled = self.scaled_rows(&data).map_err(raise)?;
            let spectra = RowSpectra::new(self.trained.parameters(), rows);
            let mut directions = Vec::with_capacity(rows * n * d);
            for (r, row) in scaled.chunks_exact(d).enumerate() {
                stop.check();
                let tangents = spectra.tangents(row, n);
                check_rows(data.name(), r, &tangents.singular_values, n, singular_value).map_err(raise)?;
                check_rows(data.name(), r, &tangents.directions, n * d, entry("tangents", d)).map_err(raise)?;
                directions.extend(tangents.directions);
            }
            Ok(directions)
        })?;
        directions.into_pyarray(py).reshape([rows, n, d])
    }

    /// The numbers of `cae evaluate`, as JSON.
    #[pyo3(signature = (rows, names=None, n_threads=None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        rows: Rows<'_>,
        names: Option<Vec<String>>,
        n_threads: Option<usize>,
    ) -> PyResult<String> {
        let data = rows.dataset(names, None)?;
        let evaluation = whole(py, || contractive::evaluate(&self.trained, &data, threads(n_threads)).map_err(raise))?;
        serde_json::to_string(&evaluation).map_err(raise)
    }
}
