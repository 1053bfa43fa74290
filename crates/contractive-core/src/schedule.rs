//! How the learning rate moves from epoch to epoch.

use serde::{Deserialize, Serialize};

use crate::error::{ArgumentError, at_least_one, below_one, finite_positive};

/// A learning-rate schedule: a factor on the base rate, one an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Factor 1.
    #[default]
    Constant,
    /// `factor` once more every `every` epochs.
    Step {
        /// Epochs between two steps, at least 1.
        every: usize,
        /// Factor a step, above 0.
        factor: f64,
    },
    /// Half a cosine from 1 to `floor` over the whole run.
    Cosine {
        /// Factor at the end, at least 0 and below 1.
        #[serde(default)]
        floor: f64,
    },
    /// `factor` once more whenever the watched loss has not improved for `patience` epochs (PyTorch's
    /// `ReduceLROnPlateau` with a relative threshold of 1e-4).
    Plateau {
        /// Epochs without improvement before a reduction, at least 1.
        patience: usize,
        /// Factor a reduction, above 0.
        factor: f64,
    },
}

/// What [`Schedule::Plateau`] remembers between epochs; saved in checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ScheduleState {
    /// Lowest loss seen.
    pub best: Option<f64>,
    /// Epochs since it was seen.
    pub waited: usize,
    /// How many reductions have been made.
    pub reductions: u32,
}

impl Schedule {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Schedule::Constant => "constant",
            Schedule::Step { .. } => "step",
            Schedule::Cosine { .. } => "cosine",
            Schedule::Plateau { .. } => "plateau",
        }
    }

    /// Refuses settings outside their range, NaN included.
    ///
    /// # Errors
    /// [`ArgumentError::Number`].
    pub fn check(self) -> Result<(), ArgumentError> {
        match self {
            Schedule::Constant => Ok(()),
            Schedule::Step { every, factor } => {
                at_least_one("schedule.every", every)?;
                finite_positive("schedule.factor", factor)
            }
            Schedule::Cosine { floor } => below_one("schedule.floor", floor),
            Schedule::Plateau { patience, factor } => {
                at_least_one("schedule.patience", patience)?;
                finite_positive("schedule.factor", factor)
            }
        }
    }

    /// The factor for epoch `epoch` (from 0) of a run of `epochs`.
    pub fn factor(self, state: &ScheduleState, epoch: usize, epochs: usize) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Step { every, factor } => factor.powi((epoch / every) as i32),
            Schedule::Cosine { floor } => {
                let progress = epoch as f64 / epochs.max(1) as f64;
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
            Schedule::Plateau { factor, .. } => factor.powi(state.reductions as i32),
        }
    }

    /// Records an epoch's watched loss.
    pub fn observe(self, state: &mut ScheduleState, loss: f64) {
        if state.best.is_none_or(|best| loss < best - 1e-4 * best.abs()) {
            state.best = Some(loss);
            state.waited = 0;
            return;
        }
        state.waited += 1;
        if let Schedule::Plateau { patience, .. } = self
            && state.waited > patience
        {
            state.reductions += 1;
            state.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_their_formulas() {
        let state = ScheduleState::default();
        assert_eq!(Schedule::Step { every: 3, factor: 0.5 }.factor(&state, 7, 10), 0.25);
        assert_eq!(Schedule::Cosine { floor: 0.1 }.factor(&state, 0, 10), 1.0);
        assert!((Schedule::Cosine { floor: 0.1 }.factor(&state, 5, 10) - 0.55).abs() < 1e-12);
    }

    #[test]
    fn plateau_reduces_after_patience() {
        let plateau = Schedule::Plateau { patience: 2, factor: 0.1 };
        let mut state = ScheduleState::default();
        for loss in [1.0, 0.9, 0.9, 0.9] {
            plateau.observe(&mut state, loss);
        }
        assert_eq!(plateau.factor(&state, 4, 10), 1.0);
        plateau.observe(&mut state, 0.95);
        assert_eq!(plateau.factor(&state, 5, 10), 0.1);
    }
}
