//! Curves over time, one panel above the other, with the rows marked and the gaps between them.

use std::collections::BTreeSet;
use std::ops::Range;

use askama::Template;
use plotters::backend::DrawingBackend;

use super::super::chart::range;
use super::super::number::count;
use super::gaps::Gap;
use super::ruler::Ruler;
use crate::axis::Axis;
use crate::colour::{BLUE, GREEN, Rgb, VERMILION};
use crate::error::FigureError;
use crate::page::{Align, Figure, INLINE_UNIT, Page, draw_inline};
use crate::panel::{BODY, Curve, PlotArea, SMALL, Stroke, draw_axes, draw_curve, plain, widest_label};
use crate::typeface::{fitted, text_width};

/// Room for a panel's title, and for the labels under the last panel, in points.
const ABOVE: f64 = 30.0;
const BELOW: f64 = 42.0;
/// Height of the strips that mark ranges, and the least width of a mark.
const STRIP: f64 = 6.0;
const LEAST_MARK: f64 = 1.5;
/// Ranges narrower than this get a disc of this radius at their peak; of those whose discs would lie on each other, the
/// one with the highest score does.
const NARROW: f64 = 4.0;
const DISC: f64 = 3.4;
/// Least width of a gap's band, and the least room between two: closer gaps share a band.
const LEAST_BAND: f64 = 2.0;
const BETWEEN_BANDS: f64 = 3.0;
/// What a band over marked rows reaches beyond them.
const AROUND: f64 = 2.0;

/// Rows marked, and the one that a disc stands on.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) rows: Range<usize>,
    pub(super) peak: usize,
}

/// One curve with its axis.
pub(super) struct Panel<'a> {
    title: &'a str,
    values: &'a [f64],
    y_axis: Axis,
    /// Ranges of rows, the highest score first.
    marks: Vec<Mark>,
    threshold: Option<f64>,
}

impl<'a> Panel<'a> {
    /// The score: discs stand where it is highest.
    pub(super) fn of_score(values: &'a [f64], threshold: f64, marks: Vec<Mark>, ticks: usize) -> Self {
        let (low, high) = range(values.iter().copied().chain([threshold]));
        let y_axis = Axis::linear(low, high, ticks);
        Panel { title: "anomaly score", values, y_axis, marks, threshold: Some(threshold) }
    }

    /// A value column: discs stand on the value farthest from the middle one of a range.
    pub(super) fn of_column(title: &'a str, values: &'a [f64], mut marks: Vec<Mark>, ticks: usize) -> Self {
        let (low, high) = range(values.iter().copied());
        marks.iter_mut().for_each(|mark| mark.peak = farthest(values, &mark.rows));
        Panel { title, values, y_axis: Axis::linear(low, high, ticks), marks, threshold: None }
    }
}

/// The row whose value is farthest from the median of `rows`, the first of several.
fn farthest(values: &[f64], rows: &Range<usize>) -> usize {
    let mut sorted = values[rows.clone()].to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let away = |row: &usize| (values[*row] - median).abs();
    rows.clone().max_by(|a, b| away(a).total_cmp(&away(b)).then(b.cmp(a))).unwrap_or(rows.start)
}

/// The room that the labels of the vertical axes take.
pub(super) fn margin<'a>(panels: impl IntoIterator<Item = &'a Panel<'a>>) -> f64 {
    panels.into_iter().map(|panel| widest_label(&panel.y_axis)).fold(40.0, f64::max) + 14.0
}

/// Panels one above the other, over the same rows.
pub(super) struct Sheet<'a> {
    pub(super) panels: Vec<Panel<'a>>,
    pub(super) x: &'a [f64],
    pub(super) ruler: &'a Ruler,
    /// In the order of time.
    pub(super) gaps: &'a [Gap],
    /// Rows that are anomalies by their labels.
    pub(super) real: Option<&'a [bool]>,
    pub(super) width: f64,
    /// Height of a panel's frame.
    pub(super) height: f64,
    /// Where the frames begin: [`margin`].
    pub(super) left: f64,
    /// Of a few rows seen closely, those that the picture is of: a band lies behind them, and a disc on the score's peak.
    pub(super) close: Option<Range<usize>>,
}

/// Something behind the curves, with what a reader is told who points at it. In view box units.
struct Band {
    class: &'static str,
    left: i64,
    top: i64,
    width: i64,
    height: i64,
    told: String,
}

