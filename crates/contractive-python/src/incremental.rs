//! `contractive._core.Incremental`: a network that learns from pieces.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard};

use contractive::TrainConfig;
use contractive::train::Incremental as Training;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::failure::raise;
use crate::model::Model;
use crate::rows::Rows;
use crate::work::{interruptible, whole};

/// A training that goes on as rows come.
#[pyclass(frozen, module = "contractive._core")]
pub struct Incremental {
    training: Mutex<Training>,
}

impl Incremental {
    /// The training, which one thread has at a time. In a process that was forked in the middle of a pass, the thread that
    /// has it is not there to give it back: waiting would be for ever.
    fn own(&self) -> PyResult<MutexGuard<'_, Training>> {
        self.training.try_lock().map_err(|_| {
            PyRuntimeError::new_err(
                "another thread is in the middle of a pass, was when this process was forked, or failed in one: fit anew",
            )
        })
    }
}

#[pymethods]
impl Incremental {
    #[new]
    #[pyo3(signature = (config, rows, *, names=None, image_shape=None, start=None))]
    fn new(
        py: Python<'_>,
        config: &str,
        rows: Rows<'_>,
        names: Option<Vec<String>>,
        image_shape: Option<(usize, usize)>,
        start: Option<Model>,
    ) -> PyResult<Self> {
        let mut config = TrainConfig::from_toml("parameters", config).map_err(raise)?;
        let data = rows.dataset(names, image_shape)?;
        config.data.spec = data.name().to_owned();
        let training = whole(py, || match start {
            Some(model) => Training::from_model(&config, &model.trained, &data).map_err(raise),
            None => Training::new(&config, &data).map_err(raise),
        })?;
        Ok(Incremental { training: Mutex::new(training) })
    }

    /// One pass over the rows; the terms' means, as JSON.
    #[pyo3(signature = (rows, names=None))]
    fn pass_over(&self, py: Python<'_>, rows: Rows<'_>, names: Option<Vec<String>>) -> PyResult<String> {
        let data = rows.dataset(names, None)?;
        let stop = AtomicBool::new(false);
        let work = || {
            let mut training = self.own()?;
            training.pass(&data, &stop).map_err(raise)
        };
        let (result, signal) = interruptible(py, &stop, work)?;
        match signal {
            Some(raised) => Err(raised),
            None => serde_json::to_string(&result?).map_err(raise),
        }
    }

    /// The network as it is now.
    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        whole(py, || Ok(self.own()?.model().into()))
    }
}
