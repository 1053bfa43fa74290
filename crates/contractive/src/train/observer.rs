//! What a run tells about itself while it goes.

use std::ops::ControlFlow;

use contractive_core::Terms;

use crate::history::EpochRecord;

/// The run as planned, told once before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingPlan {
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

/// Someone who is told how a run goes. All methods do nothing by default; `()` is an observer that never looks.
pub trait Observer {
    /// Before the first step.
    fn on_start(&mut self, plan: &TrainingPlan) {
        let _ = plan;
    }

    /// After each step; `Break` stops the run there, as the stop flag does.
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        let _ = report;
        ControlFlow::Continue(())
    }

    /// After each epoch, when its measurements are taken; `Break` stops the run there.
    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        let _ = record;
        ControlFlow::Continue(())
    }
}

impl Observer for () {}
