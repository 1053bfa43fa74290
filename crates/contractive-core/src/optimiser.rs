//! Optimisers, to PyTorch's update formulas and defaults (`torch.optim`), over one flat parameter vector.
//!
//! With g the gradient (after clipping), p the parameter, t the step from 1:
//!
//! ```text
//! sgd       g += wd·p;                                  p −= lr·g
//! momentum  g += wd·p;  v = μ·v + g (v = g at t = 1);   p −= lr·(g + μ·v if nesterov else v)
//! adam      g += wd·p;  m = β₁m + (1−β₁)g;  v = β₂v + (1−β₂)g²
//!           p −= lr/(1−β₁ᵗ) · m / ( √v/√(1−β₂ᵗ) + ε )
//! adamw     p −= lr·wd·p, then as adam without g += wd·p
//! clipping  g *= min(1, clip/(‖g‖₂ + 1e-6)), ‖g‖₂ over all parameters
//! ```

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::buffer::Buffer;
use crate::error::{ArgumentError, below_one, finite_non_negative, finite_positive};
use crate::instructions::vectorised;

/// An optimiser with its settings. The formulas are in the [module's head](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimiser {
    /// Plain stochastic gradient descent.
    Sgd {
        /// L2 term added to the gradient, at least 0.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Gradient descent with momentum.
    Momentum {
        /// μ, at least 0 and below 1; 0.9 by default.
        #[serde(default = "point_nine")]
        momentum: f64,
        /// Whether to look ahead (Nesterov).
        #[serde(default)]
        nesterov: bool,
        /// L2 term added to the gradient, at least 0.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam (Kingma & Ba 2015).
    Adam {
        /// Decay of the mean, at least 0 and below 1.
        #[serde(default = "point_nine")]
        beta1: f64,
        /// Decay of the mean square, at least 0 and below 1.
        #[serde(default = "point_999")]
        beta2: f64,
        /// Added to the root, above 0. Keras' default is 1e-7.
        #[serde(default = "adam_epsilon")]
        epsilon: f64,
        /// L2 term added to the gradient, at least 0.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    #[serde(rename = "adamw")]
    AdamW {
        /// Decay of the mean, at least 0 and below 1.
        #[serde(default = "point_nine")]
        beta1: f64,
        /// Decay of the mean square, at least 0 and below 1.
        #[serde(default = "point_999")]
        beta2: f64,
        /// Added to the root, above 0.
        #[serde(default = "adam_epsilon")]
        epsilon: f64,
        /// Share of the parameter taken off each step, times the learning rate, at least 0; 0.01 by default.
        #[serde(default = "point_01")]
        weight_decay: f64,
    },
}

fn point_nine() -> f64 {
    0.9
}
fn point_999() -> f64 {
    0.999
}
fn adam_epsilon() -> f64 {
    1e-8
}
fn point_01() -> f64 {
    0.01
}

impl Default for Optimiser {
    fn default() -> Self {
        Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// An optimiser's memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptimiserState {
    /// Steps taken.
    pub step: u64,
    /// Momentum or mean of gradients, one a parameter; empty for `sgd`.
    pub first: Buffer,
    /// Mean of squared gradients, one a parameter; empty for `sgd` and `momentum`.
    pub second: Buffer,
}

impl Optimiser {
    /// Every optimiser with its default settings.
    pub const ALL: [Optimiser; 4] = [
        Optimiser::Sgd { weight_decay: 0.0 },
        Optimiser::Momentum { momentum: 0.9, nesterov: false, weight_decay: 0.0 },
        Optimiser::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 },
        Optimiser::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 },
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Optimiser::Sgd { .. } => "sgd",
            Optimiser::Momentum { .. } => "momentum",
            Optimiser::Adam { .. } => "adam",
            Optimiser::AdamW { .. } => "adamw",
        }
    }

    /// Refuses settings outside their range, NaN included.
    ///
    /// # Errors
    /// [`ArgumentError::Number`].
    pub fn check(self) -> Result<(), ArgumentError> {
        match self {
            Optimiser::Sgd { weight_decay } => finite_non_negative("optimiser.weight_decay", weight_decay),
            Optimiser::Momentum { momentum, weight_decay, .. } => {
                below_one("optimiser.momentum", momentum)?;
                finite_non_negative("optimiser.weight_decay", weight_decay)
            }
            Optimiser::Adam { beta1, beta2, epsilon, weight_decay }
            | Optimiser::AdamW { beta1, beta2, epsilon, weight_decay } => {
                below_one("optimiser.beta1", beta1)?;
                below_one("optimiser.beta2", beta2)?;
                finite_positive("optimiser.epsilon", epsilon)?;
                finite_non_negative("optimiser.weight_decay", weight_decay)
            }
        }
    }

    /// Fresh memory for `n` parameters.
    pub fn state(self, n: usize) -> OptimiserState {
        let (first, second) = match self {
            Optimiser::Sgd { .. } => (0, 0),
            Optimiser::Momentum { .. } => (n, 0),
            Optimiser::Adam { .. } | Optimiser::AdamW { .. } => (n, n),
        };
        OptimiserState { step: 0, first: Buffer::zeros(first), second: Buffer::zeros(second) }
    }

    /// One step on `p` along `g` (already clipped), in one pass over memory; whether `p` and the memory are all finite after it.
    ///
    /// # Panics
    /// When the sizes of `p`, `g` and the state differ.
    #[must_use = "parameters that are not finite are a divergence"]
    pub fn update(self, arch: Arch, state: &mut OptimiserState, p: &mut [f32], g: &[f32], learning_rate: f64) -> bool {
        let mut is_finite = true;
        // `all` would leave the parts after one that is not finite as they were.
        for part in self.parts(state, p, g, learning_rate) {
            is_finite &= part.update(arch);
        }
        is_finite
    }

    /// The same step cut into parts, which any thread may take in any order. The state counts it at once.
    ///
    /// # Panics
    /// As [`Optimiser::update`].
    pub(crate) fn parts<'a>(
        self,
        state: &'a mut OptimiserState,
        p: &'a mut [f32],
        g: &'a [f32],
        learning_rate: f64,
    ) -> impl Iterator<Item = UpdatePart<'a>> {
        /// Parameters of a part: a few microseconds.
        const PART: usize = 1 << 13;
        assert_eq!(p.len(), g.len(), "as many gradients as parameters");
        state.step += 1;
        let rule = self.rule(state.step, learning_rate);
        let (mut p, mut first, mut second) = (p, &mut state.first[..], &mut state.second[..]);
        g.chunks(PART).map(move |g| UpdatePart {
            rule,
            p: split_off(&mut p, g.len()),
            g,
            first: split_off(&mut first, g.len()),
            second: split_off(&mut second, g.len()),
        })
    }

    fn rule(self, step: u64, learning_rate: f64) -> Rule {
        let lr = learning_rate as f32;
        match self {
            Optimiser::Sgd { weight_decay } => Rule::Sgd { lr, wd: weight_decay as f32 },
            Optimiser::Momentum { momentum, nesterov, weight_decay } => {
                // The first step copies the gradient: v starts at 0, so μ·v + g is g.
                let mu = momentum as f32;
                let (ahead, behind) = if nesterov { (1.0, mu) } else { (0.0, 1.0) };
                Rule::Momentum { lr, wd: weight_decay as f32, mu, ahead, behind }
            }
            Optimiser::Adam { beta1, beta2, epsilon, weight_decay } => {
                let rates = AdamRates::at(step, beta1, beta2, epsilon, learning_rate);
                Rule::Adam { rates, wd: weight_decay as f32, keep: 1.0 }
            }
            Optimiser::AdamW { beta1, beta2, epsilon, weight_decay } => {
                let rates = AdamRates::at(step, beta1, beta2, epsilon, learning_rate);
                Rule::Adam { rates, wd: 0.0, keep: (1.0 - learning_rate * weight_decay) as f32 }
            }
        }
    }
}

