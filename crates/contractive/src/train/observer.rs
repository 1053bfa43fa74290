//! What a run tells about itself while it goes.

use contractive_core::Terms;
use serde::{Deserialize, Serialize};

/// The run as planned, told once before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Epochs in all.
    pub epochs: usize,
    /// Epochs already done, by the run that is resumed.
    pub epochs_done: usize,
    /// Steps an epoch.
    pub steps: usize,
    /// Rows trained on.
    pub rows: usize,
    /// Rows held out for validation.
    pub validation_rows: usize,
    /// Rows of the test part, 0 without one.
    pub test_rows: usize,
    /// Number of parameters.
    pub parameters: usize,
}

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Step within the epoch, from 1.
    pub step: usize,
    /// Steps an epoch.
    pub steps: usize,
    /// Means over the epoch's rows so far.
    pub terms: Terms,
    /// Rows trained on a second, over the epoch so far.
    pub rows_per_second: f64,
}

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
    /// The validation rows after the epoch, without input noise.
    pub validation: Option<Terms>,
    /// The test rows after the epoch, without input noise.
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

/// Someone who is told how a run goes. All methods do nothing by default; `()` is an observer that never looks.
pub trait Observer {
    /// Before the first step.
    fn on_start(&mut self, plan: &Plan) {
        let _ = plan;
    }

    /// After each step.
    fn on_step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// After each epoch, when its measurements are taken.
    fn on_epoch(&mut self, record: &EpochRecord) {
        let _ = record;
    }
}

impl Observer for () {}
