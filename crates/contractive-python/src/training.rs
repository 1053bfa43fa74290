//! `contractive._core.fit`: a network trained on an array.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use contractive::data::Dataset;
use contractive::train::{End, Observer, Outcome, Start, StepReport, TrainingPlan, train};
use contractive::{EpochRecord, Prepared, TrainConfig};
use contractive_report::record::concern;
use pyo3::prelude::*;

use crate::communicator::{Group, agreed, ranks_of, together};
use crate::ending;
use crate::failure::raise;
use crate::model::Model;
use crate::rows::{NAME, Rows};

/// What a training gave.
#[pyclass(frozen, module = "contractive._core")]
pub struct Fitted {
    #[pyo3(get)]
    model: Model,
    /// One record an epoch, as JSON.
    #[pyo3(get)]
    history: String,
    /// The configuration with everything filled in, as TOML.
    #[pyo3(get)]
    config: String,
    /// The epoch of the model, from 1; 0 where none was completed.
    #[pyo3(get)]
    best_epoch: usize,
    /// What is wrong with a model that was trained to its end, as JSON.
    #[pyo3(get)]
    concern: Option<String>,
    /// What interrupted it: an exception to be raised.
    #[pyo3(get)]
    raised: Option<Py<PyAny>>,
}

/// How often steps are told of, at most.
const STEP_PAUSE: Duration = Duration::from_millis(100);

/// Python functions that are told of the training; what they raise ends it, and is raised again.
struct Told {
    on_start: Option<Py<PyAny>>,
    on_step: Option<Py<PyAny>>,
    on_epoch: Option<Py<PyAny>>,
    last: Instant,
    raised: Mutex<Option<PyErr>>,
}

impl Told {
    /// Calls `function`; a true answer, or an exception, ends the training.
    fn call(&self, function: &Option<Py<PyAny>>, argument: impl FnOnce() -> Option<String>) -> ControlFlow<()> {
        let Some(function) = function else { return ControlFlow::Continue(()) };
        let Some(argument) = argument() else { return ControlFlow::Continue(()) };
        let Some(answer) = ending::attached(|py| function.call1(py, (argument,))?.is_truthy(py)) else {
            return ControlFlow::Continue(());
        };
        match answer {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => ControlFlow::Break(()),
            Err(e) => {
                if let Ok(mut raised) = self.raised.lock() {
                    raised.get_or_insert(e);
                }
                ControlFlow::Break(())
            }
        }
    }
}

impl Observer for Told {
    fn on_start(&mut self, plan: &TrainingPlan) {
        let told = || {
            let plan = serde_json::json!({
                "epochs": plan.epochs, "steps": plan.steps, "rows": plan.rows,
                "validation_rows": plan.validation_rows, "parameters": plan.parameters,
            });
            Some(plan.to_string())
        };
        let _ = self.call(&self.on_start, told);
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        if self.on_step.is_none() || self.last.elapsed() < STEP_PAUSE {
            return ControlFlow::Continue(());
        }
        self.last = Instant::now();
        let told = || {
            let step = serde_json::json!({
                "epoch": report.epoch, "epochs": report.epochs, "step": report.step, "steps": report.steps,
                "total": report.terms.total, "rows_per_second": report.rows_per_second,
            });
            Some(step.to_string())
        };
        self.call(&self.on_step, told)
    }

    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        self.call(&self.on_epoch, || serde_json::to_string(record).ok())
    }
}

/// Trains on `rows` as the TOML of `config` says, from the parameters of `start` where it is given. The functions are told
/// of the plan, of steps (at most ten a second) and of epochs, in JSON. The ranks of `group` train together, each on its rows.
#[pyfunction]
#[pyo3(signature = (config, rows, *, names=None, image_shape=None, start=None, on_start=None, on_step=None, on_epoch=None, group=None))]
pub fn fit(
    py: Python<'_>,
    config: &str,
    rows: Rows<'_>,
    names: Option<Vec<String>>,
    image_shape: Option<(usize, usize)>,
    start: Option<Model>,
    on_start: Option<Py<PyAny>>,
    on_step: Option<Py<PyAny>>,
    on_epoch: Option<Py<PyAny>>,
    group: Option<Py<Group>>,
) -> PyResult<Fitted> {
    let group = group.as_ref().map(Py::get);
    let given = || {
        let mut config = TrainConfig::from_toml("parameters", config).map_err(raise)?;
        let data = match rows.shape() {
            [0, d] if group.is_some() => Dataset::without_rows(NAME, d, false),
            _ => rows.dataset(names, image_shape)?,
        };
        config.data.spec = data.name().to_owned();
        Ok((config, data))
    };
    let (config, data) = agreed(py, group, given())?;
    let ranks = ranks_of(group);
    let start = start.map_or(Start::Fresh, |model| Start::From(Box::new(model.trained.parameters().clone())));
    let mut told = Told { on_start, on_step, on_epoch, last: Instant::now(), raised: Mutex::new(None) };
    let stop = AtomicBool::new(false);
    let work = || -> Result<(Outcome, String, Option<String>), PyErr> {
        let prepared = Prepared::shared(&config, data, None, &ranks).map_err(raise)?;
        let resolved = prepared.config().to_toml().map_err(raise)?;
        let outcome = train(&prepared, None, start, &mut told, &stop).map_err(raise)?;
        let concern = match outcome.end {
            End::Interrupted => None,
            _ => concern(&prepared, &outcome.model).map_err(raise)?,
        };
        let concern = concern.map(|concern| serde_json::to_string(&concern).map_err(raise)).transpose()?;
        Ok((outcome, resolved, concern))
    };
    let (result, signal) = together(py, &stop, group, work)?;
    let raised = signal.or(told.raised.into_inner().unwrap_or_default());
    let (outcome, config, concern) = match (result, raised.is_some()) {
        (Ok(done), _) => done,
        // A callback's own error says more than what came of it.
        (Err(e), false) => return Err(e),
        (Err(e), true) => return Err(raised.unwrap_or(e)),
    };
    Ok(Fitted {
        model: outcome.model.into(),
        history: serde_json::to_string(&outcome.history).map_err(raise)?,
        config,
        best_epoch: outcome.best_epoch,
        concern,
        raised: raised.map(|e| e.into_value(py).into_any()),
    })
}