#[derive(Template)]
#[template(
    source = "<svg viewBox=\"0 0 {{ width }} {{ height }}\" role=\"img\" aria-labelledby=\"{{ id }}-t {{ id }}-d\">\n<title id=\"{{ id }}-t\">{{ title }}</title><desc id=\"{{ id }}-d\">{{ described }}</desc>\n{% for b in bands %}<rect class=\"{{ b.class }}\" x=\"{{ b.left }}\" y=\"{{ b.top }}\" width=\"{{ b.width }}\" height=\"{{ b.height }}\">{% if !b.told.is_empty() %}<title>{{ b.told }}</title>{% endif %}</rect>\n{% endfor %}{{ body|safe }}\n</svg>",
    ext = "html"
)]
struct Drawn<'a> {
    id: &'a str,
    title: &'a str,
    described: String,
    width: f64,
    height: f64,
    bands: Vec<Band>,
    body: String,
}

impl Sheet<'_> {
    /// The sheet as markup; `id` is unique on the page.
    pub(super) fn draw(&self, id: &str, title: &str) -> Result<String, FigureError> {
        let height = self.panels.len() as f64 * (ABOVE + self.height) + BELOW;
        let body = draw_inline(self, self.width, height)?;
        let marked: BTreeSet<(usize, usize)> =
            self.panels.iter().flat_map(|p| &p.marks).map(|mark| (mark.rows.start, mark.rows.end)).collect();
        let gaps = if self.gaps.is_empty() { String::new() } else { format!(", {}", count(self.gaps.len(), "gap")) };
        let described = format!("{title} over time, {} marked{gaps}.", count(marked.len(), "range"));
        let (width, height) = (self.width * INLINE_UNIT, height * INLINE_UNIT);
        Ok(Drawn { id, title, described, width, height, bands: self.bands(), body }.render()?)
    }

    fn frame(&self, panel: usize) -> PlotArea {
        let top = ABOVE + panel as f64 * (ABOVE + self.height);
        PlotArea { left: self.left, top, right: self.width - 12.0, bottom: top + self.height }
    }

    fn place(&self, row: usize) -> Option<f64> {
        self.ruler.place(&self.frame(0), self.x[row])
    }

    /// Bands of gaps, and of the rows seen closely.
    fn bands(&self) -> Vec<Band> {
        let gaps = self.gap_bands();
        let mut bands = Vec::new();
        for i in 0..self.panels.len() {
            let frame = self.frame(i);
            let units = |points: f64| (points * INLINE_UNIT).round() as i64;
            let band = |class, (left, right): (f64, f64), told| Band {
                class,
                left: units(left),
                top: units(frame.top),
                width: units(right) - units(left),
                height: units(frame.bottom) - units(frame.top),
                told,
            };
            bands.extend(gaps.iter().map(|(ends, _, told)| band("gap", *ends, told.clone())));
            let close = self.close.iter().filter_map(|rows| self.ends(rows));
            bands.extend(close.map(|(left, right)| band("hit", (left - AROUND, right + AROUND), String::new())));
        }
        bands
    }

    /// Both ends of some rows on the sheet.
    fn ends(&self, rows: &Range<usize>) -> Option<(f64, f64)> {
        let (a, b) = (self.place(rows.start)?, self.place(rows.end - 1)?);
        Some((a.min(b), a.max(b)))
    }

    /// The ends of each band on the sheet, how many steps are missing, and the words.
    fn gap_bands(&self) -> Vec<((f64, f64), usize, String)> {
        let mut bands: Vec<((f64, f64), Vec<&Gap>)> = Vec::new();
        for gap in self.gaps {
            let Some((left, right)) = self.ends(&(gap.before..gap.before + 2)) else { continue };
            let spare = f64::max(LEAST_BAND - (right - left), 0.0) / 2.0;
            let (left, right) = (left - spare, right + spare);
            match bands.last_mut() {
                Some(((_, end), gaps)) if left < *end + BETWEEN_BANDS => {
                    *end = end.max(right);
                    gaps.push(gap);
                }
                _ => bands.push(((left, right), vec![gap])),
            }
        }
        let told = |(ends, gaps): ((f64, f64), Vec<&Gap>)| {
            let missing = gaps.iter().map(|gap| gap.missing).sum();
            let words = match gaps.as_slice() {
                [gap] => gap.in_words(),
                [first, .., last] => format!(
                    "{} between {} and {}: {} missing",
                    count(gaps.len(), "gap"),
                    first.from,
                    last.to,
                    count(missing, "step")
                ),
                [] => String::new(),
            };
            (ends, missing, words)
        };
        bands.into_iter().map(told).collect()
    }

    /// What is missing, in the bands that have room for it.
    fn write_gaps<DB: DrawingBackend>(&self, page: &mut Page<DB>, frame: &PlotArea) -> Result<(), FigureError> {
        for ((left, right), missing, _) in self.gap_bands() {
            let texts = [format!("{} missing", count(missing, "step")), "gap".to_owned()];
            if let Some(text) = texts.iter().find(|text| text_width(text, SMALL) + 8.0 < right - left) {
                let y = frame.top + STRIP + SMALL + 4.0;
                page.write(text, &plain((left + right) / 2.0, y, SMALL, Align::Centre))?;
            }
        }
        Ok(())
    }

    /// A strip from `top` over each range of rows; the ranges must ascend.
    fn strips<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        ranges: impl Iterator<Item = Range<usize>>,
        top: f64,
        colour: Rgb,
    ) -> Result<(), FigureError> {
        let mut last: Option<(f64, f64)> = None;
        let mut strips = Vec::new();
        for (left, right) in ranges.filter_map(|range| self.ends(&range)) {
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

    /// Draws a curve that is broken at every gap.
    fn curve<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        (frame, y_axis): (&PlotArea, &Axis),
        values: &[f64],
        colour: Rgb,
    ) -> Result<(), FigureError> {
        let (mut positions, mut broken) = (Vec::new(), Vec::new());
        let mut from = 0;
        for gap in self.gaps {
            positions.extend_from_slice(&self.x[from..=gap.before]);
            broken.extend_from_slice(&values[from..=gap.before]);
            positions.push(f64::NAN);
            broken.push(f64::NAN);
            from = gap.before + 1;
        }
        positions.extend_from_slice(&self.x[from..]);
        broken.extend_from_slice(&values[from..]);
        let curve = Curve { name: "", values: &broken, colour, stroke: Stroke::Solid };
        draw_curve(page, frame, (&self.ruler.axis, y_axis), &positions, &curve)
    }

    fn draw_panel<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        frame: &PlotArea,
        panel: &Panel<'_>,
    ) -> Result<(), FigureError> {
        let axes = (&self.ruler.axis, &panel.y_axis);
        draw_axes(page, frame, axes.0, axes.1)?;
        if self.close.is_none() {
            let mut marked: Vec<Range<usize>> = panel.marks.iter().map(|mark| mark.rows.clone()).collect();
            marked.sort_by_key(|rows| rows.start);
            self.strips(page, marked.into_iter(), frame.bottom - STRIP, VERMILION)?;
        }
        if let Some(real) = self.real {
            let labelled = contractive_anomaly::series::metrics::ranges(real);
            self.strips(page, labelled.into_iter(), frame.top, GREEN)?;
        }
        self.write_gaps(page, frame)?;
        self.curve(page, (frame, &panel.y_axis), panel.values, BLUE)?;
        self.draw_marks(page, frame, panel)?;
        if let (Some(threshold), [first, .., last]) = (panel.threshold, self.x) {
            // Points enough that none is marked with a disc.
            let positions: Vec<f64> = (0..=60).map(|i| first + (last - first) * f64::from(i) / 60.0).collect();
            let values = vec![threshold; positions.len()];
            let curve = Curve { name: "threshold", values: &values, colour: VERMILION, stroke: Stroke::Dashed };
            draw_curve(page, frame, axes, &positions, &curve)?;
        }
        let title = fitted(panel.title, BODY, self.width - 4.0);
        page.write(&title, &plain(2.0, frame.top - 12.0, BODY, Align::Left))
    }

    /// Marked rows in a colour of their own; discs where they are too narrow to be seen.
    fn draw_marks<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        frame: &PlotArea,
        panel: &Panel<'_>,
    ) -> Result<(), FigureError> {
        let mut marked = vec![f64::NAN; self.x.len()];
        let mut discs = Vec::new();
        let mut taken = BTreeSet::new();
        for mark in &panel.marks {
            let Some((left, right)) = self.ends(&mark.rows) else { continue };
            let is_wide = right - left >= NARROW;
            if is_wide {
                marked[mark.rows.clone()].copy_from_slice(&panel.values[mark.rows.clone()]);
            }
            let has_disc = !is_wide || (panel.threshold.is_some() && self.close.as_ref() == Some(&mark.rows));
            let place = self.place(mark.peak).zip(panel.y_axis.place(panel.values[mark.peak]));
            if let Some((x, share)) = place.filter(|(x, _)| has_disc && taken.insert((x / DISC).floor() as i64)) {
                discs.push((x, frame.bottom - share * (frame.bottom - frame.top)));
            }
        }
        self.curve(page, (frame, &panel.y_axis), &marked, VERMILION)?;
        discs.into_iter().try_for_each(|place| page.disc(place, DISC, VERMILION))
    }
}

impl Figure for Sheet<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        for (i, panel) in self.panels.iter().enumerate() {
            self.draw_panel(page, &self.frame(i), panel)?;
        }
        match self.panels.len().checked_sub(1) {
            Some(last) => self.ruler.draw(page, &self.frame(last), self.width),
            None => Ok(()),
        }
    }
}
