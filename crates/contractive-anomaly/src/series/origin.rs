//! What files of scores say of a detector of time series.

use contractive_table::checksum::Sha256Sum;

use super::SeriesDetector;
use crate::detector::ScoreOrigin;

impl SeriesDetector {
    /// What tells this detector from others, as [`Detector::identity`](crate::detector::Detector::identity) does: of the
    /// networks, the windows and the columns.
    pub fn identity(&self) -> String {
        let learnt = serde_json::to_vec(&(self.detector.identity(), &self.spec, &self.scales));
        let mut sum = Sha256Sum::new();
        sum.update(&learnt.unwrap_or_default()); // what a detector holds can be written
        sum.finish()
    }

    /// Where its scores of all timestamps of series come from.
    pub fn score_origin(&self) -> ScoreOrigin {
        ScoreOrigin::new(self.identity(), self.detector.settings().score.name())
    }
}
