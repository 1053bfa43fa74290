//! Every order of multiplication, forced, on the same networks: they must agree with the explicit Jacobian in f64, and
//! so with each other, whatever `order` would choose.

use super::super::PenaltyPlan;
use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, numbers};
use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::order::Top;
use crate::penalty::{Penalty, ProbeDistribution};
use crate::reference::jacobian::{jacobian, jacobian_backward};
use crate::reference::network::LayerGradient;
use crate::reference::{Layer, Matrix};

/// Narrowing, widening, wide in the middle, narrow in the middle, a code of one unit, two layers wider than a vector.
const SHAPES: [&[usize]; 8] =
    [&[9, 6, 3], &[3, 7, 11], &[8, 6, 5, 4], &[3, 5, 7, 9], &[5, 12, 8, 3], &[7, 2, 6, 5, 4], &[6, 4, 1], &[5, 83, 26]];

/// Every order that a network of these layers can take.
fn units(layers: usize, root: bool) -> Vec<PenaltyPlan> {
    let code_side = |gram| PenaltyPlan::CodeSide { top: Top::Units, gram, root };
    let mut plans = vec![code_side(true), code_side(false), PenaltyPlan::InputSide { root }];
    if layers == 2 {
        plans.push(PenaltyPlan::KhatriRao { root });
    }
    plans
}

#[test]
fn every_order_gives_the_explicit_jacobians_value_and_gradient() {
    for phi in Activation::ALL {
        for (seed, sizes) in SHAPES.into_iter().enumerate() {
            let trial = Trial::draw(70 + seed as u64, sizes, phi, 5);
            let (want, want_gradient) = trial.explicit(0.2_f32.into());
            for plan in units(trial.encoder.len(), false) {
                let label = format!("{phi}, {sizes:?}, {plan:?}");
                let (P, gradient) = trial.by_plan(plan, &[], 0.2);
                assert_close(&format!("{label}, P"), &P, &want, ROUNDING);
                assert_same_gradient(&label, &gradient, &want_gradient, ROUNDING);
            }
        }
    }
}

#[test]
fn mixed_activations_agree_too() {
    let phis = [Activation::Gelu, Activation::Relu, Activation::Sigmoid];
    for rotate in 0..3 {
        let mut trial = Trial::draw(80, &[6, 5, 7, 4], Activation::Tanh, 4);
        for (l, layer) in trial.encoder.iter_mut().enumerate() {
            layer.activation = phis[(l + rotate) % 3];
        }
        let (want, want_gradient) = trial.explicit(1.0);
        for plan in units(trial.encoder.len(), false) {
            let (P, gradient) = trial.by_plan(plan, &[], 1.0);
            assert_close(&format!("{plan:?}, P"), &P, &want, ROUNDING);
            assert_same_gradient(&format!("{plan:?}, {rotate}"), &gradient, &want_gradient, ROUNDING);
        }
    }
}

/// ∂P/∂J = (2/p) Σ v vᵀ J.
fn by_explicit_probes(trial: &Trial, draws: &[f32], probes: usize, w: f64) -> (Vec<f64>, Vec<LayerGradient>) {
    let (mut gradient, mut P) = (trial.zeros(), Vec::new());
    let k = trial.encoder.last().unwrap().b.len();
    for (x, draws) in trial.rows().zip(draws.chunks_exact(probes * k)) {
        let at = jacobian(&trial.encoder, &x);
        let V = Matrix::new(probes, k, draws.iter().map(|v| f64::from(*v)).collect());
        let VJ = V.product(at.J());
        P.push(VJ.squared_norm() / probes as f64);
        let dJ = V.transpose_product(&VJ).scaled(2.0 * w / probes as f64);
        jacobian_backward(&trial.encoder, &at, &dJ, &mut gradient);
    }
    (P, gradient)
}

fn probing(probes: usize) -> [PenaltyPlan; 2] {
    [true, false].map(|gram| PenaltyPlan::CodeSide { top: Top::Probes(probes), gram, root: false })
}

#[test]
fn probes_agree_with_the_explicit_product_in_both_ends() {
    for phi in Activation::ALL {
        for sizes in [&[7, 5][..], &[6, 5, 4], &[3, 5, 7, 9]] {
            for probes in [1, 3] {
                let trial = Trial::draw(81, sizes, phi, 4);
                let draws = numbers(82, 4 * probes * sizes[sizes.len() - 1]);
                let (want, want_gradient) = by_explicit_probes(&trial, &draws, probes, 0.5);
                for plan in probing(probes) {
                    let label = format!("{phi}, {sizes:?}, {plan:?}");
                    let (P, gradient) = trial.by_plan(plan, &draws, 0.5);
                    assert_close(&format!("{label}, P"), &P, &want, ROUNDING);
                    assert_same_gradient(&label, &gradient, &want_gradient, ROUNDING);
                }
            }
        }
    }
}

