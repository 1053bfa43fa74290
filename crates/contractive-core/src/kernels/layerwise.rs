//! Σ_l ‖∂a_l/∂a_{l−1}‖²_F, each layer's own Jacobian: the deep contractive network (Gu & Rigazio 2014).
//!
//! ```text
//! P_b = Σ_l Σ_j d_l,bj² q_l,j,   q_l,j = ‖W_l,j‖²
//! ```
//!
//! It is [`frobenius`](super::frobenius) once a layer; what each layer's dZ does to the layers below is ordinary
//! backpropagation. It bounds nothing of the whole encoder's ‖J‖ from below: it is another penalty, not an approximation.
//! Derivation: docs/derivations/layerwise.md.

use pulp::Arch;

use super::frobenius::{frobenius_backward, frobenius_forward};
use super::operands::LayerPass;
use crate::buffer::Buffer;

/// P\[b\] += the sum over layers; `q[l]` holds ‖W_l,j‖².
pub fn layerwise_forward(arch: Arch, P: &mut [f64], pass: &[LayerPass], q: &[Vec<f32>]) {
    for (layer, q) in pass.iter().zip(q) {
        frobenius_forward(arch, P, &layer.d[..P.len() * q.len()], q);
    }
}

/// Each layer's dZ and s, as [`frobenius_backward`] says.
pub fn layerwise_backward(arch: Arch, s: &mut [Buffer], pass: &mut [LayerPass], q: &[Vec<f32>], w: &[f32]) {
    for ((layer, s), q) in pass.iter_mut().zip(s).zip(q) {
        frobenius_backward(arch, &mut layer.dZ, s, &layer.d, &layer.dd, q, w);
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ROUNDING, Trial, assert_close, assert_same_gradient, wide};
    use super::*;
    use crate::activation::Activation;
    use crate::reference::jacobian::{jacobian, jacobian_backward};
    use crate::reference::network::{LayerGradient, backward, forward};

    /// Values, the layers' passes with dZ, and s.
    fn by_the_page(trial: &Trial, w: &[f32], times: usize) -> (Vec<f64>, Vec<LayerPass>, Vec<Buffer>) {
        let mut pass = trial.passes(&trial.points(&[])).remove(0);
        let mut s: Vec<Buffer> = trial.q.iter().map(|q| Buffer::zeros(q.len())).collect();
        let mut P = vec![0.0; w.len()];
        layerwise_forward(Arch::new(), &mut P, &pass, &trial.q);
        for _ in 0..times {
            layerwise_backward(Arch::new(), &mut s, &mut pass, &trial.q, w);
        }
        (P, pass, s)
    }

    /// Layer l alone is a stack of one at a_{l−1}; what it sends there goes back through the layers below.
    fn by_explicit_jacobians(trial: &Trial, w: f64) -> (Vec<f64>, Vec<LayerGradient>) {
        let (encoder, mut gradient, mut P) = (&trial.encoder, trial.zeros(), Vec::new());
        for x in trial.rows() {
            P.push(0.0);
            for l in 0..encoder.len() {
                let below = forward(&encoder[..l], &x);
                let at = jacobian(&encoder[l..=l], below.output());
                *P.last_mut().unwrap() += at.J().squared_norm();
                let dJ = at.J().scaled(2.0 * w);
                let da = jacobian_backward(&encoder[l..=l], &at, &dJ, &mut gradient[l..=l]);
                backward(&encoder[..l], &below, &da, &below.zeros(), &mut gradient[..l]);
            }
        }
        (P, gradient)
    }

    #[test]
    fn value_and_gradient_agree_with_each_layers_explicit_jacobian() {
        for phi in Activation::ALL {
            let trial = Trial::draw(11, &[7, 6, 4, 5], phi, 5);
            let (P, pass, s) = by_the_page(&trial, &[0.2; 5], 1);
            let (want, want_gradient) = by_explicit_jacobians(&trial, f64::from(0.2_f32));
            let mut gradient = trial.backpropagated(&trial.points(&[]), &[pass]);
            trial.add_row_scales(&mut gradient, &s);
            assert_close(&format!("{phi}, P"), &P, &want, ROUNDING);
            assert_same_gradient(phi.name(), &gradient, &want_gradient, ROUNDING);
        }
    }

    #[test]
    fn the_worked_example_comes_out_and_is_not_the_whole_jacobian() {
        let trial = Trial::worked_example();
        let P = by_the_page(&trial, &[1.0], 1).0[0];
        assert!((P - (2.385756 + 0.312380)).abs() < 2e-6, "{P}");
        assert!((trial.explicit(1.0).0[0] - 0.295539).abs() < 1e-6);
    }

    #[test]
    fn it_bounds_the_whole_jacobian_from_above() {
        for seed in 20..40 {
            let trial = Trial::draw(seed, &[6, 5, 4], Activation::Sigmoid, 3);
            let P = by_the_page(&trial, &[1.0; 3], 0).0;
            for (whole, P) in trial.explicit(1.0).0.iter().zip(P) {
                assert!(*whole <= (P / 2.0).powi(2), "‖J‖² = {whole}, layerwise {P}");
            }
        }
    }

    #[test]
    fn backward_adds_and_no_rows_change_nothing() {
        let trial = Trial::draw(12, &[5, 4, 3], Activation::Silu, 4);
        let (_, once, s_once) = by_the_page(&trial, &[0.5; 4], 1);
        let (_, twice, s_twice) = by_the_page(&trial, &[0.5; 4], 2);
        for l in 0..2 {
            let doubled = |v: &[f32]| v.iter().map(|a| 2.0 * f64::from(*a)).collect::<Vec<_>>();
            assert_close("dZ", &wide(&twice[l].dZ), &doubled(&once[l].dZ), ROUNDING);
            assert_close("s", &wide(&s_twice[l]), &doubled(&s_once[l]), ROUNDING);
        }
        let none = Trial::draw(12, &[5, 4, 3], Activation::Silu, 0);
        let (P, _, s) = by_the_page(&none, &[], 1);
        assert!(P.is_empty() && s.iter().flatten().all(|&s| s == 0.0));
    }

    #[test]
    fn saturated_units_give_finite_numbers() {
        let mut trial = Trial::draw(13, &[5, 4, 3], Activation::Sigmoid, 4);
        trial.encoder[0].b = vec![1e5, -1e5, 90.0, -90.0];
        let (P, pass, s) = by_the_page(&trial, &[1.0; 4], 1);
        assert!(P.iter().all(|p| p.is_finite() && *p >= 0.0));
        assert!(pass.iter().flat_map(|p| &p.dZ).chain(s.iter().flatten()).all(|g| g.is_finite()));
    }
}
