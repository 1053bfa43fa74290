//! What can be wrong with the arguments of the mathematics.

use thiserror::Error;

use crate::communicator::CommunicationError;

/// An argument that the mathematics cannot accept. Each variant carries the values, its message the remedy.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// A number is outside its range; NaN always is.
    #[error("`{name}` must be {must_be}, got {got}")]
    Number {
        /// The hyperparameter, by its public name.
        name: &'static str,
        /// The range it must lie in, in words.
        must_be: &'static str,
        /// The number given.
        got: f64,
    },
    /// A list or matrix has the wrong size.
    #[error("{what} must have {expected} {unit}, got {got}")]
    Size {
        /// What was measured.
        what: String,
        /// What is counted: columns, rows, entries.
        unit: &'static str,
        /// The size needed.
        expected: usize,
        /// The size found.
        got: usize,
    },
    /// A word is not one of those known.
    #[error("`{name}` must be one of {known}, got \"{got}\"")]
    Word {
        /// The setting.
        name: &'static str,
        /// The words accepted.
        known: String,
        /// The word given.
        got: String,
    },
    /// Two settings exclude each other.
    #[error("{what}, but {but}; {remedy}")]
    Conflict {
        /// The first setting and its value.
        what: String,
        /// The second setting and its value.
        but: String,
        /// What to change.
        remedy: &'static str,
    },
    /// A target lies outside [0, 1] where the loss is a cross-entropy.
    #[error(
        "`{loss}` needs targets between 0 and 1, but row {row}, column {column} is {value}; scale the data to [0, 1] (`scale = \"minmax\"`) or use the loss `mse`"
    )]
    Range {
        /// The loss that needs the range.
        loss: &'static str,
        /// Row of the offending value, counted from 0.
        row: usize,
        /// Column of the offending value, counted from 0.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// A parameter is NaN or infinite.
    #[error("{tensor} must hold finite numbers, but entry {index} is {value}")]
    NotFinite {
        /// Which tensor, by its file name (`encoder.0.weight`).
        tensor: String,
        /// Position in the tensor, row-major, from 0.
        index: usize,
        /// The value found.
        value: f32,
    },
    /// The ranks that train together lost each other.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
}

/// The range in which a setting and its square are still numbers in f32: beyond it training could only diverge.
const SMALLEST: f64 = 1e-15;
const LARGEST: f64 = 1e15;

/// `value` if it is 0 to 1e15; the error names the setting. NaN and ∞ fail.
pub(crate) fn finite_non_negative(name: &'static str, value: f64) -> Result<(), ArgumentError> {
    match value {
        0.0..=LARGEST => Ok(()),
        _ if value > LARGEST && value.is_finite() => {
            Err(ArgumentError::Number { name, must_be: "at most 1e15", got: value })
        }
        _ => Err(ArgumentError::Number { name, must_be: "finite and at least 0", got: value }),
    }
}

/// `value` if it is 1e-15 to 1e15; the error names the setting. NaN and ∞ fail.
pub(crate) fn finite_positive(name: &'static str, value: f64) -> Result<(), ArgumentError> {
    match value {
        SMALLEST..=LARGEST => Ok(()),
        _ if value > 0.0 && value.is_finite() => {
            Err(ArgumentError::Number { name, must_be: "between 1e-15 and 1e15", got: value })
        }
        _ => Err(ArgumentError::Number { name, must_be: "finite and above 0", got: value }),
    }
}

/// Random vectors a row accepted: more would cost more than the exact penalty on any network that fits.
const MOST_DRAWS: usize = 1 << 16;

/// Count `value` of random vectors a row, at least `least`; the error names the setting.
pub(crate) fn drawable(name: &'static str, value: usize, least: usize) -> Result<(), ArgumentError> {
    if value <= MOST_DRAWS {
        if value >= least { Ok(()) } else { at_least_one(name, value) }
    } else {
        Err(ArgumentError::Number { name, must_be: "at most 65536", got: value as f64 })
    }
}

/// `value` if it lies in [0, 1); the error names the setting.
pub(crate) fn below_one(name: &'static str, value: f64) -> Result<(), ArgumentError> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(ArgumentError::Number { name, must_be: "at least 0 and below 1", got: value })
    }
}

/// Count `value` at least 1; the error names the setting.
pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), ArgumentError> {
    if value >= 1 { Ok(()) } else { Err(ArgumentError::Number { name, must_be: "at least 1", got: value as f64 }) }
}
