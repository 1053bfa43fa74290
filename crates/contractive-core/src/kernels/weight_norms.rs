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

use crate::instructions::vectorised;

use super::sums::square_norm;

/// Σ|w|.
pub fn weight_l1_forward(W: &[f32]) -> f64 {
    W.iter().map(|&w| f64::from(w.abs())).sum()
}

/// dW += w sign(W).
pub fn weight_l1_backward(arch: Arch, dW: &mut [f32], W: &[f32], w: f32) {
    vectorised(
        arch,
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
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (g, &v) in dW.iter_mut().zip(W) {
                *g += 2.0 * w * v;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_close, numbers, wide};
    use super::*;

    const N: usize = 37;

    /// Both gradients entry by entry, added twice to what is there, and by central differences of the value in f64.
    #[test]
    fn gradients_agree_with_the_formulas_and_with_differences() {
        let (W, start) = (numbers(1, N), numbers(2, N));
        let (mut dL1, mut dL2) = (start.clone(), start.clone());
        for _ in 0..2 {
            weight_l1_backward(Arch::new(), &mut dL1, &W, 0.25);
            weight_l2_backward(Arch::new(), &mut dL2, &W, 0.25);
        }
        let slope = |f: fn(f64) -> f64, v: f64| (f(v + 1e-4) - f(v - 1e-4)) / 2e-4;
        let want = |f: fn(f64) -> f64| -> Vec<f64> {
            let both = wide(&W).into_iter().zip(wide(&start));
            both.map(|(v, s)| s + 2.0 * 0.25 * slope(f, v)).collect()
        };
        assert_close("Σ|w|", &wide(&dL1), &want(f64::abs), 1e-6);
        assert_close("Σw²", &wide(&dL2), &want(|v| v * v), 1e-6);
    }

    #[test]
    fn values_agree_with_the_sums() {
        let W = numbers(3, N);
        let sum = |f: fn(f64) -> f64| wide(&W).into_iter().map(f).sum::<f64>();
        assert_close("Σ|w|", &[weight_l1_forward(&W)], &[sum(f64::abs)], 1e-12);
        assert_close("Σw²", &[weight_l2_forward(Arch::new(), &W)], &[sum(|v| v * v)], 1e-6);
        assert_eq!((weight_l1_forward(&[3.0, -4.0]), weight_l2_forward(Arch::new(), &[3.0, -4.0])), (7.0, 25.0));
        assert_eq!((weight_l1_forward(&[]), weight_l2_forward(Arch::new(), &[])), (0.0, 0.0));
    }

    #[test]
    fn a_weight_of_zero_gets_no_push() {
        let mut dW = [1.0; 4];
        weight_l1_backward(Arch::new(), &mut dW, &[0.0, -0.0, 1e-30, -1e-30], 0.5);
        assert_eq!(dW, [1.0, 1.0, 1.5, 0.5]);
    }
}
