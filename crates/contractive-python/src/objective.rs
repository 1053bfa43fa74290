//! `contractive._core.objective`: the objective on a batch and every gradient, for anyone to check.

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::jacobian::explicit;
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::parameters::layout;
use contractive_core::reference::{self, Matrix, Network, objective_and_gradient};
use contractive_core::{Architecture, ArgumentError, Batch, Objective, Parameters, Terms};
use numpy::{IntoPyArray, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::raise;
use crate::rows::numbers_of;
use crate::settings::parsed;
use crate::work::{room_for, threads, whole};

/// What both precisions give.
struct Found {
    terms: Terms,
    losses: Vec<f64>,
    penalties: Vec<f64>,
    gradient: Vec<f64>,
}

/// Rows, corrupted rows and draws, flat, in 64 bits.
struct Given {
    n: usize,
    rows: Vec<f64>,
    corrupted: Option<Vec<f64>>,
    draws: Vec<f64>,
}

/// Names and shapes of the tensors of an architecture, in the order of the flat vector.
#[pyfunction]
pub fn tensors(architecture: &str) -> PyResult<Vec<(String, Vec<usize>)>> {
    let architecture: Architecture = parsed(architecture)?;
    architecture.check().map_err(raise)?;
    Ok(layout(&architecture).into_iter().map(|place| (place.name, place.shape)).collect())
}

/// The objective at `parameters`, flat in the order of [`tensors`], on `rows`: terms, per-row losses and penalties, and the
/// gradient, flat. In 64 bits it is the reference with explicit Jacobians, in 32 the engine that trains.
#[pyfunction]
#[pyo3(signature = (architecture, objective, parameters, rows, corrupted=None, draws=None, wide=true, n_threads=None))]
pub fn objective<'py>(
    py: Python<'py>,
    architecture: &str,
    objective: &str,
    parameters: PyReadonlyArray1<'py, f64>,
    rows: PyReadonlyArray2<'py, f64>,
    corrupted: Option<PyReadonlyArray2<'py, f64>>,
    draws: Option<PyReadonlyArray1<'py, f64>>,
    wide: bool,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let (architecture, objective): (Architecture, Objective) = (parsed(architecture)?, parsed(objective)?);
    let parameters = numbers_of(parameters)?;
    let given = Given {
        n: rows.shape()[0],
        rows: numbers_of(rows)?,
        corrupted: corrupted.map(numbers_of).transpose()?,
        draws: draws.map(numbers_of).transpose()?.unwrap_or_default(),
    };
    let found = whole(py, || {
        architecture.check().map_err(raise)?;
        check_sizes(&architecture, &parameters, &given).map_err(raise)?;
        let found = match wide {
            true => by_reference(&architecture, &objective, &parameters, given),
            false => by_engine(&architecture, &objective, &parameters, &given, threads(n_threads)),
        };
        found.map_err(raise)
    })?;
    let told = PyDict::new(py);
    let Terms { total, reconstruction, penalty, sparsity } = found.terms;
    told.set_item("total", total)?;
    told.set_item("reconstruction", reconstruction)?;
    told.set_item("penalty", penalty)?;
    told.set_item("sparsity", sparsity)?;
    told.set_item("row_losses", found.losses.into_pyarray(py))?;
    told.set_item("row_penalties", found.penalties.into_pyarray(py))?;
    told.set_item("gradient", found.gradient.into_pyarray(py))?;
    Ok(told)
}

