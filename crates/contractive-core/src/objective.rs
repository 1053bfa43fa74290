//! What is minimised, and on what: the only file that chooses means and factors.
//!
//! ```text
//! C = 1/N Σ_rows [ L(x, g(f(x̃))) + contraction · P(x) ] + sparsity.weight · Σ_j KL(target ‖ mean over rows of h_j)
//! ```
//!
//! x̃ is the corrupted row where there is input noise, else x; the code h in the sparsity term is f(x̃).
//! The number printed is the number optimised: [`Terms::total`] is C, and the gradient is C's.

use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::error::{ArgumentError, finite_non_negative};
use crate::loss::Loss;
use crate::matrix::MatRef;
use crate::penalty::Penalty;

/// Pushes the mean activation of each code unit towards a target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparsity {
    /// Mean activation wanted, between 0 and 1, both excluded.
    pub target: f64,
    /// Weight of the term in the objective, at least 0.
    pub weight: f64,
}

/// The objective C of the [module's head](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Reconstruction loss L.
    pub loss: Loss,
    /// Penalty P.
    pub penalty: Penalty,
    /// Weight of P (λ in the paper), at least 0.
    pub contraction: f64,
    /// Sparsity term, if any.
    pub sparsity: Option<Sparsity>,
}

/// A batch of rows with the random numbers that its step needs.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Clean rows x, shape (N, d): the targets, and where the penalty is taken.
    pub rows: MatRef<'a>,
    /// Corrupted rows x̃ of the same shape, where there is input noise.
    pub corrupted: Option<MatRef<'a>>,
    /// The penalty's probes, directions or corruptions: see [`Penalty::n_draws`] and [`Penalty::shape_draws`].
    pub draws: &'a [f32],
    /// The mean of each code unit, k numbers, that the sparsity term is of, where these rows are a part of those it is taken
    /// over; else it is theirs.
    pub mean_code: Option<&'a [f64]>,
}

impl<'a> Batch<'a> {
    /// Rows without noise or draws.
    pub fn plain(rows: MatRef<'a>) -> Self {
        Batch { rows, corrupted: None, draws: &[], mean_code: None }
    }

    /// The rows that are encoded and decoded: the corrupted ones, else the clean ones.
    pub fn encoded(&self) -> MatRef<'a> {
        self.corrupted.unwrap_or(self.rows)
    }
}

/// The objective's value and its parts on a batch, all means over rows, summed in f64.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// C, as optimised.
    pub total: f64,
    /// Mean over rows of L.
    pub reconstruction: f64,
    /// Mean over rows of P, before weighting by the contraction.
    pub penalty: f64,
    /// Σ_j KL, before weighting; 0 where there is no sparsity term.
    pub sparsity: f64,
}

impl Terms {
    /// The parts combined as the objective says.
    pub fn combine(objective: &Objective, reconstruction: f64, penalty: f64, sparsity: f64) -> Self {
        let weight = objective.sparsity.map_or(0.0, |s| s.weight);
        let total = reconstruction + objective.contraction * penalty + weight * sparsity;
        Terms { total, reconstruction, penalty, sparsity }
    }

    /// The first part that is not finite, by name.
    pub fn not_finite(&self) -> Option<&'static str> {
        [
            ("reconstruction", self.reconstruction),
            ("penalty", self.penalty),
            ("sparsity", self.sparsity),
            ("total", self.total),
        ]
        .into_iter()
        .find(|(_, value)| !value.is_finite())
        .map(|(name, _)| name)
    }
}

impl Objective {
    /// A plain or contractive objective without further terms.
    pub fn new(loss: Loss, penalty: Penalty, contraction: f64) -> Self {
        Objective { loss, penalty, contraction, sparsity: None }
    }

    /// Whether the penalty moves the parameters: it has a weight and is not `none`.
    pub fn has_penalty(&self) -> bool {
        self.contraction > 0.0 && self.penalty != Penalty::None
    }

    /// Refuses settings outside their range and combinations that mean nothing.
    ///
    /// # Errors
    /// [`ArgumentError::Number`] or [`ArgumentError::Conflict`].
    pub fn check(&self, architecture: &Architecture) -> Result<(), ArgumentError> {
        architecture.check()?;
        finite_non_negative("contraction", self.contraction)?;
        self.penalty.check(architecture)?;
        let output = architecture.output_activation();
        if self.loss.is_cross_entropy() && output != Activation::Sigmoid {
            return Err(ArgumentError::Conflict {
                what: format!("the loss `{}` needs a sigmoid output", self.loss),
                but: format!("the output activation is `{output}`"),
                remedy: "set `output_activation = \"sigmoid\"` or `loss = \"mse\"`",
            });
        }
        if let Some(sparsity) = self.sparsity {
            finite_non_negative("sparsity.weight", sparsity.weight)?;
            if !(sparsity.target > 0.0 && sparsity.target < 1.0) {
                return Err(ArgumentError::Number {
                    name: "sparsity.target",
                    must_be: "above 0 and below 1",
                    got: sparsity.target,
                });
            }
            let code = architecture.code_activation();
            if code != Activation::Sigmoid {
                return Err(ArgumentError::Conflict {
                    what: "`sparsity` needs code units between 0 and 1".into(),
                    but: format!("the code activation is `{code}`"),
                    remedy: "set `code_activation = \"sigmoid\"`",
                });
            }
        }
        Ok(())
    }
}
