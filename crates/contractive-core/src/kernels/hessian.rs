//! ‖J(x)‖²_F + ratio · mean over ε of ‖J(x) − J(x+ε)‖²_F: CAE+H (Rifai et al., ECML 2011).
//!
//! One layer, in closed form (c counts the C corruptions, r = ratio/C):
//!
//! ```text
//! P_b = Σ_j [ d_bj² + r Σ_c (d_bj − d^c_bj)² ] q_j           d = φ′(z(x)),  d^c = φ′(z(x+ε_c)),  q_j = ‖W_j‖²
//! ∂P_b/∂z_bj  = 2 q_j φ″_bj [ d_bj + r Σ_c (d_bj − d^c_bj) ]      ∂P_b/∂z^c_bj = −2 q_j φ″^c_bj r (d_bj − d^c_bj)
//! dW_j += 2 s_j W_j,   s_j = Σ_b w_b [ d_bj² + r Σ_c (d_bj − d^c_bj)² ]
//! ```
//!
//! Deep: J(x) − J(x+ε) = (U(x) − U(x+ε)) W_1 with U the rows of the code side, so the difference of two stacks goes
//! through the same end as one; its adjoint goes up both chains, with opposite signs.
//! Shapes: passes\[0\] is the point x, passes\[1..=C\] the corrupted ones. Derivation: docs/derivations/hessian.md.

use std::ops::Range;

use pulp::Arch;

use crate::buffer::Buffer;
use crate::instructions::vectorised;

use super::frobenius_deep::WeightSums;
use super::frobenius_deep::code_side::{CodeSideScratch, End, RowStack, ascend, descend, end_backward, end_forward};
use super::operands::{DenseLayer, LayerPass};

/// One layer: P\[b\] += the value; `passes[p]` is the layer at point p.
pub fn hessian_layer_forward(arch: Arch, P: &mut [f64], passes: &[Vec<LayerPass>], q: &[f32], ratio: f32) {
    let m = q.len();
    let r = ratio / (passes.len() - 1) as f32;
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (b, P) in P.iter_mut().enumerate() {
                let d = &passes[0][0].d[b * m..(b + 1) * m];
                *P += super::sums::square_dot(d, q);
                for corrupted in &passes[1..] {
                    let d_c = &corrupted[0].d[b * m..(b + 1) * m];
                    let sum: f64 = (0..m).map(|j| f64::from((d[j] - d_c[j]) * (d[j] - d_c[j]) * q[j])).sum();
                    *P += f64::from(r) * sum;
                }
            }
        },
    );
}

/// One layer: every point's dZ, and s for dW_j += 2 s_j W_j.
pub fn hessian_layer_backward(
    arch: Arch,
    s: &mut [f32],
    passes: &mut [Vec<LayerPass>],
    q: &[f32],
    ratio: f32,
    w: &[f32],
) {
    let m = q.len();
    let r = ratio / (passes.len() - 1) as f32;
    let (base, corrupted) = passes.split_at_mut(1);
    let LayerPass { d, dd, dZ } = &mut base[0][0];
    super::frobenius::frobenius_backward(arch, dZ, s, &d[..w.len() * m], dd, q, w);
    vectorised(
        arch,
        #[inline(always)]
        || {
            for point in &mut *corrupted {
                let at = &mut point[0];
                for (b, &w) in w.iter().enumerate() {
                    for (j, i) in (b * m..(b + 1) * m).enumerate() {
                        let change = d[i] - at.d[i];
                        s[j] += w * r * change * change;
                        // A piecewise linear φ has no φ″, and then nothing flows here.
                        if !dd.is_empty() {
                            dZ[i] += 2.0 * w * r * q[j] * dd[i] * change;
                            at.dZ[i] -= 2.0 * w * r * q[j] * at.dd[i] * change;
                        }
                    }
                }
            }
        },
    );
}

/// Scratch of one lane for the deep form.
#[derive(Debug, Clone, Default)]
pub struct HessianScratch {
    stacks: Vec<RowStack>,
    code_side: CodeSideScratch,
    /// The adjoint of U(x) that the differences send.
    from_differences: Buffer,
    /// ‖J(x) − J(x+ε)‖² of one corruption.
    change: Vec<f64>,
    weight: Vec<f32>,
}

