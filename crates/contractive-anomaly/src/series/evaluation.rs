//! What a detector of time series is worth on a series whose anomalies are known. Labels come in here, and nowhere
//! before.

use serde::{Deserialize, Serialize};

use super::metrics::{RangeOptions, Volumes, harmonic_mean, range_precision, range_recall, ranges, volumes};
use super::{Series, SeriesDetector, SeriesScores};
use crate::detector::evaluation::Statistic;
use crate::detector::metrics::{Counts, Estimate, auroc, average_precision};
use contractive_core::random::{Purpose, Stream};
use contractive_core::statistics::quantile_of_sorted;

/// Numbers that judge a detector of time series. Those that are not defined, such as an AUROC without anomalies, are
/// `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesEvaluation {
    /// What the data are called.
    pub data: String,
    /// Number of timestamps.
    pub rows: usize,
    /// Series, judged one after the other.
    #[serde(default = "one")]
    pub series: usize,
    /// Timestamps labelled as anomalies.
    pub anomalies: usize,
    /// Ranges of them: runs of labelled timestamps.
    pub anomaly_ranges: usize,
    /// Area under the ROC curve over timestamps, with an interval.
    pub auroc: Option<Estimate>,
    /// Average precision over timestamps, with an interval.
    pub average_precision: Option<Estimate>,
    /// The threshold.
    pub threshold: f64,
    /// Its rule, in words.
    pub threshold_rule: String,
    /// Timestamps against labels at the threshold.
    pub counts: Counts,
    /// F1 at the threshold, with an interval.
    pub f1: Option<Estimate>,
    /// Recall at the threshold, with an interval.
    pub recall: Option<Estimate>,
    /// Precision at the threshold, with an interval.
    pub precision: Option<Estimate>,
    /// Range-based recall at the threshold.
    pub range_recall: Option<f64>,
    /// Range-based precision at the threshold.
    pub range_precision: Option<f64>,
    /// The harmonic mean of both; 0 where nothing is flagged.
    pub range_f1: Option<f64>,
    /// VUS-PR.
    pub vus_pr: Option<f64>,
    /// VUS-ROC.
    pub vus_roc: Option<f64>,
    /// The longest buffer L of both: the window.
    pub vus_buffer: usize,
    /// Rows a block of the bootstrap of the intervals.
    pub block: usize,
}

fn one() -> usize {
    1
}

/// Resamples of the bootstrap.
const RESAMPLES: usize = 200;

/// Judges the scores of `detector` on `series` against labels, all in the order of the file. Several series are judged one
/// after the other, each in the order of its time; timestamps without a score are left out.
///
/// Neighbouring timestamps are alike, so that the 95 % intervals come from a bootstrap of blocks: runs of rows, of the
/// window's length or the square root of n, whichever is longer, drawn with replacement around the series' ends.
///
/// # Panics
/// When there are not as many labels as rows.
pub fn evaluate_series(
    detector: &SeriesDetector,
    series: &Series,
    scores: &SeriesScores,
    is_anomaly: &[bool],
) -> SeriesEvaluation {
    let rows: Vec<usize> = series.rows_in_time().filter(|row| !scores.score[*row].is_nan()).collect();
    let score: Vec<f64> = rows.iter().map(|row| scores.score[*row]).collect();
    let flagged: Vec<bool> = rows.iter().map(|row| scores.label[*row]).collect();
    let is_anomaly: &[bool] = &rows.iter().map(|row| is_anomaly[*row]).collect::<Vec<bool>>();
    let (score, threshold) = (score.as_slice(), detector.threshold());
    let n = score.len();
    let window = detector.spec().window;
    let block = window.max(n.isqrt()).clamp(1, n.max(1));
    let estimate = |statistic: &Statistic<'_>| block_bootstrap(score, is_anomaly, block, statistic);
    let counts = Counts::at(threshold, score, is_anomaly);
    let at = |s: &[f64], y: &[bool]| Counts::at(threshold, s, y);
    let recall = range_recall(is_anomaly, &flagged, RangeOptions::default());
    let precision = range_precision(is_anomaly, &flagged, RangeOptions::default());
    let volumes: Option<Volumes> = volumes(score, is_anomaly, window);
    SeriesEvaluation {
        data: series.what.clone(),
        rows: n,
        series: series.tracks.len(),
        anomalies: is_anomaly.iter().filter(|label| **label).count(),
        anomaly_ranges: ranges(is_anomaly).len(),
        auroc: estimate(&auroc),
        average_precision: estimate(&average_precision),
        threshold,
        threshold_rule: detector.threshold_rule().to_string(),
        counts,
        f1: estimate(&|s, y| at(s, y).f1()),
        recall: estimate(&|s, y| at(s, y).recall().map(|share| share.value)),
        precision: estimate(&|s, y| at(s, y).precision().map(|share| share.value)),
        range_recall: recall,
        range_precision: precision,
        range_f1: recall.map(|recall| harmonic_mean(recall, precision.unwrap_or(0.0))),
        vus_pr: volumes.map(|v| v.pr),
        vus_roc: volumes.map(|v| v.roc),
        vus_buffer: window,
        block,
    }
}

/// `statistic` with the 95 % percentile interval over resamples made of blocks. Resamples on which it is not defined are
/// left out.
fn block_bootstrap(scores: &[f64], is_anomaly: &[bool], block: usize, statistic: &Statistic<'_>) -> Option<Estimate> {
    let value = statistic(scores, is_anomaly)?;
    let n = scores.len();
    let mut stream = Stream::new(0, Purpose::Analysis, 2, 0);
    let mut values = Vec::with_capacity(RESAMPLES);
    let (mut drawn_scores, mut drawn_labels) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for _ in 0..RESAMPLES {
        drawn_scores.clear();
        drawn_labels.clear();
        while drawn_scores.len() < n {
            let start = stream.below(n as u32) as usize;
            for i in (start..start + block.min(n - drawn_scores.len())).map(|i| i % n) {
                drawn_scores.push(scores[i]);
                drawn_labels.push(is_anomaly[i]);
            }
        }
        values.extend(statistic(&drawn_scores, &drawn_labels));
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| if values.is_empty() { value } else { quantile_of_sorted(&values, share) };
    Some(Estimate { value, lower: at(0.025), upper: at(0.975) })
}
