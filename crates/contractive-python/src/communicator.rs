//! `contractive._core.Group`: processes that work together by what a Python library connects them with.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use contractive_core::communicator::{CommunicationError, Communicator, Group as Ranks};
use numpy::{Element, IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::calling_thread::CallingThread;
use crate::ending;
use crate::failure::raise;
use crate::rows::{check_aligned, numbers_of};
use crate::work::{calling_back, interruptible};

/// A Python object with `rank`, `size`, `allreduce(array)` and `broadcast(array, root)`. Its methods change the array, or
/// return another; they are called on the thread that called the core.
struct PythonCommunicator {
    rank: usize,
    size: usize,
    object: Arc<Py<PyAny>>,
    calling: Arc<CallingThread>,
    /// The array of the last sums: those of a step's gradients follow each other.
    sums: Mutex<Option<Py<PyArray1<f64>>>>,
}

impl PythonCommunicator {
    fn broken(&self, reason: String) -> CommunicationError {
        CommunicationError::Broken { rank: self.rank, size: self.size, reason }
    }

    /// What method `name` makes of `values`, put in their place; `array` is used where it has their length.
    fn exchange<T: Element + Copy + 'static>(
        &self,
        name: &'static str,
        root: Option<usize>,
        values: &mut [T],
        array: Option<Py<PyArray1<T>>>,
    ) -> Result<Py<PyArray1<T>>, CommunicationError> {
        let given = with_python(|py| {
            let array = match array.map(|array| array.into_bound(py)).filter(|array| array.len() == values.len()) {
                None => PyArray1::from_slice(py, values),
                Some(array) => {
                    array.try_readwrite()?.as_slice_mut()?.copy_from_slice(values);
                    array
                }
            };
            Ok((array.clone().unbind(), array.unbind()))
        });
        let (given, array) = given.map_err(|e| self.broken(e.to_string()))?;
        let object = Arc::clone(&self.object);
        let returned = self.calling.call(move |py| {
            let method = object.bind(py).getattr(name)?;
            let returned = match root {
                None => method.call1((array.bind(py),)),
                Some(root) => method.call1((array.bind(py), root)),
            };
            if returned.as_ref().is_ok_and(|returned| returned.is_none()) {
                return Ok(array);
            }
            let returned = returned?;
            let expected = PyTypeError::new_err(format!(
                "{name} must change its array, or return one of the same type, got {}",
                returned.get_type().name()?
            ));
            Ok(returned.cast_into::<PyArray1<T>>().map_err(|_| expected)?.unbind())
        });
        let nobody_waits = || Err("no thread waits for its calls".to_owned());
        let returned = returned.unwrap_or_else(nobody_waits).map_err(|reason| self.broken(reason))?;
        let taken = with_python(|py| {
            let returned = returned.bind(py).try_readonly()?;
            if returned.len() != values.len() {
                let (n, m) = (values.len(), returned.len());
                return Err(PyValueError::new_err(format!("{name} must return {n} numbers, got {m}")));
            }
            check_aligned(&returned)?;
            match returned.as_slice() {
                Ok(returned) => values.copy_from_slice(returned),
                Err(_) => values.iter_mut().zip(returned.as_array()).for_each(|(value, given)| *value = *given),
            }
            Ok(())
        });
        taken.map_err(|e| self.broken(e.to_string()))?;
        Ok(given)
    }
}

/// What `function` gives; an error where the interpreter ends.
fn with_python<T>(function: impl FnOnce(Python<'_>) -> PyResult<T>) -> PyResult<T> {
    ending::attached(function).unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter ends")))
}

impl Communicator for PythonCommunicator {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        if numbers.is_empty() || self.size == 1 {
            return Ok(());
        }
        let last = self.sums.lock().unwrap_or_else(PoisonError::into_inner).take();
        let array = self.exchange("allreduce", None, numbers, last)?;
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = Some(array);
        Ok(())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError> {
        if bytes.is_empty() || self.size == 1 {
            return Ok(());
        }
        self.exchange("broadcast", Some(root), bytes, None).map(drop)
    }
}

/// Processes that work together.
#[pyclass(frozen, module = "contractive._core")]
pub struct Group {
    ranks: Ranks,
    calling: Arc<CallingThread>,
}

/// An error that other ranks are told of.
struct Fault(PyErr);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = ending::attached(|py| match self.0.value(py).to_string() {
            said if said.is_empty() => self.0.get_type(py).name().map_or(said, |name| name.to_string()),
            said => said,
        });
        f.write_str(said.as_deref().unwrap_or("the interpreter ends"))
    }
}

impl From<CommunicationError> for Fault {
    fn from(error: CommunicationError) -> Self {
        Fault(raise(error))
    }
}

