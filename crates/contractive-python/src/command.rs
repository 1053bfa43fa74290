//! The command `cae` inside the package, and what this build is.

use std::ffi::OsString;

use contractive_core::instructions;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Runs `cae` with these words, the program's name first, and gives its exit code. For a process of its own: it catches
/// Ctrl-C for good.
#[pyfunction]
pub fn run(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| contractive_cli::run(words))
}

/// Version, instruction set in use and threads.
#[pyfunction]
pub fn versions<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("contractive", env!("CARGO_PKG_VERSION"))?;
    told.set_item("instructions", instructions::name())?;
    told.set_item("threads", crate::work::threads(None))?;
    told.set_item("architecture", std::env::consts::ARCH)?;
    told.set_item("system", std::env::consts::OS)?;
    Ok(told)
}
