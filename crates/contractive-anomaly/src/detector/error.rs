//! What can go wrong with a detector.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use contractive_core::communicator::CommunicationError;
use thiserror::Error;

use super::threshold::ThresholdError;
use contractive::encoding::EncodingError;
use contractive::model::ModelError;
use contractive::preprocess::PreprocessError;

/// Why a detector cannot be trained, saved, read or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DetectorError {
    /// A setting outside its range.
    #[error("the detector's `{name}` must be {must_be}, got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range in words.
        must_be: &'static str,
        /// The number given.
        got: f64,
    },
    /// Too few rows to learn from.
    #[error("a detector needs at least {least} rows to train on, {data} has {got}")]
    TooFewRows {
        /// The data.
        data: String,
        /// Rows needed.
        least: usize,
        /// Rows there are.
        got: usize,
    },
    /// A number was no longer finite.
    #[error("training of member {member} diverged at step {step}: {term} is not finite")]
    Diverged {
        /// The member, from 0.
        member: usize,
        /// The step, from 1.
        step: usize,
        /// What was not finite.
        term: String,
    },
    /// A result that is not finite: a row, or a number of the detector, too large.
    #[error(
        "{data} row {row} (from 0): {what} must be finite, got {value}; the row is too large for the detector, or the detector is damaged"
    )]
    NotFinite {
        /// What the rows are called.
        data: String,
        /// The row, counted from 0; of windows the one that begins there.
        row: usize,
        /// What is not finite: a kind of score, a feature's part in it.
        what: String,
        /// ∞ or NaN.
        value: f64,
    },
    /// A kind of score that the detector does not have.
    #[error(
        "the detector was saved without the rows it was trained on and has no score `{score}`; train it anew for that"
    )]
    NoSuchScore {
        /// The kind.
        score: &'static str,
    },
    /// Stopped by the user before there was a model.
    #[error("stopped before the detector was trained; nothing was saved")]
    Stopped,
    /// The threshold's rule.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A table with other columns.
    #[error(transparent)]
    Columns(#[from] PreprocessError),
    /// A table that cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The mathematics refused.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The ranks that hold the rows lost each other, or another one has an error.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
    /// A member's model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A stored number that cannot be right.
    #[error("{}: {reason}; it is damaged or not a detector's configuration", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl DetectorError {
    /// What is said of a row of a piece, as said of that row of the whole.
    pub(crate) fn of_whole(mut self, row_of: impl FnOnce(usize) -> usize) -> Self {
        if let DetectorError::NotFinite { row, .. } = &mut self {
            *row = row_of(*row);
        }
        self
    }
}
