//! A time series with the anomalies found in it, and the score below.

mod chart;
mod gaps;
mod ranges;
mod ruler;
mod shown;
mod words;
mod zoom;

use std::path::Path;

use askama::Template;
use contractive_anomaly::series::metrics;
use contractive_anomaly::series::time::Clock;

use self::chart::{Mark, Panel, Sheet, margin};
use self::gaps::ListedGap;
use self::ruler::Ruler;
use self::shown::Shown;
use super::assembly::assemble_with;
use super::error::ReportError;
use super::header::{Header, headline};
use super::number::{count, grouped, percent, significant};
use crate::error::FigureError;

pub use shown::SeriesPage;

/// Width of a chart and height of its frame in points.
const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 178.0;
/// Ticks of the horizontal axis, about, and of the vertical one.
const TICKS: (usize, usize) = (7, 4);
/// Value columns drawn at most, and named in the head.
const MOST_COLUMNS: usize = 8;

#[derive(Template)]
#[template(path = "panel/series.html")]
struct SeriesPanel {
    charts: Vec<String>,
    rows: String,
    credit: String,
    has_labels: bool,
    has_columns: bool,
    is_utc: bool,
    columns_left_out: usize,
    threshold: String,
    rule: String,
    at_gaps: String,
    gaps: Vec<ListedGap>,
    gaps_left_out: usize,
    long_steps: usize,
}

/// One self-contained HTML file: each value column with the timestamps flagged as anomalies, the score with its threshold,
/// the gaps, and the ranges flagged, the highest of them seen closely. The same numbers give the same bytes.
///
/// # Errors
/// [`ReportError`] where there is nothing to draw, where there are not as many scores as timestamps, or several series.
pub fn series_html(page: &SeriesPage<'_>) -> Result<String, ReportError> {
    let shown = Shown::new(page)?;
    let panels = vec![("series", "Series", panel(&shown)?), ("ranges", "Ranges", ranges::panel(&shown)?)];
    let version = env!("CARGO_PKG_VERSION");
    let note = "All values are in the units of the series.";
    assemble_with(&name(&shown), header(&shown)?, panels, version, note)
}

/// What the page is called: the file, without its folders.
fn name(shown: &Shown<'_>) -> String {
    let what = &shown.series.what;
    Path::new(what).file_name().map_or_else(|| what.clone(), |name| name.to_string_lossy().into_owned())
}

fn header(shown: &Shown<'_>) -> Result<String, FigureError> {
    let (series, scores) = (&shown.series, &shown.scores);
    let n = series.len();
    let flagged = scores.label.iter().filter(|label| **label).count();
    let share = percent(flagged as f64 / n.max(1) as f64);
    let spec = shown.detector.spec();
    let mut figures = vec![
        headline("timestamps", grouped(n), count(series.names.len(), "value column")),
        headline(
            "anomalies",
            grouped(flagged),
            format!("{share} of the timestamps, in {}", count(shown.ranges.len(), "range")),
        ),
        headline("window", count(spec.window, "row"), format!("normalised by: {}", spec.normalise)),
    ];
    if let Some(real) = &shown.real {
        let real = metrics::ranges(real);
        let met = real.iter().filter(|range| scores.label[(*range).clone()].contains(&true)).count();
        let of = format!("of {} labelled", count(real.len(), "range"));
        figures.push(headline("labelled ranges met", grouped(met), of));
    }
    let mut advice: Vec<String> = shown.pace.warnings();
    if series.filled > 0 {
        advice.push(format!("{} took the value of the row above", count(series.filled as usize, "missing value")));
    }
    Ok(Header { name: name(shown), line: line(shown), figures, advice }.render()?)
}

/// The columns, from when to when, and where the file lies.
fn line(shown: &Shown<'_>) -> String {
    let series = &shown.series;
    let mut names = series.names[..series.names.len().min(MOST_COLUMNS)].join(", ");
    let more = series.names.len().saturating_sub(MOST_COLUMNS);
    if more > 0 {
        names += &format!(" and {} more", grouped(more));
    }
    let [from, to] = [series.stamps.first(), series.stamps.last()].map(|stamp| stamp.map_or("", String::as_str));
    let rows = if shown.start.is_none() { "row " } else { "" };
    let place = if name(shown) == series.what { String::new() } else { format!(". {}", series.what) };
    format!("{names} from {rows}{from} to {to}{place}")
}

fn panel(shown: &Shown<'_>) -> Result<String, FigureError> {
    let v = shown.series.names.len();
    let spec = shown.detector.spec();
    let threshold = shown.detector.threshold();
    let (gaps, gaps_left_out) = gaps::listed(&shown.gaps);
    let panel = SeriesPanel {
        charts: charts(shown)?,
        rows: count(shown.series.len(), "timestamp"),
        credit: words::credit(spec, shown.detector.windows().has_planes()),
        has_labels: shown.real.is_some(),
        has_columns: shown.has_choice(),
        is_utc: shown.start.is_some() && shown.series.moments.iter().all(|moment| moment.clock != Clock::Wall),
        columns_left_out: v.saturating_sub(MOST_COLUMNS),
        threshold: significant(threshold, 4),
        rule: shown.detector.threshold_rule().to_string(),
        at_gaps: words::gaps(spec),
        gaps,
        gaps_left_out,
        long_steps: shown.long_steps,
    };
    Ok(panel.render()?)
}

/// A chart a value column, and one of the score.
fn charts(shown: &Shown<'_>) -> Result<Vec<String>, FigureError> {
    let columns: Vec<(usize, Vec<f64>)> = drawn(shown).into_iter().map(|j| (j, shown.column(j))).collect();
    let ruler = Ruler::new(&shown.x, shown.start, TICKS.0);
    let mut panels = Vec::new();
    for (j, values) in &columns {
        let marked = shown.ranges.iter().filter(|range| shown.is_marked_in(range, *j));
        let marks = marked.map(|range| Mark { rows: range.first..range.last + 1, peak: range.peak });
        let panel = Panel::of_column(&shown.series.names[*j], values, marks.collect(), TICKS.1);
        panels.push((format!("value-{j}"), shown.series.names[*j].as_str(), panel));
    }
    let marks = shown.ranges.iter().map(|range| Mark { rows: range.first..range.last + 1, peak: range.peak });
    let score = Panel::of_score(&shown.scores.score, shown.detector.threshold(), marks.collect(), TICKS.1);
    panels.push(("score-chart".to_owned(), "anomaly score", score));
    let left = margin(panels.iter().map(|(.., panel)| panel));
    let chart = |(id, title, panel): (String, &str, Panel<'_>)| {
        let sheet = Sheet {
            panels: vec![panel],
            x: &shown.x,
            ruler: &ruler,
            gaps: &shown.gaps,
            real: shown.real.as_deref(),
            width: WIDTH,
            height: HEIGHT,
            left,
            close: None,
        };
        sheet.draw(&id, title)
    };
    panels.into_iter().map(chart).collect()
}

/// The columns that are drawn, in the order of the file: of many, those at fault in the most ranges.
fn drawn(shown: &Shown<'_>) -> Vec<usize> {
    let mut at_fault = vec![0_usize; shown.series.names.len()];
    shown.ranges.iter().flat_map(|range| shown.at_fault(range)).for_each(|(j, _)| at_fault[j] += 1);
    let mut columns: Vec<usize> = (0..at_fault.len()).collect();
    columns.sort_by_key(|j| std::cmp::Reverse(at_fault[*j]));
    columns.truncate(MOST_COLUMNS);
    columns.sort_unstable();
    columns
}
