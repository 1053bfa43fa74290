//! Penalties P(x), one number a row: what makes an autoencoder contractive, and its relatives.
//!
//! No ½ and no hidden division: the objective takes the mean over rows and multiplies by `contraction`.
//! J = ∂h/∂x, shape (k, d), is the Jacobian of the *whole* encoder.
//!
//! | name | value a row | page |
//! |---|---|---|
//! | `none` | 0 | |
//! | `jacobian` | ‖J‖²_F | `kernels::frobenius`, `kernels::frobenius_deep` |
//! | `jacobian_norm` | ‖J‖_F | the same |
//! | `layerwise` | Σ_l ‖∂a_l/∂a_{l−1}‖²_F | `kernels::layerwise` |
//! | `projection` | mean over probes v of ‖vᵀJ‖² | `kernels::frobenius_deep` |
//! | `finite_difference` | Σ_i ‖(f(x+εe_i) − f(x−εe_i))/2ε‖² | `kernels::finite_difference` |
//! | `hessian` | ‖J(x)‖²_F + ratio · mean over ε of ‖J(x) − J(x+ε)‖²_F | `kernels::hessian` |
//! | `logistic_last` | Σ_j (h_j(1−h_j))² ‖W_L,j‖², whatever φ is | `kernels::logistic_last` |
//! | `reconstruction` | ‖∂g(f(x))/∂x‖²_F | `kernels::network_jacobian` |
//! | `decoder` | ‖∂g/∂h‖²_F at the clean code | the same |
//! | `weight_l1`, `weight_l2` | Σ\|w\|, Σw² over the encoder's weights | `kernels::weight_norms` |

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::architecture::Architecture;
use crate::error::{ArgumentError, drawable, finite_non_negative, finite_positive};

/// A penalty with its settings. The formulas are in the [module's table](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Penalty {
    /// Nothing: a plain autoencoder.
    None,
    /// ‖J‖²_F of the whole encoder, exact at any depth.
    Jacobian,
    /// ‖J‖_F, not squared.
    JacobianNorm,
    /// Sum over layers of each layer's own squared Jacobian norm (deep contractive network, Gu & Rigazio 2014).
    Layerwise,
    /// Unbiased estimate of ‖J‖²_F by random probes in code space, for wide codes. Counts of probes, directions and
    /// corruptions go up to 65,536, here and below.
    Projection {
        /// Probes a row, at least 1; with `orthogonal` at most k, and exact at k.
        #[serde(default = "default_probes")]
        probes: usize,
        /// How probes are drawn.
        #[serde(default)]
        distribution: ProbeDistribution,
    },
    /// Central differences of the encoder, computed in f64 so that the difference is not lost to rounding.
    FiniteDifference {
        /// The step ε, above 0.
        #[serde(default = "default_epsilon")]
        epsilon: f64,
        /// Number of random directions a row; 0 takes every input coordinate.
        #[serde(default)]
        directions: usize,
    },
    /// CAE+H (Rifai et al., ECML 2011): also keeps J constant under small Gaussian corruption.
    Hessian {
        /// Corrupted copies a row, at least 1.
        #[serde(default = "default_corruptions")]
        corruptions: usize,
        /// Standard deviation of the corruption, above 0.
        #[serde(default = "default_sigma")]
        sigma: f64,
        /// Weight of the second term relative to the first, at least 0.
        #[serde(default = "default_ratio")]
        ratio: f64,
    },
    /// The widely copied form, kept to reproduce what it gives: the logistic derivative and the last layer alone.
    LogisticLast {
        /// Whether W is held constant in the gradient, as in the copies that read it from the layer.
        #[serde(default)]
        hold_weights: bool,
    },
    /// ‖∂g(f(x))/∂x‖²_F of encoder and decoder together (Alain & Bengio 2014).
    Reconstruction {
        /// Random ±1 probes a row in output space; 0 is exact.
        #[serde(default)]
        probes: usize,
    },
    /// ‖∂g/∂h‖²_F of the decoder at the clean row's code.
    Decoder {
        /// Random ±1 probes a row in output space; 0 is exact.
        #[serde(default)]
        probes: usize,
    },
    /// Sum of absolute encoder weights.
    WeightL1,
    /// Sum of squared encoder weights.
    WeightL2,
}

