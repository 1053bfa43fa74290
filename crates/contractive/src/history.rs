//! What a run has done so far: one record an epoch, sums over the epoch under way, and the stopping rule's memory.

use contractive_core::Terms;
use serde::{Deserialize, Serialize};

use crate::config::EarlyStopping;

/// An epoch that was done: a line of `metrics.jsonl`. All terms are means over rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Steps since the run began.
    pub step: u64,
    /// Wall time of this epoch, measurements included.
    pub seconds: f64,
    /// Rows trained on a second, measurements not included.
    pub rows_per_second: f64,
    /// Learning rate of this epoch.
    pub learning_rate: f64,
    /// The training rows, as the steps went: with input noise, under changing parameters.
    pub train: Terms,
    /// The objective summed, not averaged, over the rows of the epoch's last step, as that step went: the figure that
    /// programs print which add up the loss of a batch and report the last one. `None` in records of older versions.
    #[serde(default)]
    pub last_batch_sum: Option<f64>,
    /// The validation rows after the epoch, without input noise. Where training estimates ‖J‖² by probes (`projection`), the
    /// penalty here is the exact one, [`EpochRecord::jacobian_square`].
    pub validation: Option<Terms>,
    /// The test rows after the epoch, without input noise; the penalty exact likewise, over the first 2,000 at most.
    pub test: Option<Terms>,
    /// Mean of ‖J‖_F over the first rows, at most 2,000, of validation (else of training).
    pub jacobian_norm: f64,
    /// Mean of ‖J‖²_F over the same rows.
    pub jacobian_square: f64,
    /// Whether it is the best epoch so far, by the watched total.
    pub is_best: bool,
}

impl EpochRecord {
    /// The total that early stopping, the best checkpoint and the plateau schedule watch: validation's, else training's.
    pub fn watched(&self) -> f64 {
        self.validation.unwrap_or(self.train).total
    }
}

/// Where a run met a number that was not finite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Step since the run began, from 1.
    pub step: u64,
    /// What was not finite: `total`, `validation penalty`, …
    pub term: String,
}

/// Sums of terms weighted by rows; a short last batch counts as much as its rows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    rows: u64,
    total: f64,
    reconstruction: f64,
    penalty: f64,
    sparsity: f64,
}

impl Sums {
    /// Adds the terms of a batch, means over its `rows` rows.
    pub fn add(&mut self, terms: &Terms, rows: usize) {
        let n = rows as f64;
        self.rows += rows as u64;
        self.total += n * terms.total;
        self.reconstruction += n * terms.reconstruction;
        self.penalty += n * terms.penalty;
        self.sparsity += n * terms.sparsity;
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Means over all rows so far.
    pub fn mean(&self) -> Terms {
        let n = self.rows.max(1) as f64;
        Terms {
            total: self.total / n,
            reconstruction: self.reconstruction / n,
            penalty: self.penalty / n,
            sparsity: self.sparsity / n,
        }
    }
}

/// What is remembered between epochs; saved in checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppingState {
    /// Lowest watched total.
    pub best: Option<f64>,
    /// Its epoch, from 1; 0 before the first.
    pub best_epoch: usize,
    /// Watched total that the next must fall below by `min_delta`.
    pub reference: Option<f64>,
    /// Epochs since the reference was set.
    pub waited: usize,
}

impl StoppingState {
    /// Takes note of an epoch's watched total and says whether it is the best so far.
    pub fn observe(&mut self, epoch: usize, total: f64, rule: Option<EarlyStopping>) -> bool {
        let min_delta = rule.map_or(0.0, |r| r.min_delta);
        // Small gains below `min_delta` still count once they add up, so the reference is kept apart from the best.
        if self.reference.is_none_or(|reference| total < reference - min_delta) {
            self.reference = Some(total);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        let is_best = self.best.is_none_or(|best| total < best);
        if is_best {
            self.best = Some(total);
            self.best_epoch = epoch;
        }
        is_best
    }

    /// Waits anew where the rule has stopped the run, so that it can be trained on. Else nothing changes, and a run
    /// that is given more epochs ends on the bits of one that had them from the start.
    pub fn go_on(&mut self, rule: Option<EarlyStopping>) {
        if self.is_over(rule) {
            self.waited = 0;
        }
    }

    /// Whether the rule says to stop.
    pub fn is_over(&self, rule: Option<EarlyStopping>) -> bool {
        rule.is_some_and(|r| self.waited >= r.patience())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_patience_and_remembers_the_best() {
        let rule = Some(EarlyStopping { patience: Some(2), min_delta: 0.05 });
        let mut state = StoppingState::default();
        let told: Vec<(bool, bool)> = [1.0, 0.5, 0.47, 0.44, 0.43, 0.6]
            .into_iter()
            .enumerate()
            .map(|(i, total)| (state.observe(i + 1, total, rule), state.is_over(rule)))
            .collect();
        // 0.47 is the best so far without counting as improvement; 0.44 does count, being 0.06 below 0.5.
        assert_eq!(told, [(true, false), (true, false), (true, false), (true, false), (true, false), (false, true)]);
        assert_eq!((state.best, state.best_epoch), (Some(0.43), 5));
        assert!(!state.is_over(None));
        state.go_on(rule);
        assert_eq!((state.is_over(rule), state.waited, state.best), (false, 0, Some(0.43)));
        state.observe(7, 0.6, rule);
        state.go_on(rule);
        assert_eq!(state.waited, 1, "a run that was not stopped goes on as it would have");
    }
}
