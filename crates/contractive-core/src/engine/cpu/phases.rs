//! Where a step's time goes, phase by phase, by a clock that the caller gives: the core reads none.

/// Seconds since a moment that stays the same.
pub type Clock = fn() -> f64;

/// Seconds that an engine has spent in each phase of its steps since it was given a clock.
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

/// Sums the time of phases; without a clock it does nothing.
#[derive(Default)]
pub struct Stopwatch {
    pub clock: Option<Clock>,
    pub seconds: PhaseSeconds,
    /// When the current phase began.
    since: f64,
}

impl Stopwatch {
    /// Begins the first phase.
    pub fn start(&mut self) {
        if let Some(clock) = self.clock {
            self.since = clock();
        }
    }

    /// Ends a phase and begins the next.
    pub fn lap(&mut self, phase: impl Fn(&mut PhaseSeconds) -> &mut f64) {
        if let Some(clock) = self.clock {
            let now = clock();
            *phase(&mut self.seconds) += now - self.since;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn laps_add_up_and_no_clock_is_no_time() {
        static SECONDS: AtomicU32 = AtomicU32::new(0);
        let mut watch = Stopwatch::default();
        watch.start();
        watch.lap(|phases| &mut phases.rows);
        assert_eq!(watch.seconds, PhaseSeconds::default());
        watch.clock = Some(|| f64::from(SECONDS.fetch_add(1, Ordering::Relaxed)));
        for _ in 0..3 {
            watch.start();
            watch.lap(|phases| &mut phases.rows);
            watch.lap(|phases| &mut phases.update);
        }
        assert_eq!(watch.seconds, PhaseSeconds { rows: 3.0, update: 3.0, ..PhaseSeconds::default() });
    }
}
