//! The fast engine against the reference where it is hard: every penalty, loss and activation together, 1 to 70 rows, numbers
//! from tiny to huge. A few cases here; `scripts/stress.sh` tries as many as there is time for (CONTRACTIVE_STRESS_CASES,
//! and PROPTEST_RNG_SEED for others).
//!
//! How far the two may lie apart is measured for each case (`conditioning`), and never set: by how much the reference moves
//! when the numbers that it is given move by a rounding of f32.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

#[allow(clippy::neg_cmp_op_on_partial_ord)] // what is not a number is beyond every bound
mod conditioning;
mod stress_case;
mod tolerance;
mod trial;

use std::cell::RefCell;
use std::hint::black_box;

use conditioning::Conditioning;
use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Batch, Parameters};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use stress_case::{StressCase, cases};
use trial::{Outcome, REFERENCE, Trial};

/// Cases of a run of the suite.
const FEW: u32 = 150;

/// What was seen of the cases.
#[derive(Default)]
struct Seen {
    tried: usize,
    /// Neither next to a kink nor beyond f32.
    compared: usize,
    /// The largest distance of engine and reference, over what is allowed.
    farthest: f64,
}

fn settings() -> ProptestConfig {
    let cases = std::env::var("CONTRACTIVE_STRESS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(FEW);
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(2011);
    ProptestConfig {
        cases,
        failure_persistence: None,
        // What fails is told as it was drawn: a case is made of few numbers.
        max_shrink_iters: 0,
        max_global_rejects: u32::MAX,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

/// What a step of the engine gives with so many threads: terms and gradient, then the parameters and the optimiser's memory after
/// an update, and whether the engine calls those finite.
fn step(trial: &Trial, threads: usize) -> (Outcome, Vec<f32>, bool) {
    let to_f32 = |values: &[f64]| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
    let mut parameters = Parameters::zeros(&trial.architecture).unwrap();
    parameters.values_mut().copy_from_slice(&to_f32(&trial.parameters));
    let mut engine = CpuEngine::new(&parameters, &trial.objective, Optimiser::default(), None, threads).unwrap();
    let (n, d) = (trial.rows.rows(), trial.rows.columns());
    let (rows, draws) = (to_f32(trial.rows.values()), to_f32(&trial.draws));
    let corrupted = trial.corrupted.as_ref().map(|c| to_f32(c.values()));
    let corrupted = corrupted.as_ref().map(|c| MatRef::new(c, n, d));
    let batch = Batch { corrupted, draws: &draws, ..Batch::plain(MatRef::new(&rows, n, d)) };
    let terms = engine.objective_and_gradient(&batch).unwrap();
    let mut gradient = vec![0.0; parameters.len()];
    engine.read_gradient(&mut gradient).unwrap();
    let is_finite = engine.update(1e-3);
    let outcome = Outcome { terms, gradient: gradient.iter().map(|v| f64::from(*v)).collect() };
    let memory = engine.optimiser_state();
    (outcome, [engine.parameters().values(), &memory.first, &memory.second].concat(), is_finite)
}

/// Whether subnormal numbers are numbers on this thread: the engine switches them off while it works.
fn has_subnormals() -> bool {
    black_box(f32::MIN_POSITIVE) * black_box(0.5) > 0.0
}

fn bits(outcome: &Outcome, after: &[f32]) -> Vec<u64> {
    let terms = [outcome.terms.total, outcome.terms.reconstruction, outcome.terms.penalty, outcome.terms.sparsity];
    let numbers = terms.iter().chain(&outcome.gradient).map(|v| v.to_bits());
    // NaN is NaN, whatever its sign.
    numbers.chain(after.iter().map(|v| if v.is_nan() { u64::MAX } else { u64::from(v.to_bits()) })).collect()
}

fn judge(case: &StressCase, seen: &mut Seen) -> Result<(), TestCaseError> {
    let trial = case.trial();
    seen.tried += 1;
    let (got, after, told_finite) = step(&trial, 1);
    prop_assert!(has_subnormals(), "subnormal numbers are switched off after a step");
    // A number that is not finite is said in the step that makes it.
    prop_assert_eq!(told_finite, after.iter().all(|p| p.is_finite()), "whether parameters and memory are finite");
    if got.terms.not_finite().is_none() {
        for threads in [2, 3, 5] {
            let (again, after_again, _) = step(&trial, threads);
            prop_assert!(bits(&again, &after_again) == bits(&got, &after), "{threads} threads give other bits");
        }
    }
    let Some(allowed) = Conditioning::of(&trial) else { return Ok(()) };
    let is_finite = got.terms.not_finite().is_none() && got.gradient.iter().all(|g| g.is_finite());
    if !is_finite {
        prop_assert!(allowed.is_beyond_f32(), "not finite, where the numbers are within f32: {:?}", got.terms);
        return Ok(());
    }
    let want = (REFERENCE.evaluate)(&trial);
    let farthest = allowed.compare(&trial, &got, &want).map_err(TestCaseError::fail)?;
    seen.compared += 1;
    seen.farthest = seen.farthest.max(farthest);
    Ok(())
}

#[test]
fn engine_and_reference_agree_under_stress() {
    let seen = RefCell::new(Seen::default());
    let found = TestRunner::new(settings()).run(&cases(), |case| judge(&case, &mut seen.borrow_mut()));
    let Seen { tried, compared, farthest } = seen.into_inner();
    let name = contractive_core::instructions::name();
    println!("{tried} cases, {compared} compared; farthest apart {farthest:.3} of what is allowed; {name}");
    if let Err(e) = found {
        panic!("{e}");
    }
    assert!(2 * compared > tried, "only {compared} of {tried} cases could be compared");
}
