//! Σ|w| and Σw² over all encoder weights (biases excluded).
//!
//! ```text
//! weight_l1   P = Σ|w|     ∂P/∂w = sign(w), 0 at 0
//! weight_l2   P = Σw²      ∂P/∂w = 2w
//! ```
//!
//! The same for every row, so its mean over rows is itself. With a linear encoder `weight_l2` *is* the contractive
//! penalty (Rifai et al. 2011, section 4). Derivation: docs/derivations/weight-norms.md.

use pulp::Arch;

use super::sums::square_norm;

/// Σ|w|.
pub fn weight_l1_forward(W: &[f32]) -> f64 {
    W.iter().map(|&w| f64::from(w.abs())).sum()
}

/// dW += w sign(W).
pub fn weight_l1_backward(arch: Arch, dW: &mut [f32], W: &[f32], w: f32) {
    arch.dispatch(
        #[inline(always)]
        || {
            for (g, &v) in dW.iter_mut().zip(W) {
                *g += if v > 0.0 {
                    w
                } else if v < 0.0 {
                    -w
                } else {
                    0.0
                };
            }
        },
    );
}

/// Σw².
pub fn weight_l2_forward(arch: Arch, W: &[f32]) -> f64 {
    square_norm(arch, W)
}

/// dW += 2 w W.
pub fn weight_l2_backward(arch: Arch, dW: &mut [f32], W: &[f32], w: f32) {
    arch.dispatch(
        #[inline(always)]
        || {
            for (g, &v) in dW.iter_mut().zip(W) {
                *g += 2.0 * w * v;
            }
        },
    );
}
