//! Reconstruction losses L(x, x̂), one number a row.
//!
//! | name | value a row | gradient at the logits of a sigmoid output, or at x̂ |
//! |---|---|---|
//! | `mse` | 1/d Σ (x̂−x)² | 2(x̂−x)/d at x̂ |
//! | `sse` | Σ (x̂−x)² | 2(x̂−x) at x̂ |
//! | `bce` | 1/d Σ softplus(z) − xz, z the logits | (σ(z)−x)/d at z |
//! | `cross_entropy` | Σ softplus(z) − xz | σ(z)−x at z |
//!
//! The objective takes the mean over rows of what is here. `softplus(z) − xz` is −x ln σ(z) − (1−x) ln(1−σ(z)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ArgumentError;

/// A reconstruction loss. The formulas are in the [module's table](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean over features of the squared error.
    Mse,
    /// Sum over features of the squared error.
    Sse,
    /// Mean over features of the binary cross-entropy, from logits; targets in [0, 1], sigmoid output.
    Bce,
    /// Sum over features of the binary cross-entropy, from logits; targets in [0, 1], sigmoid output.
    CrossEntropy,
}

impl Loss {
    /// Every loss, in the order of the table.
    pub const ALL: [Loss; 4] = [Loss::Mse, Loss::Sse, Loss::Bce, Loss::CrossEntropy];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Mse => "mse",
            Loss::Sse => "sse",
            Loss::Bce => "bce",
            Loss::CrossEntropy => "cross_entropy",
        }
    }

    /// Whether it is a cross-entropy: needs targets in [0, 1] and a sigmoid output.
    pub fn is_cross_entropy(self) -> bool {
        matches!(self, Loss::Bce | Loss::CrossEntropy)
    }

    /// The factor on the sum over `d` features: 1/d for `mse` and `bce`, 1 for `sse` and `cross_entropy`.
    pub fn feature_factor(self, d: usize) -> f64 {
        match self {
            Loss::Mse | Loss::Bce => 1.0 / d as f64,
            Loss::Sse | Loss::CrossEntropy => 1.0,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Loss {
    type Err = ArgumentError;

    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        Loss::ALL.into_iter().find(|l| l.name() == word).ok_or_else(|| ArgumentError::Word {
            name: "loss",
            known: Loss::ALL.map(Loss::name).join(", "),
            got: word.to_owned(),
        })
    }
}
