//! `cae evaluate` of a detector: how well its scores separate anomalies from the rest.

use std::path::Path;

use contractive::data::Dataset;
use contractive_anomaly::detector::encoding::has_columns;
use contractive_anomaly::detector::evaluation::{DetectorEvaluation, LabelledScores, evaluate_scores};
use contractive_anomaly::detector::metrics::{Estimate, Share};
use contractive_anomaly::detector::{Admission, Detector, FrameScorer, ScoreOptions};
use contractive_anomaly::labels::{Judge, LabelError};
use contractive_datasets::{DataSpec, Part};
use contractive_table::{Format, Frame, FrameReader, Keeping, TableError, array, most_expanded};

use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::numbers::{count, grouped, significant};
use crate::output::say_notes;
use crate::progress::Reporting;
use crate::sources::load;
use crate::table::pairs;
use crate::work_bar::{Size, WorkBar};

/// Judges the detector in `path` on labelled rows. `labels` names the column or array of labels; `anomaly` is the label of
/// anomalies.
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
    let labels = labels.or(rows.label_column.as_deref());
    match detector.encoding() {
        Some(encoding) => evaluate_table(&detector, spec, rows, labels.or(encoding.label_name()), anomaly, is_quiet),
        None => evaluate_bare(&detector, spec, rows, labels, anomaly, is_quiet),
    }
}

/// Judges a detector of bare rows, all of which are taken into memory.
fn evaluate_bare(
    detector: &Detector,
    text: &str,
    rows: &RowArguments,
    name: Option<&str>,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<DetectorEvaluation> {
    let spec: DataSpec = text.parse()?;
    let mut options = rows.load_options()?;
    let is_array = spec.path().is_some_and(is_array);
    options.file.label_column = if is_array { None } else { name.map(str::to_owned) };
    let data = load(&spec, Part::Test, &options, is_quiet)?;
    let labels = match spec.path().filter(|_| is_array && (name.is_some() || data.labels().is_none())) {
        Some(path) => array_labels(path, rows.array.as_deref(), name)?,
        None => labels_of(&data),
    };
    let Some(mut labels) = labels else { return Err(LabelError::Nothing { what: data.name().to_owned() }.into()) };
    if rows.rows.is_some() {
        labels.truncate(data.len());
    }
    check_count(text, data.len(), labels.len())?;
    let mut judge = Judge::new(text, in_words_of(is_array, name), anomaly, false, options.file.text);
    let is_anomaly = judge.judge(&labels)?;
    judge.finish()?;
    let scores = detector.score(&data, &ScoreOptions { contributions: false, threads: rows.threads() })?;
    Ok(evaluate_scores(detector, &scores, &is_anomaly, data.name()))
}

/// Judges a detector of tables on the rows of a file, read in pieces; of these the scores stay in memory. Where all rows are
/// asked for and the file's size does not account for their scores, it is read to its end before more of them are kept.
fn evaluate_table(
    detector: &Detector,
    spec: &str,
    rows: &RowArguments,
    name: Option<&str>,
    anomaly: Option<&str>,
    is_quiet: bool,
) -> anyhow::Result<DetectorEvaluation> {
    let path = Path::new(spec);
    // The columns of an array are named by numbers.
    let is_column = has_columns(path) != Some(false) || name.is_some_and(|name| name.parse::<usize>().is_ok());
    let beside = if is_column { None } else { array_labels(path, rows.array.as_deref(), name)? };
    let column = name.filter(|_| is_column);
    if column.is_none() && beside.is_none() {
        return Err(LabelError::Nothing { what: spec.to_owned() }.into());
    }
    let admission = Admission {
        carried: column.iter().map(|name| (*name).to_owned()).collect(),
        may_reorder: false,
        text: rows.text.options(rows.data.as_deref())?,
    };
    let (scorer, mut frames) = FrameScorer::open(detector, path, &admission, rows.array.as_deref())?;
    if !is_quiet {
        say_notes(frames.notes());
    }
    if let Some(name) = column.filter(|name| scorer.feature_names().iter().any(|feature| feature == name)) {
        return Err(Usage(format!("`{name}` is one of the columns trained on, and no label")).into());
    }
    let labels = Labels { beside, column };
    let judge = Judge::new(spec, in_words_of(!is_column, name), anomaly, false, frames.text());
    let (all, n_rows, n_labels) = label_all((&scorer, detector), &mut frames, &labels, judge, (rows, is_quiet))?;
    if n_rows == 0 {
        return Err(TableError::Empty { what: spec.to_owned() }.into());
    }
    let n_labels = labels.beside.as_ref().filter(|_| rows.rows.is_none()).map_or(n_labels, Vec::len);
    check_count(spec, n_rows, n_labels)?;
    Ok(all.evaluate(spec))
}

/// The labels of a table.
struct Labels<'a> {
    /// Of all rows, where they stand in arrays.
    beside: Option<Vec<Option<String>>>,
    column: Option<&'a str>,
}