/// The first `n` numbers, taken off the front; none where there are none.
fn split_off<'a>(rest: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let (front, back) = std::mem::take(rest).split_at_mut_checked(n).unwrap_or_default();
    *rest = back;
    front
}

/// An update formula with the numbers of one step.
#[derive(Clone, Copy)]
enum Rule {
    Sgd { lr: f32, wd: f32 },
    Momentum { lr: f32, wd: f32, mu: f32, ahead: f32, behind: f32 },
    Adam { rates: AdamRates, wd: f32, keep: f32 },
}

/// Some parameters of a step, with their gradients and the optimiser's memory of them.
pub(crate) struct UpdatePart<'a> {
    rule: Rule,
    p: &'a mut [f32],
    g: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

/// The exponent's bits of `value` plus one, where only an exponent of ones, that of ∞ and NaN, carries into the sign: such
/// bits are joined by `|`, in a loop that vectorises.
#[inline(always)]
fn carry(value: f32) -> u32 {
    (value.to_bits() & 0x7fff_ffff) + 0x0080_0000
}

impl UpdatePart<'_> {
    /// The step of these parameters; whether they, and the optimiser's memory of them, are finite after it.
    pub(crate) fn update(self, arch: Arch) -> bool {
        let UpdatePart { rule, p, g, first, second } = self;
        // In a variable of each loop, not one that its closure borrows: that would be written at every number.
        let carries: u32 = match rule {
            Rule::Sgd { lr, wd } => vectorised(
                arch,
                #[inline(always)]
                || {
                    let mut carries = 0;
                    for (p, &g) in p.iter_mut().zip(g) {
                        *p -= lr * (g + wd * *p);
                        carries |= carry(*p);
                    }
                    carries
                },
            ),
            Rule::Momentum { lr, wd, mu, ahead, behind } => vectorised(
                arch,
                #[inline(always)]
                || {
                    let mut carries = 0;
                    for ((p, &g), v) in p.iter_mut().zip(g).zip(&mut *first) {
                        let g = g + wd * *p;
                        *v = mu * *v + g;
                        *p -= lr * (ahead * g + behind * *v);
                        carries |= carry(*p) | carry(*v);
                    }
                    carries
                },
            ),
            Rule::Adam { rates: r, wd, keep } => vectorised(
                arch,
                #[inline(always)]
                || {
                    let mut carries = 0;
                    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(&mut *first).zip(&mut *second) {
                        let g = g + wd * *p;
                        *m = r.beta1[0] * *m + r.beta1[1] * g;
                        *v = r.beta2[0] * *v + r.beta2[1] * g * g;
                        *p = keep * *p - r.rate * *m / (v.sqrt() + r.floor);
                        // An infinite mean makes the parameter NaN; an infinite mean of squares leaves it as it is.
                        carries |= carry(*p) | carry(*v);
                    }
                    carries
                },
            ),
        };
        carries >> 31 == 0
    }
}

