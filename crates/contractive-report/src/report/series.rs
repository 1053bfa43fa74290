//! A time series with the anomalies found in it, and the score below.

use askama::Template;
use contractive_anomaly::series::metrics::ranges;
use contractive_anomaly::series::{Credit, Pace, Series, SeriesDetector, SeriesScores};
use contractive_table::Unit;
use plotters::backend::DrawingBackend;

use super::assembly::assemble_with;
use super::error::ReportError;
use super::header::{Header, headline};
use super::number::{count, grouped, percent, significant};
use crate::axis::{Axis, Tick};
use crate::colour::{BLUE, GREEN, VERMILION};
use crate::error::FigureError;
use crate::page::{Align, Figure, INLINE_UNIT, Page, draw_inline};
use crate::panel::{BODY, Curve, PlotArea, Stroke, draw_axes, draw_curve, draw_x_labels, plain, widest_label};

/// Size of a chart in points.
const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 250.0;
/// Most value columns that are drawn, and most ranges that are listed.
const MOST_COLUMNS: usize = 8;
const MOST_RANGES: usize = 25;
/// Height of the strips that mark ranges, and the least width of a mark, in points.
const STRIP: f64 = 6.0;
const LEAST_MARK: f64 = 1.5;

/// What the page shows.
#[derive(Debug, Clone, Copy)]
pub struct SeriesPage<'a> {
    /// The detector.
    pub detector: &'a SeriesDetector,
    /// The series scored.
    pub series: &'a Series,
    /// Its scores, one a timestamp.
    pub scores: &'a SeriesScores,
    /// How evenly its rows come.
    pub pace: &'a Pace,
    /// Which timestamps are anomalies by their labels, where there are any.
    pub real: Option<&'a [bool]>,
}

struct FoundRange {
    from: String,
    to: String,
    cells: [String; 3],
    is_real: &'static str,
}

#[derive(Template)]
#[template(path = "panel/series.html")]
struct SeriesPanel {
    charts: Vec<String>,
    rows: String,
    window: usize,
    credited: &'static str,
    flagged: Vec<FoundRange>,
    left_out: usize,
    has_labels: bool,
    columns_left_out: usize,
    threshold: String,
    rule: String,
}

/// One self-contained HTML file: each value column with the timestamps flagged as anomalies, the score with its threshold,
/// and the ranges flagged. The same numbers give the same bytes.
///
/// # Errors
/// [`ReportError`] where there is nothing to draw, or there are not as many scores as timestamps.
pub fn series_html(page: &SeriesPage<'_>) -> Result<String, ReportError> {
    let panel = panel(page)?;
    let version = env!("CARGO_PKG_VERSION");
    let note = "All values are in the units of the series.";
    assemble_with(&page.series.what, header(page)?, vec![("series", "Series", panel)], version, note)
}

fn header(page: &SeriesPage<'_>) -> Result<String, FigureError> {
    let (series, scores) = (page.series, page.scores);
    let n = series.len();
    let flagged = scores.label.iter().filter(|label| **label).count();
    let found = ranges(&scores.label);
    let spec = page.detector.spec();
    let ends = [series.stamps.first(), series.stamps.last()].map(|stamp| stamp.map_or("", String::as_str));
    let mut figures = vec![
        headline("timestamps", grouped(n), count(series.names.len(), "value column")),
        headline(
            "anomalies",
            grouped(flagged),
            format!(
                "{} of the timestamps, in {}",
                percent(flagged as f64 / n.max(1) as f64),
                count(found.len(), "range")
            ),
        ),
        headline("window", count(spec.window, "row"), format!("normalised by: {}", spec.normalise)),
    ];
    if let Some(real) = page.real {
        let real = ranges(real);
        let met = real.iter().filter(|range| scores.label[(*range).clone()].contains(&true)).count();
        let of = format!("of {} labelled", count(real.len(), "range"));
        figures.push(headline("labelled ranges met", grouped(met), of));
    }
    let mut advice: Vec<String> = page.pace.warnings();
    if series.filled > 0 {
        advice.push(format!("{} took the value of the row above", count(series.filled as usize, "missing value")));
    }
    let line = format!("{} from {} to {}", series.names.join(", "), ends[0], ends[1]);
    Ok(Header { name: series.what.clone(), line, figures, advice }.render()?)
}

