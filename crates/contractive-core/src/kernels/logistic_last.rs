//! Σ_j (h_j(1−h_j))² ‖W_L,j‖²: the form that most tutorials copy, kept to reproduce what it gives.
//!
//! ```text
//! P_b = Σ_j g_bj² q_j,   g = h(1−h),  q_j = ‖W_L,j‖²        h (N, k), W_L (k, n)
//! ∂P_b/∂h_bj = 2 g_bj (1−2h_bj) q_j        ∂P_b/∂W_L = 2 diag(g_b²) W_L, or 0 with W held constant
//! ```
//!
//! It is ‖J‖²_F only for one sigmoid layer. With another φ, h(1−h) is not φ′; with a deeper encoder the layers below are
//! missing; with W held constant the gradient can only push h towards 0 and 1, where the penalty vanishes, which makes ‖W‖ grow.
//! Source: the audit's rows 6, 7 and 18. Derivation: docs/derivations/logistic-last.md.

use pulp::Arch;

use crate::instructions::vectorised;

/// P\[b\] += Σ_j g² q; h's rows lie `stride` apart.
pub fn logistic_last_forward(P: &mut [f64], h: &[f32], stride: usize, q: &[f32]) {
    for (P, h) in P.iter_mut().zip(h.chunks(stride)) {
        for (&h, &q) in h.iter().zip(q) {
            *P += f64::from(h * (1.0 - h)).powi(2) * f64::from(q);
        }
    }
}