impl Group {
    /// An exchange, which nothing ends but its result: were it left, the other ranks would wait. The error of a signal is
    /// raised afterwards.
    fn exchange<T: Send>(
        &self,
        py: Python<'_>,
        exchange: impl FnOnce(&Ranks) -> Result<T, CommunicationError> + Send,
    ) -> PyResult<T> {
        let (result, signal) = calling_back(py, &AtomicBool::new(false), &self.calling, || exchange(&self.ranks))?;
        match signal {
            Some(raised) => Err(raised),
            None => result.map_err(raise),
        }
    }
}

/// The ranks of a group, or a process alone.
pub fn ranks_of(group: Option<&Group>) -> Ranks {
    group.map_or_else(Ranks::alone, |group| group.ranks.clone())
}

/// [`interruptible`] work, of all ranks of a group together where there is one: its calls are made on this thread.
///
/// # Errors
/// As [`interruptible`].
pub fn together<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    group: Option<&Group>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<(T, Option<PyErr>)> {
    match group {
        None => interruptible(py, stop, work),
        Some(group) => calling_back(py, stop, &group.calling, work),
    }
}

/// Lets all ranks of a group go on only where all can.
///
/// # Errors
/// This rank's error, else that of the first rank that has one.
pub fn agreed<T: Send>(py: Python<'_>, group: Option<&Group>, outcome: PyResult<T>) -> PyResult<T> {
    let Some(group) = group else { return outcome };
    let agree = || group.ranks.agree(outcome.map_err(Fault));
    match calling_back(py, &AtomicBool::new(false), &group.calling, agree)? {
        (Err(Fault(e)), _) | (Ok(_), Some(e)) => Err(e),
        (Ok(value), None) => Ok(value),
    }
}

/// What is wrong where a sum or a broadcast is none.
const NO_SUM: &str = "allreduce must put in place the sums over all processes, in float64, and ranks must go from 0 to \
                      size - 1";
const NO_BROADCAST: &str = "broadcast must put in place the bytes of the process `root`";

#[pymethods]
impl Group {
    /// The processes that `communicator` connects; that it does is tried.
    #[new]
    fn new(py: Python<'_>, communicator: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (rank, size): (usize, usize) =
            (communicator.getattr("rank")?.extract()?, communicator.getattr("size")?.extract()?);
        if rank >= size {
            let must = format!("`comm` must have a rank from 0 and below its size, got rank {rank} of {size}");
            return Err(PyValueError::new_err(must));
        }
        let (object, calling) = (Arc::new(communicator.clone().unbind()), Arc::new(CallingThread::default()));
        let sums = Mutex::new(None);
        let ranks = Ranks::new(PythonCommunicator { rank, size, object, calling: Arc::clone(&calling), sums });
        let group = Group { ranks, calling };
        let numbers = group.exchange(py, |ranks| ranks.each(rank as f64 + 1.0))?;
        if numbers.iter().enumerate().any(|(i, number)| *number != i as f64 + 1.0) {
            return Err(PyValueError::new_err(format!("`comm` does not add up: {NO_SUM}; got {numbers:?}")));
        }
        // None is 0, which an array holds that nothing came to.
        let byte = |rank: usize| (rank % 255) as u8 + 1;
        let ranks = group.exchange(py, |ranks| ranks.gather_bytes(vec![byte(rank); 3]))?;
        if ranks.iter().enumerate().any(|(i, bytes)| *bytes != [byte(i); 3]) {
            return Err(PyValueError::new_err(format!("`comm` does not broadcast: {NO_BROADCAST}; got {ranks:?}")));
        }
        Ok(group)
    }

    #[getter]
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    #[getter]
    fn size(&self) -> usize {
        self.ranks.size()
    }

    /// Raises the fault of the first rank that has one, on those that have none.
    fn tell(&self, py: Python<'_>, fault: Option<String>) -> PyResult<()> {
        let outcome = fault.map_or(Ok(()), |fault| Err(PyValueError::new_err(fault)));
        let has_own = outcome.is_err();
        match agreed(py, Some(self), outcome) {
            Err(e) if has_own && e.is_instance_of::<PyValueError>(py) => Ok(()),
            told => told,
        }
    }

    /// The bytes that rank 0 gives.
    fn of_first<'py>(&self, py: Python<'py>, given: Vec<u8>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.exchange(py, |ranks| ranks.of_first(given))?))
    }

    /// The bytes of every rank.
    fn gather_bytes<'py>(&self, py: Python<'py>, given: Vec<u8>) -> PyResult<Bound<'py, PyTuple>> {
        let all = self.exchange(py, |ranks| ranks.gather_bytes(given))?;
        PyTuple::new(py, all.iter().map(|one| PyBytes::new(py, one)))
    }

    /// The numbers of all ranks, one after the other.
    fn gather<'py>(&self, py: Python<'py>, given: PyReadonlyArray1<'py, f64>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let given = numbers_of(given)?;
        Ok(self.exchange(py, |ranks| ranks.gather(given))?.into_pyarray(py))
    }
}
