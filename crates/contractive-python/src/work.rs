//! Work with the interpreter let go, which Ctrl-C stops.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

/// How often signals are looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Does `work` on a thread of its own. A signal whose handler raises, as that of Ctrl-C does, raises `stop`; the work's result
/// comes with that error.
///
/// # Errors
/// `RuntimeError` for a panic: a bug, told as an exception that programs can catch.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    work: impl FnOnce() -> T + Send,
) -> PyResult<(T, Option<PyErr>)> {
    py.detach(|| {
        thread::scope(|scope| {
            let (done, is_done) = channel();
            let all = move || {
                let result = std::panic::catch_unwind(AssertUnwindSafe(work));
                // The receiver waits until then.
                let _ = done.send(());
                result
            };
            let worker = thread::Builder::new().name("contractive".into()).spawn_scoped(scope, all);
            let worker = worker.map_err(|e| PyOSError::new_err(format!("cannot start a thread: {e}")))?;
            let mut signal = None;
            while is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                if signal.is_none()
                    && let Err(raised) = Python::attach(|py| py.check_signals())
                {
                    stop.store(true, Ordering::Relaxed);
                    signal = Some(raised);
                }
            }
            match worker.join() {
                Ok(Ok(result)) => Ok((result, signal)),
                Ok(Err(panic)) | Err(panic) => Err(a_bug(panic.as_ref())),
            }
        })
    })
}

/// The same of work that cannot be stopped in between: Ctrl-C is heard when it is done.
///
/// # Errors
/// As [`interruptible`]; what the work gives; the error of a signal.
pub fn whole<T: Send>(py: Python<'_>, work: impl FnOnce() -> PyResult<T> + Send) -> PyResult<T> {
    let (result, signal) = interruptible(py, &AtomicBool::new(false), work)?;
    match signal {
        Some(raised) => Err(raised),
        None => result,
    }
}

fn a_bug(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    PyRuntimeError::new_err(format!("a bug in contractive, please report it: {text}"))
}

/// The threads asked for; by default one a processor that this process may use.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
}
