//! `contractive._core.Detector`: anomalies among the rows of a table.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use contractive_anomaly::detector::{
    Admission, Detector as Trained, EncodingOptions, FrameScorer, MissingRule, ScoreKind, ScoreOptions, ScoredFrame,
    Scores, TableScale, TrainOptions, TrainingTable,
};
use contractive_onnx::export_detector;
use contractive_report::{TableMeter, table_html};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::communicator::{Group, agreed, ranks_of, together};
use crate::failure::raise;
use crate::folders::{Files, files_of, of_files};
use crate::frames::Frame;
use crate::onnx::exported;
use crate::rows::Rows;
use crate::settings::{detector_settings, rule};
use crate::telling::{Tells, training};
use crate::work::{pieces, threads, whole};

/// A trained detector of the rows of a table.
#[pyclass(frozen, module = "contractive._core")]
pub struct Detector {
    trained: Trained,
}

fn by_name<T: Copy>(what: &str, name: &str, all: &[T], name_of: impl Fn(T) -> &'static str) -> PyResult<T> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| name_of(*one)).collect();
        PyValueError::new_err(format!("`{what}` must be one of {}, got {name}", known.join(", ")))
    })
}

/// Scores as a dictionary of arrays.
fn dictionary<'py>(
    py: Python<'py>,
    detector: &Trained,
    names: &[String],
    scored: ScoredFrame,
) -> PyResult<Bound<'py, PyDict>> {
    let ScoredFrame { scores, missing_cells, unseen_cells, changed_cells } = scored;
    let Scores { n_features, score, probability, label, kinds, contributions, .. } = scores;
    let told = PyDict::new(py);
    let n = score.len();
    told.set_item("score", score.into_pyarray(py))?;
    told.set_item("probability", probability.into_pyarray(py))?;
    told.set_item("label", label.into_pyarray(py))?;
    let by_kind = PyDict::new(py);
    for (kind, values) in ScoreKind::ALL.into_iter().zip(kinds) {
        if detector.kinds().contains(&kind) {
            by_kind.set_item(kind.name(), values.into_pyarray(py))?;
        }
    }
    told.set_item("kinds", by_kind)?;
    if let Some(parts) = contributions {
        told.set_item("contributions", parts.into_pyarray(py).reshape([n, n_features])?)?;
    }
    told.set_item("feature_names", names)?;
    told.set_item("cells", [missing_cells, unseen_cells, changed_cells])?;
    Ok(told)
}

#[pymethods]
impl Detector {
    /// Trains on a table of any columns; the detector, and what a user should know of how they were understood. The ranks of
    /// `group` train together, each on its rows.
    #[staticmethod]
    #[pyo3(signature = (frame, settings, threshold, *, columns=None, keys=Vec::new(), categories=Vec::new(), missing="refuse", scale=None, n_threads=None, listener=None, group=None))]
    fn train_table(
        py: Python<'_>,
        frame: &Frame,
        settings: &str,
        threshold: &str,
        columns: Option<Vec<String>>,
        keys: Vec<String>,
        categories: Vec<String>,
        missing: &str,
        scale: Option<&str>,
        n_threads: Option<usize>,
        listener: Option<Py<PyAny>>,
        group: Option<Py<Group>>,
    ) -> PyResult<(Detector, Vec<String>)> {
        let group = group.as_ref().map(Py::get);
        let given = || {
            let scale = scale.map(|name| by_name("scale", name, &TableScale::ALL, TableScale::name)).transpose()?;
            let options = EncodingOptions {
                columns,
                keys,
                categories,
                missing: by_name("missing", missing, &MissingRule::ALL, MissingRule::name)?,
                scale: scale.unwrap_or_default(),
                ..EncodingOptions::default()
            };
            Ok((detector_settings(settings, threshold)?, options))
        };
        let (settings, options) = agreed(py, group, given())?;
        let ranks = ranks_of(group);
        let read = || TrainingTable::read_shared(frame.source(), &options, &ranks).map_err(raise);
        let (table, signal) = together(py, &AtomicBool::new(false), group, read)?;
        let mut table = agreed(py, group, signal.map_or(table, Err))?;
        let notes = std::mem::take(&mut table.notes);
        let tells = Tells { listener: &listener, of_scores: true };
        let work = |options: &TrainOptions<'_>| Trained::train_table_shared(table, &settings, options, &ranks);
        let trained = training(py, group, n_threads, &tells, work)?;
        Ok((Detector { trained }, notes))
    }

    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Detector> {
        Ok(Detector { trained: Trained::load(path).map_err(raise)? })
    }

    fn save(&self, path: PathBuf) -> PyResult<()> {
        self.trained.save(path).map_err(raise)
    }

