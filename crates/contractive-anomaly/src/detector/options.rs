//! How training is run, and what is told of it.

use std::sync::atomic::AtomicBool;

use super::agreement::Agreement;
use super::settings::DetectorPlan;

/// A member as it was trained, for progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberReport {
    /// The member, from 0.
    pub member: usize,
    /// Members in all.
    pub members: usize,
    /// Steps it took.
    pub steps: usize,
    /// Most steps it might have taken.
    pub most_steps: usize,
    /// Objective on the rows held out.
    pub validation: f64,
    /// Wall time of the training.
    pub seconds: f64,
}

/// How training is run; nothing here changes the result, but for a flag that stops it.
pub struct TrainOptions<'a> {
    /// Threads, at least 1: members are trained beside each other. Default one a processor core.
    pub threads: usize,
    /// Called with the plan before the work begins.
    pub on_plan: &'a (dyn Fn(&DetectorPlan) + Sync),
    /// Called when a member is done.
    pub on_member: &'a (dyn Fn(&MemberReport) + Sync),
    /// Called when the rows are scored, with how far the kinds of score agree on them.
    pub on_scores: &'a (dyn Fn(&[Agreement]) + Sync),
    /// Raised to stop. Training then ends with [`DetectorError::Stopped`](super::DetectorError::Stopped).
    pub stop: &'a AtomicBool,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for TrainOptions<'_> {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        TrainOptions { threads, on_plan: &|_| {}, on_member: &|_| {}, on_scores: &|_| {}, stop: &NEVER }
    }
}
