//! The losses by part over the epochs.

use crate::record::RunRecord;
use askama::Template;
use contractive::Divergence;
use contractive::EpochRecord;

use super::chart::{Chart, Line, range};
use super::number::{duration, plain, significant};
use crate::axis::Axis;
use crate::error::FigureError;
use crate::panel::Stroke;

/// Most epochs in the table; longer histories show every so many.
const MOST_ROWS: usize = 200;
/// Longest text of a number that is shown as it was set.
const MOST_DIGITS: usize = 8;

/// One part of the objective over the epochs.
struct LossPart<'a> {
    name: &'a str,
    of: &'a dyn Fn(&EpochRecord) -> Option<f64>,
    series: usize,
    stroke: Stroke,
}

#[derive(Template)]
#[template(path = "panel/loss.html")]
struct LossPanel {
    epochs: usize,
    kept: usize,
    last_is_kept: bool,
    divergence: Option<Divergence>,
    formula: String,
    has_penalty: bool,
    /// (fall of the watched total since the first epoch in percent, what is watched).
    fall: Option<(String, &'static str)>,
    time: String,
    charts: Vec<String>,
    headings: Vec<&'static str>,
    rows: Vec<TableRow>,
    every: usize,
}

struct TableRow {
    epoch: usize,
    is_kept: bool,
    cells: Vec<String>,
}

/// The panel; empty without epochs.
pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let history = &record.history;
    let (Some(first), Some(last)) = (history.first(), history.last()) else { return Ok(String::new()) };
    let objective = record.config.objective();
    let kept = record.provenance.epoch;
    let watched = if last.validation.is_some() { "validation" } else { "training" };
    let fall = 100.0 * (1.0 - record.kept().unwrap_or(last).watched() / first.watched());
    let (headings, rows, every) = table(record);
    Ok(LossPanel {
        epochs: history.len(),
        kept,
        last_is_kept: kept == last.epoch && history.len() > 1 && record.divergence.is_none(),
        divergence: record.divergence.clone(),
        formula: formula(record),
        has_penalty: objective.has_penalty(),
        fall: (kept > first.epoch && fall.is_finite()).then(|| (format!("{fall:.0}"), watched)),
        time: duration(history.iter().map(|epoch| epoch.seconds).sum()),
        charts: charts(record)?,
        headings,
        rows,
        every,
    }
    .render()?)
}

/// What was minimised, as a reader would write it.
pub(super) fn formula(record: &RunRecord) -> String {
    let o = record.config.objective();
    let mut text = o.loss.name().to_owned();
    if o.has_penalty() {
        text += &format!(" + {} × {}", plain(o.contraction), o.penalty.name());
    }
    if let Some(sparsity) = o.sparsity {
        text += &format!(" + {} × sparsity", plain(sparsity.weight));
    }
    text
}

fn charts(record: &RunRecord) -> Result<Vec<String>, FigureError> {
    let objective = record.config.objective();
    let contraction = objective.contraction;
    let sparsity = objective.sparsity.map_or(0.0, |sparsity| sparsity.weight);
    let total: [LossPart; 3] = [
        LossPart { name: "training", of: &|e| Some(e.train.total), series: 0, stroke: Stroke::Solid },
        LossPart { name: "validation", of: &|e| Some(e.validation?.total), series: 1, stroke: Stroke::Dashed },
        LossPart { name: "test", of: &|e| Some(e.test?.total), series: 2, stroke: Stroke::Dotted },
    ];
    let mut charts = vec![chart(record, "loss-total", "Total objective", &total)?];
    let reconstruction: [LossPart; 3] = [
        LossPart { name: "training", of: &|e| Some(e.train.reconstruction), series: 0, stroke: Stroke::Solid },
        LossPart { name: "validation", of: &|e| Some(e.validation?.reconstruction), series: 1, stroke: Stroke::Dashed },
        LossPart { name: "test", of: &|e| Some(e.test?.reconstruction), series: 2, stroke: Stroke::Dotted },
    ];
    let mut parts = vec![LossPart {
        name: "reconstruction",
        of: &|e| Some(e.train.reconstruction),
        series: 0,
        stroke: Stroke::Solid,
    }];
    let weighted = |e: &EpochRecord| Some(contraction * e.train.penalty);
    let sparse = |e: &EpochRecord| Some(sparsity * e.train.sparsity);
    if objective.has_penalty() {
        parts.push(LossPart { name: "contraction × penalty", of: &weighted, series: 1, stroke: Stroke::Dashed });
    }
    if sparsity > 0.0 {
        parts.push(LossPart { name: "weight × sparsity", of: &sparse, series: 2, stroke: Stroke::Dotted });
    }
    if parts.len() > 1 {
        charts.push(chart(record, "loss-reconstruction", "Reconstruction alone", &reconstruction)?);
        charts.push(chart(record, "loss-parts", "Parts, training rows", &parts)?);
    }
    let norm = [LossPart { name: "", of: &|e| Some(e.jacobian_norm), series: 3, stroke: Stroke::Solid }];
    charts.push(chart(record, "loss-norm", "Mean ‖J‖ of the encoder", &norm)?);
    let rates = record.history.iter().map(|epoch| epoch.learning_rate.to_bits());
    if rates.collect::<std::collections::BTreeSet<_>>().len() > 1 {
        let rate = [LossPart { name: "", of: &|e| Some(e.learning_rate), series: 4, stroke: Stroke::Solid }];
        charts.push(chart(record, "loss-rate", "Learning rate", &rate)?);
    }
    Ok(charts)
}

