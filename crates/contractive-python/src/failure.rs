//! Errors of the crates as Python's: `OSError` where the system refused, `TrainingDiverged` where numbers were no longer
//! finite, else `ValueError`; each with the whole message.

use std::error::Error;
use std::io;

use contractive::train::TrainError;
use contractive_anomaly::detector::DetectorError;
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::{PyArithmeticError, PyOSError, PyValueError};

create_exception!(
    contractive,
    TrainingDiverged,
    PyArithmeticError,
    "Training met a number that was not finite; the message says in which epoch, step and term."
);

/// The error as Python's, with its causes.
pub fn raise(error: impl Error + 'static) -> PyErr {
    let mut text = error.to_string();
    let (mut is_system, mut is_divergence) = (false, false);
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        is_system |= cause.is::<io::Error>();
        is_divergence |= cause.downcast_ref::<TrainError>().is_some_and(|e| e.divergence().is_some())
            || matches!(cause.downcast_ref(), Some(DetectorError::Diverged { .. }));
        next = cause.source();
    }
    match (is_divergence, is_system) {
        (true, _) => TrainingDiverged::new_err(text),
        (_, true) => PyOSError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
