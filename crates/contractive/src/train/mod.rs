//! Training: the loop, and what it needs around it.
//!
//! 1. [`Trainer`] does all of it: `Trainer::new(config).fit(&data)`.
//! 2. [`Prepared`] splits the rows and learns the preprocessing; [`train`] runs the epochs on the CPU engine,
//!    [`train_with`] on any [`Engine`]. With `data.stream` the rows stay in their file, and a thread reads them ahead of the steps.
//! 3. [`StepLoop`] is the loop over steps, [`RowOrder`] the order of their rows, [`mean_terms`]
//!    what they are judged by: networks of a detector train by the same three.
//! 4. [`Incremental`] learns from pieces of data as they come.
//! 5. An [`Observer`] is told about steps and epochs; a stop flag ends the run cleanly in the middle of an epoch.
//!
//! **Same seed, same bits.** Every random number comes from a [stream](contractive_core::random) that is keyed by (seed,
//! purpose, epoch, step), so nothing depends on threads or on what was drawn before. A resumed run needs no generator state: it ends on
//! the bits of a run that was never interrupted.

mod beginning;
mod epochs;
mod error;
mod in_memory;
mod incremental;
mod measuring;
mod observer;
mod outcome;
mod prepared;
mod row_order;
mod same_run;
mod saving;
mod shared;
mod step_loop;
mod steps;
mod stream;
mod trainer;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicBool;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::optimiser::Optimiser;
use contractive_core::{ArgumentError, Objective, Parameters};

use crate::run::RunDirectory;

pub use crate::measure::mean_terms;
pub use error::TrainError;
pub use incremental::Incremental;
pub use observer::{Observer, StepReport, TrainingPlan};
pub use outcome::{End, EngineBuilder, Outcome, Start};
pub use prepared::Prepared;
pub use row_order::RowOrder;
pub use step_loop::{NextStep, StepLoop};
#[cfg(feature = "pictures")]
pub use stream::picture_notes;
pub use trainer::Trainer;

/// Trains on the CPU; [`Trainer`] is the shorter way.
///
/// With a run directory, checkpoints, `metrics.jsonl` and the final `model/` (or `divergence.json`) are written there;
/// without one, nothing touches the disk. `config.toml` is replaced once the checkpoint is accepted. `start` is
/// [`Start::Fresh`], or what [`RunDirectory::resume`] gives. The stop flag is polled at every step.
///
/// # Errors
/// [`TrainError::Diverged`] at the first number that is not finite; otherwise what the disk or the settings refuse.
pub fn train(
    prepared: &Prepared,
    run: Option<&RunDirectory>,
    start: impl Into<Start>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    train_with(&cpu_engine, prepared, run, start, observer, stop)
}

/// [`train`] on the engine that `build` makes.
///
/// # Errors
/// As [`train`].
pub fn train_with(
    build: &EngineBuilder<'_>,
    prepared: &Prepared,
    run: Option<&RunDirectory>,
    start: impl Into<Start>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let result = epochs::run_epochs(build, prepared, run, start.into(), observer, stop);
    let Some(run) = run else { return result };
    match &result {
        Ok(outcome) => outcome.model.save(run.model())?,
        Err(e) => {
            if let Some(divergence) = e.divergence() {
                run.write_divergence(Some(&divergence))?;
            }
        }
    }
    result
}

fn cpu_engine(
    parameters: &Parameters,
    objective: &Objective,
    optimiser: Optimiser,
    clip: Option<f64>,
    threads: usize,
) -> Result<Box<dyn Engine>, ArgumentError> {
    Ok(Box::new(CpuEngine::new(parameters, objective, optimiser, clip, threads)?))
}
