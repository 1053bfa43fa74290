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

#[cfg(test)]
mod tests {
    use super::super::trial::assert_close;
    use super::*;

    /// S of codes h (N, k), and ∂S/∂h of any row.
    fn of_codes(h: &[f64], k: usize, target: f64) -> (f64, Vec<f64>) {
        let n = h.len() / k;
        let mean: Vec<f64> = (0..k).map(|j| (0..n).map(|b| h[b * k + j]).sum::<f64>() / n as f64).collect();
        let mut slope = vec![9.0; k];
        let value = sparsity_forward_backward(&mut slope, &mean, target, n);
        (value, slope.into_iter().map(f64::from).collect())
    }

    /// Every entry of h by itself: the slope is the same for each row.
    #[test]
    fn gradient_agrees_with_central_differences() {
        let h = [0.2, 0.9, 0.04, 0.35, 0.6, 0.011, 0.5, 0.999, 0.02, 0.07, 0.8, 0.3];
        for target in [0.05, 0.3, 0.9] {
            let (_, slope) = of_codes(&h, 3, target);
            for b in 0..4 {
                let difference = |j: usize| {
                    let at = |step: f64| {
                        let mut moved = h;
                        moved[b * 3 + j] += step;
                        of_codes(&moved, 3, target).0
                    };
                    (at(1e-5) - at(-1e-5)) / 2e-5
                };
                let want: Vec<f64> = (0..3).map(difference).collect();
                assert_close(&format!("target {target}, row {b}"), &slope, &want, 1e-6);
            }
        }
    }

    /// docs/derivations/sparsity.md, target 0.05.
    #[test]
    fn the_worked_example_comes_out() {
        for (mean, value, slope) in [(0.01, 0.0413, -4.04), (0.05, 0.0, 0.0), (0.2, 0.0939, 0.94), (0.5, 0.4946, 1.80)]
        {
            let (S, d) = of_codes(&[mean], 1, 0.05);
            assert!((S - value).abs() < 5e-5 && (d[0] - slope).abs() < 5e-3, "mean {mean}: {S}, {d:?}");
        }
    }

    #[test]
    fn units_are_added_and_the_slope_is_set() {
        let (both, slopes) = of_codes(&[0.1, 0.7], 2, 0.2);
        let ((first, left), (second, right)) = (of_codes(&[0.1], 1, 0.2), of_codes(&[0.7], 1, 0.2));
        assert!((both - first - second).abs() < 1e-15);
        assert_eq!(slopes, [left, right].concat());
    }

    /// KL is infinite at 0 and 1; the value stays finite and the slope points inwards.
    #[test]
    fn saturated_units_give_a_large_number_that_points_the_right_way() {
        let (S, slope) = of_codes(&[0.0, 1.0, 0.0, 1.0], 2, 0.05);
        assert!(S.is_finite() && S > 10.0, "{S}");
        assert!(slope[0] < -1e5 && slope[1] > 1e5 && slope.iter().all(|s| s.is_finite()), "{slope:?}");
    }
}
