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

use super::LayerPass;
use super::frobenius::{frobenius_backward, frobenius_forward};

/// P\[b\] += the sum over layers; `q[l]` holds ‖W_l,j‖².
pub fn layerwise_forward(arch: Arch, P: &mut [f64], pass: &[LayerPass], q: &[Vec<f32>]) {
    for (layer, q) in pass.iter().zip(q) {
        frobenius_forward(arch, P, &layer.d[..P.len() * q.len()], q);
    }
}

/// Each layer's dZ and s, as [`frobenius_backward`] says.
pub fn layerwise_backward(arch: Arch, s: &mut [Vec<f32>], pass: &mut [LayerPass], q: &[Vec<f32>], w: &[f32]) {
    for ((layer, s), q) in pass.iter_mut().zip(s).zip(q) {
        frobenius_backward(arch, &mut layer.dZ, s, &layer.d, &layer.dd, q, w);
    }
}
