//! The rows that a run is judged on.

use std::fmt;

use serde::{Deserialize, Serialize};

use contractive::Prepared;
use contractive::data::Dataset;

/// Which rows of a run were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedPart {
    /// The test part.
    Test,
    /// The rows held out for validation.
    Validation,
    /// The rows trained on: there are no others.
    Training,
    /// Rows that were given for a model alone.
    Given,
}

impl fmt::Display for JudgedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JudgedPart::Test => "test",
            JudgedPart::Validation => "validation",
            JudgedPart::Training => "training",
            JudgedPart::Given => "given",
        })
    }
}

/// The first rows, at most `most`, of the part that judges best.
pub(super) fn rows(prepared: &Prepared, most: usize) -> (JudgedPart, Dataset) {
    if let Some(test) = prepared.test().filter(|test| !test.is_empty()) {
        let all: Vec<u32> = (0..test.len().min(most) as u32).collect();
        return (JudgedPart::Test, test.select(&all));
    }
    let (part, rows) = match prepared.validation_rows() {
        [] => (JudgedPart::Training, prepared.train_rows()),
        _ => (JudgedPart::Validation, prepared.validation_rows()),
    };
    (part, prepared.data().select(&rows[..rows.len().min(most)]))
}
