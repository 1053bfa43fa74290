//! The reconstruction losses and their gradient at the output's pre-activation, in one pass.
//!
//! ```text
//! mse, sse              L = c Σ_i (x̂_i − x_i)²           dz_i = w · 2c (x̂_i − x_i) φ′(z_i)
//! bce, cross_entropy    L = c Σ_i softplus(z_i) − x_i z_i dz_i = w · c (σ(z_i) − x_i)
//! ```
//!
//! c is 1/d for `mse` and `bce`, else 1 ([`Loss::feature_factor`]); w = 1/N. From logits the cross-entropy never takes
//! the logarithm of a rounded probability. Source: mathematics of [`crate::loss`].

use pulp::Arch;

use super::activation::{activation_forward, sigmoid, softplus};
use super::sums::{dot, finite_square};
use crate::activation::Activation;
use crate::instructions::vectorised;
use crate::loss::Loss;

/// Losses of the rows in `Z`, the output's pre-activations (rows `stride` apart), which are overwritten by dZ.
///
/// `X` holds the targets, dense (N, d); `L[b]` is set to the loss of row b; `work` holds 2d numbers.
pub fn reconstruction_forward_backward(
    arch: Arch,
    loss: Loss,
    phi: Activation,
    L: &mut [f64],
    Z: &mut [f32],
    X: &[f32],
    stride: usize,
    w: f32,
    work: &mut [f32],
) {
    let d = X.len() / L.len();
    let c = loss.feature_factor(d);
    let (error, slope) = work[..2 * d].split_at_mut(d);
    for ((L, z), x) in L.iter_mut().zip(Z.chunks_mut(stride)).zip(X.chunks_exact(d)) {
        let z = &mut z[..d];
        *L = c * if loss.is_cross_entropy() {
            logits_row(arch, z, x, error, c as f32 * w)
        } else {
            let slope = if phi == Activation::Identity { &mut [][..] } else { &mut *slope };
            activation_forward(arch, phi, z, slope, &mut []);
            squared_row(arch, z, x, error, slope, 2.0 * c as f32 * w)
        };
    }
}

/// Σ softplus(z) − xz; z becomes w(σ(z) − x).
fn logits_row(arch: Arch, z: &mut [f32], x: &[f32], terms: &mut [f32], w: f32) -> f64 {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((z, &x), term) in z.iter_mut().zip(x).zip(&mut *terms) {
                *term = softplus(*z) - x * *z;
                *z = w * (sigmoid(*z) - x);
            }
            terms.iter().map(|&t| f64::from(t)).sum()
        },
    )
}

/// Σ (x̂ − x)²; x̂ becomes w(x̂ − x)φ′, φ′ being 1 where `slope` is empty.
fn squared_row(arch: Arch, x_hat: &mut [f32], x: &[f32], error: &mut [f32], slope: &[f32], w: f32) -> f64 {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for ((v, &x), e) in x_hat.iter_mut().zip(x).zip(&mut *error) {
                *e = *v - x;
                *v = w * *e;
            }
            for (v, &s) in x_hat.iter_mut().zip(slope) {
                *v *= s;
            }
            finite_square(error, dot(error, error))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values and gradients against f64 formulas, each loss with each output activation it allows.
    #[test]
    fn agrees_with_the_table_of_losses() {
        let (n, d) = (3, 21);
        let z: Vec<f32> = (0..n * d).map(|i| ((i * 17 % 41) as f32 - 20.0) / 5.0).collect();
        let x: Vec<f32> = (0..n * d).map(|i| (i * 7 % 11) as f32 / 10.0).collect();
        for loss in Loss::ALL {
            for phi in Activation::ALL {
                if loss.is_cross_entropy() && phi != Activation::Sigmoid {
                    continue;
                }
                let (mut dz, mut values, mut work) = (z.clone(), vec![0.0; n], vec![0.0; 2 * d]);
                reconstruction_forward_backward(Arch::new(), loss, phi, &mut values, &mut dz, &x, d, 0.5, &mut work);
                for b in 0..n {
                    let mut want = 0.0;
                    for i in b * d..(b + 1) * d {
                        let (z, x) = (f64::from(z[i]), f64::from(x[i]));
                        let c = loss.feature_factor(d);
                        let gradient = if loss.is_cross_entropy() {
                            let p = Activation::Sigmoid.value(z);
                            want -= c * (x * p.ln() + (1.0 - x) * (1.0 - p).ln());
                            c * (p - x)
                        } else {
                            want += c * (phi.value(z) - x).powi(2);
                            2.0 * c * (phi.value(z) - x) * phi.derivative(z)
                        };
                        assert!((f64::from(dz[i]) - 0.5 * gradient).abs() < 1e-5, "{loss} {phi} gradient {i}");
                    }
                    assert!((values[b] - want).abs() < 1e-5 * want.max(1.0), "{loss} {phi} row {b}");
                }
            }
        }
    }
}
