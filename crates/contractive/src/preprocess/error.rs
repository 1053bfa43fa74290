//! Why rows do not fit.

use contractive_table::listing::some_names;
use thiserror::Error;

/// Why rows do not fit a model's preprocessing.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The wrong number of columns.
    #[error("{what} has {got} columns, the model was trained on {expected}{}", names_text(names))]
    Columns {
        /// The table.
        what: String,
        /// Columns of the model.
        expected: usize,
        /// Columns found.
        got: usize,
        /// The model's feature names, if it has any.
        names: Option<Vec<String>>,
    },
    /// The right number of columns under other names.
    #[error(
        "the columns of {what} are not those the model was trained on: missing {}; unexpected {}",
        some_names(missing),
        some_names(unexpected)
    )]
    Names {
        /// The table.
        what: String,
        /// Names of the model that the table lacks.
        missing: Vec<String>,
        /// Names of the table that the model does not know.
        unexpected: Vec<String>,
    },
    /// The right columns in another order.
    #[error(
        "column {position} of {what} must be `{expected}`, got `{got}`; put the columns in the order {}",
        some_names(order)
    )]
    Order {
        /// The table.
        what: String,
        /// First column out of place, from 1.
        position: usize,
        /// The name that belongs there.
        expected: String,
        /// The name found there.
        got: String,
        /// The model's order.
        order: Vec<String>,
    },
    /// A value that 32 bits do not hold once it is scaled.
    #[error(
        "{what} row {row}, column {column} (from 0): a scaled value must be within ±3.4e38, which 32 bits hold, got {value:e}"
    )]
    TooLarge {
        /// The table.
        what: String,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value as it is.
        value: f64,
    },
    /// The stored numbers contradict each other.
    #[error("the stored preprocessing is not valid: {reason}")]
    Stored {
        /// What is wrong.
        reason: String,
    },
}

fn names_text(names: &Option<Vec<String>>) -> String {
    names.as_ref().map_or_else(String::new, |n| format!(": {}", some_names(n)))
}