fn panel(page: &SeriesPage<'_>) -> Result<String, FigureError> {
    let (series, scores) = (page.series, page.scores);
    let n = series.len();
    for (what, got) in [("scores", scores.score.len()), ("labels", scores.label.len()), ("times", series.moments.len())]
    {
        if got != n {
            return Err(FigureError::Length { what, sizes: "one a timestamp", expected: n, got });
        }
    }
    let Some(first) = series.moments.first() else { return Err(FigureError::Empty { what: "timestamps" }) };
    let seconds: Vec<f64> = series.moments.iter().map(|m| m.nanoseconds as f64 / 1e9).collect();
    // Far from 1970 a time in seconds has digits enough for microseconds only; the difference has more.
    let x: Vec<f64> = series.moments.iter().map(|m| (m.nanoseconds - first.nanoseconds) as f64 / 1e9).collect();
    let x_axis = time_axis(&x, seconds[0]);
    let v = series.names.len();
    let mut charts = Vec::new();
    for (j, name) in series.names.iter().enumerate().take(MOST_COLUMNS) {
        let values: Vec<f64> = series.values.iter().skip(j).step_by(v).copied().collect();
        let chart = SeriesChart::new(&x, &values, &x_axis, name, &scores.label, page.real, None);
        charts.push(chart.draw(&format!("value-{j}"))?);
    }
    let threshold = page.detector.threshold();
    let chart =
        SeriesChart::new(&x, &scores.score, &x_axis, "anomaly score", &scores.label, page.real, Some(threshold));
    charts.push(chart.draw("score-chart")?);
    let (flagged, left_out) = found_ranges(page);
    Ok(SeriesPanel {
        charts,
        rows: count(n, "timestamp"),
        window: page.detector.spec().window,
        credited: match page.detector.spec().credit {
            Credit::Window => "their whole scores",
            Credit::Part => "its own part in their scores",
            Credit::Both => "four fifths of their whole scores and a fifth of its own part in them",
        },
        flagged,
        left_out,
        has_labels: page.real.is_some(),
        columns_left_out: v.saturating_sub(MOST_COLUMNS),
        threshold: significant(threshold, 4),
        rule: page.detector.threshold_rule().to_string(),
    }
    .render()?)
}

/// The ranges flagged, the highest score first, and how many more there are than the page lists.
fn found_ranges(page: &SeriesPage<'_>) -> (Vec<FoundRange>, usize) {
    let (series, scores) = (page.series, page.scores);
    let mut found: Vec<(f64, std::ops::Range<usize>)> = ranges(&scores.label)
        .into_iter()
        .map(|range| (scores.score[range.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max), range))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    let left_out = found.len().saturating_sub(MOST_RANGES);
    let flagged = found.into_iter().take(MOST_RANGES).map(|(highest, range)| FoundRange {
        from: series.stamps[range.start].clone(),
        to: series.stamps[range.end - 1].clone(),
        cells: [
            grouped(range.len()),
            significant(highest, 4),
            // Digits enough to tell the rarest apart.
            format!("{:.4}", scores.probability[range.clone()].iter().copied().fold(0.0, f64::max)),
        ],
        is_real: match page.real {
            Some(real) if real[range.clone()].contains(&true) => "yes",
            Some(_) => "no",
            None => "",
        },
    });
    (flagged.collect(), left_out)
}

/// One chart over time.
struct SeriesChart<'a> {
    x: &'a [f64],
    values: &'a [f64],
    x_axis: &'a Axis,
    y_axis: Axis,
    title: &'a str,
    flagged: &'a [bool],
    real: Option<&'a [bool]>,
    threshold: Option<f64>,
}

impl<'a> SeriesChart<'a> {
    fn new(
        x: &'a [f64],
        values: &'a [f64],
        x_axis: &'a Axis,
        title: &'a str,
        flagged: &'a [bool],
        real: Option<&'a [bool]>,
        threshold: Option<f64>,
    ) -> Self {
        let (low, high) = super::chart::range(values.iter().copied().chain(threshold));
        SeriesChart { x, values, x_axis, y_axis: Axis::linear(low, high, 4), title, flagged, real, threshold }
    }

    fn frame(&self) -> PlotArea {
        PlotArea {
            left: f64::max(widest_label(&self.y_axis), 40.0) + 14.0,
            top: 30.0,
            right: WIDTH - 12.0,
            bottom: HEIGHT - 42.0,
        }
    }

    fn draw(&self, id: &str) -> Result<String, FigureError> {
        let body = draw_inline(self, WIDTH, HEIGHT)?;
        let (width, height) = (WIDTH * INLINE_UNIT, HEIGHT * INLINE_UNIT);
        let flagged = self.flagged.iter().filter(|label| **label).count();
        let described = format!("{} over time, {} marked.", self.title, count(flagged, "timestamp"));
        Ok(Drawn { id, title: self.title, described, width, height, body }.render()?)
    }

    /// A strip from `top` over the time of each range of `labels`.
    fn strips<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        frame: &PlotArea,
        labels: &[bool],
        top: f64,
        colour: crate::colour::Rgb,
    ) -> Result<(), FigureError> {
        let place =
            |i: usize| self.x_axis.place(self.x[i]).map(|share| frame.left + share * (frame.right - frame.left));
        let mut last: Option<(f64, f64)> = None;
        let mut strips = Vec::new();
        for range in ranges(labels) {
            let (Some(left), Some(right)) = (place(range.start), place(range.end - 1)) else { continue };
            let right = right.max(left + LEAST_MARK);
            // Marks that touch are one: a page of many small ranges stays small.
            match &mut last {
                Some((_, end)) if left <= *end => *end = end.max(right),
                _ => strips.extend(last.replace((left, right))),
            }
        }
        strips.extend(last);
        strips.into_iter().try_for_each(|(left, right)| page.rectangle(left, top, right, top + STRIP, colour))
    }
}

