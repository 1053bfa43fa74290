//! The reference, the analysis of the Jacobian and the engine against the oracle: brute-force numbers from PyTorch.

#![allow(non_snake_case)] // J is upper case, as in the papers
mod oracle_case;
mod tolerance;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::parameters::layout;
use contractive_core::reference::{Batch, Network, jacobian::jacobian, objective_and_gradient};
use contractive_core::{Parameters, jacobian::explicit, jacobian::singular_values};
use oracle_case::{OracleCase, all_cases, cases_in, fixture_folder};

/// The largest relative error seen, and where; relative to the largest entry of the wanted tensor.
struct Worst {
    error: f64,
    place: String,
}

impl Worst {
    fn new() -> Self {
        Worst { error: 0.0, place: "nowhere".into() }
    }

    /// Takes one tensor in. NaN counts as the worst there is.
    fn compare(&mut self, case: &OracleCase, tensor: &str, got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len(), "{}: size of {tensor}", case.name);
        let largest = want.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        for (i, (g, w)) in got.iter().zip(want).enumerate() {
            let error = (g - w).abs() / scale;
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > self.error {
                let place = format!("{}: {tensor}, entry {i}: got {g:e}, oracle {w:e}", case.name);
                *self = Worst { error, place };
            }
        }
    }

    fn compare_gradient(&mut self, case: &OracleCase, flat: &[f64]) {
        for place in layout(&case.architecture) {
            let name = format!("grad.{}", place.name);
            self.compare(case, &name, &flat[place.range()], &case.tensor(&name).values);
        }
    }

    fn check(&self, tolerance: f64) {
        println!("worst relative error {:.1e} at {}", self.error, self.place);
        assert!(self.error <= tolerance, "relative error {:e} at {}", self.error, self.place);
    }
}

#[test]
fn oracle_has_its_46_cases() {
    assert!(cases_in(&fixture_folder()).len() >= 46);
}

#[test]
fn reference_meets_the_oracle() {
    let mut worst = Worst::new();
    for case in all_cases() {
        let network = Network::new(&case.architecture, &case.parameters()).unwrap();
        let (rows, corrupted, draws) = (case.rows(), case.corrupted(), case.draws());
        let batch = Batch { rows: &rows, corrupted: corrupted.as_ref(), draws: &draws };
        let got = objective_and_gradient(&network, &case.objective, &batch).unwrap();

        worst.compare(&case, "total", &[got.terms.total], &case.tensor("total").values);
        worst.compare(&case, "code", got.code.values(), &case.tensor("code").values);
        worst.compare(&case, "output", got.output.values(), &case.tensor("output").values);
        worst.compare(&case, "reconstruction_loss", &got.reconstruction, &case.tensor("reconstruction_loss").values);
        worst.compare(&case, "penalty", &got.penalty, &case.tensor("penalty").values);
        worst.compare_gradient(&case, &got.gradient.flatten());

        let all: Vec<f64> =
            (0..rows.rows()).flat_map(|r| jacobian(network.encoder(), rows.row(r)).J().values().to_vec()).collect();
        worst.compare(&case, "jacobian", &all, &case.tensor("jacobian").values);
    }
    worst.check(tolerance::REFERENCE_VS_ORACLE);
}

/// The analysis takes f32 parameters and gives f32 Jacobians, so it is held to f32's accuracy; the singular values are
/// also taken of the oracle's own Jacobian, rounded to f32.
#[test]
fn jacobian_analysis_meets_the_oracle() {
    let mut worst = Worst::new();
    for case in all_cases() {
        let (n, d, k) = (case.rows().rows(), case.architecture.input_size(), case.architecture.code_size());
        let rows = to_f32(case.rows().values());
        let all = explicit(&engine_parameters(&case), MatRef::new(&rows, n, d));
        worst.compare(&case, "jacobian", &to_f64(&all), &case.tensor("jacobian").values);

        let of_oracle = to_f32(&case.tensor("jacobian").values);
        for entries in [all, of_oracle] {
            let spectrum: Vec<f64> = entries.chunks_exact(k * d).flat_map(|J| singular_values(J, k, d)).collect();
            worst.compare(&case, "singular_values", &spectrum, &case.tensor("singular_values").values);
        }
    }
    worst.check(tolerance::ANALYSIS_VS_ORACLE);
}