/// dZ += w ∂P/∂h ∘ φ′(z), and s_j += w_b g_bj² (for dW_j += 2 s_j W_j) unless `s` is empty, where W is held constant.
pub fn logistic_last_backward(
    arch: Arch,
    dZ: &mut [f32],
    s: &mut [f32],
    h: &[f32],
    stride: usize,
    d: &[f32],
    q: &[f32],
    w: &[f32],
) {
    let k = q.len();
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (((dZ, h), d), &w) in dZ.chunks_exact_mut(k).zip(h.chunks(stride)).zip(d.chunks_exact(k)).zip(w) {
                for j in 0..k {
                    let g = h[j] * (1.0 - h[j]);
                    dZ[j] += 2.0 * w * g * (1.0 - 2.0 * h[j]) * q[j] * d[j];
                }
                for (s, &h) in s.iter_mut().zip(h) {
                    let g = h * (1.0 - h);
                    *s += w * g * g;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::LayerPass;
    use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient};
    use super::*;
    use crate::activation::Activation;
    use crate::reference::network::{LayerGradient, backward, forward};
    use crate::reference::{Layer, Matrix};

    /// Value and gradient; the codes lie in records of k + 2 numbers.
    fn by_the_page(trial: &Trial, hold: bool, w: f32, times: usize) -> (Vec<f64>, Vec<LayerGradient>) {
        let (last, points) = (trial.encoder.len() - 1, trial.points(&[]));
        let (q, mut passes) = (&trial.q[last], trial.passes(&points));
        let (k, n) = (q.len(), trial.rows().count());
        let code = |x: Vec<f64>| {
            let h = forward(&trial.encoder, &x).output().to_vec();
            h.into_iter().map(|v| v as f32).chain([9.0, 9.0])
        };
        let h: Vec<f32> = trial.rows().flat_map(code).collect();
        let mut P = vec![0.0; n];
        logistic_last_forward(&mut P, &h, k + 2, q);
        let mut s = vec![vec![]; last + 1];
        s[last] = vec![0.0; if hold { 0 } else { k }];
        for _ in 0..times {
            let LayerPass { d, dZ, .. } = &mut passes[0][last];
            logistic_last_backward(Arch::new(), dZ, &mut s[last], &h, k + 2, d, q, &vec![w; n]);
        }
        let mut gradient = trial.backpropagated(&points, &passes);
        trial.add_row_scales(&mut gradient, &s);
        (P, gradient)
    }

    /// The formulas of the head, row by row and unit by unit.
    fn by_formula(trial: &Trial, hold: bool, w: f64) -> (Vec<f64>, Vec<LayerGradient>) {
        let (last, mut gradient, mut P) = (trial.encoder.len() - 1, trial.zeros(), Vec::new());
        let W = &trial.encoder[last].W;
        for x in trial.rows() {
            let trace = forward(&trial.encoder, &x);
            let (mut value, mut dh) = (0.0, Vec::new());
            for (j, h) in trace.output().iter().enumerate() {
                let (g, q) = (h * (1.0 - h), W.row(j).iter().map(|v| v * v).sum::<f64>());
                value += g * g * q;
                dh.push(w * 2.0 * g * (1.0 - 2.0 * h) * q);
                for i in 0..W.columns() {
                    gradient[last].dW[(j, i)] += if hold { 0.0 } else { w * 2.0 * g * g * W[(j, i)] };
                }
            }
            backward(&trial.encoder, &trace, &dh, &trace.zeros(), &mut gradient);
            P.push(value);
        }
        (P, gradient)
    }

    #[test]
    fn value_and_gradient_agree_with_the_formula_with_and_without_weights() {
        for phi in Activation::ALL {
            for sizes in [&[7, 5][..], &[6, 5, 3]] {
                for hold in [false, true] {
                    let trial = Trial::draw(61, sizes, phi, 4);
                    let label = format!("{phi}, {sizes:?}, held {hold}");
                    let (P, gradient) = by_the_page(&trial, hold, 0.25, 1);
                    let (want, want_gradient) = by_formula(&trial, hold, 0.25);
                    assert_close(&format!("{label}, P"), &P, &want, ROUNDING);
                    assert_same_gradient(&label, &gradient, &want_gradient, ROUNDING);
                }
            }
        }
    }

    #[test]
    fn it_is_the_jacobian_for_one_sigmoid_layer_alone() {
        let sigmoid = Trial::draw(62, &[7, 5], Activation::Sigmoid, 4);
        let (P, gradient) = by_the_page(&sigmoid, false, 0.25, 1);
        assert_close("P", &P, &sigmoid.explicit(0.25).0, ROUNDING);
        assert_same_gradient("gradient", &gradient, &sigmoid.explicit(0.25).1, ROUNDING);
        let deep = Trial::worked_example();
        assert!((by_the_page(&deep, false, 1.0, 1).0[0] - 0.312380).abs() < 1e-6);
        assert!((deep.explicit(1.0).0[0] - 0.295539).abs() < 1e-6);
    }

    /// The table in docs/derivations/logistic-last.md: what it gives for ReLU codes, whose φ′² is 1.
    #[test]
    fn relu_codes_get_a_polynomial_of_the_fourth_degree() {
        for (h, want) in [(0.0, 0.0), (0.5, 0.0625), (1.0, 0.0), (2.0, 4.0), (3.0, 36.0), (5.0, 400.0)] {
            let mut P = [0.0];
            logistic_last_forward(&mut P, &[h], 1, &[1.0]);
            assert_eq!(P[0], want, "h = {h}");
        }
    }

    /// Along the held gradient ‖W‖ grows; along the true one it shrinks.
    #[test]
    fn held_weights_make_the_weights_grow() {
        let W = Matrix::new(1, 2, vec![0.5, -1.0]);
        let layer = Layer { W: W.clone(), b: vec![0.25], activation: Activation::Sigmoid };
        let trial = Trial::of(vec![layer], vec![1.0, -0.5, -1.0, 0.5, 0.5, -1.5]);
        let along = |hold: bool| by_the_page(&trial, hold, 1.0, 1).1[0].dW.hadamard(&W).row_sums()[0];
        assert!(along(true) < 0.0 && along(false) > 0.0, "held {}, true {}", along(true), along(false));
    }

    #[test]
    fn backward_adds_and_no_rows_and_saturated_units_are_harmless() {
        let trial = Trial::draw(63, &[6, 4], Activation::Sigmoid, 3);
        let (once, twice) = (by_the_page(&trial, false, 0.5, 1).1, by_the_page(&trial, false, 0.5, 2).1);
        assert_close("dW", twice[0].dW.values(), once[0].dW.scaled(2.0).values(), ROUNDING);
        let doubled: Vec<f64> = once[0].db.iter().map(|g| 2.0 * g).collect();
        assert_close("db", &twice[0].db, &doubled, ROUNDING);

        let none = Trial::draw(63, &[6, 4], Activation::Sigmoid, 0);
        assert_same_gradient("no rows", &by_the_page(&none, false, 0.5, 1).1, &none.zeros(), 0.0);

        let mut saturated = trial;
        saturated.encoder[0].b = vec![1e6, -1e6, 150.0, -150.0];
        let (P, gradient) = by_the_page(&saturated, false, 1.0, 1);
        assert!(P.iter().all(|p| (0.0..1e-12).contains(p)), "{P:?}");
        assert!(gradient[0].dW.values().iter().all(|g| g.abs() < 1e-6));
    }
}
