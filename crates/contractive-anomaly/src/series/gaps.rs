//! Rows that are missing in a series, by its timestamps: windows do not reach over them.
//!
//! A row that comes more than 1.5 steps after the one above leaves a gap.
//!
//! | missing steps | what windows see |
//! |---|---|
//! | up to a tenth of a window | rows on a straight line between both sides, which have no score of their own: the rows after the gap keep their place within a day or a week |
//! | more | the end of a stretch: no window holds rows of both sides |
//! | more, but the stretch so far is shorter than a window | no end: it goes on, and windows reach over this gap |
//!
//! The last stretch may be shorter than a window: its rows are then scored by windows that reach back into the stretch
//! before it. So every timestamp has a score, and a row's windows do not depend on rows that come a window later.

use super::spec::{Gaps, SeriesSpec};
use super::table::{Series, Track};
use super::time::{Moment, Pace, is_gap, missing_steps};

/// Rows a window for every step of a gap that is filled.
const WINDOW_A_FILLED_STEP: usize = 10;
/// Of so many rows one may come unevenly, and the series still keeps a pace.
const ROWS_AN_ODD_STEP: u64 = 20;

impl Gaps {
    /// What suits a series of `rows` rows that come with `pace`: of one without a pace, such as events, every other row
    /// would leave a gap.
    pub fn of(pace: &Pace, rows: usize) -> Gaps {
        let odd = pace.gaps.count + pace.irregular.count;
        if odd * ROWS_AN_ODD_STEP <= rows as u64 { Gaps::Part } else { Gaps::Span }
    }
}

/// The most missing steps of a gap that is filled, of windows of `window` rows.
pub fn most_filled_steps(window: usize) -> usize {
    window / WINDOW_A_FILLED_STEP
}

/// What comes before a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// The row above.
    Row,
    /// So many missing rows, few enough to be filled.
    Filled(usize),
    /// More.
    Gap,
}

/// Watches the times between rows for gaps.
#[derive(Debug, Clone)]
pub(super) struct GapWatch {
    /// `None` where there are no gaps to look for.
    step: Option<i128>,
    most_filled: usize,
    last: Option<Moment>,
}

impl GapWatch {
    pub(super) fn new(gaps: Gaps, step: Option<i128>, window: usize) -> Self {
        let step = step.filter(|_| gaps == Gaps::Part);
        GapWatch { step, most_filled: most_filled_steps(window), last: None }
    }

    /// What comes before the next row, that of `now`.
    pub(super) fn see(&mut self, now: Moment) -> Before {
        let later = self.last.replace(now).map(|last| now.nanoseconds - last.nanoseconds);
        match (self.step, later) {
            (Some(step), Some(later)) if is_gap(later, step) => match missing_steps(later, step) {
                missing if missing <= self.most_filled as u64 => Before::Filled(missing as usize),
                _ => Before::Gap,
            },
            _ => Before::Row,
        }
    }
}

impl Series {
    /// The windows of `spec` that its series have.
    pub fn n_windows(&self, spec: &SeriesSpec) -> usize {
        let v = self.names.len();
        let watch = GapWatch::new(spec.gaps, self.step(), spec.window);
        let of = |track: &Track| -> usize {
            stretches(self, track, watch.clone(), spec.window)
                .iter()
                .map(|stretch| spec.starts(stretch.len() / v).len())
                .sum()
        };
        self.tracks.iter().map(of).sum::<usize>()
    }
}

/// The `n` rows on a straight line between two.
pub(super) fn between(before: &[f64], after: &[f64], n: usize) -> Vec<f64> {
    let row = |i: usize| {
        let share = i as f64 / (n + 1) as f64;
        // Each by itself: a difference may be too large for f64.
        before.iter().zip(after).map(move |(a, b)| a * (1.0 - share) + b * share)
    };
    (1..=n).flat_map(row).collect()
}

/// The stretches of a track, row-major, short gaps filled; the last one is left out where it is shorter than `window`.
pub(super) fn stretches(series: &Series, track: &Track, mut watch: GapWatch, window: usize) -> Vec<Vec<f64>> {
    let v = series.names.len();
    let mut all: Vec<Vec<f64>> = Vec::new();
    let mut current: Vec<f64> = Vec::new();
    for &row in &track.rows {
        let values = &series.values[row * v..][..v];
        match watch.see(series.moments[row]) {
            Before::Filled(n) => {
                let filled = between(&current[current.len() - v..], values, n);
                current.extend(filled);
            }
            Before::Gap if current.len() >= window * v => all.push(std::mem::take(&mut current)),
            Before::Gap | Before::Row => {}
        }
        current.extend_from_slice(values);
    }
    all.push(current);
    all.retain(|stretch| stretch.len() >= window * v);
    all
}
