//! The engine at the ends of f32 and where numbers vanish, against what must come out.

mod tolerance;
mod trial;

use std::hint::black_box;

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::objective::{Batch, Sparsity};
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Loss, Objective, Penalty};
use trial::{ENGINE, REFERENCE, Trial, engine, network_of, penalties};

/// Squares of errors beyond 1.8e19 are not numbers of f32; their sum in f64 is one.
#[test]
fn losses_of_rows_at_the_ends_of_f32_are_finite_and_right() {
    for (loss, phi) in [(Loss::Mse, Activation::Tanh), (Loss::Sse, Activation::Relu), (Loss::Sse, Activation::Sigmoid)]
    {
        for d in [1, 2, 17, 40] {
            let network = network_of(&[d, 3], phi, Activation::Tanh, false);
            let mut trial = Trial::draw(d as u64, network, Objective::new(loss, Penalty::None, 0.0), 5, 0.01, 0.1);
            let ends = [f64::from(f32::MAX), f64::from(f32::MIN), 1.0, 1e-45, 1e25];
            let values = (0..5 * d).map(|i| f64::from(ends[i % 5] as f32)).collect();
            trial.rows = contractive_core::reference::Matrix::new(5, d, values);
            let (got, want) = ((ENGINE.evaluate)(&trial).terms, (REFERENCE.evaluate)(&trial).terms);
            assert!((got.total - want.total).abs() <= 1e-6 * want.total, "{loss}, {d}: {got:?} {want:?}");
        }
    }
}

/// Rows that are next to nothing are as rows of nothing, and the thread has its subnormal numbers back afterwards.
#[test]
fn subnormal_rows_are_rows_of_zeros_and_the_mode_is_restored() {
    let network = network_of(&[4, 3, 2], Activation::Tanh, Activation::Identity, false);
    for penalty in penalties(2) {
        let objective = Objective::new(Loss::Mse, penalty, 0.1);
        let run = |value: f32, threads: usize| {
            let mut engine = engine(&network, &objective, Optimiser::default(), threads);
            let rows = [value; 12];
            let draws = vec![1.0; penalty.n_draws(&network, 3)];
            let batch = Batch { draws: &draws, ..Batch::plain(MatRef::new(&rows, 3, 4)) };
            let terms = engine.objective_and_gradient(&batch).unwrap();
            assert!(engine.update(1e-3));
            let (mut code, mut squares) = ([0.0; 6], [0.0; 3]);
            engine.encode(batch.rows, &mut code).unwrap();
            engine.jacobian_squares(batch.rows, &mut squares).unwrap();
            assert!(black_box(f32::MIN_POSITIVE) * black_box(0.5) > 0.0, "{penalty}: subnormal numbers are off");
            (terms, code, squares, engine.parameters())
        };
        for threads in [1, 2, 3, 5] {
            let (terms, code, squares, parameters) = run(1e-45, threads);
            let zero = run(0.0, 1);
            assert_eq!((code, squares, parameters), (zero.1, zero.2, zero.3), "{penalty}, {threads} threads");
            assert!((terms.total - zero.0.total).abs() <= 1e-12, "{penalty}: {terms:?}");
        }
    }
}

/// Units at ±1e4: no contraction, no gradient through them, and a sparsity that is large and not infinite.
#[test]
fn saturated_units_give_finite_numbers_everywhere() {
    for penalty in penalties(3) {
        for far in [1e4, -1e4] {
            let network = network_of(&[6, 5, 3], Activation::Sigmoid, Activation::Sigmoid, false);
            let mut objective = Objective::new(Loss::Bce, penalty, 0.3);
            objective.sparsity = Some(Sparsity { target: 0.1, weight: 1.0 });
            let mut trial = Trial::draw(3, network, objective, 7, 1.0, 0.5);
            for name in ["encoder.0.bias", "encoder.1.bias", "decoder.1.bias"] {
                trial.tensor_mut(name).fill(far);
            }
            let got = (ENGINE.evaluate)(&trial);
            assert_eq!(got.terms.not_finite(), None, "{penalty}, {far}: {:?}", got.terms);
            assert!(got.gradient.iter().all(|g| g.is_finite()), "{penalty}, {far}");
            assert!(got.terms.sparsity > 1.0, "{penalty}, {far}: {:?}", got.terms);
            // −x ln σ(z) − (1−x) ln σ(−z) of an output at 1e4: as many thousands.
            assert!(got.terms.reconstruction > 1e3, "{penalty}, {far}: {:?}", got.terms);
        }
    }
}
