//! What can go wrong while training.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::model::ModelError;
use crate::run::RunError;

/// Why a run ended without a result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A number was no longer finite.
    #[error(
        "training diverged in epoch {epoch}, step {step}: {term} is not finite; {}lower `training.learning_rate` \
         (--learning-rate) or set `training.clip` (--clip)",
        last_good_text(last_good)
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step since the run began, from 1.
        step: u64,
        /// What was not finite: `total`, `reconstruction`, `penalty`, `validation total`, `parameters`, …
        term: String,
        /// The last checkpoint with finite numbers, if one was written.
        last_good: Option<PathBuf>,
    },
    /// A checkpoint belongs to another run.
    #[error("the checkpoint does not belong to this run: {what} was {checkpoint}, now it is {run}")]
    Resume {
        /// What differs.
        what: &'static str,
        /// Its value when the checkpoint was written.
        checkpoint: String,
        /// Its value now.
        run: String,
    },
    /// There is no batch to train on.
    #[error(
        "there is nothing to train on: {rows} training rows make no whole batch of {batch_size}; lower `training.batch_size` or set `training.keep_last_partial_batch = true`"
    )]
    NoBatch {
        /// Rows to train on.
        rows: usize,
        /// The batch size asked for.
        batch_size: usize,
    },
    /// The mathematics refused.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// A checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The run directory could not be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The model could not be written.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn last_good_text(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(String::new, |p| format!("the last good checkpoint is {}; ", p.display()))
}
