//! Scores of timestamps, as rows come in: which rows make a stretch, and which row a score is of.

use std::collections::VecDeque;

use super::error::SeriesError;
use super::gaps::{Before, GapWatch, between};
use super::stretch::{Scored, Stretch};
use super::time::Moment;
use super::windows::WindowScorer;

/// A row and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct RowScore {
    /// The row, from 0.
    pub row: u64,
    /// Its score, higher is more anomalous.
    pub score: f64,
    /// The part of each value column in it, where they were asked for: they add up to it, to rounding.
    pub parts: Vec<f64>,
}

/// Takes the rows of a series one after the other, and gives the score of each as soon as all windows that cover it are
/// whole. However the rows are split over the calls, the scores are the same to the bit.
#[derive(Debug, Clone)]
pub struct Follower<'a> {
    scorer: WindowScorer<'a>,
    what: String,
    threads: usize,
    explains: bool,
    watch: GapWatch,
    /// Rows so far, without those that were filled.
    rows: u64,
    stretch: Stretch<'a>,
    /// Of the rows of the stretch that have no final score: which row each is; `None` for one that was filled.
    waiting: VecDeque<Option<u64>>,
    /// The last rows of the stretch before.
    tail: Vec<f64>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(scorer: WindowScorer<'a>, what: &str, watch: GapWatch, threads: usize) -> Self {
        Follower {
            scorer,
            what: what.to_owned(),
            threads,
            explains: false,
            watch,
            rows: 0,
            stretch: Stretch::new(scorer, threads, false),
            waiting: VecDeque::new(),
            tail: Vec::new(),
        }
    }

    /// The same, which tells the columns' parts in the scores too. Must be called before the first row.
    pub fn explaining(mut self) -> Self {
        self.explains = true;
        self.stretch = self.new_stretch();
        self
    }

    fn new_stretch(&self) -> Stretch<'a> {
        Stretch::new(self.scorer, self.threads, self.explains)
    }

    /// Rows taken so far.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Takes more rows, row-major with one number a value column, each with its moment, and gives the scores that are
    /// final now.
    ///
    /// # Errors
    /// [`SeriesError::Setting`] where the numbers do not fill as many rows as there are moments; the detector's own errors.
    pub fn push(&mut self, moments: &[Moment], values: &[f64]) -> Result<Vec<RowScore>, SeriesError> {
        let v = self.scorer.spec.values.len();
        if values.len() != moments.len() * v {
            let must_be = format!("{} rows of {v} values", moments.len());
            return Err(SeriesError::Setting { name: "rows", must_be, got: format!("{} values", values.len()) });
        }
        let mut scores = Vec::new();
        for (row, moment) in values.chunks_exact(v).zip(moments) {
            match self.watch.see(*moment) {
                Before::Filled(n) => {
                    let filled = between(self.stretch.last_row(), row, n);
                    filled.chunks_exact(v).for_each(|row| self.stretch.extend(row));
                    self.waiting.extend(std::iter::repeat_n(None, n));
                }
                Before::Gap if self.stretch.rows() >= self.scorer.spec.window => {
                    scores.extend(self.end_stretch()?);
                    self.tail = self.stretch.tail().to_vec();
                    self.stretch = self.new_stretch();
                }
                Before::Gap | Before::Row => {}
            }
            self.stretch.extend(row);
            self.waiting.push_back(Some(self.rows));
            self.rows += 1;
        }
        let scored = self.stretch.advance(&self.what).map_err(|e| self.of_series(e))?;
        scores.extend(self.named(scored));
        Ok(scores)
    }

    /// Ends the series, and gives the scores of its last rows.
    ///
    /// # Errors
    /// [`SeriesError::TooShort`] where there was not one window.
    pub fn finish(mut self) -> Result<Vec<RowScore>, SeriesError> {
        let window = self.scorer.spec.window;
        if self.stretch.rows() >= window {
            return self.end_stretch();
        }
        if self.tail.is_empty() {
            return Err(SeriesError::TooShort { what: self.what, got: self.rows, window });
        }
        let v = self.scorer.spec.values.len();
        let mut joined = self.new_stretch();
        self.tail.chunks_exact(v).for_each(|row| joined.extend(row));
        let n_before = joined.rows();
        self.stretch.all_rows().chunks_exact(v).for_each(|row| joined.extend(row));
        // Those rows have their scores already.
        (0..n_before).for_each(|_| self.waiting.push_front(None));
        self.stretch = joined;
        self.end_stretch()
    }

    fn end_stretch(&mut self) -> Result<Vec<RowScore>, SeriesError> {
        let scored = self.stretch.advance(&self.what).map_err(|e| self.of_series(e))?;
        let mut scores = self.named(scored);
        let last = self.stretch.finish(&self.what).map_err(|e| self.of_series(e))?;
        scores.extend(self.named(last));
        Ok(scores)
    }

    /// What is said of a row that waits for its score, as said of that row of the series, or of the next that was not filled.
    fn of_series(&self, error: SeriesError) -> SeriesError {
        let next = |row: usize| self.waiting.iter().skip(row).flatten().next().copied();
        error.of_whole(|row| next(row).map_or(self.rows().saturating_sub(1), |row| row as usize))
    }

    /// The scores of the next rows that wait for one, without those of rows that were filled.
    fn named(&mut self, scored: Vec<Scored>) -> Vec<RowScore> {
        let rows: Vec<Option<u64>> = self.waiting.drain(..scored.len()).collect();
        let named = |(row, (score, parts)): (Option<u64>, Scored)| Some(RowScore { row: row?, score, parts });
        rows.into_iter().zip(scored).filter_map(named).collect()
    }

    /// Scores of rows that are not final yet, from the windows so far; rows in no window yet are left out.
    pub fn provisional(&self) -> impl Iterator<Item = RowScore> + '_ {
        let named = |(row, scored): (&Option<u64>, Option<Scored>)| {
            let (score, parts) = scored?;
            Some(RowScore { row: (*row)?, score, parts })
        };
        self.waiting.iter().zip(self.stretch.provisional()).filter_map(named)
    }
}
