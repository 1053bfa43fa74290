//! What `cae detect` says of a table that it scored, in numbers.

use std::path::PathBuf;

use contractive_anomaly::detector::ScoredFrame;
use serde::Serialize;

use crate::numbers::count;

/// What was done, in numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) rows: usize,
    pub(super) anomalies: usize,
    /// The kind of score and the rule in force.
    pub(super) score: &'static str,
    pub(super) rule: String,
    pub(super) threshold: f64,
    pub(super) rows_without_score: usize,
    pub(super) missing_cells: usize,
    pub(super) unseen_categories: usize,
    pub(super) changed_constants: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<PathBuf>,
    /// What a user should know of how the table was understood.
    pub(super) notes: Vec<String>,
}

impl Summary {
    pub(super) fn add(&mut self, scored: &ScoredFrame) {
        self.rows += scored.scores.len();
        self.anomalies += scored.scores.label.iter().filter(|l| **l).count();
        self.rows_without_score += scored.scores.score.iter().filter(|s| s.is_nan()).count();
        self.missing_cells += scored.missing_cells;
        self.unseen_categories += scored.unseen_cells;
        self.changed_constants += scored.changed_cells;
    }

    /// Cells that were not as in training.
    pub(super) fn cells_in_words(&self) -> Vec<String> {
        [
            (self.missing_cells, "missing, and taken as in training"),
            (self.unseen_categories, "a category's value that training did not know"),
            (self.changed_constants, "another value in a column that was constant in training, and not scored"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{}: {what}", count(n, "cell")))
        .collect()
    }
}