/// Deep: P\[b\] += the value for `samples`; with `w`, also every dZ and the weight sums.
pub fn hessian_deep(
    arch: Arch,
    P: &mut [f64],
    sums: &mut WeightSums,
    passes: &mut [Vec<LayerPass>],
    scratch: &mut HessianScratch,
    net: &[DenseLayer<'_>],
    end: End<'_>,
    samples: Range<usize>,
    ratio: f32,
    w: Option<&[f32]>,
) {
    let (m_1, corruptions) = (net[0].m, passes.len() - 1);
    let r = ratio / corruptions as f32;
    scratch.stacks.resize_with(passes.len(), RowStack::default);
    scratch.change.resize(P.len(), 0.0);
    for (stack, pass) in scratch.stacks.iter_mut().zip(&*passes) {
        descend(arch, stack, net, pass, samples.clone(), &[], 0, true);
    }
    let (base, corrupted) = scratch.stacks.split_at_mut(1);
    let base = &mut base[0];
    let size = base.rows() * m_1;
    scratch.from_differences.reset(size);
    for (c, stack) in corrupted.iter_mut().enumerate() {
        // U(x+ε) − U(x): the sign is lost in the norm, and says which way the adjoint goes.
        stack.subtract_first(base, m_1);
        scratch.change[samples.clone()].fill(0.0);
        end_forward(arch, &mut scratch.change, &mut scratch.code_side, stack, &net[0], end);
        for b in samples.clone() {
            P[b] += f64::from(r) * scratch.change[b];
        }
        if let Some(w) = w {
            scratch.weight.clear();
            scratch.weight.extend(w.iter().map(|w| w * r));
            end_backward(arch, sums, &mut scratch.code_side, stack, &scratch.weight, &net[0], end);
            scratch.from_differences.iter_mut().zip(scratch.code_side.adjoint()).for_each(|(sum, x)| *sum -= *x);
            ascend(arch, sums, &mut passes[c + 1], &mut scratch.code_side, stack, net);
        }
    }
    end_forward(arch, P, &mut scratch.code_side, base, &net[0], end);
    if let Some(w) = w {
        end_backward(arch, sums, &mut scratch.code_side, base, w, &net[0], end);
        scratch.code_side.adjoint().iter_mut().zip(&scratch.from_differences).for_each(|(x, more)| *x += more);
        ascend(arch, sums, &mut passes[0], &mut scratch.code_side, base, net);
    }
}

#[cfg(test)]
mod tests {
    use super::super::PenaltyPlan;
    use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, numbers, wide};
    use super::*;
    use crate::activation::Activation;
    use crate::reference::jacobian::{jacobian, jacobian_backward};
    use crate::reference::network::LayerGradient;
    use crate::reference::{Layer, Matrix};

    const CLOSED: fn(f32) -> PenaltyPlan = |ratio| PenaltyPlan::HessianOneLayer { ratio };
    const GRAM: fn(f32) -> PenaltyPlan = |ratio| PenaltyPlan::HessianDeep { ratio, gram: true };
    const DIRECT: fn(f32) -> PenaltyPlan = |ratio| PenaltyPlan::HessianDeep { ratio, gram: false };

    /// The definition, with both Jacobians written out: ∂P/∂J(x) = 2 J + 2r Σ_c Δ_c, ∂P/∂J(x+ε_c) = −2r Δ_c.
    fn by_explicit_jacobians(trial: &Trial, e: &[f32], ratio: f64, w: f64) -> (Vec<f64>, Vec<LayerGradient>) {
        let (net, points, mut gradient, mut P) = (&trial.encoder, trial.points(e), trial.zeros(), Vec::new());
        let r = ratio / (points.len() - 1) as f64;
        for b in 0..trial.rows().count() {
            let at = |X: &Vec<f32>| jacobian(net, &wide(&X[b * trial.d()..(b + 1) * trial.d()]));
            let base = at(&points[0]);
            let (mut value, mut dJ) = (base.J().squared_norm(), base.J().scaled(2.0 * w));
            for moved in points[1..].iter().map(at) {
                let change = base.J().minus(moved.J());
                value += r * change.squared_norm();
                dJ.add(&change.scaled(2.0 * w * r));
                jacobian_backward(net, &moved, &change.scaled(-2.0 * w * r), &mut gradient);
            }
            jacobian_backward(net, &base, &dJ, &mut gradient);
            P.push(value);
        }
        (P, gradient)
    }

    #[test]
    fn value_and_gradient_agree_with_explicit_jacobians_at_every_point() {
        for phi in Activation::ALL {
            for (sizes, plans) in [
                (&[7, 5][..], &[CLOSED][..]),
                (&[7, 6, 4], &[GRAM, DIRECT]),
                (&[5, 4, 6, 3], &[GRAM, DIRECT]),
                (&[4, 9, 7], &[GRAM, DIRECT]),
            ] {
                let trial = Trial::draw(31, sizes, phi, 4);
                let corruptions = numbers(32, 3 * trial.X.len());
                let (want, want_gradient) = by_explicit_jacobians(&trial, &corruptions, 0.5, 0.25);
                for plan in plans {
                    let plan = plan(0.5);
                    let label = format!("{phi}, {sizes:?}, {plan:?}");
                    let (P, gradient) = trial.by_plan(plan, &corruptions, 0.25);
                    assert_close(&format!("{label}, P"), &P, &want, ROUNDING);
                    assert_same_gradient(&label, &gradient, &want_gradient, ROUNDING);
                }
            }
        }
    }

    #[test]
    fn with_ratio_zero_it_is_the_jacobian() {
        for (sizes, plan) in [(&[7, 5][..], CLOSED), (&[7, 6, 4], GRAM), (&[7, 6, 4], DIRECT)] {
            let trial = Trial::draw(33, sizes, Activation::Softplus, 4);
            let corruptions = numbers(34, 2 * trial.X.len());
            let (P, gradient) = trial.by_plan(plan(0.0), &corruptions, 0.25);
            let (want, want_gradient) = trial.explicit(0.25);
            assert_close("P", &P, &want, ROUNDING);
            assert_same_gradient("ratio 0", &gradient, &want_gradient, ROUNDING);
        }
    }

    /// The deep form starts from two layers; with a = z = a_1 on top it is the closed form of the first.
    #[test]
    fn the_deep_form_under_an_identity_is_the_closed_form() {
        let one = Trial::draw(35, &[6, 4], Activation::Tanh, 5);
        let top = Layer { W: Matrix::identity(4), b: vec![0.0; 4], activation: Activation::Identity };
        let two = Trial::of(vec![one.encoder[0].clone(), top], one.X.clone());
        let corruptions = numbers(36, 2 * one.X.len());
        let (want, want_gradient) = one.by_plan(CLOSED(0.7), &corruptions, 0.5);
        for plan in [GRAM(0.7), DIRECT(0.7)] {
            let (P, gradient) = two.by_plan(plan, &corruptions, 0.5);
            assert_close("P", &P, &want, ROUNDING);
            assert_same_gradient(&format!("{plan:?}"), &gradient[..1], &want_gradient, ROUNDING);
        }
    }

    /// J of a ReLU layer is piecewise constant: a corruption that crosses no kink changes nothing, to the bit.
    #[test]
    fn between_kinks_a_relu_has_no_second_term() {
        let mut trial = Trial::draw(37, &[5, 4], Activation::Relu, 3);
        trial.encoder[0].b = vec![50.0, -50.0, 50.0, -50.0];
        let corruptions = numbers(38, 2 * trial.X.len());
        let (with, gradient) = trial.by_plan(CLOSED(3.0), &corruptions, 0.5);
        let (without, plain) = trial.by_plan(CLOSED(0.0), &corruptions, 0.5);
        assert_eq!((with, gradient), (without, plain));
    }

    #[test]
    fn backward_adds_and_no_rows_change_nothing() {
        let trial = Trial::draw(39, &[6, 4], Activation::Elu, 3);
        let points = trial.points(&numbers(40, 2 * trial.X.len()));
        let run = |times: usize| {
            let (mut s, mut passes) = (vec![0.0; 4], trial.passes(&points));
            for _ in 0..times {
                hessian_layer_backward(Arch::new(), &mut s, &mut passes, &trial.q[0], 0.5, &[0.25; 3]);
            }
            passes.iter().map(|p| p[0].dZ.to_vec()).chain([s]).flatten().collect::<Vec<f32>>()
        };
        let doubled: Vec<f64> = run(1).iter().map(|a| 2.0 * f64::from(*a)).collect();
        assert_close("dZ and s", &wide(&run(2)), &doubled, ROUNDING);

        let none = Trial::draw(39, &[6, 4], Activation::Elu, 0);
        let (mut s, mut passes) = (vec![0.5; 4], none.passes(&[vec![], vec![]]));
        hessian_layer_forward(Arch::new(), &mut [], &passes, &none.q[0], 0.5);
        hessian_layer_backward(Arch::new(), &mut s, &mut passes, &none.q[0], 0.5, &[]);
        assert_eq!(s, [0.5; 4]);
    }

    #[test]
    fn saturated_units_give_finite_numbers() {
        for (sizes, plan) in [(&[5, 4][..], CLOSED), (&[5, 4, 3], GRAM), (&[5, 4, 3], DIRECT)] {
            let mut trial = Trial::draw(41, sizes, Activation::Sigmoid, 3);
            trial.encoder[0].b = vec![1e6, -1e6, 95.0, -95.0];
            let (P, gradient) = trial.by_plan(plan(1.0), &numbers(42, trial.X.len()), 1.0);
            assert!(P.iter().all(|p| p.is_finite() && *p >= 0.0), "{P:?}");
            assert!(gradient.iter().flat_map(|g| g.dW.values().iter().chain(&g.db)).all(|g| g.is_finite()));
        }
    }
}
