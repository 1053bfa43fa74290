//! The compiled part of the Python package `contractive`: `contractive._core`.
//!
//! Nothing is computed here: arrays and frames come in, the crates do the work with the interpreter let go, arrays go out.
//! What Python users see is in `python/contractive`; the signatures of this module are in `_core.pyi` there.
//!
//! 1. [`rows`]: NumPy's arrays as data sets; [`frames`]: tables of pandas, polars and Arrow.
//! 2. [`work`]: work that Ctrl-C stops; [`calling_thread`] and [`communicator`]: processes that work together;
//!    [`ending`]: the interpreter's end in the middle of work; [`failure`]: errors as Python has them; [`folders`]: directories as bytes.
//! 3. [`training`], [`incremental`], [`model`] and [`tensors`]: autoencoders; [`detector`], [`series`], [`images`], [`settings`] and [`telling`]:
//!    anomalies; [`onnx`]: all of them as graphs.
//! 4. [`objective`]: values and gradients to check; [`datasets`], [`page`] and [`command`]: the rest.

mod calling_thread;
mod command;
mod communicator;
mod datasets;
mod detector;
mod ending;
mod failure;
mod folders;
mod frames;
mod images;
mod incremental;
mod model;
mod objective;
mod onnx;
mod page;
mod rows;
mod series;
mod settings;
mod telling;
mod tensors;
mod training;
mod work;

use pyo3::prelude::*;

/// `contractive._core`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("TrainingDiverged", module.py().get_type::<failure::TrainingDiverged>())?;
    ending::watch(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<model::Model>()?;
    module.add_class::<training::Fitted>()?;
    module.add_class::<incremental::Incremental>()?;
    module.add_class::<communicator::Group>()?;
    module.add_class::<frames::Frame>()?;
    module.add_class::<detector::Detector>()?;
    module.add_class::<series::SeriesDetector>()?;
    module.add_class::<images::ImageDetector>()?;
    module.add_function(wrap_pyfunction!(training::fit, module)?)?;
    module.add_function(wrap_pyfunction!(objective::objective, module)?)?;
    module.add_function(wrap_pyfunction!(objective::jacobian, module)?)?;
    module.add_function(wrap_pyfunction!(objective::tensors, module)?)?;
    module.add_function(wrap_pyfunction!(tensors::model_of_tensors, module)?)?;
    module.add_function(wrap_pyfunction!(tensors::import_weights, module)?)?;
    module.add_function(wrap_pyfunction!(datasets::load, module)?)?;
    module.add_function(wrap_pyfunction!(page::report, module)?)?;
    module.add_function(wrap_pyfunction!(command::run, module)?)?;
    module.add_function(wrap_pyfunction!(command::versions, module)?)?;
    Ok(())
}
