//! `cae threshold --merge`: a threshold of the scores that `cae detect` wrote into several files.

use std::path::PathBuf;

use contractive_anomaly::detector::{MergedFile, MergedThreshold, ScoreFiles, ThresholdRule};
use serde::Serialize;

use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::numbers::{count, grouped, percent, significant};
use crate::output::say_notes;

/// What a rule gives of all scores together.
#[derive(Serialize)]
pub(super) struct Merged {
    rule: String,
    pub(super) threshold: f64,
    scores: u64,
    rows_above: u64,
    share_above: f64,
    rows_without_score: u64,
    files: Vec<File>,
    /// What a user should know of them.
    notes: Vec<String>,
}

/// A file of scores.
#[derive(Serialize)]
struct File {
    path: PathBuf,
    scores: u64,
    rows_without_score: u64,
    /// The part of the rows, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
}

impl Merged {
    /// Applies `rule` to the scores of `detector` in the files or folders `parts`.
    pub(super) fn of(parts: &[PathBuf], rule: ThresholdRule, detector: &AnyDetector) -> anyhow::Result<Self> {
        let Some(origin) = detector.score_origin() else {
            return Err(
                Usage("--merge is for tables and time series, and the detector is one of pictures".into()).into()
            );
        };
        let found = ScoreFiles::open(parts, &origin)?.threshold(rule)?;
        let notes = notes(&found, detector.threshold());
        let file = |MergedFile { path, scores, without_score, shard }| File {
            path,
            scores,
            rows_without_score: without_score,
            shard: shard.map(|shard| shard.to_string()),
        };
        Ok(Merged {
            rule: rule.to_string(),
            threshold: found.threshold,
            scores: found.scores,
            rows_above: found.above,
            share_above: found.above as f64 / found.scores as f64,
            rows_without_score: found.without_score,
            files: found.files.into_iter().map(file).collect(),
            notes,
        })
    }

    /// In a line.
    pub(super) fn line(&self) -> String {
        format!(
            "{}  ({} of the scores in {}): {} of {} rows above it, {}",
            significant(self.threshold, 5),
            self.rule,
            count(self.files.len(), "file"),
            grouped(self.rows_above as usize),
            grouped(self.scores as usize),
            percent(self.share_above)
        )
    }

    /// Says the notes on standard error.
    pub(super) fn say_notes(&self) {
        say_notes(&self.notes);
    }
}

fn notes(found: &MergedThreshold, old: f64) -> Vec<String> {
    let mut notes = Vec::new();
    if found.without_score > 0 {
        let rows = count(found.without_score as usize, "row");
        notes.push(format!("{rows} without a score, which count for nothing"));
    }
    if found.lowest > old {
        notes.push(format!(
            "every score lies above the threshold that was, {}; parts written with --anomalies-only give a threshold of \
             anomalies, not of all rows",
            significant(old, 5)
        ));
    }
    notes
}
