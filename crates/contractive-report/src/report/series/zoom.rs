//! The highest ranges seen closely: the columns at fault and the score, with a window of rows before and after.

use std::ops::Range;

use contractive_anomaly::series::FlaggedRange;

use super::chart::{Mark, Panel, Sheet, margin};
use super::gaps::Gap;
use super::ruler::Ruler;
use super::shown::Shown;
use crate::error::FigureError;

/// Ranges drawn at most, and columns of each.
pub(super) const MOST: usize = 8;
pub(super) const MOST_COLUMNS: usize = 3;
/// Width of a picture and height of its frames in points: read on a phone, it is shown at about its own size.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 84.0;
/// Ticks of the horizontal axis, about, and of the vertical ones.
const TICKS: (usize, usize) = (4, 3);

/// The highest ranges, each as markup.
pub(super) fn pictures(shown: &Shown<'_>) -> Result<Vec<String>, FigureError> {
    shown.ranges.iter().take(MOST).enumerate().map(|(i, range)| picture(shown, i + 1, range)).collect()
}

fn picture(shown: &Shown<'_>, number: usize, range: &FlaggedRange) -> Result<String, FigureError> {
    let rows = around(shown, range);
    let mut columns = shown.at_fault(range);
    columns.truncate(MOST_COLUMNS);
    let values: Vec<(usize, Vec<f64>)> = columns.iter().map(|(j, _)| (*j, shown.column(*j))).collect();
    let marks = |marks_it: &dyn Fn(&FlaggedRange) -> bool| -> Vec<Mark> {
        let here = shown.ranges.iter().filter(|r| r.first < rows.end && r.last >= rows.start && marks_it(r));
        here.map(|r| within(r, &rows)).collect()
    };
    let mut panels = Vec::new();
    for (j, values) in &values {
        let marks = marks(&|r| shown.is_marked_in(r, *j));
        panels.push(Panel::of_column(&shown.series.names[*j], &values[rows.clone()], marks, TICKS.1));
    }
    let threshold = shown.detector.threshold();
    panels.push(Panel::of_score(&shown.scores.score[rows.clone()], threshold, marks(&|_| true), TICKS.1));
    let gaps: Vec<Gap> = shown.gaps.iter().filter_map(|gap| gap_within(gap, &rows)).collect();
    let x = &shown.x[rows.clone()];
    let sheet = Sheet {
        left: margin(&panels),
        panels,
        x,
        ruler: &Ruler::new(x, shown.start, TICKS.0),
        gaps: &gaps,
        real: shown.real.as_ref().map(|real| &real[rows.clone()]),
        width: WIDTH,
        height: HEIGHT,
        close: Some(within(range, &rows).rows),
    };
    sheet.draw(&format!("zoom-{number}"), &format!("Range {number}"))
}

/// The rows of a range with a window of rows on either side, which ends at gaps longer than it.
fn around(shown: &Shown<'_>, range: &FlaggedRange) -> Range<usize> {
    let window = shown.detector.spec().window;
    let is_open = |before: &usize| {
        let gap = shown.gaps.binary_search_by_key(before, |gap| gap.before);
        gap.is_ok_and(|place| shown.gaps[place].missing > window)
    };
    let lowest = range.first.saturating_sub(window);
    let highest = (range.last + window).min(shown.x.len() - 1);
    let first = (lowest..range.first).rev().find(is_open).map_or(lowest, |before| before + 1);
    let last = (range.last..highest).find(is_open).unwrap_or(highest);
    first..last + 1
}

/// What of a range lies in `rows`, counted from their first.
fn within(range: &FlaggedRange, rows: &Range<usize>) -> Mark {
    let (first, last) = (range.first.max(rows.start), range.last.min(rows.end - 1));
    Mark { rows: first - rows.start..last + 1 - rows.start, peak: range.peak.clamp(first, last) - rows.start }
}

fn gap_within(gap: &Gap, rows: &Range<usize>) -> Option<Gap> {
    let is_within = gap.before >= rows.start && gap.before + 1 < rows.end;
    is_within.then(|| Gap { before: gap.before - rows.start, ..gap.clone() })
}
