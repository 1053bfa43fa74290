//! What a detector is worth on rows whose labels are known. Labels come in here, and nowhere before.

use std::path::Path;

use contractive_table::TableError;
use contractive_table::limits::make_room;
use serde::{Deserialize, Serialize};

use super::metrics::{Counts, Estimate, Share, auroc, average_precision, bootstrap};
use super::scores::{ScoreKind, Scores};
use contractive_core::random::{Purpose, Stream};

/// A number made of scores and labels, where it is defined.
pub(crate) type Statistic<'a> = dyn Fn(&[f64], &[bool]) -> Option<f64> + 'a;

/// Numbers that judge a detector. Those that are not defined, such as an AUROC without anomalies, are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorEvaluation {
    /// What the data are called.
    pub data: String,
    /// Number of rows judged.
    pub rows: usize,
    /// Rows left out: without any present cell they have no score.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_without_score: usize,
    /// Rows labelled as anomalies.
    pub anomalies: usize,
    /// What was used as the score.
    pub score: ScoreKind,
    /// Area under the ROC curve, with a bootstrap interval.
    pub auroc: Option<Estimate>,
    /// Average precision, with a bootstrap interval.
    pub average_precision: Option<Estimate>,
    /// The threshold.
    pub threshold: f64,
    /// Its rule, in words.
    pub threshold_rule: String,
    /// Rows against labels at the threshold.
    pub counts: Counts,
    /// F1 at the threshold, with a bootstrap interval.
    pub f1: Option<Estimate>,
    /// Recall at the threshold, with Wilson's interval.
    pub recall: Option<Share>,
    /// Precision at the threshold, with Wilson's interval.
    pub precision: Option<Share>,
    /// Each kind of score by itself.
    pub kinds: Vec<KindEvaluation>,
}

/// AUROC and average precision of one kind of score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindEvaluation {
    /// The kind.
    pub score: ScoreKind,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Most resamples of a bootstrap.
const RESAMPLES: usize = 1000;
/// Rows drawn over all resamples, about: large tables get fewer resamples, at least 20.
const ROWS_DRAWN: usize = 10_000_000;

/// A statistic of independent scores and their labels, with a bootstrap interval that is the same each time.
pub(crate) fn estimate(scores: &[f64], is_anomaly: &[bool], statistic: &Statistic<'_>) -> Option<Estimate> {
    let resamples = (ROWS_DRAWN / scores.len().max(1)).clamp(20, RESAMPLES);
    let mut stream = Stream::new(0, Purpose::Analysis, 1, 0);
    bootstrap(scores, is_anomaly, resamples, |n| stream.below(n), statistic)
}

/// Scores of rows and their labels, taken in a part at a time; of each row no more is kept than an evaluation needs.
pub struct LabelledScores<'a> {
    detector: &'a super::Detector,
    /// Of the detector's kinds, in their order.
    kinds: Vec<Vec<f64>>,
    is_anomaly: Vec<bool>,
    without_score: usize,
}

impl<'a> LabelledScores<'a> {
    /// None yet.
    pub fn new(detector: &'a super::Detector) -> Self {
        let kinds = vec![Vec::new(); detector.kinds().len()];
        LabelledScores { detector, kinds, is_anomaly: Vec::new(), without_score: 0 }
    }

    /// Numbers that are kept of a row.
    pub fn numbers_a_row(&self) -> usize {
        self.kinds.len()
    }

    /// Bytes that are kept of a row.
    pub fn bytes_a_row(&self) -> u64 {
        (self.kinds.len() * size_of::<f64>() + size_of::<bool>()) as u64
    }

    /// Takes in the rows that follow in the file `path`. Rows without a score are left out, and counted.
    ///
    /// # Errors
    /// [`TableError::Io`] where the system gives no memory for them.
    ///
    /// # Panics
    /// When there are not as many labels as rows.
    pub fn add(&mut self, scores: &Scores, is_anomaly: &[bool], path: &Path) -> Result<(), TableError> {
        self.kinds.iter_mut().try_for_each(|of_kind| make_room(of_kind, scores.len(), path))?;
        make_room(&mut self.is_anomaly, scores.len(), path)?;
        self.append(scores, is_anomaly);
        Ok(())
    }

    fn append(&mut self, scores: &Scores, is_anomaly: &[bool]) {
        assert_eq!(scores.len(), is_anomaly.len(), "one label a row");
        let kept: Vec<usize> = (0..scores.len()).filter(|row| !scores.score[*row].is_nan()).collect();
        for (of_kind, kind) in self.kinds.iter_mut().zip(self.detector.kinds()) {
            let more = scores.of(*kind);
            of_kind.extend(kept.iter().map(|row| more[*row]));
        }
        self.is_anomaly.extend(kept.iter().map(|row| is_anomaly[*row]));
        self.without_score += scores.len() - kept.len();
    }

    /// Judges them, as those of rows called `data`.
    pub fn evaluate(self, data: &str) -> DetectorEvaluation {
        let LabelledScores { detector, kinds, is_anomaly, without_score } = self;
        let (score, is_anomaly) = (&kinds[detector.settings().score as usize], is_anomaly.as_slice());
        let threshold = detector.threshold();
        let estimate = |statistic: &Statistic<'_>| estimate(score, is_anomaly, statistic);
        let counts = Counts::at(threshold, score, is_anomaly);
        let of_kind = |(&kind, score): (&ScoreKind, &Vec<f64>)| {
            let (auroc, average_precision) = (auroc(score, is_anomaly), average_precision(score, is_anomaly));
            KindEvaluation { score: kind, auroc, average_precision }
        };
        DetectorEvaluation {
            data: data.to_owned(),
            rows: is_anomaly.len(),
            rows_without_score: without_score,
            anomalies: is_anomaly.iter().filter(|l| **l).count(),
            score: detector.settings().score,
            auroc: estimate(&auroc),
            average_precision: estimate(&average_precision),
            threshold,
            threshold_rule: detector.settings().threshold.to_string(),
            counts,
            f1: estimate(&|s, y| Counts::at(threshold, s, y).f1()),
            recall: counts.recall(),
            precision: counts.precision(),
            kinds: detector.kinds().iter().zip(&kinds).map(of_kind).collect(),
        }
    }
}

/// Judges the scores of `detector` on rows called `data` against their labels. Rows without a score are left out.
///
/// # Panics
/// When there are not as many labels as rows.
pub fn evaluate_scores(
    detector: &super::Detector,
    scores: &Scores,
    is_anomaly: &[bool],
    data: &str,
) -> DetectorEvaluation {
    let mut all = LabelledScores::new(detector);
    all.append(scores, is_anomaly);
    all.evaluate(data)
}
