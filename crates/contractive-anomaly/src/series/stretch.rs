//! Scores of the rows of one stretch, rows without a gap between them, from the windows that cover them.
//!
//! A window w has the score S(w), and each of its numbers a part c in it (the detector's contributions, which add up to
//! S(w)). By [`Credit`], row t of the window, with its v values, takes of column j
//!
//! ```text
//! window:  a(w, t, j) = Σ_s c(w, s, j), so that a(w, t) = Σ_j a(w, t, j) = S(w)
//! part:    a(w, t, j) = W · c(w, t, j), so that the mean of a(w, ·) over the window's W rows is S(w)
//! both:    four fifths of the first and a fifth of the second; of the planes, W times the part by spans
//! ```
//!
//! The score of a row is the mean of a(w, t) over the windows that cover it, on the scale of the windows' scores; a
//! column's part in it the mean of a(w, t, j).

use std::collections::VecDeque;
use std::ops::Range;

use super::error::SeriesError;
use super::spec::Credit;
use super::windows::{WindowScorer, window_into};
use crate::detector::Scores;

/// Windows scored at a time: bounds the memory, changes nothing else.
const BATCH: usize = 1024;

/// The share of its own part in what a row takes by [`Credit::Both`].
pub const OWN: f64 = 0.2;

/// Rows that follow each other, taken as they come.
#[derive(Debug, Clone)]
pub(super) struct Stretch<'a> {
    scorer: WindowScorer<'a>,
    threads: usize,
    /// Whether the columns' parts are kept.
    explains: bool,
    /// Rows so far.
    rows: usize,
    /// Where the next regular window begins.
    next: usize,
    /// The rows from `kept_from` on.
    values: Vec<f64>,
    kept_from: usize,
    /// Rows from `done` on: sums over the windows so far.
    sums: VecDeque<Sum>,
    done: usize,
}

/// What the windows so far gave a row.
#[derive(Debug, Clone, Default)]
struct Sum {
    score: f64,
    windows: u32,
    /// By column; empty where they are not kept.
    parts: Vec<f64>,
}

impl Sum {
    fn mean(&self) -> (f64, Vec<f64>) {
        let n = f64::from(self.windows.max(1));
        (self.score / n, self.parts.iter().map(|part| part / n).collect())
    }
}

/// The score of a row, and its columns' parts in it where they are kept.
pub(super) type Scored = (f64, Vec<f64>);

impl<'a> Stretch<'a> {
    pub(super) fn new(scorer: WindowScorer<'a>, threads: usize, explains: bool) -> Self {
        Stretch {
            scorer,
            threads,
            explains,
            rows: 0,
            next: 0,
            values: vec![],
            kept_from: 0,
            sums: VecDeque::new(),
            done: 0,
        }
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row, which no window has seen yet.
    pub(super) fn extend(&mut self, row: &[f64]) {
        self.values.extend_from_slice(row);
        self.rows += 1;
    }

    /// The last row.
    pub(super) fn last_row(&self) -> &[f64] {
        let v = self.scorer.spec.values.len();
        &self.values[self.values.len() - v..]
    }

    /// All rows of a stretch shorter than a window: none of them was let go yet.
    pub(super) fn all_rows(&self) -> &[f64] {
        &self.values
    }

    /// The last rows, fewer by one than a window's: what a window that ends with the next row reaches back to.
    pub(super) fn tail(&self) -> &[f64] {
        let spec = self.scorer.spec;
        let numbers = (spec.window - 1) * spec.values.len();
        &self.values[self.values.len().saturating_sub(numbers)..]
    }

    /// Scores the windows that are whole, and gives the rows that are final by that, in their order.
    ///
    /// Of a window whose score is not finite the error names the row that it begins with, counted from the first that is not
    /// final.
    pub(super) fn advance(&mut self, what: &str) -> Result<Vec<Scored>, SeriesError> {
        self.sums.resize(self.rows - self.done, self.empty());
        let (window, stride) = (self.scorer.spec.window, self.scorer.spec.stride);
        let mut starts = Vec::new();
        while self.next + window <= self.rows {
            starts.push(self.next);
            self.next += stride;
        }
        self.add(what, &starts)?;
        // A last window that is moved back to the end begins after the last regular one, at its next row at the soonest.
        let is_final = if self.next == 0 { 0 } else { self.next - stride + 1 };
        Ok(self.give(is_final))
    }

    /// Ends the stretch, which must have been advanced, and gives its last rows; errors as those of [`Stretch::advance`].
    pub(super) fn finish(&mut self, what: &str) -> Result<Vec<Scored>, SeriesError> {
        let (window, stride) = (self.scorer.spec.window, self.scorer.spec.stride);
        // Else the last regular window ends at the last row.
        if let Some(last) = self.rows.checked_sub(window).filter(|last| last + stride != self.next) {
            self.add(what, &[last])?;
        }
        Ok(self.give(self.rows))
    }

    /// Scores of rows that are not final yet, from the windows so far; rows in no window yet have none.
    pub(super) fn provisional(&self) -> impl Iterator<Item = Option<Scored>> + '_ {
        self.sums.iter().map(|sum| (sum.windows > 0).then(|| sum.mean()))
    }