#[test]
fn as_many_orthogonal_probes_as_code_units_give_the_jacobian() {
    for sizes in [&[7, 5][..], &[8, 6, 5], &[3, 6, 9]] {
        let (d, k) = (sizes[0], sizes[sizes.len() - 1]);
        let phi = Activation::Tanh;
        let net = Architecture::mirrored(d, &sizes[1..], phi, phi, Activation::Identity, false);
        let mut draws = numbers(83, 4 * k * k);
        let orthogonal = ProbeDistribution::Orthogonal;
        Penalty::Projection { probes: k, distribution: orthogonal }.shape_draws(&net, &mut draws);
        let trial = Trial::draw(84, sizes, phi, 4);
        let (want, want_gradient) = trial.explicit(1.0);
        for plan in probing(k) {
            let (P, gradient) = trial.by_plan(plan, &draws, 1.0);
            assert_close("P", &P, &want, ROUNDING);
            assert_same_gradient(&format!("{sizes:?}, {plan:?}"), &gradient, &want_gradient, ROUNDING);
        }
    }
}

/// `jacobian_norm`: one weight a row, w/2‖J_b‖.
#[test]
fn the_norm_weighs_each_row_by_its_own() {
    for sizes in SHAPES {
        let trial = Trial::draw(85, sizes, Activation::Silu, 4);
        let (squares, _) = trial.explicit(1.0);
        let norms: Vec<f64> = squares.iter().map(|s| s.sqrt()).collect();
        let mut want_gradient = trial.zeros();
        for (x, norm) in trial.rows().zip(&norms) {
            let at = jacobian(&trial.encoder, &x);
            jacobian_backward(&trial.encoder, &at, &at.J().scaled(0.5 / norm), &mut want_gradient);
        }
        for plan in units(trial.encoder.len(), true) {
            let (P, gradient) = trial.by_plan(plan, &[], 0.5);
            assert_close("‖J‖", &P, &norms, ROUNDING);
            assert_same_gradient(&format!("{sizes:?}, {plan:?}"), &gradient, &want_gradient, ROUNDING);
        }
    }
}

/// At J = 0 the norm has a kink; the subgradient taken is 0. A dead layer anywhere makes J = 0.
#[test]
fn a_jacobian_of_zero_gives_a_gradient_of_zero() {
    for phi in [Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
        for dead in 0..2 {
            let mut trial = Trial::draw(86, &[5, 4, 3], phi, 3);
            trial.encoder[dead].b.fill(-1e4);
            for plan in units(2, true).into_iter().chain(units(2, false)) {
                let (P, gradient) = trial.by_plan(plan, &[], 1.0);
                // The f64 slope of a sigmoid at −1e4 is 0; so is that of tanh.
                assert_eq!(P, [0.0; 3], "{phi}, layer {dead}, {plan:?}");
                assert_same_gradient(&format!("{phi}, layer {dead}, {plan:?}"), &gradient, &trial.zeros(), 0.0);
            }
        }
    }
}

/// Some units at a bound, others alive: φ′ = 1e-40 and the like beside φ′ = 0.2.
#[test]
fn saturated_units_give_finite_numbers() {
    for phi in [Activation::Sigmoid, Activation::Tanh, Activation::Gelu, Activation::Elu] {
        let mut trial = Trial::draw(87, &[5, 4, 3], phi, 3);
        trial.encoder[0].b = vec![90.0, -90.0, 1e6, 0.1];
        trial.encoder[1].b = vec![-95.0, 0.2, -1e6];
        for plan in units(2, false).into_iter().chain(units(2, true)) {
            let (P, gradient) = trial.by_plan(plan, &[], 1.0);
            assert!(P.iter().all(|p| p.is_finite()), "{phi}, {plan:?}: {P:?}");
            let all = gradient.iter().flat_map(|g| g.dW.values().iter().chain(&g.db));
            assert!(all.copied().all(f64::is_finite), "{phi}, {plan:?}");
        }
    }
}

/// φ″/φ′ has a pole where GELU's and SiLU's slope is 0; the pages never divide by the slope.
#[test]
fn a_unit_in_a_minimum_of_its_activation_still_gets_its_gradient() {
    for (phi, z) in [(Activation::Silu, -1.278_464_5_f32), (Activation::Gelu, -0.751_791_5)] {
        let first = Layer { W: Matrix::new(2, 2, vec![1.0, 0.5, -0.5, 1.0]), b: vec![z.into(), 0.3], activation: phi };
        let second = Layer { W: Matrix::new(2, 2, vec![1.0, 1.5, -0.5, 0.5]), b: vec![0.1, 0.2], activation: phi };
        let trial = Trial::of(vec![first, second], vec![0.0, 0.0]);
        let (want, want_gradient) = trial.explicit(1.0);
        for plan in units(trial.encoder.len(), false) {
            let (P, gradient) = trial.by_plan(plan, &[], 1.0);
            assert_close("P", &P, &want, ROUNDING);
            assert_same_gradient(&format!("{phi}, {plan:?}"), &gradient, &want_gradient, ROUNDING);
        }
    }
}