/// How the probes of [`Penalty::Projection`] are drawn; all have covariance I, so all are unbiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeDistribution {
    /// Entries ±1.
    #[default]
    Rademacher,
    /// Uniform on the sphere of radius √k (Hoffman et al. 2019).
    Spherical,
    /// Orthogonal to each other, each of length √k: never worse than spherical, exact with k probes.
    Orthogonal,
}

fn default_probes() -> usize {
    1
}
fn default_epsilon() -> f64 {
    1e-3
}
fn default_corruptions() -> usize {
    2
}
fn default_sigma() -> f64 {
    0.1
}
fn default_ratio() -> f64 {
    1.0
}

impl Penalty {
    /// Every penalty with its default settings, in the order of the table.
    pub const ALL: [Penalty; 12] = [
        Penalty::None,
        Penalty::Jacobian,
        Penalty::JacobianNorm,
        Penalty::Layerwise,
        Penalty::Projection { probes: 1, distribution: ProbeDistribution::Rademacher },
        Penalty::FiniteDifference { epsilon: 1e-3, directions: 0 },
        Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 },
        Penalty::LogisticLast { hold_weights: false },
        Penalty::Reconstruction { probes: 0 },
        Penalty::Decoder { probes: 0 },
        Penalty::WeightL1,
        Penalty::WeightL2,
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Penalty::None => "none",
            Penalty::Jacobian => "jacobian",
            Penalty::JacobianNorm => "jacobian_norm",
            Penalty::Layerwise => "layerwise",
            Penalty::Projection { .. } => "projection",
            Penalty::FiniteDifference { .. } => "finite_difference",
            Penalty::Hessian { .. } => "hessian",
            Penalty::LogisticLast { .. } => "logistic_last",
            Penalty::Reconstruction { .. } => "reconstruction",
            Penalty::Decoder { .. } => "decoder",
            Penalty::WeightL1 => "weight_l1",
            Penalty::WeightL2 => "weight_l2",
        }
    }

    /// What it is, in words, with its settings.
    pub fn describe(self) -> String {
        let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        let by = |probes: usize| match probes {
            0 => "exact".to_owned(),
            n => format!("estimated by {} a row", plural(n, "±1 probe")),
        };
        match self {
            Penalty::None => "none".into(),
            Penalty::Jacobian => "exact ‖∂h/∂x‖²_F of the whole encoder".into(),
            Penalty::JacobianNorm => "exact ‖∂h/∂x‖_F of the whole encoder, not squared".into(),
            Penalty::Layerwise => "squared Frobenius norm of each layer's own Jacobian, summed".into(),
            Penalty::Projection { probes, distribution } => {
                let drawn = format!("{distribution:?} probe").to_lowercase();
                format!("unbiased estimate of ‖∂h/∂x‖²_F by {} a row", plural(probes, &drawn))
            }
            Penalty::FiniteDifference { epsilon, directions } => {
                let along =
                    if directions == 0 { "every coordinate".into() } else { plural(directions, "random direction") };
                format!("central differences of the encoder along {along}, step {epsilon}")
            }
            Penalty::Hessian { corruptions, sigma, ratio } => format!(
                "exact ‖∂h/∂x‖²_F, and {ratio} times its change under {} (sigma {sigma})",
                plural(corruptions, "corruption")
            ),
            Penalty::LogisticLast { .. } => {
                "the widely copied form: logistic derivative, last layer alone; not the Jacobian of a deep encoder"
                    .into()
            }
            Penalty::Reconstruction { probes } => format!("‖∂x̂/∂x‖²_F of encoder and decoder together, {}", by(probes)),
            Penalty::Decoder { probes } => format!("‖∂x̂/∂h‖²_F of the decoder, {}", by(probes)),
            Penalty::WeightL1 => "sum of absolute encoder weights".into(),
            Penalty::WeightL2 => "sum of squared encoder weights".into(),
        }
    }

    /// The penalty of this name with its default settings.
    ///
    /// # Errors
    /// [`ArgumentError::Word`] listing the names.
    pub fn from_name(word: &str) -> Result<Self, ArgumentError> {
        Penalty::ALL.into_iter().find(|p| p.name() == word).ok_or_else(|| ArgumentError::Word {
            name: "penalty",
            known: Penalty::ALL.map(Penalty::name).join(", "),
            got: word.to_owned(),
        })
    }

    /// Refuses settings outside their range, NaN included.
    ///
    /// # Errors
    /// [`ArgumentError::Number`] or [`ArgumentError::Conflict`].
    pub fn check(self, architecture: &Architecture) -> Result<(), ArgumentError> {
        match self {
            Penalty::Projection { probes, distribution } => {
                drawable("penalty.probes", probes, 1)?;
                let k = architecture.code_size();
                if distribution == ProbeDistribution::Orthogonal && probes > k {
                    return Err(ArgumentError::Conflict {
                        what: format!(
                            "`penalty.probes` must be at most the code size where probes are orthogonal, got {probes}"
                        ),
                        but: format!("the code has {k} units"),
                        remedy: "use fewer probes or the penalty `jacobian`, which is exact",
                    });
                }
                Ok(())
            }
            Penalty::FiniteDifference { epsilon, directions } => {
                drawable("penalty.directions", directions, 0)?;
                finite_positive("penalty.epsilon", epsilon)
            }
            Penalty::Reconstruction { probes } | Penalty::Decoder { probes } => drawable("penalty.probes", probes, 0),
            Penalty::Hessian { corruptions, sigma, ratio } => {
                drawable("penalty.corruptions", corruptions, 1)?;
                finite_positive("penalty.sigma", sigma)?;
                finite_non_negative("penalty.ratio", ratio)
            }
            _ => Ok(()),
        }
    }

    /// How many random numbers a batch of `rows` rows needs: `(rows, probes, k)` for `projection`,
    /// `(rows, directions, d)` for `finite_difference` along directions, `(corruptions, rows, d)` for `hessian`,
    /// `(rows, probes, d)` for `reconstruction` and `decoder`, else 0.
    pub fn n_draws(self, architecture: &Architecture, rows: usize) -> usize {
        let (d, k) = (architecture.input_size(), architecture.code_size());
        match self {
            Penalty::Projection { probes, .. } => rows.saturating_mul(probes).saturating_mul(k),
            Penalty::FiniteDifference { directions: count, .. }
            | Penalty::Reconstruction { probes: count }
            | Penalty::Decoder { probes: count }
            | Penalty::Hessian { corruptions: count, .. } => rows.saturating_mul(count).saturating_mul(d),
            _ => 0,
        }
    }

    /// Turns standard normal numbers, as many as [`Penalty::n_draws`] says, into this penalty's probes, directions or
    /// corruptions, in place.
    pub fn shape_draws(self, architecture: &Architecture, normal: &mut [f32]) {
        match self {
            Penalty::Projection { probes, distribution } => {
                let k = architecture.code_size();
                for of_one_row in normal.chunks_exact_mut(probes * k) {
                    shape_probes(distribution, of_one_row, k);
                }
            }
            // ±1 has covariance I, so that the mean over directions or probes estimates ‖J‖²_F without bias (as ε → 0).
            Penalty::FiniteDifference { .. } | Penalty::Reconstruction { .. } | Penalty::Decoder { .. } => {
                normal.iter_mut().for_each(|v| *v = if *v < 0.0 { -1.0 } else { 1.0 });
            }
            Penalty::Hessian { sigma, .. } => normal.iter_mut().for_each(|v| *v *= sigma as f32),
            _ => {}
        }
    }

    /// Of the draws of a batch of `n_rows` rows, in their order, those of the rows at `places` alone, ascending: a rank draws for
    /// the whole batch and keeps what its share needs.
    pub fn keep_draws(self, architecture: &Architecture, n_rows: usize, places: &[u32], draws: &mut Vec<f32>) {
        let of_all = self.n_draws(architecture, n_rows);
        // Of `hessian` every corruption has a number a row and feature; all others have what belongs to a row together.
        let pieces = if let Penalty::Hessian { corruptions, .. } = self { corruptions } else { 1 };
        let numbers = of_all / (pieces * n_rows).max(1);
        let mut to = 0;
        for piece in 0..pieces {
            for place in places {
                let from = (piece * n_rows + *place as usize) * numbers;
                draws.copy_within(from..from + numbers, to);
                to += numbers;
            }
        }
        draws.truncate(to);
    }
}

