//! What can go wrong between a table and its features.

use std::path::PathBuf;

use thiserror::Error;

use contractive_core::communicator::CommunicationError;
use contractive_table::listing::some_names;
use contractive_table::{Place, TableError};

/// Why a table cannot be encoded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The file cannot be read, or a cell of it is no number.
    #[error(transparent)]
    Data(#[from] TableError),
    /// Several columns at fault.
    #[error("{} has {} columns that cannot be taken as they are:{}", path.display(), errors.len(), listed(errors))]
    Several {
        /// The file.
        path: PathBuf,
        /// What is wrong with each.
        errors: Vec<EncodingError>,
    },
    /// A missing cell where none may be.
    #[error("{} {place}, column `{column}`: the cell is missing, and `missing` = refuse", path.display())]
    MissingCell {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The column.
        column: String,
    },
    /// A row to train on without any present cell.
    #[error("{} {place}: every cell is missing", path.display())]
    EmptyRow {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
    },
    /// A column named twice, in two roles.
    #[error("the column `{column}` is given two roles: {first} and {second}")]
    TwoRoles {
        /// The column.
        column: String,
        /// One role.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Text in too many levels to be a category.
    #[error("{}, column `{column}` is text with more than {most} different values", path.display())]
    ManyLevels {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The most levels.
        most: usize,
    },
    /// A word in a column of numbers, which makes text in many values of it.
    #[error(
        "{} {place}, column `{column}`: {text} makes text of a column in which {n_numbers} cells are numbers",
        path.display()
    )]
    WordAmongNumbers {
        /// The file.
        path: PathBuf,
        /// The first such row.
        place: Place,
        /// The column.
        column: String,
        /// What the cell says, quoted.
        text: String,
        /// Cells that are numbers.
        n_numbers: usize,
    },
    /// A column of times as a feature.
    #[error("{}, column `{column}` holds times, which are no feature", path.display())]
    Times {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A column with nothing in it.
    #[error("{}, column `{column}` has no value in any row", path.display())]
    NoValues {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// Nothing to learn from.
    #[error("{} has no column that varies; there must be at least one number or category that does", path.display())]
    NoFeatures {
        /// The file.
        path: PathBuf,
    },
    /// More features than a detector takes.
    #[error("{} gives {got} features, at most {most} are taken", path.display())]
    ManyFeatures {
        /// The file.
        path: PathBuf,
        /// Features.
        got: usize,
        /// The most.
        most: usize,
    },
    /// More rows than are trained on.
    #[error("{} has more than {most} rows", path.display())]
    ManyRows {
        /// The file.
        path: PathBuf,
        /// The most.
        most: u64,
    },
    /// Columns that are not those trained on.
    #[error("{}: the columns are not those that the detector was trained on{}{}", path.display(), missing_text(missing), extra_text(extra))]
    Columns {
        /// The file.
        path: PathBuf,
        /// Columns of the detector that the file lacks.
        missing: Vec<String>,
        /// Columns of the file that the detector does not know.
        extra: Vec<String>,
    },
    /// The right columns in another order.
    #[error(
        "{}: column `{got}` stands where `{expected}` stood in training, whose order was {}", path.display(), some_names(order)
    )]
    Order {
        /// The file.
        path: PathBuf,
        /// The column trained on at that place among the features.
        expected: String,
        /// The one found there.
        got: String,
        /// The order trained on.
        order: Vec<String>,
    },
    /// A column of another kind than in training.
    #[error("{}, column `{column}` must be {expected}, as in training, got {got}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it was in training.
        expected: &'static str,
        /// What it is.
        got: &'static str,
    },
    /// Ranks whose columns differ.
    #[error("all ranks must have the same columns: {column} is {got} on rank {rank}, and {expected} on rank {first}")]
    Shares {
        /// The column, by its place from 1 where names differ, else by its name.
        column: String,
        /// What it is on `rank`.
        got: String,
        /// The rank that differs.
        rank: usize,
        /// What it is on `first`.
        expected: String,
        /// The first rank that has the column.
        first: usize,
    },
    /// The ranks that hold the table lost each other, or another one has an error.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
    /// Rows without columns for a detector that was trained on a table, or the other way round.
    #[error("{0}")]
    Unfit(&'static str),
}

fn missing_text(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; missing: {}", some_names(names)) }
}

fn extra_text(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => {
            format!("; unknown: {}", some_names(names))
        }
    }
}

/// One line an error, of at most twenty.
fn listed(errors: &[EncodingError]) -> String {
    const SHOWN: usize = 20;
    let lines = errors.iter().take(SHOWN).map(|e| format!("\n  {e}"));
    let more = errors.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    lines.collect::<String>() + &more
}
