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

use super::sums::square_dot;

/// P\[b\] += Σ_j d_bj² q_j.
pub fn frobenius_forward(arch: Arch, P: &mut [f64], d: &[f32], q: &[f32]) {
    arch.dispatch(
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
    arch.dispatch(
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
    arch.dispatch(
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
