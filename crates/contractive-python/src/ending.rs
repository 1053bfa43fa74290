//! The interpreter's end, which threads of a program may meet in the middle of work.
//!
//! A thread that asks for the interpreter once it is being taken down is ended by it, through frames of Rust that must not be
//! unwound so, or fails with a message. So `atexit` tells that the end has begun, and waits for those that are with the
//! interpreter at that moment. Work that began before does not come back: its thread waits for the process to end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// How long the end waits for Python functions that work has called.
const PATIENCE: Duration = Duration::from_secs(1);

static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
/// Threads that are with the interpreter, or are about to be.
static WITHIN: AtomicUsize = AtomicUsize::new(0);

/// A thread's stay with the interpreter, which the end waits for.
pub struct Stay(());

impl Stay {
    fn begin() -> Self {
        WITHIN.fetch_add(1, Ordering::SeqCst);
        Stay(())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        // None is left to a process that was forked meanwhile.
        let _ = WITHIN.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    }
}

/// Whether the interpreter's end has begun.
pub fn has_begun() -> bool {
    HAS_BEGUN.load(Ordering::SeqCst)
}

/// What `function` gives with the interpreter; `None` where its end has begun.
pub fn attached<T>(function: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _stay = Stay::begin();
    if has_begun() { None } else { Python::try_attach(function) }
}

/// Lets a thread come back to the interpreter, to be held until it is there. Of work that began before the end the thread
/// never does.
pub fn coming_back(began_before: bool) -> Stay {
    let stay = Stay::begin();
    if began_before && has_begun() {
        drop(stay);
        loop {
            std::thread::park();
        }
    }
    stay
}

/// Tells that the end begins, and waits for those that are with the interpreter.
#[pyfunction]
fn _ends(py: Python<'_>) {
    HAS_BEGUN.store(true, Ordering::SeqCst);
    py.detach(|| {
        let began = Instant::now();
        while WITHIN.load(Ordering::SeqCst) > 0 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Forgets the threads that a forked process does not have.
#[pyfunction]
fn _forked() {
    WITHIN.store(0, Ordering::SeqCst);
}

/// Has the interpreter tell of its end, and of forks.
///
/// # Errors
/// What Python's `atexit` and `os` give.
pub fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(_ends, module)?,))?;
    // Windows has no forks.
    if let Ok(register) = py.import("os")?.getattr("register_at_fork") {
        let told = pyo3::types::PyDict::new(py);
        told.set_item("after_in_child", wrap_pyfunction!(_forked, module)?)?;
        register.call((), Some(&told))?;
    }
    Ok(())
}
