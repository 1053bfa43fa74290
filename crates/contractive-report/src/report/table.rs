//! The rows of a table that a detector has scored: how many are anomalies, which, and why; and whether the table has moved
//! away from the one trained on.

use askama::Template;
use contractive_anomaly::detector::drift::Moved;

use super::assembly::assemble_with;
use super::error::ReportError;
use super::header::{Header, headline};
use super::number::{count, grouped, percent, significant};
use super::table_rows::{LEVEL_LETTERS, what_is_lacking};
use super::{table_rows, table_scores};
use crate::error::FigureError;
use crate::record::table::{TableRecord, cut};

/// Most columns listed by how often they are at fault, and by how far they have moved.
const MOST_COLUMNS: usize = 20;

/// One self-contained HTML file: how the scores of a table's rows are spread beside those of the training rows, the rows
/// with the highest scores and the columns at fault for them, and how far the columns have moved since training. The same
/// numbers give the same bytes.
///
/// # Errors
/// [`ReportError`] where a picture cannot be drawn.
pub fn table_html(table: &TableRecord) -> Result<String, ReportError> {
    let panels = vec![
        ("scores", "Scores", table_scores::panel(table)?),
        ("rows", "Rows", table_rows::panel(table)?),
        ("columns", "Columns", columns(table)?),
        ("drift", "Drift", drift(table)?),
    ];
    let note = "All values are in the units of the table.";
    assemble_with(&table.name, header(table)?, panels, env!("CARGO_PKG_VERSION"), note)
}

fn header(table: &TableRecord) -> Result<String, FigureError> {
    let rows = table.drift.rows as usize;
    let [now, then] = table.drift.share_above;
    let of = |share: f64| percent(share);
    let figures = vec![
        headline("rows", grouped(rows), unscored(table)),
        headline(
            "anomalies",
            grouped(table.anomalies),
            format!("{} of the rows; {} of the training rows", of(now), of(then)),
        ),
        headline("threshold", significant(table.threshold, 4), format!("{}, of the score {}", table.rule, table.score)),
        headline("drift", significant(table.drift.drift, 2), format!("from 0 to 1. {}", table.drift.in_words())),
    ];
    let (data, trained) = &table.trained_on;
    let line = format!("scored by a detector trained on {} of {data}", count(*trained, "row"));
    Ok(Header { name: table.name.clone(), line, figures, advice: table.notes.clone() }.render()?)
}

fn unscored(table: &TableRecord) -> String {
    match table.without_score {
        0 => "all with a score".to_owned(),
        n => format!("{} without any cell, and without a score", grouped(n)),
    }
}

/// A column at fault, with the part of the width that its bar takes.
struct Fault {
    name: String,
    width: f64,
    cells: [String; 3],
}

#[derive(Template)]
#[template(path = "panel/table_columns.html")]
struct ColumnsPanel {
    anomalies: String,
    faults: Vec<Fault>,
    left_out: usize,
}

fn columns(table: &TableRecord) -> Result<String, FigureError> {
    let n = table.anomalies.max(1) as f64;
    let faults = table.faults.iter().take(MOST_COLUMNS).map(|column| {
        let first = column.first as f64 / n;
        let cells = [grouped(column.first), percent(first), percent(column.share)];
        Fault { name: column.name.clone(), width: (1000.0 * first).round() / 10.0, cells }
    });
    let panel = ColumnsPanel {
        anomalies: match table.anomalies {
            0 => String::new(),
            n => count(n, "anomaly").replace("anomalys", "anomalies"),
        },
        faults: faults.collect(),
        left_out: table.faults.len().saturating_sub(MOST_COLUMNS),
    };
    Ok(panel.render()?)
}

/// A line of the table of drift.
struct MovedLine {
    name: String,
    has_drifted: bool,
    cells: [String; 5],
}

#[derive(Template)]
#[template(path = "panel/table_drift.html")]
struct DriftPanel {
    sentence: String,
    rows: String,
    score: Option<MovedLine>,
    columns: Vec<MovedLine>,
    left_out: usize,
    lacks: &'static str,
}

fn drift(table: &TableRecord) -> Result<String, FigureError> {
    let drift = &table.drift;
    let panel = DriftPanel {
        sentence: drift.in_words(),
        rows: count(drift.rows as usize, "row"),
        score: (!table.scores.is_empty()).then(|| moved(&drift.score)),
        columns: drift.columns.iter().take(MOST_COLUMNS).map(moved).collect(),
        left_out: drift.columns.len().saturating_sub(MOST_COLUMNS),
        lacks: what_is_lacking(table),
    };
    Ok(panel.render()?)
}

fn moved(moved: &Moved) -> MovedLine {
    let [then, now] = match (&moved.medians, &moved.level) {
        (Some(medians), _) => medians.map(|value| format!("median {}", significant(value, 4))),
        (_, Some((level, then, now))) => {
            let level = cut(level, LEVEL_LETTERS);
            [then, now].map(|share| format!("{level} {}", percent(*share)))
        }
        _ => [String::new(), String::new()],
    };
    let cells =
        [significant(moved.distance, 2), significant(moved.noise.min(1.0), 2), then, now, percent(moved.missing)];
    MovedLine { name: moved.name.clone(), has_drifted: moved.has_drifted, cells }
}
