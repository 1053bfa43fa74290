//! What can go wrong with a time series.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::detector::{DetectorError, ThresholdError};
use crate::labels::LabelError;
use contractive_table::{Place, TableError, TextOptions};

/// Where in a series something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesPlace {
    /// A row, from 1.
    Row(u64),
    /// A line of a text file, from 1.
    Line(u64),
}

impl fmt::Display for SeriesPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeriesPlace::Row(row) => write!(f, "row {row}"),
            SeriesPlace::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// Why a time series cannot be read, learnt from or scored. Rows are counted from 1, the first below the header; of a text
/// file the line is named.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// A setting outside its range.
    #[error("the {name} of a time series must be {must_be}, got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range in words.
        must_be: String,
        /// What was given.
        got: String,
    },
    /// No column to learn from.
    #[error("{}: a time series needs value columns; {reason}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// What is wrong with those there are.
        reason: String,
    },
    /// A cell that is no time.
    #[error(
        "{what}, {place}, column `{column}`: a timestamp must be ISO 8601 (2024-02-29 12:00:00, with Z or an offset \
         where there is a zone) or seconds, milli-, micro- or nanoseconds since 1970, got `{got}`"
    )]
    Timestamp {
        /// The series.
        what: String,
        /// Where.
        place: SeriesPlace,
        /// Column.
        column: String,
        /// The cell.
        got: String,
    },
    /// Times of two kinds.
    #[error(
        "{what}, {place}: the timestamp `{got}` is {is}, those before it are {before}; write all in one way, since \
         the time between them is not known"
    )]
    Mixed {
        /// The series.
        what: String,
        /// Where.
        place: SeriesPlace,
        /// The cell.
        got: String,
        /// Its kind.
        is: &'static str,
        /// The kind of those before it.
        before: &'static str,
    },
    /// Time goes back.
    #[error(
        "{what}, {place}: the timestamp `{got}` is before `{before}` of the row next to it; rows must be in the order of time"
    )]
    Order {
        /// The series.
        what: String,
        /// Where.
        place: SeriesPlace,
        /// The cell.
        got: String,
        /// The cell before it.
        before: String,
    },
    /// Time goes back or stands still as it does where several series are in one file.
    #[error(
        "{what}, {place}: the timestamp `{got}` comes after `{before}`; `series_key` must name the columns that tell \
         several series in one file apart{}",
        column.as_ref().map_or_else(String::new, |column| format!(", as `{column}` seems to do here"))
    )]
    SeveralSeries {
        /// The file.
        what: String,
        /// Where.
        place: SeriesPlace,
        /// The cell.
        got: String,
        /// The cell before it.
        before: String,
        /// A column whose values do not repeat within a timestamp.
        column: Option<String>,
    },
    /// A word in a column of numbers.
    #[error("{what}, {place}, column `{column}`: {text} makes text of a column in which {n_numbers} cells are numbers")]
    WordAmongNumbers {
        /// The series.
        what: String,
        /// The first such row.
        place: SeriesPlace,
        /// The column.
        column: String,
        /// What the cell says, quoted.
        text: String,
        /// Cells that are numbers.
        n_numbers: usize,
    },
    /// A hole.
    #[error("{what}, {place}, column `{column}`: {got}")]
    Value {
        /// The series.
        what: String,
        /// Where.
        place: SeriesPlace,
        /// Column.
        column: String,
        /// What stands there.
        got: String,
    },
    /// Fewer rows than a window.
    #[error("{what} has {got} rows, and a window is {window} rows long")]
    TooShort {
        /// The series.
        what: String,
        /// Rows.
        got: u64,
        /// Rows a window.
        window: usize,
    },
    /// A file that did not just grow.
    #[error("{}: {reason}", path.display())]
    Follow {
        /// The file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// A line of a growing file.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stored number that cannot be right.
    #[error("{}: {reason}; it is damaged or not the configuration of a detector of time series", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The labels.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The table.
    #[error(transparent)]
    Data(#[from] TableError),
    /// The detector of windows.
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

impl From<ThresholdError> for SeriesError {
    fn from(error: ThresholdError) -> Self {
        SeriesError::Detector(error.into())
    }
}

impl SeriesError {
    /// The error with the line of the text file at `path`, read by `text`, for its row.
    pub(super) fn in_file(self, path: &Path, text: &TextOptions) -> Self {
        self.placed(|row| match Place::of_row_in(path, row.saturating_sub(1), text) {
            Place::Line(line) => SeriesPlace::Line(line),
            Place::Row(_) => SeriesPlace::Row(row),
        })
    }

    /// The error with `line` for its row.
    pub(super) fn at_line(self, line: u64) -> Self {
        self.placed(|_| SeriesPlace::Line(line))
    }

    /// What the detector of windows says of a row of a piece, as said of that row of the whole.
    pub(super) fn of_whole(self, row_of: impl FnOnce(usize) -> usize) -> Self {
        match self {
            SeriesError::Detector(error) => SeriesError::Detector(error.of_whole(row_of)),
            other => other,
        }
    }

    fn placed(mut self, new: impl Fn(u64) -> SeriesPlace) -> Self {
        if let SeriesError::Timestamp { place, .. }
        | SeriesError::Mixed { place, .. }
        | SeriesError::Order { place, .. }
        | SeriesError::SeveralSeries { place, .. }
        | SeriesError::WordAmongNumbers { place, .. }
        | SeriesError::Value { place, .. } = &mut self
            && let SeriesPlace::Row(row) = *place
        {
            *place = new(row);
        }
        self
    }
}
