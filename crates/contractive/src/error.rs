//! One error for all, with the command's exit codes.

use contractive_core::ArgumentError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::ConfigError;
use crate::data::DataError;
use crate::detector::DetectorError;
use crate::model::ModelError;
use crate::output::OutputError;
use crate::preprocess::PreprocessError;
use crate::run::RunError;
use crate::series::SeriesError;
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
    Data(#[from] DataError),
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
    /// A detector.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// A time series.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// An output file.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Exit codes of the command.
const FAILURE: u8 = 1;
const USAGE: u8 = 2;
const BAD_DATA: u8 = 3;
const DIVERGED: u8 = 4;

impl Error {
    /// The command's exit code: 2 usage, 3 bad data, 4 diverged, 1 the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Config(e) => of_config(e),
            Error::Data(e) => of_data(e),
            Error::Preprocess(_) => BAD_DATA,
            Error::Argument(e) => of_argument(e),
            Error::Model(e) => of_model(e),
            Error::Checkpoint(e) => of_bad_data(e.is_bad_data()),
            Error::Run(e) => of_run(e),
            Error::Detector(e) => e.exit_code(),
            Error::Series(e) => of_series(e),
            Error::Output(
                OutputError::Format { .. } | OutputError::UnknownFormat { .. } | OutputError::NumbersAlone { .. },
            ) => USAGE,
            Error::Output(_) => FAILURE,
            Error::Train(e) => match e {
                TrainError::Diverged { .. } => DIVERGED,
                TrainError::Resume { .. }
                | TrainError::OtherData { .. }
                | TrainError::NoTrainingRows { .. }
                | TrainError::NoBatch { .. } => USAGE,
                TrainError::Data(e) => of_data(e),
                TrainError::Argument(e) => of_argument(e),
                TrainError::Checkpoint(e) => of_bad_data(e.is_bad_data()),
                TrainError::Run(e) => of_run(e),
                TrainError::Model(e) => of_model(e),
            },
        }
    }
}

fn of_bad_data(is_bad_data: bool) -> u8 {
    if is_bad_data { BAD_DATA } else { FAILURE }
}

fn of_data(e: &DataError) -> u8 {
    match e {
        e if e.is_usage() => USAGE,
        e => of_bad_data(e.is_bad_data()),
    }
}

fn of_config(e: &ConfigError) -> u8 {
    match e {
        ConfigError::Read { .. } => FAILURE,
        _ => USAGE,
    }
}

fn of_argument(e: &ArgumentError) -> u8 {
    match e {
        ArgumentError::Range { .. } | ArgumentError::NotFinite { .. } => BAD_DATA,
        _ => USAGE,
    }
}

fn of_series(e: &SeriesError) -> u8 {
    match e {
        SeriesError::Data(e) => of_data(e),
        SeriesError::Detector(e) => e.exit_code(),
        SeriesError::Setting { .. } | SeriesError::Columns { .. } => USAGE,
        SeriesError::File { .. } => FAILURE,
        _ => BAD_DATA,
    }
}

fn of_model(e: &ModelError) -> u8 {
    match e {
        ModelError::Argument(e) => of_argument(e),
        e => of_bad_data(e.is_bad_data()),
    }
}

fn of_run(e: &RunError) -> u8 {
    match e {
        RunError::Occupied { .. } | RunError::NotARun { .. } => USAGE,
        RunError::Metrics { .. } => BAD_DATA,
        RunError::Config(e) => of_config(e),
        _ => FAILURE,
    }
}
