//! ‖J‖²_F of one layer, in closed form (Rifai et al. 2011, for the sigmoid).
//!
//! ```text
//! J = diag(φ′(z)) W          P_b = Σ_j d_bj² q_j,   d = φ′(z),  q_j = ‖W_j‖²
//! ∂P_b/∂z_bj = 2 d_bj φ″(z_bj) q_j        ∂P_b/∂W = 2 diag(d_b²) W + (∂P_b/∂z) xᵀ
//! ```
//!
//! The x-part of ∂P/∂W is the layer's ordinary weight gradient of dZ. The direct part needs only s_j = Σ_b w_b d_bj²:
//! dW_j += 2 s_j W_j. Cost O(m) a row once q is known.
//! Shapes: d, φ″, dZ (N, m); q, s (m); W (m, n). Derivation: docs/derivations/frobenius.md.

use pulp::Arch;

use crate::instructions::vectorised;

use super::sums::square_dot;

/// P\[b\] += Σ_j d_bj² q_j.
pub fn frobenius_forward(arch: Arch, P: &mut [f64], d: &[f32], q: &[f32]) {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (P, d) in P.iter_mut().zip(d.chunks_exact(q.len())) {
                *P += square_dot(d, q);
            }
        },
    );
}

/// dZ_bj += 2 w_b d_bj φ″_bj q_j, and s_j += w_b d_bj². `dd` is empty where φ″ is zero everywhere.
pub fn frobenius_backward(arch: Arch, dZ: &mut [f32], s: &mut [f32], d: &[f32], dd: &[f32], q: &[f32], w: &[f32]) {
    let m = q.len();
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (d, &w) in d.chunks_exact(m).zip(w) {
                for (s, &d) in s.iter_mut().zip(d) {
                    *s += w * d * d;
                }
            }
            for (((dZ, d), dd), &w) in dZ.chunks_exact_mut(m).zip(d.chunks_exact(m)).zip(dd.chunks_exact(m)).zip(w) {
                for j in 0..m {
                    dZ[j] += 2.0 * w * d[j] * dd[j] * q[j];
                }
            }
        },
    );
}

