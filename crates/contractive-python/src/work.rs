//! Work with the interpreter let go, which Ctrl-C stops.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use crate::calling_thread::{CallingThread, HeldInterrupt, Word};
use crate::ending;

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
    served(py, stop, &CallingThread::default(), None, work)
}

/// [`interruptible`] work that calls Python functions on this thread, by `calling`; Ctrl-C does not break into them.
///
/// # Errors
/// As [`interruptible`].
pub fn calling_back<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    calling: &CallingThread,
    work: impl FnOnce() -> T + Send,
) -> PyResult<(T, Option<PyErr>)> {
    let interrupt = HeldInterrupt::take(py);
    let done = served(py, stop, calling, interrupt.as_ref().map(Py::get), work);
    if let Some(interrupt) = interrupt {
        interrupt.get().give_back(py)?;
    }
    done
}

fn served<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    calling: &CallingThread,
    interrupt: Option<&HeldInterrupt>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<(T, Option<PyErr>)> {
    let began_before = !ending::has_begun();
    let (done, _stay) = py.detach(|| {
        let done = thread::scope(|scope| {
            let done = calling.sender();
            let all = move || {
                let result = std::panic::catch_unwind(AssertUnwindSafe(work));
                // The receiver waits until then.
                let _ = done.send(Word::Done);
                result
            };
            calling.waiting(|words| {
                let worker = thread::Builder::new().name("contractive".into()).spawn_scoped(scope, all);
                let worker = worker.map_err(|e| PyOSError::new_err(format!("cannot start a thread: {e}")))?;
                let mut signal = None;
                loop {
                    let raised = match words.recv_timeout(PATIENCE) {
                        Ok(Word::Done) | Err(RecvTimeoutError::Disconnected) => break,
                        Ok(Word::Call(call)) => ending::attached(|py| match interrupt {
                            None => call(py),
                            Some(interrupt) => {
                                let (raised, signal) = interrupt.during(py, || call(py));
                                raised.or(signal)
                            }
                        })
                        .flatten(),
                        Err(RecvTimeoutError::Timeout) if signal.is_none() => {
                            ending::attached(|py| py.check_signals().err()).flatten()
                        }
                        Err(RecvTimeoutError::Timeout) => None,
                    };
                    if let Some(raised) = raised {
                        stop.store(true, Ordering::Relaxed);
                        signal.get_or_insert(raised);
                    }
                }
                match (worker.join(), signal) {
                    (Ok(Ok(result)), signal) => Ok((result, signal)),
                    (Ok(Err(_)) | Err(_), Some(raised)) => Err(raised),
                    (Ok(Err(panic)) | Err(panic), None) => Err(a_bug(panic.as_ref())),
                }
            })
        });
        (done, ending::coming_back(began_before))
    });
    done
}

/// Whether the work under way is to end.
pub struct Stop<'a>(&'a AtomicBool);

impl Stop<'_> {
    /// Leaves the work where a signal has raised an error; to be called between its pieces.
    pub fn check(&self) {
        if self.0.load(Ordering::Relaxed) {
            // No panic, whose message would be printed: only the way out of the work.
            std::panic::resume_unwind(Box::new("stopped"));
        }
    }
}

/// Does work in pieces, between which it asks whether to go on.
///
/// # Errors
/// As [`interruptible`]; what the work gives; the error of a signal.
pub fn pieces<T: Send>(py: Python<'_>, work: impl FnOnce(&Stop<'_>) -> PyResult<T> + Send) -> PyResult<T> {
    let flag = AtomicBool::new(false);
    let (result, signal) = interruptible(py, &flag, || work(&Stop(&flag)))?;
    match signal {
        Some(raised) => Err(raised),
        None => result,
    }
}

/// Does work that cannot be stopped in between: Ctrl-C is heard when it is done.
///
/// # Errors
/// As [`pieces`].
pub fn whole<T: Send>(py: Python<'_>, work: impl FnOnce() -> PyResult<T> + Send) -> PyResult<T> {
    pieces(py, |_| work())
}

/// Does work in the thread that calls, without the interpreter, which other threads have meanwhile: for what must not be
/// called from another thread. Ctrl-C is heard when it is done.
pub fn in_this_thread<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let began_before = !ending::has_begun();
    let (done, _stay) = py.detach(|| (work(), ending::coming_back(began_before)));
    done
}

fn a_bug(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    PyRuntimeError::new_err(format!("a bug in contractive, please report it: {text}"))
}

/// Refuses an array that is larger than memory, before the work that fills it.
///
/// # Errors
/// `MemoryError`.
pub fn room_for<T>(shape: &[usize]) -> PyResult<()> {
    let n = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    let has_room = n.is_some_and(|n| Vec::<T>::new().try_reserve_exact(n).is_ok());
    match has_room {
        true => Ok(()),
        false => {
            Err(PyMemoryError::new_err(format!("no room for an array of shape {shape:?}; give fewer rows at once")))
        }
    }
}

/// The threads asked for; by default one a processor that this process may use.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
}
