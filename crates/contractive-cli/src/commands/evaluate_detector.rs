//! `cae evaluate` of a detector: how well its scores part anomalies from the rest.

use std::path::Path;

use contractive::data::{DataSpec, Dataset, Part};
use contractive::detector::evaluation::{DetectorEvaluation, evaluate_scores};
use contractive::detector::metrics::Estimate;
use contractive::detector::{Detector, ScoreOptions};

use crate::arguments::RowArguments;
use crate::exit::Usage;
use crate::numbers::{grouped, significant};
use crate::sources::load;
use crate::table::pairs;

/// Judges the detector in `path` on labelled rows. `labels` is the column of labels of a text table; `anomaly` the label
/// of anomalies.
pub(super) fn evaluate(
    path: &Path,
    rows: &RowArguments,
    labels: Option<&str>,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<DetectorEvaluation> {
    let detector = Detector::load(path)?;
    let Some(spec) = &rows.data else {
        return Err(Usage("a detector is judged on labelled rows: give --data FILE and --labels COLUMN".into()).into());
    };
    let spec: DataSpec = spec.parse()?;
    let mut options = rows.load_options();
    options.label_column = labels.map(str::to_owned).or(options.label_column);
    let data = load(&spec, Part::Test, &options, is_quiet)?;
    let is_anomaly = anomalies(&data, anomaly)?;
    let scores = detector.score(&data, &ScoreOptions { contributions: false, threads: rows.threads() })?;
    Ok(evaluate_scores(&detector, &scores, &is_anomaly, data.name()))
}

/// Which rows are anomalies: those with the label named, else those with the label 1 where all are 0 or 1.
fn anomalies(data: &Dataset, anomaly: Option<&str>) -> Result<Vec<bool>, Usage> {
    let Some(labels) = data.labels() else {
        let text = format!(
            "{} has no labels; say with --labels which column holds them (an .npz archive has them in the array y)",
            data.name()
        );
        return Err(Usage(text));
    };
    let wanted = match (anomaly, data.class_names()) {
        (Some(name), Some(names)) => names.iter().position(|n| n == name).map(|i| i as i64),
        (Some(number), None) => number.parse().ok(),
        (None, _) => Some(1),
    };
    let is_zero_or_one = data.class_names().is_none() && labels.iter().all(|l| matches!(l, 0 | 1));
    match wanted {
        Some(wanted) if anomaly.is_some() || is_zero_or_one => Ok(labels.iter().map(|l| *l == wanted).collect()),
        _ => {
            let names = data.class_names().map_or_else(String::new, |n| format!("; the labels are {}", n.join(", ")));
            Err(Usage(format!(
                "the labels of {} must be 0 and 1 (1 for anomalies), or --anomaly must name the label of anomalies{names}",
                data.name()
            )))
        }
    }
}

/// The numbers in words.
pub(super) fn in_words(e: &DetectorEvaluation) -> String {
    let shown = |value: f64| significant(value, 4);
    let range =
        |value: f64, lower: f64, upper: f64| format!("{}  ({} to {})", shown(value), shown(lower), shown(upper));
    let estimate = |e: Option<Estimate>| e.map_or("not defined".into(), |e| range(e.value, e.lower, e.upper));
    let share = |s: Option<contractive::detector::metrics::Share>| {
        s.map_or("not defined".into(), |s| range(s.value, s.lower, s.upper))
    };
    let mut lines = vec![
        ("data", format!("{}, {} rows, {} anomalies", e.data, grouped(e.rows), grouped(e.anomalies))),
        ("score", e.score.name().to_owned()),
        ("auroc", estimate(e.auroc)),
        ("average_precision", estimate(e.average_precision)),
        ("threshold", format!("{}  ({})", significant(e.threshold, 5), e.threshold_rule)),
        ("f1", estimate(e.f1)),
        ("recall", share(e.recall)),
        ("precision", share(e.precision)),
    ];
    let by_itself: Vec<(String, String)> = e
        .kinds
        .iter()
        .map(|k| {
            let number = |v: Option<f64>| v.map_or("-".into(), shown);
            (
                format!("  {}", k.score.name()),
                format!("auroc {}, average_precision {}", number(k.auroc), number(k.average_precision)),
            )
        })
        .collect();
    lines.push(("each score by itself", String::new()));
    lines.extend(by_itself.iter().map(|(name, value)| (name.as_str(), value.clone())));
    pairs(&lines)
}
