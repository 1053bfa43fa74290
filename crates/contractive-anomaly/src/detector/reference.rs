//! Scores of rows that were there in training, kept so that thresholds and probabilities can be had at any time.

use serde::{Deserialize, Serialize};

use super::scores::{KINDS, ScoreKind};
use crate::distribution::{is_distribution, share_above, share_below, sketch};

use super::threshold::{ThresholdError, ThresholdRule};

/// Most numbers kept of a kind of score: beyond, evenly spaced quantiles, the least and the greatest among them.
const MOST: usize = 2049;
/// Fewest held-out rows that stand for others by themselves; with fewer all rows do.
pub(super) const FEWEST_HELD_OUT: usize = 50;

/// Ascending scores of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KindReference {
    /// The kind.
    pub(super) kind: ScoreKind,
    /// Of all rows given for training, or of those kept where they are more than 10,000, as quantiles.
    pub(super) training: Vec<f64>,
    /// Of the rows held out, or of all where those are few, as quantiles.
    pub(super) held_out: Vec<f64>,
}

/// Reference scores of every kind, in the order of [`ScoreKind::ALL`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Reference(pub(super) Vec<KindReference>);

impl Reference {
    /// From the scores of all rows and the numbers of those held out.
    pub(super) fn new(scores: &[[f64; KINDS]], held_out: &[u32]) -> Self {
        let of = |kind: ScoreKind| {
            let all = || scores.iter().map(|s| s[kind as usize]).collect::<Vec<f64>>();
            let some = || held_out.iter().map(|r| scores[*r as usize][kind as usize]).collect::<Vec<f64>>();
            let held_out = if held_out.len() < FEWEST_HELD_OUT { all() } else { some() };
            KindReference { kind, training: sketch(all(), MOST), held_out: sketch(held_out, MOST) }
        };
        Reference(ScoreKind::ALL.map(of).into())
    }

    /// Whether there are scores of `kind`: detectors saved without their training rows lack those of the table.
    pub(super) fn has(&self, kind: ScoreKind) -> bool {
        (kind as usize) < self.0.len()
    }

    /// The threshold of `rule` for scores of `kind`, of which there are some.
    pub(super) fn threshold(&self, rule: ThresholdRule, kind: ScoreKind) -> Result<f64, ThresholdError> {
        let reference = &self.0[kind as usize];
        rule.threshold(&reference.training, &reference.held_out)
    }

    /// The share of held-out rows that score below `score`, ties counted half and one row added on either side, so that
    /// no finite number of rows makes it 0 or 1. NaN for NaN.
    pub(super) fn probability(&self, score: f64, kind: ScoreKind) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        share_below(self.held_out(kind), score)
    }

    /// The share of all rows given for training that score above `threshold`; exact up to 2,049 of them.
    pub(super) fn share_above(&self, threshold: f64, kind: ScoreKind) -> f64 {
        share_above(self.training(kind), threshold)
    }

    /// How many rows were given for training, where they are few enough to be kept one by one.
    pub(super) fn n_training(&self) -> Option<usize> {
        self.0.first().map(|reference| reference.training.len()).filter(|n| *n < MOST)
    }

    /// The scores of all rows given for training, ascending.
    pub(super) fn training(&self, kind: ScoreKind) -> &[f64] {
        &self.0[kind as usize].training
    }

    /// The scores of the rows held out, ascending.
    pub(super) fn held_out(&self, kind: ScoreKind) -> &[f64] {
        &self.0[kind as usize].held_out
    }

    /// What is wrong with stored reference scores of the first `n_kinds` kinds, if anything is.
    pub(super) fn fault(&self, n_kinds: usize) -> Option<String> {
        if self.0.len() != n_kinds || self.0.iter().zip(ScoreKind::ALL).any(|(r, kind)| r.kind != kind) {
            return Some("`reference` must have one entry a kind of score, in their order".into());
        }
        for reference in &self.0 {
            for (what, scores) in [("training", &reference.training), ("held_out", &reference.held_out)] {
                if !is_distribution(scores) {
                    let kind = reference.kind.name();
                    return Some(format!("`{what}` scores of `{kind}` must be finite and ascending, at least one"));
                }
            }
        }
        None
    }
}
