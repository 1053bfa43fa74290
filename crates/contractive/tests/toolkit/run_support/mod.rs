//! Trainings from beginning to end, and what two of them are compared by.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use contractive::train::StepReport;
use contractive::{End, EpochRecord, Observer, Outcome, Prepared, RunDirectory, train};

/// A training that nothing stops.
pub fn whole(prepared: &Prepared) -> Outcome {
    train(prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap()
}

/// The parameters, bit by bit.
pub fn bits(outcome: &Outcome) -> Vec<u32> {
    outcome.model.parameters().values().iter().map(|v| v.to_bits()).collect()
}

/// The records without their times, which differ from run to run.
pub fn timeless(history: &[EpochRecord]) -> Vec<EpochRecord> {
    history.iter().map(|r| EpochRecord { seconds: 0.0, rows_per_second: 0.0, ..*r }).collect()
}

struct StopAfter<'a> {
    left: usize,
    stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        self.left = self.left.saturating_sub(1);
        self.stop.store(self.left == 0, Ordering::Relaxed);
        ControlFlow::Continue(())
    }
}

/// A training into `path` that is stopped after `steps` steps.
pub fn interrupted(prepared: &Prepared, path: &Path, steps: usize) -> RunDirectory {
    let run = RunDirectory::create(path, prepared.config()).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = train(prepared, Some(&run), None, &mut StopAfter { left: steps, stop: &stop }, &stop).unwrap();
    assert_eq!(outcome.end, End::Interrupted);
    run
}