impl Labels<'_> {
    /// Those of the first `n` rows of a frame, the first of which is row `from`; fewer where there are no more.
    fn of(&self, frame: &Frame, from: usize, n: usize) -> Vec<Option<String>> {
        if let Some(beside) = &self.beside {
            return beside.iter().skip(from).take(n).cloned().collect();
        }
        let cells = self.column.and_then(|name| frame.column(name)).map(|column| &column.values);
        (0..n).map(|r| cells.and_then(|cells| cells.text(r))).collect()
    }
}

/// The scores and labels of the rows asked for, and how many there are of each. Where these are all rows, and the file's size
/// does not account for their scores, the file is read to its end before more of them are kept.
fn label_all<'a>(
    (scorer, detector): (&FrameScorer<'_>, &'a Detector),
    frames: &mut FrameReader,
    labels: &Labels<'_>,
    mut judge: Judge,
    (rows, is_quiet): (&RowArguments, bool),
) -> anyhow::Result<(LabelledScores<'a>, usize, usize)> {
    let path = frames.path().to_path_buf();
    let mut all = LabelledScores::new(detector);
    let most = most_expanded(path.metadata().map_or(u64::MAX, |known| known.len())) / size_of::<f64>() as u64;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut keeping = Keeping::of(path.as_path(), scorer.read_options()).of_at_most(all.numbers_a_row(), most);
    let (mut ahead, mut n_ahead) = (judge.clone(), 0);
    let (mut n_rows, mut n_labels, mut left) = (0, 0, rows.rows.unwrap_or(usize::MAX));
    let size = Size::of_table(&path, frames.n_rows().or(rows.rows.map(|rows| rows as u64)));
    let bar = WorkBar::new(Reporting::new(false, is_quiet), size, "rows");
    while left > 0
        && let Some(frame) = frames.next()
    {
        let mut frame = frame?;
        let n = left.min(frame.n_rows());
        frame.columns.iter_mut().for_each(|column| column.values = column.values.slice(0..n));
        if rows.rows.is_none() {
            keeping.take_checked(n as u64 * all.bytes_a_row(), frames, |frame| -> anyhow::Result<()> {
                ahead.judge(&labels.of(frame, n_ahead, frame.n_rows()))?;
                n_ahead += frame.n_rows();
                Ok(scorer.check(frame)?)
            })?;
        }
        let is_anomaly = judge.judge(&labels.of(&frame, n_rows, n))?;
        // Of fewer labels than rows the number of rows is told.
        if is_anomaly.len() == n {
            let scored = scorer.score(&frame, &ScoreOptions { contributions: false, threads: rows.threads() })?;
            all.add(&scored.scores, &is_anomaly, &path)?;
        }
        (n_rows, n_labels, left) = (n_rows + n, n_labels + is_anomaly.len(), left - n);
        bar.show(n_rows as u64);
    }
    drop(bar);
    judge.finish()?;
    Ok((all, n_rows, n_labels))
}

