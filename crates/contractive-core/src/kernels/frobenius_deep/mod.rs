//! ‖J‖²_F of a deep encoder, exact, and ‖vᵀJ‖² of random probes, without ever building J by autodiff.
//!
//! ```text
//! J = D_L W_L … D_1 W_1,   D_l = diag φ′(z_l)        P_b = ‖J_b‖²_F = tr(A G Aᵀ),  A = D_L W_L … W_2 D_1,  G = W_1 W_1ᵀ
//! ```
//!
//! The product can be multiplied out in several orders; [`order`](mod@crate::order) counts operations and chooses:
//!
//! | order | carries | ends in | page |
//! |---|---|---|---|
//! | code side, Gram | the k rows of A, from the top down | G, (m_1, m_1), once a step | [`code_side`] |
//! | code side, direct | the same | W_1, (m_1, d) | [`code_side`] |
//! | input side | the d columns of J, from the bottom up | nothing | [`input_side`] |
//! | Khatri-Rao, two layers | nothing: J is linear in φ′(z_1) | W_1ᵀ ⊙ W_2, (d k, m_1), once a step | [`khatri_rao`] |
//!
//! The gradient has three parts: through W (both occurrences in P), through each φ′(z_l), which needs φ″, and from there
//! back through the layers below, which is ordinary backpropagation of the `dZ` left in each
//! [`LayerPass`](super::LayerPass). The probes of `projection` are rows v in place of the k unit rows: the same page.
//! Source: Rifai et al. 2011; the paper stops at one layer. Derivation: docs/derivations/frobenius-deep.md.

pub mod code_side;
pub mod input_side;
pub mod khatri_rao;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod orders_timed;

use super::pieces::{in_pieces, piece};
use crate::buffer::Buffer;

/// Sums over a lane's rows that turn into weight gradients once all lanes are summed.
#[derive(Debug, Clone, Default)]
pub struct WeightSums {
    /// Σ_b w_b U_1ᵀ U_1, shape (m_1, m_1), for dW_1 += 2 K W_1; empty unless the order ends in G.
    pub K: Buffer,
    /// What is added to dW_l, shape (m_l, n_l); for the input side and Khatri-Rao layer 1 is transposed, (d, m_1).
    pub W: Vec<Buffer>,
}

/// Rows of `V` times the matching entries of the sample's φ′: U_r = V_r ∘ d\[owner(r)\].
#[inline(always)]
fn gate(U: &mut [f32], V: &[f32], d: &[f32], owner: impl Iterator<Item = usize>, m: usize) {
    for ((U, V), b) in U.chunks_exact_mut(m).zip(V.chunks_exact(m)).zip(owner) {
        let d = &d[b * m..][..m];
        in_pieces!(m, |at, N| {
            let (v, d) = (piece::<N>(V, at), piece::<N>(d, at));
            for (j, u) in U[at..at + N].iter_mut().enumerate() {
                *u = v[j] * d[j];
            }
        });
    }
}

/// In place: X_r = s X_r ∘ d\[owner(r)\].
#[inline(always)]
fn gate_in_place(X: &mut [f32], d: &[f32], owner: impl Iterator<Item = usize>, m: usize, s: f32) {
    for (X, b) in X.chunks_exact_mut(m).zip(owner) {
        let d = &d[b * m..][..m];
        in_pieces!(m, |at, N| {
            let (x, d) = (piece::<N>(X, at), piece::<N>(d, at));
            for (j, to) in X[at..at + N].iter_mut().enumerate() {
                *to = x[j] * (s * d[j]);
            }
        });
    }
}

/// The path through φ′, then the gate: dZ_b += φ″_b ∘ Σ_{r of b} s X_r ∘ V_r, where s X is the adjoint of V_r ∘ d_b; and
/// X_r = s X_r ∘ d\[owner(r)\].
#[inline(always)]
fn through_slope_and_gate(
    dZ: &mut [f32],
    d: &[f32],
    dd: &[f32],
    X: &mut [f32],
    V: &[f32],
    owner: impl Iterator<Item = usize>,
    m: usize,
    s: f32,
) {
    for ((X, V), b) in X.chunks_exact_mut(m).zip(V.chunks_exact(m)).zip(owner) {
        let (dZ, dd, d) = (&mut dZ[b * m..][..m], &dd[b * m..][..m], &d[b * m..][..m]);
        in_pieces!(m, |at, N| {
            let (mut x, v) = (piece::<N>(X, at), piece::<N>(V, at));
            let (mut dz, dd, d) = (piece::<N>(dZ, at), piece::<N>(dd, at), piece::<N>(d, at));
            for j in 0..N {
                x[j] *= s;
                dz[j] += dd[j] * x[j] * v[j];
                x[j] *= d[j];
            }
            dZ[at..at + N].copy_from_slice(&dz);
            X[at..at + N].copy_from_slice(&x);
        });
    }
}

/// A buffer of at least `n` numbers; it grows on first use and keeps its size, so that a step allocates nothing.
fn at_least(buffer: &mut Buffer, n: usize) -> &mut [f32] {
    at_least_of(buffer, n, n)
}

/// The same where later steps may need up to `most`: room for them is taken at once, but only `n` are touched.
fn at_least_of(buffer: &mut Buffer, n: usize, most: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.reserve(most.max(n));
        buffer.resize(n);
    }
    &mut buffer[..n]
}

#[cfg(test)]
mod tests;
