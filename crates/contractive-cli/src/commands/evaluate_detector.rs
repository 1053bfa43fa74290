//! `cae evaluate` of a detector: how well its scores part anomalies from the rest.

use std::collections::BTreeSet;
use std::path::Path;

use contractive::data::Dataset;
use contractive_anomaly::detector::encoding::has_columns;
use contractive_anomaly::detector::evaluation::{DetectorEvaluation, evaluate_scores};
use contractive_anomaly::detector::metrics::Estimate;
use contractive_anomaly::detector::{Admission, Detector, FrameScorer, ScoreOptions, Scores};
use contractive_datasets::{DataSpec, Part};
use contractive_table::Place;

use crate::arguments::RowArguments;
use crate::errors::Usage;
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
    if let Some(encoding) = detector.encoding() {
        let labels = labels.or(rows.label_column.as_deref()).or(encoding.label_name()).map(str::to_owned);
        if labels.is_none() && has_columns(Path::new(spec)) == Some(false) {
            return evaluate_array(&detector, spec, rows, anomaly, is_quiet);
        }
        return evaluate_table(&detector, spec, rows, labels, anomaly, is_quiet);
    }
    let spec: DataSpec = spec.parse()?;
    let mut options = rows.load_options();
    options.label_column = labels.map(str::to_owned).or(options.label_column);
    let data = load(&spec, Part::Test, &options, is_quiet)?;
    let is_anomaly = anomalies(&data, anomaly)?;
    let scores = detector.score(&data, &ScoreOptions { contributions: false, threads: rows.threads() })?;
    Ok(evaluate_scores(&detector, &scores, &is_anomaly, data.name()))
}

/// Judges a detector of tables on an array, whose labels lie beside it.
fn evaluate_array(
    detector: &Detector,
    spec: &str,
    rows: &RowArguments,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<DetectorEvaluation> {
    let data = load(&DataSpec::file(spec), Part::Test, &rows.load_options(), is_quiet)?;
    let is_anomaly = anomalies(&data, anomaly)?;
    let (scorer, frames) = FrameScorer::open(detector, Path::new(spec), &Admission::default(), rows.array.as_deref())?;
    let options = ScoreOptions { contributions: false, threads: rows.threads() };
    let mut scores = None::<Scores>;
    for frame in frames {
        let mut frame = frame?;
        let n = frame.n_rows().min(data.len().saturating_sub(frame.first_row as usize));
        if n == 0 {
            break;
        }
        frame.columns.iter_mut().for_each(|column| column.values = column.values.slice(0..n));
        let more = scorer.score(&frame, &options)?.scores;
        match &mut scores {
            None => scores = Some(more),
            Some(all) => all.append(more),
        }
    }
    match scores {
        Some(scores) => Ok(evaluate_scores(detector, &scores, &is_anomaly, data.name())),
        None => Err(contractive_table::TableError::Empty { what: spec.to_owned() }.into()),
    }
}

/// Judges a detector of tables on the rows of a file, read in pieces; their scores stay in memory.
fn evaluate_table(
    detector: &Detector,
    spec: &str,
    rows: &RowArguments,
    labels: Option<String>,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<DetectorEvaluation> {
    let Some(labels) = labels else {
        return Err(Usage(format!("say with --labels which column of {spec} holds the labels")).into());
    };
    let admission = Admission { carried: vec![labels.clone()], may_reorder: false, text: rows.text.options() };
    let (scorer, frames) = FrameScorer::open(detector, Path::new(spec), &admission, rows.array.as_deref())?;
    if !is_quiet {
        frames.notes().iter().for_each(|note| eprintln!("note: {note}"));
    }
    if scorer.feature_names().contains(&labels) {
        return Err(Usage(format!("`{labels}` is one of the columns trained on, and no label")).into());
    }
    let mut left = rows.rows.unwrap_or(usize::MAX);
    let (mut is_anomaly, mut scores) = (Vec::new(), None::<Scores>);
    for frame in frames {
        let mut frame = frame?;
        let n = left.min(frame.n_rows());
        left -= n;
        frame.columns.iter_mut().for_each(|column| column.values = column.values.slice(0..n));
        let text_of = |r: usize| frame.column(&labels).and_then(|column| column.values.text(r)).unwrap_or_default();
        for r in 0..n {
            let text = text_of(r);
            is_anomaly.push(match (anomaly, text.trim()) {
                (Some(anomaly), text) => text == anomaly,
                (None, "0" | "false") => false,
                (None, "1" | "true") => true,
                (None, other) => {
                    let place = Place::of_row(Path::new(spec), frame.first_row + r as u64);
                    let got = if other.is_empty() { "a hole".into() } else { format!("`{other}`") };
                    let seen: BTreeSet<String> = (0..n).map(|r| text_of(r).trim().to_owned()).collect();
                    let seen: Vec<String> = seen.into_iter().filter(|text| !text.is_empty()).take(8).collect();
                    let seen = seen.join(", ");
                    return Err(Usage(format!(
                        "{spec} {place}, column `{labels}`: labels must be 0 and 1 (1 for anomalies), got {got}; or \
                         --anomaly must name the label of anomalies, of {seen}"
                    ))
                    .into());
                }
            });
        }
        let more = scorer.score(&frame, &ScoreOptions { contributions: false, threads: rows.threads() })?.scores;
        match &mut scores {
            None => scores = Some(more),
            Some(all) => all.append(more),
        }
        if left == 0 {
            break;
        }
    }
    match scores {
        Some(scores) => Ok(evaluate_scores(detector, &scores, &is_anomaly, spec)),
        None => Err(contractive_table::TableError::Empty { what: spec.to_owned() }.into()),
    }
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
    let share = |s: Option<contractive_anomaly::detector::metrics::Share>| {
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
