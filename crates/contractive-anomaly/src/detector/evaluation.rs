//! What a detector is worth on rows whose labels are known. Labels come in here, and nowhere before.

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
    assert_eq!(scores.len(), is_anomaly.len(), "one label a row");
    let kept: Vec<usize> = (0..scores.len()).filter(|row| !scores.score[*row].is_nan()).collect();
    let of_kept = |all: &[f64]| -> Vec<f64> { kept.iter().map(|row| all[*row]).collect() };
    let score = &of_kept(&scores.score);
    let is_anomaly: &[bool] = &kept.iter().map(|row| is_anomaly[*row]).collect::<Vec<bool>>();
    let threshold = detector.threshold();
    let estimate = |statistic: &Statistic<'_>| estimate(score, is_anomaly, statistic);
    let counts = Counts::at(threshold, score, is_anomaly);
    DetectorEvaluation {
        data: data.to_owned(),
        rows: kept.len(),
        rows_without_score: scores.len() - kept.len(),
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
        kinds: detector
            .kinds()
            .iter()
            .map(|&kind| {
                let score = of_kept(scores.of(kind));
                let (auroc, average_precision) = (auroc(&score, is_anomaly), average_precision(&score, is_anomaly));
                KindEvaluation { score: kind, auroc, average_precision }
            })
            .collect(),
    }
}
