//! `cae evaluate` of a detector of time series.

use std::path::Path;

use contractive_anomaly::series::evaluation::{SeriesEvaluation, evaluate_series};
use contractive_anomaly::series::{Series, SeriesDetector};

use super::detector::estimate;
use crate::arguments::RowArguments;
use crate::commands::detect::series::timestamps_bar;
use crate::errors::Usage;
use crate::numbers::{grouped, significant};
use crate::series_training::warn;
use crate::table::pairs;

/// Judges the detector in `path` on a series whose anomalies the column `labels` marks; `anomaly` is their label. What is
/// odd about the series is said on standard error, unless `is_quiet`.
pub(super) fn evaluate(
    path: &Path,
    rows: &RowArguments,
    labels: Option<&str>,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<SeriesEvaluation> {
    let detector = SeriesDetector::load(path)?;
    let labels = labels.or(rows.label_column.as_deref());
    let (Some(data), Some(labels)) = (&rows.data, labels) else {
        let text = "a detector of time series is judged on labelled timestamps: give --data FILE and --labels COLUMN";
        return Err(Usage(text.into()).into());
    };
    let mut columns = detector.columns(Some(labels));
    columns.text = rows.text.options(rows.data.as_deref())?.or(columns.text);
    let series = Series::read(data, &columns)?;
    if !is_quiet {
        warn(&series, detector.step(), detector.spec());
    }
    let is_anomaly = series.anomalies(anomaly)?.unwrap_or_default();
    let bar = timestamps_bar(&series, is_quiet);
    let scores = detector.score_telling(&series, rows.threads(), false, &mut |done| bar.show(done as u64))?;
    drop(bar);
    Ok(evaluate_series(&detector, &series, &scores, &is_anomaly))
}

/// The numbers in words.
pub(super) fn in_words(e: &SeriesEvaluation) -> String {
    let shown = |value: f64| significant(value, 4);
    let number = |value: Option<f64>| value.map_or("not defined".into(), shown);
    let anomalies = format!("{} anomalous in {} ranges", grouped(e.anomalies), grouped(e.anomaly_ranges));
    let buffer = format!("buffers 0 to {}", e.vus_buffer);
    let series = if e.series > 1 { format!(" of {} series", grouped(e.series)) } else { String::new() };
    pairs(&[
        ("data", format!("{}, {} timestamps{series}, {anomalies}", e.data, grouped(e.rows))),
        ("auroc", estimate(e.auroc)),
        ("average_precision", estimate(e.average_precision)),
        ("vus_pr", format!("{}  {buffer}", number(e.vus_pr))),
        ("vus_roc", format!("{}  {buffer}", number(e.vus_roc))),
        ("threshold", format!("{}  ({})", significant(e.threshold, 5), e.threshold_rule)),
        ("f1", estimate(e.f1)),
        ("recall", estimate(e.recall)),
        ("precision", estimate(e.precision)),
        ("range_f1", number(e.range_f1)),
        ("range_recall", number(e.range_recall)),
        ("range_precision", number(e.range_precision)),
    ])
}
