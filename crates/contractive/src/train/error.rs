//! What can go wrong while training.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use contractive_core::communicator::CommunicationError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::{PatchError, TableError};
use crate::history::Divergence;
use crate::model::ModelError;
use crate::preprocess::PreprocessError;
use crate::run::RunError;

/// Why a run ended without a result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A number was no longer finite.
    #[error("training diverged in epoch {epoch}, step {step}: {term} is not finite{}", last_good_text(last_good))]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step since the run began, from 1.
        step: u64,
        /// What was not finite: `total`, `reconstruction`, `penalty`, `validation total`, a parameter, …
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
    /// A checkpoint belongs to a run on other data.
    #[error("the data are not those of the run: their bytes differ from those it was trained on")]
    OtherData {
        /// SHA-256 sum of the data trained on, in hexadecimal; `None` for data that were in memory.
        checkpoint: Option<String>,
        /// That of the data now.
        run: Option<String>,
    },
    /// Validation holds out every row.
    #[error("there is nothing to train on: `data.validation` = {share} takes all {rows} rows")]
    NoTrainingRows {
        /// Rows there are.
        rows: usize,
        /// `data.validation`.
        share: f64,
    },
    /// There is no batch to train on.
    #[error(
        "there is nothing to train on: {rows} training rows make no whole batch of `training.batch_size` = {batch_size}, \
         and `training.keep_last_partial_batch` is false"
    )]
    NoBatch {
        /// Rows to train on.
        rows: usize,
        /// The batch size asked for.
        batch_size: usize,
    },
    /// Data that are not read by chunks.
    #[error("{name} cannot be streamed (`data.stream`): only files of CSV, Parquet, Arrow, NPY or NPZ can")]
    NotAStream {
        /// What was to be streamed.
        name: String,
    },
    /// Pictures of several sizes, where rows are whole pictures.
    #[error("the pictures of {} have several sizes: set `data.image_size`, or learn them by patches (`data.patch`)", path.display())]
    SeveralSizes {
        /// The folder or archive.
        path: PathBuf,
    },
    /// A file that is read again and again is no longer what it was.
    #[error("{} was changed while it was trained on, or another file took its name; it must stay as it is until the run ends", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// What ranks that train together do not do.
    #[error("{what} cannot be trained on by several ranks; {remedy}")]
    NotShared {
        /// What was asked for.
        what: &'static str,
        /// What can be done in its place.
        remedy: &'static str,
    },
    /// The ranks that train together lost each other, or another one failed.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A test part with other columns, or values too large.
    #[error(transparent)]
    Columns(#[from] PreprocessError),
    /// Rows that are read while training could not be.
    #[error(transparent)]
    Data(#[from] TableError),
    /// Pictures that are read while training could not be.
    #[cfg(feature = "pictures")]
    #[error(transparent)]
    Pictures(#[from] contractive_pictures::PictureError),
    /// Pictures that have no such patches.
    #[error(transparent)]
    Patches(#[from] PatchError),
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

fn last_good_text(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(String::new, |p| format!("; the last good checkpoint is {}", p.display()))
}