    /// An ONNX file at `path`, or its bytes where there is no path.
    #[pyo3(signature = (path, *, opset))]
    fn to_onnx<'py>(
        &self,
        py: Python<'py>,
        path: Option<PathBuf>,
        opset: u32,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        exported(py, path, opset, |opset| export_detector(&self.trained, opset))
    }

    fn to_files(&self) -> PyResult<Files> {
        files_of(|folder| self.trained.save(folder).map_err(raise))
    }

    /// Pickled as its files.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Files,))> {
        Ok((py.get_type::<Detector>().getattr("from_files")?, (self.to_files()?,)))
    }

    #[staticmethod]
    fn from_files(files: Files) -> PyResult<Detector> {
        of_files(&files, |folder| Ok(Detector { trained: Trained::load(folder).map_err(raise)? }))
    }

    /// Another detector with this rule.
    fn with_threshold(&self, threshold: &str) -> PyResult<Detector> {
        let mut trained = self.trained.clone();
        trained.set_threshold(rule(threshold)?).map_err(raise)?;
        Ok(Detector { trained })
    }

    #[getter]
    fn threshold(&self) -> f64 {
        self.trained.threshold()
    }

    #[getter]
    fn threshold_rule(&self) -> String {
        self.trained.settings().threshold.to_string()
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.trained.n_features()
    }

    #[getter]
    fn n_training_rows(&self) -> usize {
        self.trained.n_training_rows()
    }

    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        self.trained.feature_names().map(<[String]>::to_vec)
    }

    /// Columns of the table that it was trained on, `None` where it was trained on numbers alone.
    #[getter]
    fn columns(&self) -> Option<Vec<String>> {
        self.trained.encoding().map(|encoding| encoding.source_names())
    }

    /// How that table was understood, as JSON: `missing`, `scale`, and each column's name with its `role`.
    fn encoding(&self) -> PyResult<Option<String>> {
        self.trained.encoding().map(|encoding| serde_json::to_string(encoding).map_err(raise)).transpose()
    }

    /// Keys of that table.
    #[getter]
    fn keys(&self) -> Vec<String> {
        self.trained.encoding().map(|encoding| encoding.key_names()).unwrap_or_default()
    }

    /// The settings, as JSON.
    fn settings(&self) -> PyResult<String> {
        serde_json::to_string(self.trained.settings()).map_err(raise)
    }

    #[pyo3(signature = (rows, *, names=None, contributions=false, n_threads=None))]
    fn score_rows<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
        names: Option<Vec<String>>,
        contributions: bool,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let [_, d] = rows.shape();
        let data = rows.dataset(names, None)?;
        let options = ScoreOptions { contributions, threads: threads(n_threads) };
        let scores = whole(py, || self.trained.score(&data, &options).map_err(raise))?;
        let names = self.trained.feature_names().map(<[String]>::to_vec);
        let names = names.unwrap_or_else(|| (1..=d).map(|j| j.to_string()).collect());
        let scored = ScoredFrame { scores, missing_cells: 0, unseen_cells: 0, changed_cells: 0 };
        dictionary(py, &self.trained, &names, scored)
    }

    #[pyo3(signature = (frame, *, contributions=false, n_threads=None))]
    fn score_table<'py>(
        &self,
        py: Python<'py>,
        frame: &Frame,
        contributions: bool,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let options = ScoreOptions { contributions, threads: threads(n_threads) };
        let (names, scored) = pieces(py, |stop| {
            let (scorer, frames) =
                FrameScorer::open(&self.trained, frame.source(), &Admission::default(), None).map_err(raise)?;
            let mut all: Option<ScoredFrame> = None;
            for frame in frames {
                stop.check();
                let scored = scorer.score(&frame.map_err(raise)?, &options).map_err(raise)?;
                match &mut all {
                    None => all = Some(scored),
                    Some(all) => {
                        all.scores.append(scored.scores);
                        all.missing_cells += scored.missing_cells;
                        all.unseen_cells += scored.unseen_cells;
                        all.changed_cells += scored.changed_cells;
                    }
                }
            }
            let all = all.ok_or_else(|| PyValueError::new_err("X has no rows; give at least one"))?;
            Ok((scorer.feature_names().to_vec(), all))
        })?;
        dictionary(py, &self.trained, &names, scored)
    }

    /// The page of `cae detect --report`, as HTML.
    #[pyo3(signature = (frame, name, *, n_threads=None))]
    fn page(&self, py: Python<'_>, frame: &Frame, name: String, n_threads: Option<usize>) -> PyResult<String> {
        let admission = Admission { may_reorder: true, ..Admission::default() };
        let options = ScoreOptions { contributions: true, threads: threads(n_threads) };
        pieces(py, |stop| {
            let (scorer, frames) = FrameScorer::open(&self.trained, frame.source(), &admission, None).map_err(raise)?;
            let mut meter = TableMeter::new(&self.trained, &scorer);
            for frame in frames {
                stop.check();
                let frame = frame.map_err(raise)?;
                let scored = scorer.score(&frame, &options).map_err(raise)?;
                meter.add(&frame, &scored);
            }
            table_html(&meter.finish(name.clone(), name, Vec::new())).map_err(raise)
        })
    }
}