fn chart(record: &RunRecord, id: &str, title: &str, parts: &[LossPart]) -> Result<String, FigureError> {
    let history = &record.history;
    let epochs: Vec<f64> = history.iter().map(|epoch| epoch.epoch as f64).collect();
    let mut lines = Vec::new();
    for part in parts {
        let values: Vec<f64> = history.iter().map(|epoch| (part.of)(epoch).unwrap_or(f64::NAN)).collect();
        if values.iter().any(|value| value.is_finite()) {
            let (name, positions) = (part.name.to_owned(), epochs.clone());
            lines.push(Line { name, positions, values, series: part.series, stroke: part.stroke });
        }
    }
    let (low, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
    let (first, last) = range(epochs.iter().copied());
    let end = record.divergence.as_ref().map(|divergence| divergence.epoch as f64);
    let mut chart = Chart::new(
        Axis::whole_numbers(first, last.max(end.unwrap_or(last)), 8),
        Axis::of_values(low, high, 5),
        "epoch",
        title,
    );
    let described = describe(&lines, &epochs);
    chart.lines = lines;
    if history.len() > 1 && record.kept().is_some() {
        chart.marks.push((record.provenance.epoch as f64, "kept".to_owned()));
    }
    chart.marks.extend(end.map(|epoch| (epoch, "diverged".to_owned())));
    chart.draw(id, &format!("{title} over the epochs"), &described, Some((first, last)))
}

/// The curves' ends in words.
pub(super) fn describe(lines: &[Line], positions: &[f64]) -> String {
    let ends = |line: &Line| {
        let value = |v: Option<&f64>| v.map_or_else(String::new, |v| significant(*v, 4));
        let name = if line.name.is_empty() { "the curve" } else { &line.name };
        format!("{name} goes from {} to {}", value(line.values.first()), value(line.values.last()))
    };
    format!("{} points; {}.", positions.len(), lines.iter().map(ends).collect::<Vec<_>>().join("; "))
}

fn table(record: &RunRecord) -> (Vec<&'static str>, Vec<TableRow>, usize) {
    type Column<'a> = (&'static str, &'a dyn Fn(&EpochRecord) -> Option<f64>);
    let columns: [Column; 9] = [
        ("training total", &|e| Some(e.train.total)),
        ("training reconstruction", &|e| Some(e.train.reconstruction)),
        ("training penalty", &|e| Some(e.train.penalty)),
        ("validation total", &|e| Some(e.validation?.total)),
        ("validation reconstruction", &|e| Some(e.validation?.reconstruction)),
        ("test total", &|e| Some(e.test?.total)),
        ("test reconstruction", &|e| Some(e.test?.reconstruction)),
        ("mean ‖J‖", &|e| Some(e.jacobian_norm)),
        ("learning rate", &|e| Some(e.learning_rate)),
    ];
    let history = &record.history;
    let present: Vec<&Column> = columns.iter().filter(|(_, of)| history.iter().any(|e| of(e).is_some())).collect();
    let every = history.len().div_ceil(MOST_ROWS).max(1);
    let (kept, last) = (record.provenance.epoch, history.len());
    let shown = history.iter().enumerate().filter(|(i, e)| i % every == 0 || e.epoch == kept || i + 1 == last);
    // A learning rate that was set, not computed by a schedule, has as many digits as it was given.
    let is_set = |name: &str, text: &str| name == "learning rate" && text.len() <= MOST_DIGITS;
    let text = |name: &str, v: f64| Some(plain(v)).filter(|t| is_set(name, t)).unwrap_or_else(|| significant(v, 5));
    let rows = shown.map(|(_, e)| TableRow {
        epoch: e.epoch,
        is_kept: e.epoch == kept,
        cells: present.iter().map(|(name, of)| of(e).map_or_else(|| "–".to_owned(), |v| text(name, v))).collect(),
    });
    (present.iter().map(|(name, _)| *name).collect(), rows.collect(), every)
}
