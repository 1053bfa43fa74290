//! Python functions that work calls on the thread that waits for it: libraries of clusters keep by thread what connects
//! them, XGBoost's among them, which takes any other thread for a world of one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError, TryLockError};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

/// A call, which gives the error that must not be lost: that of a signal.
type Call = Box<dyn FnOnce(Python<'_>) -> Option<PyErr> + Send>;

/// What the thread that waits is told.
pub enum Word {
    /// To call a function.
    Call(Call),
    /// That the work is done.
    Done,
}

/// The thread that waits for work, to those that do it.
pub struct CallingThread {
    sender: Sender<Word>,
    words: Mutex<Receiver<Word>>,
}

impl Default for CallingThread {
    fn default() -> Self {
        let (sender, words) = channel();
        CallingThread { sender, words: Mutex::new(words) }
    }
}

impl CallingThread {
    /// What tells the thread its words.
    pub fn sender(&self) -> Sender<Word> {
        self.sender.clone()
    }

    /// Waits with `wait`, which is given the words that come.
    pub fn waiting<T>(&self, wait: impl FnOnce(&Receiver<Word>) -> T) -> T {
        wait(&self.words.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What `function` gives on the thread that waits; its error in words. `None` where none waits.
    pub fn call<T: Send + 'static>(
        &self,
        function: impl FnOnce(Python<'_>) -> PyResult<T> + Send + 'static,
    ) -> Option<Result<T, String>> {
        match self.words.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            Ok(_) | Err(TryLockError::Poisoned(_)) => return None,
        }
        let (answer, answered) = channel();
        let call = move |py: Python<'_>| match function(py) {
            Ok(value) => {
                let _ = answer.send(Ok(value));
                None
            }
            Err(e) => {
                let _ = answer.send(Err(in_words(py, &e)));
                (!e.is_instance_of::<PyException>(py)).then_some(e)
            }
        };
        self.sender.send(Word::Call(Box::new(call))).ok()?;
        answered.recv().ok()
    }
}

/// `RuntimeError: what it says`.
fn in_words(py: Python<'_>, error: &PyErr) -> String {
    let kind = error.get_type(py).name().map_or_else(|_| String::new(), |name| name.to_string());
    let said = error.value(py).to_string();
    if said.is_empty() { kind } else { format!("{kind}: {said}") }
}

/// Ctrl-C, which in the middle of a call would leave the other ranks to wait: it is heard when the call is done.
#[pyclass(frozen)]
pub struct HeldInterrupt {
    before: Py<PyAny>,
    is_held: AtomicBool,
    came: Mutex<Option<(Py<PyAny>, Py<PyAny>)>>,
}

#[pymethods]
impl HeldInterrupt {
    fn __call__(&self, py: Python<'_>, number: Py<PyAny>, frame: Py<PyAny>) -> PyResult<()> {
        if !self.is_held.load(Ordering::Relaxed) {
            return self.before.call1(py, (number, frame)).map(drop);
        }
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, frame));
        Ok(())
    }
}

impl HeldInterrupt {
    /// Takes the signal over from the function that has it, if one has; only Python's main thread can.
    pub fn take(py: Python<'_>) -> Option<Py<HeldInterrupt>> {
        let signal = py.import("signal").ok()?;
        let number = signal.getattr("SIGINT").ok()?;
        let before = signal.call_method1("getsignal", (&number,)).ok().filter(|before| before.is_callable())?;
        let held = HeldInterrupt { before: before.unbind(), is_held: AtomicBool::new(false), came: Mutex::new(None) };
        let held = Py::new(py, held).ok()?;
        signal.call_method1("signal", (number, &held)).is_ok().then_some(held)
    }

    /// Gives the signal back.
    pub fn give_back(&self, py: Python<'_>) -> PyResult<()> {
        let signal = py.import("signal")?;
        signal.call_method1("signal", (signal.getattr("SIGINT")?, &self.before)).map(drop)
    }

    /// Calls, and then raises what came meanwhile.
    pub fn during<T>(&self, py: Python<'_>, call: impl FnOnce() -> T) -> (T, Option<PyErr>) {
        self.is_held.store(true, Ordering::Relaxed);
        let given = call();
        self.is_held.store(false, Ordering::Relaxed);
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner).take();
        (given, came.and_then(|came| self.before.call1(py, came).err()))
    }
}
