//! Why scores in several files give no threshold.

use std::path::PathBuf;

use contractive_table::TableError;
use contractive_table::listing::some_names;
use thiserror::Error;

use crate::detector::threshold::ThresholdError;

/// Why scores in several files give no threshold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A file that cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The threshold's rule.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A folder without files of scores.
    #[error("{} holds no file of scores", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file named twice.
    #[error("{} is given twice; each part counts once", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// Two files that hold the same.
    #[error("{} and {} hold the same scores row by row; each part counts once", first.display(), second.display())]
    SameScores {
        /// The one file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A file without scores.
    #[error("{} lacks the column `score`; {}", path.display(), columns(available))]
    NoScore {
        /// The file.
        path: PathBuf,
        /// The columns that it has.
        available: Vec<String>,
    },
    /// A line of JSON that cannot be read.
    #[error("{} line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// What a file says of its scores cannot be read.
    #[error("{}: what it says of its scores, under `{key}`, must be {must_be}, got {got}", path.display())]
    Origin {
        /// The file.
        path: PathBuf,
        /// Where it says so.
        key: &'static str,
        /// What it must be.
        must_be: &'static str,
        /// What it is.
        got: String,
    },
    /// Scores of another detector.
    #[error("{} was scored by another detector (identity {got}; this one has {expected})", path.display())]
    OtherDetector {
        /// The file.
        path: PathBuf,
        /// The beginning of the identity that it names.
        got: String,
        /// That of the detector.
        expected: String,
    },
    /// Scores of another kind.
    #[error("{} holds scores of the kind `{got}`, and the detector's is `{expected}`", path.display())]
    OtherScore {
        /// The file.
        path: PathBuf,
        /// The kind that it names.
        got: String,
        /// The kind in force.
        expected: String,
    },
    /// The rows below the threshold are missing.
    #[error("{} holds anomalies alone; a threshold is one of all rows", path.display())]
    AnomaliesOnly {
        /// The file.
        path: PathBuf,
    },
    /// A part of the table is not there.
    #[error("part {shard} of the rows is missing among the files given")]
    MissingShard {
        /// The part, I/N.
        shard: String,
    },
    /// A part of the table is there more often than others.
    #[error("{} and {} both hold part {shard} of the rows; each part counts once", first.display(), second.display())]
    DoubledShard {
        /// The part, I/N.
        shard: String,
        /// The one file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// No scores at all.
    #[error("there are no scores: the files hold {rows} rows, and none with a score")]
    NoScores {
        /// Rows without a score.
        rows: u64,
    },
    /// A file is another one than before.
    #[error("the files changed while they were read; they must stay as they are")]
    Changed,
    /// More scores than the rule can hold.
    #[error("the threshold rule `{rule}` holds the scores of the tail in memory, at most {most}, and there are more")]
    TooMany {
        /// The rule.
        rule: &'static str,
        /// The most scores that are held.
        most: usize,
    },
}

fn columns(available: &[String]) -> String {
    if available.is_empty() {
        "its columns have no names".to_owned()
    } else {
        format!("its columns are {}", some_names(available))
    }
}
