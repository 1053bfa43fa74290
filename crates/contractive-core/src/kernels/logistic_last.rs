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
    arch.dispatch(
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
