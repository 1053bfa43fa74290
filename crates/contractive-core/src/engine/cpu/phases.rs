//! Where a step's time goes, phase by phase: a look at the clock between phases, some hundred nanoseconds a step.

use std::time::Instant;

/// Seconds that an engine has spent in each phase of its steps so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PhaseSeconds {
    /// What the weights alone decide: transposes, row norms, G and the like.
    pub weights: f64,
    /// Lanes of rows: forward, loss, penalty, and back to every layer.
    pub rows: f64,
    /// What the lanes' penalties gathered, summed in lane order.
    pub sums: f64,
    /// Blocks of the weights' gradient.
    pub gradient: f64,
    /// The optimiser.
    pub update: f64,
}

impl PhaseSeconds {
    /// The phases in order, by name.
    pub fn by_name(self) -> [(&'static str, f64); 5] {
        let PhaseSeconds { weights, rows, sums, gradient, update } = self;
        [("weights", weights), ("rows", rows), ("sums", sums), ("gradient", gradient), ("update", update)]
    }
}

/// A clock that tells how long it is since it was last asked.
pub(super) struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Clock(Instant::now())
    }

    pub fn lap(&mut self) -> f64 {
        let now = Instant::now();
        (now - std::mem::replace(&mut self.0, now)).as_secs_f64()
    }
}
