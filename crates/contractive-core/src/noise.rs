//! Input noise: what turns any autoencoder here into a denoising one (Vincent et al. 2010).
//!
//! The corrupted row is what is encoded and decoded; the target, and the point at which penalties are taken, is the
//! clean row. The draws come from the caller: [`Noise::corrupt`] turns standard ones into corruption.

use serde::{Deserialize, Serialize};

use crate::error::{ArgumentError, below_one, finite_positive};

/// A corruption of the input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Noise {
    /// x + sigma·n, n standard normal.
    Gaussian {
        /// Standard deviation, above 0.
        sigma: f64,
    },
    /// Each feature set to 0 with this probability.
    Masking {
        /// Share of features masked, at least 0 and below 1.
        share: f64,
    },
    /// Each feature set with this probability to the smallest or the largest value (0 or 1), evenly.
    SaltPepper {
        /// Share of features replaced, at least 0 and below 1.
        share: f64,
    },
}

impl Noise {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Noise::Gaussian { .. } => "gaussian",
            Noise::Masking { .. } => "masking",
            Noise::SaltPepper { .. } => "salt_pepper",
        }
    }

    /// Refuses settings outside their range, NaN included.
    ///
    /// # Errors
    /// [`ArgumentError::Number`].
    pub fn check(self) -> Result<(), ArgumentError> {
        match self {
            Noise::Gaussian { sigma } => finite_positive("noise.sigma", sigma),
            Noise::Masking { share } | Noise::SaltPepper { share } => below_one("noise.share", share),
        }
    }

    /// Corrupts one value. `draw` is standard normal for `gaussian` and uniform in [0, 1) for the other two.
    pub fn corrupt(self, x: f32, draw: f32) -> f32 {
        match self {
            Noise::Gaussian { sigma } => x + sigma as f32 * draw,
            Noise::Masking { share } => {
                if draw < share as f32 {
                    0.0
                } else {
                    x
                }
            }
            Noise::SaltPepper { share } => {
                if draw < 0.5 * share as f32 {
                    0.0
                } else if draw < share as f32 {
                    1.0
                } else {
                    x
                }
            }
        }
    }

    /// Whether [`Noise::corrupt`] wants a standard normal draw rather than a uniform one.
    pub fn wants_normal(self) -> bool {
        matches!(self, Noise::Gaussian { .. })
    }
}