/// Probes of one row, shape (probes, k), from standard normal numbers.
fn shape_probes(distribution: ProbeDistribution, probes: &mut [f32], k: usize) {
    if distribution == ProbeDistribution::Rademacher {
        probes.iter_mut().for_each(|v| *v = if *v < 0.0 { -1.0 } else { 1.0 });
        return;
    }
    for i in 0..probes.len() / k {
        let (before, rest) = probes.split_at_mut(i * k);
        let v = &mut rest[..k];
        if distribution == ProbeDistribution::Orthogonal {
            // Twice is enough: the second pass removes what rounding left of the first (Gram-Schmidt).
            for _ in 0..2 {
                for u in before.chunks_exact(k) {
                    let along: f64 =
                        u.iter().zip(&*v).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() / k as f64;
                    v.iter_mut().zip(u).for_each(|(b, a)| *b -= along as f32 * a);
                }
            }
        }
        let length = v.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { (k as f64).sqrt() / length } else { 0.0 };
        v.iter_mut().for_each(|a| *a *= scale as f32);
    }
}

impl fmt::Display for Penalty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    fn normals(n: usize) -> Vec<f32> {
        // Box-Muller over a Weyl sequence: enough like a normal sample for shapes, and no dependency.
        let u = |i: usize| (0.5 + i as f64 * 0.754_877_666_246_692_7).fract();
        (0..n)
            .map(|i| ((-2.0 * (1.0 - u(2 * i)).ln()).sqrt() * (std::f64::consts::TAU * u(2 * i + 1)).cos()) as f32)
            .collect()
    }

    #[test]
    fn probes_have_length_root_k_and_orthogonal_ones_are_orthogonal() {
        let net = Architecture::mirrored(9, &[7, 5], Activation::Tanh, Activation::Tanh, Activation::Identity, false);
        for distribution in [ProbeDistribution::Rademacher, ProbeDistribution::Spherical, ProbeDistribution::Orthogonal]
        {
            let penalty = Penalty::Projection { probes: 5, distribution };
            let mut v = normals(penalty.n_draws(&net, 3));
            penalty.shape_draws(&net, &mut v);
            for probe in v.chunks_exact(5) {
                assert!((probe.iter().map(|a| a * a).sum::<f32>() - 5.0).abs() < 1e-4);
            }
            if distribution == ProbeDistribution::Orthogonal {
                for (i, j) in [(0, 1), (1, 4), (2, 3)] {
                    let dot: f32 = (0..5).map(|c| v[5 * i + c] * v[5 * j + c]).sum();
                    assert!(dot.abs() < 1e-5, "probes {i} and {j}: {dot}");
                }
            }
        }
    }

    #[test]
    fn names_round_trip_and_nan_settings_are_refused() {
        let net = Architecture::mirrored(4, &[3], Activation::Tanh, Activation::Tanh, Activation::Identity, false);
        for penalty in Penalty::ALL {
            assert_eq!(Penalty::from_name(penalty.name()), Ok(penalty));
            assert_eq!(penalty.check(&net), Ok(()));
        }
        assert!(Penalty::Hessian { corruptions: 1, sigma: f64::NAN, ratio: 1.0 }.check(&net).is_err());
        assert!(Penalty::FiniteDifference { epsilon: 0.0, directions: 0 }.check(&net).is_err());
        let orthogonal = ProbeDistribution::Orthogonal;
        assert!(Penalty::Projection { probes: 4, distribution: orthogonal }.check(&net).is_err());
    }
}
