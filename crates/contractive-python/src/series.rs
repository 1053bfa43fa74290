//! `contractive._core.SeriesDetector`: anomalies in time series.

use std::path::PathBuf;

use contractive_anomaly::series::{
    Credit, Gaps, Missing, Normalise, Series, SeriesColumns, SeriesDetector as Trained, SeriesScores, WindowWishes,
};
use contractive_onnx::export_series;
use contractive_report::{SeriesPage, series_html};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Deserialize;

use crate::failure::raise;
use crate::folders::{Files, files_of, of_files};
use crate::frames::Frame;
use crate::onnx::exported;
use crate::settings::{by_key, detector_settings, rule};
use crate::telling::{Tells, training};
use crate::work::{Stop, pieces, threads, whole};

/// A trained detector of time series.
#[pyclass(frozen, module = "contractive._core")]
pub struct SeriesDetector {
    trained: Trained,
}

/// What of a frame is a series, and its windows; what is left out is chosen by the series.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wishes {
    time: Option<String>,
    series_key: Vec<String>,
    values: Option<Vec<String>>,
    fills_missing: bool,
    window: Option<usize>,
    stride: Option<usize>,
    normalise: Normalise,
    credit: Credit,
    gaps: Option<Gaps>,
}

impl Wishes {
    fn columns(&self) -> SeriesColumns {
        SeriesColumns {
            time: self.time.clone(),
            series_key: self.series_key.clone(),
            values: self.values.clone(),
            missing: if self.fills_missing { Missing::Previous } else { Missing::Refuse },
            ..SeriesColumns::default()
        }
    }

    fn windows(&self) -> WindowWishes {
        let Wishes { window, stride, normalise, credit, gaps, .. } = *self;
        WindowWishes { window, stride, normalise, credit, gaps }
    }
}

#[pymethods]
impl SeriesDetector {
    /// Trains on a frame; the detector, and what a user should know.
    #[staticmethod]
    #[pyo3(signature = (frame, wishes, settings, threshold, *, n_threads=None, listener=None))]
    fn train(
        py: Python<'_>,
        frame: &Frame,
        wishes: &str,
        settings: &str,
        threshold: &str,
        n_threads: Option<usize>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<(SeriesDetector, Vec<String>)> {
        let wishes: Wishes = by_key(wishes)?;
        let settings = detector_settings(settings, threshold)?;
        let series = whole(py, || Series::read(frame.source(), &wishes.columns()).map_err(raise))?;
        let (spec, choice) = series.spec(&wishes.windows());
        let tells = Tells { listener: &listener, of_scores: false };
        let trained =
            training(py, None, n_threads, &tells, |options| Trained::train(&series, &spec, &settings, options))?;
        let notes = series.notes.iter().cloned().chain(choice.map(|choice| choice.to_string())).collect();
        Ok((SeriesDetector { trained }, notes))
    }

    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<SeriesDetector> {
        Ok(SeriesDetector { trained: Trained::load(path).map_err(raise)? })
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
        exported(py, path, opset, |opset| export_series(&self.trained, opset))
    }

    fn to_files(&self) -> PyResult<Files> {
        files_of(|folder| self.trained.save(folder).map_err(raise))
    }

    /// Pickled as its files.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Files,))> {
        Ok((py.get_type::<SeriesDetector>().getattr("from_files")?, (self.to_files()?,)))
    }

    #[staticmethod]
    fn from_files(files: Files) -> PyResult<SeriesDetector> {
        of_files(&files, |folder| Ok(SeriesDetector { trained: Trained::load(folder).map_err(raise)? }))
    }

    /// Another detector with this rule.
    fn with_threshold(&self, threshold: &str) -> PyResult<SeriesDetector> {
        let mut trained = self.trained.clone();
        trained.set_threshold(rule(threshold)?).map_err(raise)?;
        Ok(SeriesDetector { trained })
    }

    #[getter]
    fn threshold(&self) -> f64 {
        self.trained.threshold()
    }

    #[getter]
    fn threshold_rule(&self) -> String {
        self.trained.threshold_rule().to_string()
    }

    #[getter]
    fn n_training_rows(&self) -> usize {
        self.trained.n_training_rows()
    }

    /// Columns and windows, as JSON.
    fn spec(&self) -> PyResult<String> {
        serde_json::to_string(self.trained.spec()).map_err(raise)
    }

    /// The settings, as JSON.
    fn settings(&self) -> PyResult<String> {
        serde_json::to_string(self.trained.windows().settings()).map_err(raise)
    }

    /// Score, probability and label of every timestamp, its parts by column where it `explains`, and the ranges flagged.
    #[pyo3(signature = (frame, *, explains=false, n_threads=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        frame: &Frame,
        explains: bool,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (series, scores) = pieces(py, |stop| self.scored(frame, explains, n_threads, stop))?;
        let ranges: Vec<serde_json::Value> = scores
            .flagged_ranges(&series)
            .iter()
            .map(|range| {
                let columns: Vec<(&str, f64)> =
                    range.at_fault().map(|(j, share)| (series.names[j].as_str(), share)).collect();
                serde_json::json!({
                    "first": range.first, "last": range.last, "peak": range.peak, "timestamps": range.timestamps,
                    "score": range.score, "columns": columns, "start": series.stamps[range.first],
                    "end": series.stamps[range.last], "peak_at": series.stamps[range.peak],
                })
            })
            .collect();
        let SeriesScores { score, probability, label, parts } = scores;
        let (told, n) = (PyDict::new(py), score.len());
        told.set_item("score", score.into_pyarray(py))?;
        told.set_item("probability", probability.into_pyarray(py))?;
        told.set_item("label", label.into_pyarray(py))?;
        if let Some(parts) = parts {
            told.set_item("contributions", parts.into_pyarray(py).reshape([n, series.names.len()])?)?;
        }
        told.set_item("value_names", &series.names)?;
        told.set_item("ranges", serde_json::Value::Array(ranges).to_string())?;
        told.set_item("notes", &series.notes)?;
        Ok(told)
    }

    /// The page of `cae detect --report`, as HTML.
    #[pyo3(signature = (frame, *, n_threads=None))]
    fn page(&self, py: Python<'_>, frame: &Frame, n_threads: Option<usize>) -> PyResult<String> {
        pieces(py, |stop| {
            let (series, scores) = self.scored(frame, true, n_threads, stop)?;
            let pace = series.pace(self.trained.step());
            let page =
                SeriesPage { detector: &self.trained, series: &series, scores: &scores, pace: &pace, real: None };
            series_html(&page).map_err(raise)
        })
    }
}

impl SeriesDetector {
    fn scored(
        &self,
        frame: &Frame,
        explains: bool,
        n_threads: Option<usize>,
        stop: &Stop<'_>,
    ) -> PyResult<(Series, SeriesScores)> {
        let series = Series::read(frame.source(), &self.trained.columns(None)).map_err(raise)?;
        let scores = self.trained.score_telling(&series, threads(n_threads), explains, &mut |_| stop.check());
        Ok((series, scores.map_err(raise)?))
    }
}
