//! Scores of timestamps from the windows that cover them, as rows come in.
//!
//! A window w has the score S(w), and each of its numbers a part c in it (the detector's contributions, which add up to
//! S(w)). By [`Credit`], row t of the window, with its v values, takes
//!
//! ```text
//! window:  a(w, t) = S(w)
//! part:    a(w, t) = W · Σ_v c(w, t, v),    so that the mean of a(w, ·) over the window's W rows is S(w)
//! both:    four fifths of the first and a fifth of the second; of the plane, whose parts are those of spans, the second
//! ```
//!
//! The score of a timestamp is the mean of a(w, t) over the windows that cover it, on the scale of the windows' scores.

use std::collections::VecDeque;

use super::error::SeriesError;
use super::spec::Credit;
use super::windows::{WindowScorer, window_into};

/// Windows scored at a time: bounds the memory, changes nothing else.
const BATCH: usize = 1024;

/// The share of its own part in what a row takes by [`Credit::Both`].
const OWN: f64 = 0.2;

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowScore {
    /// The row, from 0.
    pub row: u64,
    /// Its score, higher is more anomalous.
    pub score: f64,
}

/// Takes the rows of a series one after the other, and gives the score of each as soon as all windows that cover it are
/// whole. However the rows are split over the calls, the scores are the same to the bit.
#[derive(Debug, Clone)]
pub struct Follower<'a> {
    scorer: WindowScorer<'a>,
    what: String,
    threads: usize,
    /// Rows so far.
    rows: usize,
    /// Where the next regular window begins.
    next: usize,
    /// The rows from `kept_from` on.
    values: Vec<f64>,
    kept_from: usize,
    /// Rows from `done` on: sums over the windows so far, and how many those are.
    sums: VecDeque<(f64, u32)>,
    done: usize,
}

impl<'a> Follower<'a> {
    pub(super) fn new(scorer: WindowScorer<'a>, what: &str, threads: usize) -> Self {
        Follower {
            scorer,
            what: what.to_owned(),
            threads,
            rows: 0,
            next: 0,
            values: vec![],
            kept_from: 0,
            sums: VecDeque::new(),
            done: 0,
        }
    }

    /// Rows taken so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes more rows, row-major with one number a value column, and gives the scores that are final now.
    ///
    /// # Errors
    /// [`SeriesError::Setting`] where the numbers do not fill whole rows; the detector's own errors.
    pub fn push(&mut self, values: &[f64]) -> Result<Vec<RowScore>, SeriesError> {
        let spec = self.scorer.spec;
        let v = spec.values.len();
        if !values.len().is_multiple_of(v) {
            let must_be = format!("whole rows of {v} values");
            return Err(SeriesError::Setting { name: "rows", must_be, got: format!("{} values", values.len()) });
        }
        self.values.extend_from_slice(values);
        self.rows += values.len() / v;
        self.sums.resize(self.rows - self.done, (0.0, 0));
        let (window, stride) = (spec.window, spec.stride);
        let mut starts = Vec::new();
        while self.next + window <= self.rows {
            starts.push(self.next);
            self.next += stride;
        }
        self.add(&starts)?;
        // A last window that is moved back to the end begins after the last regular one, at its next row at the soonest.
        let is_final = if self.next == 0 { 0 } else { self.next - stride + 1 };
        Ok(self.give(is_final))
    }

    /// Ends the series, and gives the scores of its last rows.
    ///
    /// # Errors
    /// [`SeriesError::TooShort`] where there was not one window.
    pub fn finish(mut self) -> Result<Vec<RowScore>, SeriesError> {
        let window = self.scorer.spec.window;
        let Some(last) = self.rows.checked_sub(window) else {
            return Err(SeriesError::TooShort { what: self.what, got: self.rows as u64, window });
        };
        // Else the last regular window ends at the last row.
        if last + self.scorer.spec.stride != self.next {
            self.add(&[last])?;
        }
        Ok(self.give(self.rows))
    }

    /// Scores of rows that are not final yet, from the windows so far; rows in no window yet are left out.
    pub fn provisional(&self) -> impl Iterator<Item = RowScore> + '_ {
        let rows = self.sums.iter().enumerate().filter(|(_, (_, n))| *n > 0);
        rows.map(|(i, sum)| RowScore { row: (self.done + i) as u64, score: mean(*sum) })
    }

    fn give(&mut self, end: usize) -> Vec<RowScore> {
        let end = end.max(self.done);
        let done = self.done;
        let scores = self
            .sums
            .drain(..end - done)
            .enumerate()
            .map(|(i, sum)| RowScore { row: (done + i) as u64, score: mean(sum) });
        let scores = scores.collect();
        self.done = end;
        // The last window of all may begin anywhere after the last regular one.
        let keep = self.next.saturating_sub(self.scorer.spec.stride).min(self.done);
        if keep > self.kept_from + BATCH {
            self.values.drain(..(keep - self.kept_from) * self.scorer.spec.values.len());
            self.kept_from = keep;
        }
        scores
    }

    fn add(&mut self, starts: &[usize]) -> Result<(), SeriesError> {
        let spec = self.scorer.spec;
        let (window, v) = (spec.window, spec.values.len());
        for starts in starts.chunks(BATCH) {
            let mut numbers = Vec::with_capacity(starts.len() * spec.n_features());
            for &start in starts {
                let rows = &self.values[(start - self.kept_from) * v..][..window * v];
                window_into(rows, v, spec.normalise, self.scorer.scales, &mut numbers);
            }
            let scores = self.scorer.score(&self.what, numbers, self.threads)?;
            for (i, &start) in starts.iter().enumerate() {
                let (parts, local) = (scores.contributions_of(i), scores.local_of(i));
                let of_window = scores.score[i] - local.map_or(0.0, |local| local.iter().sum());
                for (t, (sum, n)) in self.sums.range_mut(start - self.done..).take(window).enumerate() {
                    let of_row = |parts: &[f64]| window as f64 * parts[t * v..(t + 1) * v].iter().sum::<f64>();
                    let (part, local) = (parts.map(of_row), local.map_or(0.0, of_row));
                    *sum += match (part, spec.credit) {
                        (None, _) => scores.score[i],
                        (Some(part), Credit::Both) => (1.0 - OWN) * of_window + OWN * (part - local) + local,
                        (Some(part), _) => part,
                    };
                    *n += 1;
                }
            }
        }
        Ok(())
    }
}

fn mean((sum, n): (f64, u32)) -> f64 {
    sum / f64::from(n.max(1))
}