#[derive(Template)]
#[template(
    source = "<figure class=\"chart wide\">\n<svg viewBox=\"0 0 {{ width }} {{ height }}\" role=\"img\" aria-labelledby=\"{{ id }}-t {{ id }}-d\">\n<title id=\"{{ id }}-t\">{{ title }}</title><desc id=\"{{ id }}-d\">{{ described }}</desc>\n{{ body|safe }}\n</svg>\n</figure>",
    ext = "html"
)]
struct Drawn<'a> {
    id: &'a str,
    title: &'a str,
    described: String,
    width: f64,
    height: f64,
    body: String,
}

impl Figure for SeriesChart<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let frame = self.frame();
        draw_axes(page, &frame, self.x_axis, &self.y_axis)?;
        self.strips(page, &frame, self.flagged, frame.bottom - STRIP, VERMILION)?;
        if let Some(real) = self.real {
            self.strips(page, &frame, real, frame.top, GREEN)?;
        }
        let axes = (self.x_axis, &self.y_axis);
        // Points of one half point of width are drawn as their lowest and highest: no spike is lost.
        let whole = Curve { name: self.title, values: self.values, colour: BLUE, stroke: Stroke::Solid };
        draw_curve(page, &frame, axes, self.x, &whole)?;
        let flagged: Vec<f64> = self
            .values
            .iter()
            .zip(self.flagged)
            .map(|(value, flagged)| if *flagged { *value } else { f64::NAN })
            .collect();
        let flagged = Curve { name: "flagged", values: &flagged, colour: VERMILION, stroke: Stroke::Solid };
        draw_curve(page, &frame, axes, self.x, &flagged)?;
        if let (Some(threshold), [first, .., last]) = (self.threshold, self.x) {
            // Points enough that none is marked with a disc.
            let positions: Vec<f64> = (0..=60).map(|i| first + (last - first) * f64::from(i) / 60.0).collect();
            let values = vec![threshold; positions.len()];
            let curve = Curve { name: "threshold", values: &values, colour: VERMILION, stroke: Stroke::Dashed };
            draw_curve(page, &frame, axes, &positions, &curve)?;
        }
        draw_x_labels(page, &frame, self.x_axis, "")?;
        page.write(self.title, &plain(2.0, frame.top - 14.0, BODY, Align::Left))
    }
}

/// Steps between ticks, seconds; and whether a tick is written as a date.
const STEPS: [(f64, bool); 18] = [
    (1.0, false),
    (5.0, false),
    (15.0, false),
    (60.0, false),
    (300.0, false),
    (900.0, false),
    (3600.0, false),
    (10_800.0, false),
    (21_600.0, false),
    (43_200.0, false),
    (86_400.0, true),
    (172_800.0, true),
    (604_800.0, true),
    (1_209_600.0, true),
    (2_592_000.0, true),
    (7_776_000.0, true),
    (31_536_000.0, true),
    (315_360_000.0, true),
];
const ABOUT: f64 = 7.0;

/// An axis of seconds after `start`, which is in seconds since 1970, with ticks at round times.
fn time_axis(x: &[f64], start: f64) -> Axis {
    let (low, high) = super::chart::range(x.iter().copied());
    let mut axis = Axis::linear(low, high, ABOUT as usize);
    let wanted = (high - low) / ABOUT;
    let step = STEPS.into_iter().find(|(step, _)| *step >= wanted);
    // Below a second, and beyond what a calendar shows well, the seconds themselves are the best labels.
    let Some((step, is_date)) = step.filter(|_| wanted > 0.1) else { return axis };
    let first = ((start + low) / step).ceil();
    axis.ticks = (0..=(2.0 * ABOUT) as i64)
        .map(|i| (first + i as f64) * step)
        .take_while(|at| *at <= start + high)
        .map(|at| Tick { value: at - start, label: Some(time_label(at, step, is_date)) })
        .collect();
    axis
}

fn time_label(at: f64, step: f64, is_date: bool) -> String {
    let text = Unit::Second.text(at as i64, false);
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    if is_date {
        return date.to_owned();
    }
    let day = date.get(date.len().saturating_sub(5)..).unwrap_or_default();
    let length = if step < 60.0 { 8 } else { 5 };
    format!("{day} {}", time.get(..length).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_times() {
        let start = 1_392_388_200.0; // 2014-02-14T14:30
        let labels = |x: &[f64]| -> Vec<String> {
            time_axis(x, start).ticks.into_iter().filter_map(|tick| tick.label).collect()
        };
        assert_eq!(labels(&[0.0, 4.0 * 86_400.0]), ["2014-02-15", "2014-02-16", "2014-02-17", "2014-02-18"]);
        assert_eq!(labels(&[0.0, 3600.0 * 6.0])[..2], ["02-14 15:00", "02-14 16:00"]);
        assert_eq!(labels(&[0.0, 20.0])[..2], ["02-14 14:30:00", "02-14 14:30:05"]);
        for x in [&[0.0][..], &[0.0, 1e-6], &[0.0, 1e15]] {
            assert!(time_axis(x, start).ticks.len() < 30, "{x:?}");
        }
    }
}