/// The singular values of the reference's f64 Jacobian.
#[test]
fn reference_singular_values_meet_the_oracle() {
    let mut worst = Worst::new();
    for case in all_cases() {
        let network = Network::new(&case.architecture, &case.parameters()).unwrap();
        let mut spectrum = Vec::new();
        for r in 0..case.rows().rows() {
            let at = jacobian(network.encoder(), case.rows().row(r));
            let J = at.J();
            let dense = nalgebra::DMatrix::from_row_slice(J.rows(), J.columns(), J.values());
            let mut values: Vec<f64> = dense.singular_values().iter().copied().collect();
            values.sort_by(|a, b| b.total_cmp(a));
            spectrum.extend(values);
        }
        worst.compare(&case, "singular_values", &spectrum, &case.tensor("singular_values").values);
    }
    worst.check(tolerance::REFERENCE_VS_ORACLE);
}

/// Any engine, holding the case's network and objective in f32, against the oracle.
fn engine_against_oracle(case: &OracleCase, engine: &mut dyn Engine, worst: &mut Worst) {
    let (n, d, k) = (case.rows().rows(), case.architecture.input_size(), case.architecture.code_size());
    let rows = to_f32(case.rows().values());
    let corrupted = case.corrupted().map(|c| to_f32(c.values()));
    let draws = to_f32(&case.draws());
    let batch = contractive_core::Batch {
        corrupted: corrupted.as_ref().map(|c| MatRef::new(c, n, d)),
        draws: &draws,
        ..contractive_core::Batch::plain(MatRef::new(&rows, n, d))
    };

    let without_gradient = engine.objective(&batch).unwrap();
    let terms = engine.objective_and_gradient(&batch).unwrap();
    for (name, terms) in [("objective", without_gradient), ("objective_and_gradient", terms)] {
        assert_eq!(terms.not_finite(), None, "{}: {name}", case.name);
        let mean = |tensor: &str| case.tensor(tensor).values.iter().sum::<f64>() / n as f64;
        worst.compare(case, "total", &[terms.total], &case.tensor("total").values);
        worst.compare(case, "mean reconstruction_loss", &[terms.reconstruction], &[mean("reconstruction_loss")]);
        if case.objective.has_penalty() {
            worst.compare(case, "mean penalty", &[terms.penalty], &[mean("penalty")]);
        }
    }
    let mut gradient = vec![0.0; case.parameters().len()];
    engine.read_gradient(&mut gradient).unwrap();
    worst.compare_gradient(case, &to_f64(&gradient));

    let mut code = vec![0.0; n * k];
    engine.encode(batch.encoded(), &mut code).unwrap();
    worst.compare(case, "code", &to_f64(&code), &case.tensor("code").values);
    let mut output = vec![0.0; n * d];
    engine.decode(MatRef::new(&code, n, k), &mut output).unwrap();
    worst.compare(case, "output", &to_f64(&output), &case.tensor("output").values);

    let mut squares = vec![0.0; n];
    engine.jacobian_squares(batch.rows, &mut squares).unwrap();
    let J = &case.tensor("jacobian").values;
    let want: Vec<f64> = J.chunks_exact(k * d).map(|J| J.iter().map(|v| v * v).sum()).collect();
    worst.compare(case, "squared norm of jacobian", &squares, &want);
}

fn cpu_engine_meets_the_oracle(threads: usize) {
    let mut worst = Worst::new();
    for case in all_cases() {
        let optimiser = Optimiser::Sgd { weight_decay: 0.0 };
        let mut engine = CpuEngine::new(&engine_parameters(&case), &case.objective, optimiser, None, threads).unwrap();
        engine_against_oracle(&case, &mut engine, &mut worst);
    }
    worst.check(tolerance::ENGINE_VS_ORACLE);
}

#[test]
fn cpu_engine_meets_the_oracle_on_one_thread() {
    cpu_engine_meets_the_oracle(1);
}

#[test]
fn cpu_engine_meets_the_oracle_on_two_threads() {
    cpu_engine_meets_the_oracle(2);
}

/// The case's parameters in f32.
fn engine_parameters(case: &OracleCase) -> Parameters {
    let mut parameters = Parameters::zeros(&case.architecture).unwrap();
    parameters.values_mut().copy_from_slice(&to_f32(&case.parameters()));
    parameters
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}
