//! One error for all.

use contractive_core::ArgumentError;
use contractive_table::OutputError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::TableError;
use crate::model::ModelError;
use crate::preprocess::PreprocessError;
use crate::run::RunError;
use crate::train::TrainError;

/// Anything this crate refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration or recipe.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Data.
    #[error(transparent)]
    Data(#[from] TableError),
    /// Columns that do not fit a model.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// An argument of the mathematics.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// A model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A run directory.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// An output file.
    #[error(transparent)]
    Output(#[from] OutputError),
}
