//! What the page shows, in the order of time.

use contractive_anomaly::series::{FlaggedRange, Pace, Series, SeriesDetector, SeriesScores};

use super::gaps::{Gap, are_common, gaps};
use crate::error::FigureError;

/// What the page shows.
#[derive(Debug, Clone, Copy)]
pub struct SeriesPage<'a> {
    /// The detector.
    pub detector: &'a SeriesDetector,
    /// The series scored: one, its rows in the order of time or backwards.
    pub series: &'a Series,
    /// Its scores, one a timestamp; with their parts, where the columns at fault are to be told.
    pub scores: &'a SeriesScores,
    /// How evenly its rows come.
    pub pace: &'a Pace,
    /// Which timestamps are anomalies by their labels, where there are any.
    pub real: Option<&'a [bool]>,
}

/// The same with its rows in the order of time, and what follows from them.
pub(super) struct Shown<'a> {
    pub(super) detector: &'a SeriesDetector,
    pub(super) pace: &'a Pace,
    pub(super) series: Series,
    pub(super) scores: SeriesScores,
    pub(super) real: Option<Vec<bool>>,
    /// The highest score first.
    pub(super) ranges: Vec<FlaggedRange>,
    /// In the order of time; none where rows come at no pace.
    pub(super) gaps: Vec<Gap>,
    /// Steps that would be gaps, did the rows keep a pace.
    pub(super) long_steps: usize,
    /// Where each row stands: seconds after the first, or its number from 1.
    pub(super) x: Vec<f64>,
    /// Seconds from 1970 to the first row; `None` where rows are counted.
    pub(super) start: Option<f64>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(page: &SeriesPage<'a>) -> Result<Self, FigureError> {
        check(page)?;
        let rows: Vec<usize> = page.series.rows_in_time().collect();
        let (series, scores) = (page.series.in_time(), in_order(page.scores, &rows, page.series.names.len()));
        let ranges = scores.flagged_ranges(&series);
        let gaps = gaps(&series, page.detector.step());
        let (gaps, long_steps) = if are_common(&gaps, rows.len()) { (Vec::new(), gaps.len()) } else { (gaps, 0) };
        let is_counted = page.detector.spec().time.is_none();
        let first = series.moments[0].nanoseconds;
        // Far from 1970 a time in seconds has digits enough for microseconds only; the difference has more.
        let x = series.moments.iter().enumerate().map(|(i, moment)| match is_counted {
            true => (i + 1) as f64,
            false => (moment.nanoseconds - first) as f64 / 1e9,
        });
        Ok(Shown {
            detector: page.detector,
            pace: page.pace,
            x: x.collect(),
            start: (!is_counted).then_some(first as f64 / 1e9),
            real: page.real.map(|real| rows.iter().map(|row| real[*row]).collect()),
            series,
            scores,
            ranges,
            gaps,
            long_steps,
        })
    }

    /// The values of a column.
    pub(super) fn column(&self, j: usize) -> Vec<f64> {
        self.series.values.iter().skip(j).step_by(self.series.names.len()).copied().collect()
    }

    /// Whether there are columns to choose from, and parts to choose by.
    pub(super) fn has_choice(&self) -> bool {
        self.series.names.len() > 1 && self.scores.parts.is_some()
    }

    /// The columns at fault for a range, with their shares; none where that is not known. Of one column it is that.
    pub(super) fn at_fault(&self, range: &FlaggedRange) -> Vec<(usize, f64)> {
        if self.series.names.len() == 1 { vec![(0, 1.0)] } else { range.at_fault().collect() }
    }

    /// Whether a range is marked in column `j`: where it is at fault, or no column is known to be.
    pub(super) fn is_marked_in(&self, range: &FlaggedRange, j: usize) -> bool {
        let columns = self.at_fault(range);
        columns.is_empty() || columns.iter().any(|(column, _)| *column == j)
    }
}

/// Requires one series, as many scores as it has rows, and a row.
fn check(page: &SeriesPage<'_>) -> Result<(), FigureError> {
    let (series, scores) = (page.series, page.scores);
    let (n, v) = (series.len(), series.names.len());
    if n == 0 || v == 0 {
        return Err(FigureError::Empty { what: "timestamps" });
    }
    let a_timestamp = "one a timestamp";
    let mut sizes = vec![
        ("series", "one", 1, series.tracks.len()),
        ("scores", a_timestamp, n, scores.score.len()),
        ("probabilities", a_timestamp, n, scores.probability.len()),
        ("labels", a_timestamp, n, scores.label.len()),
        ("times", a_timestamp, n, series.moments.len()),
    ];
    sizes.extend(page.real.map(|real| ("labels given", a_timestamp, n, real.len())));
    sizes.extend(scores.parts.as_ref().map(|parts| ("parts", "one a value", n * v, parts.len())));
    match sizes.into_iter().find(|(.., expected, got)| expected != got) {
        None => Ok(()),
        Some((what, sizes, expected, got)) => Err(FigureError::Length { what, sizes, expected, got }),
    }
}

/// Scores in another order of their rows.
fn in_order(scores: &SeriesScores, rows: &[usize], v: usize) -> SeriesScores {
    SeriesScores {
        score: rows.iter().map(|row| scores.score[*row]).collect(),
        probability: rows.iter().map(|row| scores.probability[*row]).collect(),
        label: rows.iter().map(|row| scores.label[*row]).collect(),
        parts: scores.parts.as_ref().map(|p| rows.iter().flat_map(|row| &p[row * v..][..v]).copied().collect()),
    }
}