/// dW_j += 2 s_j W_j for the rows of W in `W`, whose s is `s`.
pub fn frobenius_backward_weight(arch: Arch, dW: &mut [f32], W: &[f32], s: &[f32]) {
    let n = W.len() / s.len();
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((dW, W), &s) in dW.chunks_exact_mut(n).zip(W.chunks_exact(n)).zip(s) {
                for (g, &v) in dW.iter_mut().zip(W) {
                    *g += 2.0 * s * v;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, wide};
    use super::super::{LayerPass, PenaltyPlan};
    use super::*;
    use crate::activation::Activation;
    use crate::reference::{Layer, Matrix};

    /// Value, dZ and dW of a trial of one layer; `times` runs of the backward pass.
    fn by_the_page(trial: &Trial, w: &[f32], times: usize) -> (Vec<f64>, LayerPass, Vec<f32>) {
        let (net, arch, q) = (trial.net(), Arch::new(), &trial.q[0]);
        let mut pass = trial.passes(&trial.points(&[])).remove(0).remove(0);
        let (mut P, mut s, mut dW) = (vec![0.0; w.len()], vec![0.0; q.len()], vec![0.0; net[0].W.len()]);
        frobenius_forward(arch, &mut P, &pass.d, q);
        for _ in 0..times {
            let LayerPass { d, dd, dZ } = &mut pass;
            frobenius_backward(arch, dZ, &mut s, d, dd, q, w);
        }
        frobenius_backward_weight(arch, &mut dW, net[0].W, &s);
        (P, pass, dW)
    }

    #[test]
    fn value_and_gradient_agree_with_the_explicit_jacobian() {
        for phi in Activation::ALL {
            let trial = Trial::draw(1, &[7, 5], phi, 6);
            let (P, pass, dW) = by_the_page(&trial, &[0.25; 6], 1);
            let (want, want_gradient) = trial.explicit(0.25);
            let mut gradient = trial.backpropagated(&trial.points(&[]), &[vec![pass]]);
            gradient[0].dW.add(&Matrix::new(5, 7, wide(&dW)));
            assert_close(&format!("{phi}, P"), &P, &want, ROUNDING);
            assert_same_gradient(phi.name(), &gradient, &want_gradient, ROUNDING);
        }
    }

    /// The formulas of the head, written out, with another weight for each row.
    #[test]
    fn each_part_agrees_with_its_formula() {
        let (trial, w, phi) = (Trial::draw(2, &[4, 3], Activation::Gelu, 2), [0.5_f32, 2.0], Activation::Gelu);
        let (P, pass, dW) = by_the_page(&trial, &w, 1);
        let layer = &trial.encoder[0];
        let mut want_dW = Matrix::zeros(3, 4);
        for (b, x) in trial.rows().enumerate() {
            let mut value = 0.0;
            for j in 0..3 {
                let q: f64 = layer.W.row(j).iter().map(|v| v * v).sum();
                let z = layer.b[j] + layer.W.row(j).iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
                let (d, dd, w) = (phi.derivative(z), phi.second_derivative(z), f64::from(w[b]));
                value += d * d * q;
                assert!((f64::from(pass.dZ[b * 3 + j]) - 2.0 * w * d * dd * q).abs() < 1e-5);
                for i in 0..4 {
                    want_dW[(j, i)] += 2.0 * w * d * d * layer.W[(j, i)];
                }
            }
            assert!((P[b] - value).abs() < 1e-5 * value);
        }
        assert_close("dW, direct part", &wide(&dW), want_dW.values(), ROUNDING);
    }

    /// docs/derivations/frobenius.md works this out to six digits.
    #[test]
    fn the_worked_example_comes_out() {
        let W = Matrix::new(2, 2, vec![1.0, 2.0, -1.0, 0.5]);
        let layer = Layer { W, b: vec![0.5, 0.0], activation: Activation::Sigmoid };
        let trial = Trial::of(vec![layer], vec![1.0, -1.0]);
        let (P, pass, dW) = by_the_page(&trial, &[1.0], 1);
        let near = |got: f32, want: f64| assert!((f64::from(got) - want).abs() < 1e-6, "{got}, not {want}");
        near(P[0] as f32, 0.303940);
        near(pass.dZ[0], 0.135261);
        near(pass.dZ[1], 0.035322);
        [0.110453, 0.220907, -0.044489, 0.022245].iter().zip(&dW).for_each(|(want, got)| near(*got, *want));
    }

    #[test]
    fn backward_adds() {
        let trial = Trial::draw(3, &[7, 5], Activation::Tanh, 6);
        let (_, once, dW_once) = by_the_page(&trial, &[0.25; 6], 1);
        let (_, twice, dW_twice) = by_the_page(&trial, &[0.25; 6], 2);
        let doubled = |v: &[f32]| v.iter().map(|a| 2.0 * f64::from(*a)).collect::<Vec<_>>();
        assert_close("dZ", &wide(&twice.dZ), &doubled(&once.dZ), ROUNDING);
        assert_close("dW", &wide(&dW_twice), &doubled(&dW_once), ROUNDING);
        let mut P = [1.0];
        frobenius_forward(Arch::new(), &mut P, &[0.5], &[4.0]);
        assert_eq!(P, [2.0]);
    }

    #[test]
    fn no_rows_give_nothing_and_saturated_units_nothing_that_is_not_finite() {
        let (mut s, q) = (vec![0.5; 5], [1.0; 5]);
        frobenius_forward(Arch::new(), &mut [], &[], &q);
        frobenius_backward(Arch::new(), &mut [], &mut s, &[], &[], &q, &[]);
        assert_eq!(s, [0.5; 5]);

        for phi in [Activation::Sigmoid, Activation::Tanh] {
            let mut trial = Trial::draw(4, &[7, 5], phi, 2);
            trial.encoder[0].b = vec![200.0, -200.0, 1e6, -1e6, 30.0];
            let (P, pass, dW) = by_the_page(&trial, &[1.0; 2], 1);
            assert!(P.iter().all(|p| (0.0..1e-20).contains(p)), "{phi}: {P:?}");
            assert!(pass.dZ.iter().chain(&dW).all(|g| g.abs() < 1e-20), "{phi}");
        }
    }

    /// `jacobian_norm`: half the gradient of the square over the norm, and at J = 0 the subgradient 0.
    #[test]
    fn the_norm_has_gradient_zero_where_the_jacobian_is_zero() {
        let plan = PenaltyPlan::OneLayer { root: true };
        let trial = Trial::draw(5, &[7, 5], Activation::Tanh, 1);
        let (P, gradient) = trial.by_plan(plan, &[], 1.0);
        let norm = trial.explicit(1.0).0[0].sqrt();
        assert_close("‖J‖", &P, &[norm], ROUNDING);
        assert_same_gradient("‖J‖", &gradient, &trial.explicit(0.5 / norm).1, ROUNDING);

        let mut dead = Trial::draw(5, &[7, 5], Activation::Relu, 3);
        dead.encoder[0].b = vec![-100.0; 5];
        let (P, gradient) = dead.by_plan(plan, &[], 1.0);
        assert_eq!(P, [0.0; 3]);
        assert_same_gradient("J = 0", &gradient, &dead.zeros(), 0.0);
    }
}