/// Adam's numbers at one step, the bias corrections folded in so that a parameter costs one root and one division:
/// lr/(1−β₁ᵗ) · m/(√v/√(1−β₂ᵗ) + ε) = rate · m/(√v + floor).
#[derive(Clone, Copy)]
struct AdamRates {
    /// β₁ and 1 − β₁; the difference is taken in f64, since 1 − 0.999 in f32 is wrong in the fifth digit.
    beta1: [f32; 2],
    beta2: [f32; 2],
    rate: f32,
    floor: f32,
}

impl AdamRates {
    fn at(step: u64, beta1: f64, beta2: f64, epsilon: f64, learning_rate: f64) -> Self {
        let t = step as f64;
        let root = (1.0 - beta2.powf(t)).sqrt();
        let rate = learning_rate * root / (1.0 - beta1.powf(t));
        let shares = |beta: f64| [beta as f32, (1.0 - beta) as f32];
        AdamRates { beta1: shares(beta1), beta2: shares(beta2), rate: rate as f32, floor: (epsilon * root) as f32 }
    }
}

/// The factor that clips a gradient of Euclidean norm `norm` to `clip` (PyTorch's `clip_grad_norm_`).
pub fn clip_factor(norm: f64, clip: f64) -> f64 {
    (clip / (norm + 1e-6)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step from rest, by hand; five steps against PyTorch are in tests/optimisers.rs.
    #[test]
    fn the_first_step_follows_the_head() {
        let step = |optimiser: Optimiser| {
            let (mut state, mut p) = (optimiser.state(2), [1.0, -2.0]);
            assert!(optimiser.update(Arch::new(), &mut state, &mut p, &[0.5, -4.0], 0.1));
            assert_eq!(state.step, 1);
            p
        };
        let near = |got: [f32; 2], want: [f32; 2]| {
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6), "{got:?}, not {want:?}");
        };
        near(step(Optimiser::Sgd { weight_decay: 0.0 }), [0.95, -1.6]);
        near(step(Optimiser::Sgd { weight_decay: 0.2 }), [0.93, -1.56]);
        near(step(Optimiser::Momentum { momentum: 0.9, nesterov: false, weight_decay: 0.0 }), [0.95, -1.6]);
        near(step(Optimiser::Momentum { momentum: 0.9, nesterov: true, weight_decay: 0.0 }), [0.905, -1.24]);
        // Adam's first step has length lr whatever the gradient's size.
        near(step(Optimiser::default()), [0.9, -1.9]);
        near(
            step(Optimiser::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.5 }),
            [0.95 - 0.1, -1.9 + 0.1],
        );
    }

    #[test]
    fn memory_is_kept_only_where_it_is_needed() {
        let sizes = |optimiser: Optimiser| (optimiser.state(7).first.len(), optimiser.state(7).second.len());
        assert_eq!(Optimiser::ALL.map(sizes), [(0, 0), (7, 0), (7, 7), (7, 7)]);
        assert_eq!(Optimiser::ALL.map(|o| o.check()), [Ok(()), Ok(()), Ok(()), Ok(())]);
    }

    #[test]
    fn settings_out_of_range_are_refused_and_so_is_nan() {
        for bad in [-0.1, f64::NAN, f64::INFINITY] {
            let adam = |beta1, beta2, epsilon, weight_decay| Optimiser::Adam { beta1, beta2, epsilon, weight_decay };
            assert!(Optimiser::Sgd { weight_decay: bad }.check().is_err());
            assert!(Optimiser::Momentum { momentum: bad, nesterov: false, weight_decay: 0.0 }.check().is_err());
            assert!(Optimiser::Momentum { momentum: 0.9, nesterov: false, weight_decay: bad }.check().is_err());
            assert!(adam(bad, 0.999, 1e-8, 0.0).check().is_err());
            assert!(adam(0.9, bad, 1e-8, 0.0).check().is_err());
            assert!(adam(0.9, 0.999, bad, 0.0).check().is_err());
            assert!(adam(0.9, 0.999, 1e-8, bad).check().is_err());
        }
        let certain = Optimiser::Adam { beta1: 1.0, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        assert_eq!(certain.check().unwrap_err().to_string(), "`optimiser.beta1` must be at least 0 and below 1, got 1");
    }

    #[test]
    fn clipping_only_shortens() {
        assert_eq!(clip_factor(0.0, 1.0), 1.0);
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
    }
}