fn check_count(data: &str, rows: usize, labels: usize) -> Result<(), TableError> {
    if rows == labels {
        return Ok(());
    }
    let (what, expected) = (format!("the number of labels of {data}"), format!("{rows}, one a row"));
    Err(TableError::Shape { what, expected, got: labels.to_string() })
}

/// Where labels stand, in words.
fn in_words_of(is_array: bool, name: Option<&str>) -> String {
    match name {
        Some(name) if is_array => format!("array `{name}`"),
        Some(name) => format!("column `{name}`"),
        None => "its labels".into(),
    }
}

fn is_array(path: &Path) -> bool {
    matches!(Format::of(path), Some(Format::Npy | Format::Npz | Format::Idx))
}

/// The labels of a file of arrays: the array `name` of an archive, a file of that name beside other arrays, or those that
/// go with the rows.
fn array_labels(
    path: &Path,
    rows: Option<&str>,
    name: Option<&str>,
) -> Result<Option<Vec<Option<String>>>, TableError> {
    let labels = match (name, Format::of(path)) {
        (None, _) => array::read(path, rows)?.labels,
        (Some(name), Some(Format::Npz)) => Some(array::read_alone(path, Some(name))?),
        (Some(name), _) if Format::of(Path::new(name)) == Some(Format::Idx) => Some(array::read_idx(Path::new(name))?),
        (Some(name), _) => Some(array::read(Path::new(name), None)?.rows),
    };
    labels.map(texts).transpose()
}

/// The labels of an array, as text.
fn texts(labels: array::Array) -> Result<Vec<Option<String>>, TableError> {
    if !matches!(labels.shape(), [_] | [_, 1]) {
        return Err(TableError::Shape {
            what: format!("the shape of the labels {}", labels.path().display()),
            expected: "(rows,)".into(),
            got: format!("{:?}", labels.shape()),
        });
    }
    let text = |number: f64| (!number.is_nan()).then(|| number.to_string());
    Ok(match labels.into_values() {
        array::ArrayValues::Bytes(all) | array::ArrayValues::Booleans(all) => {
            all.into_iter().map(|label| Some(label.to_string())).collect()
        }
        array::ArrayValues::F32(all) => all.into_iter().map(|label| text(f64::from(label))).collect(),
        array::ArrayValues::F64(all) => all.into_iter().map(text).collect(),
    })
}

/// The labels of a data set, as text.
fn labels_of(data: &Dataset) -> Option<Vec<Option<String>>> {
    let named = |label: &i64| data.class_names().and_then(|names| names.get(usize::try_from(*label).ok()?)).cloned();
    Some(data.labels()?.iter().map(|label| Some(named(label).unwrap_or_else(|| label.to_string()))).collect())
}

/// A number with its interval.
pub(super) fn estimate(e: Option<Estimate>) -> String {
    interval(e.map(|e| [e.value, e.lower, e.upper]))
}

/// A share with its interval.
pub(super) fn share(s: Option<Share>) -> String {
    interval(s.map(|s| [s.value, s.lower, s.upper]))
}

fn interval(all: Option<[f64; 3]>) -> String {
    let shown = all.map(|all| all.map(|value| significant(value, 4)));
    shown.map_or("not defined".into(), |[value, lower, upper]| format!("{value}  ({lower} to {upper})"))
}

/// The numbers in words.
pub(super) fn in_words(e: &DetectorEvaluation) -> String {
    let shown = |value: f64| significant(value, 4);
    let without_score = match e.rows_without_score {
        0 => String::new(),
        n => format!("; {} left out, without any present cell", count(n, "row")),
    };
    let (rows, anomalies) = (grouped(e.rows), grouped(e.anomalies));
    let mut lines = vec![
        ("data", format!("{}, {rows} rows, {anomalies} anomalies{without_score}", e.data)),
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