/// ∂h/∂x of each row at `parameters`, flat in the order of [`tensors`], shape (N, k, d): in 64 bits by the reference, in 32
/// by the kernels.
#[pyfunction]
pub fn jacobian<'py>(
    py: Python<'py>,
    architecture: &str,
    parameters: PyReadonlyArray1<'py, f64>,
    rows: PyReadonlyArray2<'py, f64>,
    wide: bool,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let architecture: Architecture = parsed(architecture)?;
    room_for::<f64>(&[rows.shape()[0], architecture.code_size(), architecture.input_size()])?;
    let parameters = numbers_of(parameters)?;
    let (n, rows) = (rows.shape()[0], numbers_of(rows)?);
    let given = Given { n, rows, corrupted: None, draws: Vec::new() };
    let all = whole(py, || {
        architecture.check().map_err(raise)?;
        check_sizes(&architecture, &parameters, &given).map_err(raise)?;
        let d = architecture.input_size();
        if !wide {
            let of_network = narrow_parameters(&architecture, &parameters).map_err(raise)?;
            let narrow: Vec<f32> = given.rows.iter().map(|value| *value as f32).collect();
            let all = explicit(&of_network, MatRef::new(&narrow, n, d));
            return Ok(all.into_iter().map(f64::from).collect::<Vec<f64>>());
        }
        let network = Network::new(&architecture, &parameters).map_err(raise)?;
        let of_row = |x: &[f64]| reference::jacobian::jacobian(network.encoder(), x).J().values().to_vec();
        Ok(given.rows.chunks_exact(d).flat_map(of_row).collect())
    })?;
    all.into_pyarray(py).reshape([n, architecture.code_size(), architecture.input_size()])
}

/// Refuses numbers that do not fill whole rows and tensors: matrices are made of them next.
fn check_sizes(architecture: &Architecture, parameters: &[f64], given: &Given) -> Result<(), ArgumentError> {
    let of_rows = given.n * architecture.input_size();
    let of_tensors = layout(architecture).last().map_or(0, |place| place.range().end);
    let corrupted = given.corrupted.as_ref().map_or(of_rows, Vec::len);
    for (what, expected, got) in [
        ("the values of the rows", of_rows, given.rows.len()),
        ("the values of the corrupted rows", of_rows, corrupted),
        ("the parameters", of_tensors, parameters.len()),
    ] {
        if expected != got {
            return Err(ArgumentError::Size { what: what.into(), unit: "numbers", expected, got });
        }
    }
    Ok(())
}

fn by_reference(
    architecture: &Architecture,
    objective: &Objective,
    parameters: &[f64],
    given: Given,
) -> Result<Found, ArgumentError> {
    let (n, d) = (given.n, architecture.input_size());
    let network = Network::new(architecture, parameters)?;
    let rows = Matrix::new(n, d, given.rows);
    let corrupted = given.corrupted.map(|values| Matrix::new(n, d, values));
    let batch = reference::Batch { rows: &rows, corrupted: corrupted.as_ref(), draws: &given.draws };
    let found = objective_and_gradient(&network, objective, &batch)?;
    let (losses, penalties) = (found.reconstruction, found.penalty);
    Ok(Found { terms: found.terms, losses, penalties, gradient: found.gradient.flatten() })
}

fn by_engine(
    architecture: &Architecture,
    objective: &Objective,
    parameters: &[f64],
    given: &Given,
    threads: usize,
) -> Result<Found, ArgumentError> {
    let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let (n, d) = (given.n, architecture.input_size());
    let of_network = narrow_parameters(architecture, parameters)?;
    let (rows, draws) = (narrow(&given.rows), narrow(&given.draws));
    let corrupted = given.corrupted.as_deref().map(narrow);
    let corrupted = corrupted.as_ref().map(|values| MatRef::new(values, n, d));
    let batch = Batch { corrupted, draws: &draws, ..Batch::plain(MatRef::new(&rows, n, d)) };
    let mut engine = CpuEngine::new(&of_network, objective, Optimiser::default(), None, threads)?;
    let (mut losses, mut penalties) = (vec![0.0; n], vec![0.0; n]);
    engine.row_terms(&batch, &mut losses, &mut penalties)?;
    let terms = engine.objective_and_gradient(&batch)?;
    let mut gradient = vec![0.0_f32; of_network.len()];
    engine.read_gradient(&mut gradient)?;
    Ok(Found { terms, losses, penalties, gradient: gradient.into_iter().map(f64::from).collect() })
}

/// The parameters in 32 bits.
fn narrow_parameters(architecture: &Architecture, parameters: &[f64]) -> Result<Parameters, ArgumentError> {
    let mut of_network = Parameters::zeros(architecture)?;
    of_network.values_mut().iter_mut().zip(parameters).for_each(|(to, from)| *to = *from as f32);
    Ok(of_network)
}
