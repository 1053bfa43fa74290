//! Σ_j KL(ρ ‖ ρ̂_j), ρ̂_j the mean over the batch's rows of code unit j (Lee et al. 2008; Ng 2011).
//!
//! ```text
//! KL(ρ ‖ ρ̂) = ρ ln(ρ/ρ̂) + (1−ρ) ln((1−ρ)/(1−ρ̂))          ∂/∂h_bj = ( −ρ/ρ̂_j + (1−ρ)/(1−ρ̂_j) ) / N
//! ```
//!
//! The one term that couples rows: the batch's mean code must be known before any row's gradient. ρ̂ is kept off 0 and 1
//! by the smallest f32 step, so that a saturated unit gives a large number and not ∞. h (N, k) in (0, 1).
//! Derivation: docs/derivations/sparsity.md.

/// The value, and into `slope` ∂/∂h_bj for any row b. `mean` is ρ̂ (k), `rows` is N.
pub fn sparsity_forward_backward(slope: &mut [f32], mean: &[f64], target: f64, rows: usize) -> f64 {
    let mut value = 0.0;
    for (slope, &mean) in slope.iter_mut().zip(mean) {
        let edge = f64::from(f32::EPSILON);
        let mean = mean.clamp(edge, 1.0 - edge);
        value += target * (target / mean).ln() + (1.0 - target) * ((1.0 - target) / (1.0 - mean)).ln();
        *slope = (((1.0 - target) / (1.0 - mean) - target / mean) / rows as f64) as f32;
    }
    value
}
