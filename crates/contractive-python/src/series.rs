//! `contractive._core.SeriesDetector`: anomalies in time series.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use contractive_anomaly::detector::{DetectorSettings, TrainOptions};
use contractive_anomaly::series::{
    Gaps, Missing, Series, SeriesColumns, SeriesDetector as Trained, SeriesScores, SeriesSpec,
};
use contractive_report::{SeriesPage, series_html};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;

use crate::failure::raise;
use crate::folders::{Files, files_of, of_files};
use crate::frames::Frame;
use crate::settings::{Listener, by_key, detector_settings, rule};
use crate::work::{Stop, interruptible, pieces, threads, whole};

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
    normalise: contractive_anomaly::series::Normalise,
    credit: contractive_anomaly::series::Credit,
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

    /// The windows, and why they are so long where that was left to the series.
    fn spec(&self, series: &Series) -> (SeriesSpec, Option<String>) {
        let choice = self.window.is_none().then(|| series.window_choice());
        let mut spec = SeriesSpec {
            time: self.time.clone(),
            series_key: self.series_key.clone(),
            missing: self.columns().missing,
            normalise: self.normalise,
            credit: self.credit,
            gaps: self.gaps.unwrap_or_else(|| Gaps::of(&series.pace(series.step()), series.len())),
            ..SeriesSpec::new("", series.names.clone())
        };
        spec.window = self.window.or(choice.as_ref().map(|choice| choice.window)).unwrap_or(spec.window);
        spec.stride = self.stride.unwrap_or(spec.stride);
        (spec, choice.map(|choice| choice.to_string()))
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
        let settings: DetectorSettings = detector_settings(settings, threshold)?;
        let series = whole(py, || Series::read(frame.source(), &wishes.columns()).map_err(raise))?;
        let (spec, reason) = wishes.spec(&series);
        let stop = AtomicBool::new(false);
        let all = || {
            let listener = Listener { function: &listener };
            let (on_plan, on_member) = (|plan: &_| listener.plan(plan), |report: &_| listener.member(report));
            let options = TrainOptions {
                threads: threads(n_threads),
                on_plan: &on_plan,
                on_member: &on_member,
                on_scores: &|_| {},
                stop: &stop,
            };
            Trained::train(&series, &spec, &settings, &options)
        };
        let (result, signal) = interruptible(py, &stop, all)?;
        if let Some(raised) = signal {
            return Err(raised);
        }
        let notes = series.notes.iter().cloned().chain(reason).collect();
        Ok((SeriesDetector { trained: result.map_err(raise)? }, notes))
    }

    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<SeriesDetector> {
        Ok(SeriesDetector { trained: Trained::load(path).map_err(raise)? })
    }

    fn save(&self, path: PathBuf) -> PyResult<()> {
        self.trained.save(path).map_err(raise)
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
