//! What can go wrong while training.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::model::ModelError;
use crate::run::RunError;

/// Where a run met a number that was not finite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Step since the run began, from 1.
    pub step: u64,
    /// What was not finite: `total`, `validation penalty`, …
    pub term: String,
}

/// Why a run ended without a result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A number was no longer finite.
    #[error(
        "training diverged in epoch {epoch}, step {step}: {term} is not finite; {}lower `training.learning_rate` \
         (--learning-rate) or set `training.clip` (--clip){}",
        last_good_text(last_good), penalty_remedy(term, *step)
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
    #[error(
        "the checkpoint does not belong to this run: {what} was {checkpoint}, now it is {run}; go on with the settings \
         that the run began with, or begin another run"
    )]
    Resume {
        /// What differs.
        what: &'static str,
        /// Its value when the checkpoint was written.
        checkpoint: String,
        /// Its value now.
        run: String,
    },
    /// A checkpoint belongs to a run on other data.
    #[error(
        "the data are not those of the run: their bytes differ from those it was trained on; give the same data with \
         --data, or begin another run"
    )]
    OtherData {
        /// SHA-256 sum of the data trained on, in hexadecimal; `None` for data that were in memory.
        checkpoint: Option<String>,
        /// That of the data now.
        run: Option<String>,
    },
    /// Validation holds out every row.
    #[error(
        "there is nothing to train on: validation takes all {rows} rows, {share} of them rounded; lower \
         `data.validation` (--validation; 0 holds out none) or use more rows (--rows)"
    )]
    NoTrainingRows {
        /// Rows there are.
        rows: usize,
        /// `data.validation`.
        share: f64,
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
    /// Rows that are read while training could not be.
    #[error(transparent)]
    Data(#[from] DataError),
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

impl TrainError {
    /// Where the run diverged, if that is what ended it.
    pub fn divergence(&self) -> Option<Divergence> {
        match self {
            TrainError::Diverged { epoch, step, term, .. } => {
                Some(Divergence { epoch: *epoch, step: *step, term: term.clone() })
            }
            _ => None,
        }
    }
}

/// Before the first update, or in the penalty itself, the learning rate is not at fault.
fn penalty_remedy(term: &str, step: u64) -> &'static str {
    if step <= 1 || term.contains("penalty") || term.contains("jacobian") {
        "; or lower `objective.contraction` (--contraction), or look at the settings of `objective.penalty` (--penalty) and \
         at the scale of the data (--scale)"
    } else {
        ""
    }
}

fn last_good_text(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(String::new, |p| format!("the last good checkpoint is {}; ", p.display()))
}
