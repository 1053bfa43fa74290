//! Errors of the crates as Python's: `OSError` where the system refused, `TrainingDiverged` where numbers were no longer
//! finite, `ConnectionError` where other processes cannot be reached, `RuntimeError` where one of them failed, else `ValueError`;
//! each with the whole message, what a terminal would obey in it written out.

use std::error::Error;
use std::io;

use contractive::encoding::EncodingError;
use contractive::train::TrainError;
use contractive_anomaly::detector::DetectorError;
use contractive_core::ArgumentError;
use contractive_core::communicator::CommunicationError;
use contractive_table::message::words;
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::{PyArithmeticError, PyConnectionError, PyOSError, PyRuntimeError, PyValueError};

create_exception!(
    contractive,
    TrainingDiverged,
    PyArithmeticError,
    "Training met a number that was not finite; the message says in which epoch, step and term."
);

/// The error as Python's, with its causes.
pub fn raise(error: impl Error + 'static) -> PyErr {
    let mut text = error.to_string();
    let (mut is_system, mut is_divergence, mut is_stopped, mut of_ranks) = (false, false, false, None);
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        is_system |= cause.is::<io::Error>();
        is_divergence |= cause.downcast_ref::<TrainError>().is_some_and(|e| e.divergence().is_some())
            || matches!(cause.downcast_ref(), Some(DetectorError::Diverged { .. }));
        is_stopped |= matches!(cause.downcast_ref(), Some(DetectorError::Stopped));
        of_ranks = of_ranks.or_else(|| communication(cause));
        next = cause.source();
    }
    let text = words(&text);
    match of_ranks {
        Some(CommunicationError::Broken { .. }) => return PyConnectionError::new_err(text),
        Some(CommunicationError::Elsewhere { .. }) => return PyRuntimeError::new_err(text),
        // On a rank that was not interrupted itself.
        _ if is_stopped => return PyRuntimeError::new_err(text),
        _ => {}
    }
    match (is_divergence, is_system) {
        (true, _) => TrainingDiverged::new_err(text),
        (_, true) => PyOSError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

/// The error of ranks that work together, which the errors of the crates say in its own words.
fn communication<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CommunicationError> {
    let of_argument = |error: &'a ArgumentError| match error {
        ArgumentError::Communication(error) => Some(error),
        _ => None,
    };
    let of_training = |error: &'a TrainError| match error {
        TrainError::Communication(error) => Some(error),
        TrainError::Argument(error) => of_argument(error),
        _ => None,
    };
    let of_encoding = |error: &'a EncodingError| match error {
        EncodingError::Communication(error) => Some(error),
        _ => None,
    };
    let of_detector = |error: &'a DetectorError| match error {
        DetectorError::Communication(error) => Some(error),
        DetectorError::Argument(error) => of_argument(error),
        DetectorError::Encoding(error) => of_encoding(error),
        _ => None,
    };
    let own = error.downcast_ref();
    let of_any = |error: &'a contractive::Error| match error {
        contractive::Error::Train(error) => of_training(error),
        contractive::Error::Argument(error) => of_argument(error),
        _ => None,
    };
    own.or_else(|| error.downcast_ref().and_then(of_any))
        .or_else(|| error.downcast_ref().and_then(of_training))
        .or_else(|| error.downcast_ref().and_then(of_detector))
        .or_else(|| error.downcast_ref().and_then(of_encoding))
        .or_else(|| error.downcast_ref().and_then(of_argument))
}
