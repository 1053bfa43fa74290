//! The tail of a distribution of scores: a generalised Pareto distribution fitted to what exceeds a level
//! (Pickands 1975), by the estimator of Zhang & Stephens (2009).
//!
//! P(excess > x) = (1 + ξx/σ)^(−1/ξ) for ξ ≠ 0, exp(−x/σ) for ξ = 0, with σ > 0; the support ends at −σ/ξ for ξ < 0.

use serde::{Deserialize, Serialize};

/// A generalised Pareto distribution of excesses x > 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneralisedPareto {
    /// ξ: above 0 heavy, 0 exponential, below 0 bounded.
    pub shape: f64,
    /// σ, above 0.
    pub scale: f64,
}

/// Below this |ξ| the exponential formulas are used: the others lose their digits.
const NEARLY_EXPONENTIAL: f64 = 1e-8;

impl GeneralisedPareto {
    /// Fits excesses, all above 0 and finite, at least one. A posterior mean rather than a maximum of the likelihood:
    /// always defined, without iteration, and steady for few excesses. Equal excesses give an exponential of their mean.
    pub fn fit(excesses: &[f64]) -> Self {
        let mut x = excesses.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        let n = x.len();
        let (Some(&first), Some(&last)) = (x.first(), x.last()) else {
            return GeneralisedPareto { shape: 0.0, scale: 1.0 };
        };
        let mean = x.iter().sum::<f64>() / n as f64;
        if n < 2 || first == last {
            return GeneralisedPareto { shape: 0.0, scale: mean };
        }
        // θ = −ξ/σ on a grid of quantiles of its prior, weighted by the profile likelihood.
        let quartile = x[((n as f64 / 4.0 + 0.5).floor() as usize).max(1) - 1];
        let m = 20 + (n as f64).sqrt().floor() as usize;
        let grid: Vec<f64> =
            (1..=m).map(|i| 1.0 / last + (1.0 - (m as f64 / (i as f64 - 0.5)).sqrt()) / (3.0 * quartile)).collect();
        let shape_at = |theta: f64| x.iter().map(|v| (-theta * v).ln_1p()).sum::<f64>() / n as f64;
        let likelihoods: Vec<f64> = grid
            .iter()
            .map(|&theta| {
                let shape = shape_at(theta);
                n as f64 * ((-theta / shape).ln() - shape - 1.0)
            })
            .collect();
        let highest = likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (theta, likelihood) in grid.iter().zip(&likelihoods) {
            let weight = (likelihood - highest).exp();
            if weight.is_finite() {
                sum += weight * theta;
                weights += weight;
            }
        }
        let theta = sum / weights;
        let shape = shape_at(theta);
        let scale = -shape / theta;
        if !(theta.is_finite() && shape.is_finite() && scale.is_finite() && scale > 0.0) {
            return GeneralisedPareto { shape: 0.0, scale: mean };
        }
        GeneralisedPareto { shape, scale }
    }

    /// ln P(excess > x), at most 0; −∞ beyond a bounded support.
    pub fn ln_survival(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        let z = x / self.scale;
        if self.shape.abs() < NEARLY_EXPONENTIAL {
            return -z;
        }
        let inner = self.shape * z;
        if inner <= -1.0 { f64::NEG_INFINITY } else { -libm::log1p(inner) / self.shape }
    }

    /// The excess that is exceeded with probability `p`, in (0, 1].
    pub fn quantile_of_exceedance(&self, p: f64) -> f64 {
        let ln_p = p.min(1.0).ln();
        if self.shape.abs() < NEARLY_EXPONENTIAL {
            return -self.scale * ln_p;
        }
        self.scale / self.shape * (-self.shape * ln_p).exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::{Purpose, Stream};

    #[test]
    fn drawn_excesses_give_their_distribution_back() {
        for (shape, scale) in [(-0.3, 2.0), (0.0, 1.0), (0.2, 0.5), (0.7, 3.0)] {
            let truth = GeneralisedPareto { shape, scale };
            let mut stream = Stream::new(3, Purpose::Analysis, 0, 0);
            let drawn: Vec<f64> = (0..20_000).map(|_| truth.quantile_of_exceedance(1.0 - stream.uniform())).collect();
            let fitted = GeneralisedPareto::fit(&drawn);
            // Four standard errors: sd(ξ̂) ≈ (1 + ξ)/√n, sd(σ̂) ≈ σ√(2(1 + ξ)/n).
            let n = 20_000_f64;
            assert!((fitted.shape - shape).abs() < 4.0 * (1.0 + shape.max(0.0)) / n.sqrt(), "{fitted:?} of {truth:?}");
            let tolerance = 4.0 * scale * (2.0 * (1.0 + shape) / n).sqrt();
            assert!((fitted.scale - scale).abs() < tolerance, "{fitted:?} of {truth:?}");
        }
    }

    #[test]
    fn survival_and_quantile_are_inverse() {
        for shape in [-0.4, -1e-12, 0.0, 1e-12, 0.3, 1.5] {
            let d = GeneralisedPareto { shape, scale: 1.7 };
            for p in [0.9_f64, 0.5, 0.01, 1e-8] {
                let x = d.quantile_of_exceedance(p);
                assert!((d.ln_survival(x) - p.ln()).abs() < 1e-6 * p.ln().abs().max(1.0), "{shape} {p}");
            }
        }
        assert_eq!(GeneralisedPareto { shape: -0.5, scale: 1.0 }.ln_survival(3.0), f64::NEG_INFINITY);
    }

    #[test]
    fn few_and_equal_excesses_still_give_a_distribution() {
        for excesses in [&[1.0][..], &[2.0, 2.0, 2.0], &[1e-300, 1e-300, 1.0], &[0.1, 0.2]] {
            let d = GeneralisedPareto::fit(excesses);
            assert!(d.shape.is_finite() && d.scale > 0.0 && d.ln_survival(1.0) < 0.0, "{excesses:?}: {d:?}");
        }
    }
}
