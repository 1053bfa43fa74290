//! What files of scores say of where these come from, so that those of another detector are not taken for its own.

use contractive_table::checksum::Sha256Sum;
use serde::{Deserialize, Serialize};

use crate::detector::{Detector, Shard};

/// Where the scores of a file come from. Parquet and Arrow files keep it as JSON, under [`ScoreOrigin::KEY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreOrigin {
    /// The detector, by [`Detector::identity`] or that of a time series.
    pub detector: String,
    /// The name of the kind of score.
    pub score: String,
    /// The part of the table's rows, `1/1` for all.
    pub shard: String,
    /// Whether the rows at or below the threshold were left out.
    pub anomalies_only: bool,
}

impl ScoreOrigin {
    /// What it stands under in a file.
    pub const KEY: &'static str = "contractive";

    /// Of all rows of a table, scored by the detector of this identity with this kind of score.
    pub fn new(detector: String, score: &str) -> Self {
        ScoreOrigin { detector, score: score.to_owned(), shard: Shard::default().to_string(), anomalies_only: false }
    }

    /// As a file keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // text and a truth value
    }
}

impl Detector {
    /// What tells this detector from others: 64 hexadecimal digits, of all that was learnt about scores. Neither the
    /// threshold nor the kind of score in force changes it, nor does saving.
    pub fn identity(&self) -> String {
        let calibrations: Vec<_> = self.members.iter().map(|member| &member.calibration).collect();
        let learnt = serde_json::to_vec(&(&self.weights, &self.reference, calibrations, &self.encoding));
        let mut sum = Sha256Sum::new();
        sum.update(&learnt.unwrap_or_default()); // what a detector holds can be written
        sum.finish()
    }

    /// Where its scores of all rows of a table come from.
    pub fn score_origin(&self) -> ScoreOrigin {
        ScoreOrigin::new(self.identity(), self.settings.score.name())
    }
}
