//! When checkpoints are written.
//!
//! After the first epoch, then when [`PAUSE`] has passed since the last write, and at the end. Epochs of a few
//! milliseconds would otherwise wait for the disk. What is not written yet is kept in memory, for the end and for a
//! divergence. A killed run goes on from an older epoch, to the same bits.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::error::TrainError;
use crate::checkpoint::Checkpoint;
use crate::run::RunDirectory;

/// Least time between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes a run's checkpoints and metrics; does nothing without a directory.
pub(super) struct Saver<'a> {
    run: Option<&'a RunDirectory>,
    written: Option<Instant>,
    has_good: bool,
    last: Option<Checkpoint>,
    best: Option<Checkpoint>,
}

impl<'a> Saver<'a> {
    /// `has_good` says whether the directory already has a checkpoint of a finished epoch.
    pub(super) fn new(run: Option<&'a RunDirectory>, has_good: bool) -> Self {
        Saver { run, written: None, has_good, last: None, best: None }
    }

    pub(super) fn is_active(&self) -> bool {
        self.run.is_some()
    }

    /// Takes the checkpoint of a finished epoch, and writes what is due.
    pub(super) fn epoch_done(&mut self, checkpoint: Checkpoint, is_best: bool) -> Result<(), TrainError> {
        if is_best {
            self.best = Some(checkpoint.clone());
        }
        self.last = Some(checkpoint);
        if self.written.is_none_or(|written| written.elapsed() >= PAUSE) { self.flush() } else { Ok(()) }
    }

    /// Writes what is not written yet: the best first, so that it is never older than the last one says.
    pub(super) fn flush(&mut self) -> Result<(), TrainError> {
        let Some(run) = self.run else { return Ok(()) };
        if let Some(best) = &self.best {
            best.save(run.best_checkpoint())?;
            self.best = None;
        }
        if let Some(last) = &self.last {
            last.save(run.last_checkpoint())?;
            run.write_metrics(&last.state.history)?;
            run.write_events(&last.state.history)?;
            self.last = None;
            self.has_good = true;
            self.written = Some(Instant::now());
        }
        Ok(())
    }

    /// Writes a moment in the middle of an epoch as the last checkpoint.
    pub(super) fn moment(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        self.last = Some(checkpoint);
        self.flush()
    }

    /// The last checkpoint of finite numbers, if one was written.
    pub(super) fn last_good(&self) -> Option<PathBuf> {
        self.run.filter(|_| self.has_good).map(|run| run.last_checkpoint())
    }
}