    fn empty(&self) -> Sum {
        let columns = if self.explains { self.scorer.spec.values.len() } else { 0 };
        Sum { score: 0.0, windows: 0, parts: vec![0.0; columns] }
    }

    fn give(&mut self, end: usize) -> Vec<Scored> {
        let end = end.max(self.done);
        let scored = self.sums.drain(..end - self.done).map(|sum| sum.mean()).collect();
        self.done = end;
        // The last window of all may begin anywhere after the last regular one.
        let keep = self.next.saturating_sub(self.scorer.spec.stride).min(self.done);
        if keep > self.kept_from + BATCH {
            self.values.drain(..(keep - self.kept_from) * self.scorer.spec.values.len());
            self.kept_from = keep;
        }
        scored
    }

    fn add(&mut self, what: &str, starts: &[usize]) -> Result<(), SeriesError> {
        let spec = self.scorer.spec;
        let (window, v) = (spec.window, spec.values.len());
        for starts in starts.chunks(BATCH) {
            let mut numbers = Vec::with_capacity(starts.len() * spec.n_features());
            for &start in starts {
                let rows = &self.values[(start - self.kept_from) * v..][..window * v];
                window_into(rows, v, spec.normalise, self.scorer.scales, &mut numbers);
            }
            let scores = self.scorer.score(what, numbers, self.explains, self.threads);
            let scores = scores.map_err(|e| e.of_whole(|window| starts[window] - self.done))?;
            for (i, &start) in starts.iter().enumerate() {
                self.credit(start, &scores, i);
            }
        }
        Ok(())
    }

    /// Gives the rows of the window that begins at `start` what they take of its score, the `i`-th of `scores`.
    fn credit(&mut self, start: usize, scores: &Scores, i: usize) {
        let (window, credit) = (self.scorer.spec.window, self.scorer.spec.credit);
        let v = self.scorer.spec.values.len();
        let parts = scores.contributions_of(i);
        let (of_planes, by_spans) = scores.of_planes(i).unzip();
        let column = |of: Option<&[f64]>, j: usize| of.map_or(0.0, |of| of.iter().skip(j).step_by(v).sum());
        let n_columns = if self.explains { v } else { 0 };
        let wholes: Vec<Taken> =
            (0..n_columns).map(|j| Taken { all: column(parts, j), of_planes: column(of_planes, j) }).collect();
        let whole = Taken { all: scores.score[i], of_planes: of_planes.map_or(0.0, |of| of.iter().sum()) };
        for (t, sum) in self.sums.range_mut(start - self.done..).take(window).enumerate() {
            // Of some of the row's numbers, as if every row of the window had as much.
            let taken = |whole: &Taken, columns: Range<usize>| {
                let numbers = t * v + columns.start..t * v + columns.end;
                let of =
                    |of: Option<&[f64]>| of.map_or(0.0, |of| window as f64 * of[numbers.clone()].iter().sum::<f64>());
                mixed(whole, &Taken { all: of(parts), of_planes: of(of_planes) }, of(by_spans), credit)
            };
            sum.score += taken(&whole, 0..v);
            sum.windows += 1;
            for (j, (part, whole)) in sum.parts.iter_mut().zip(&wholes).enumerate() {
                *part += taken(whole, j..j + 1);
            }
        }
    }
}

/// What there is of a score, and what of it the planes give.
struct Taken {
    all: f64,
    of_planes: f64,
}

/// What a row takes of a window that has this as a `whole`, where this is the row's `own`, and that its part `by_spans`.
fn mixed(whole: &Taken, own: &Taken, by_spans: f64, credit: Credit) -> f64 {
    match credit {
        Credit::Window => whole.all,
        Credit::Both => (1.0 - OWN) * (whole.all - whole.of_planes) + OWN * (own.all - own.of_planes) + by_spans,
        Credit::Part => own.all,
    }
}
