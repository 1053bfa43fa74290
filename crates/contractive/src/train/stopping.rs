//! The best epoch, and when to give up on a better one.

use serde::{Deserialize, Serialize};

use crate::config::EarlyStopping;

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
        rule.is_some_and(|r| self.waited >= r.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_patience_and_remembers_the_best() {
        let rule = Some(EarlyStopping { patience: 2, min_delta: 0.05 });
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
