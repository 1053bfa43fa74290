//! Timestamps above the threshold that follow each other: where they begin and end, where their score is highest, and
//! which columns are at fault.

use super::SeriesScores;
use super::metrics::ranges;
use super::table::{Series, Track};
use crate::detector::largest_shares;

/// A column is at fault where its share is at least so much of the largest.
const AT_FAULT: f64 = 0.5;

/// Flagged timestamps of one series that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct FlaggedRange {
    /// The place of its series among [`Series::tracks`].
    pub track: usize,
    /// The row of the file where it begins.
    pub first: usize,
    /// The row where it ends.
    pub last: usize,
    /// The row where its score is highest.
    pub peak: usize,
    /// Its timestamps.
    pub timestamps: usize,
    /// The score at its peak.
    pub score: f64,
    /// The value columns with their shares in the scores of the range, the largest first: shares of the parts above 0. Empty
    /// where the scores have no parts.
    pub columns: Vec<(usize, f64)>,
}

impl FlaggedRange {
    /// The columns at fault: that of the largest share, and those with at least half of it.
    pub fn at_fault(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let most = self.columns.first().map_or(0.0, |(_, share)| *share);
        self.columns.iter().copied().take_while(move |(_, share)| *share >= AT_FAULT * most)
    }
}

impl SeriesScores {
    /// The ranges flagged in `series`, whose scores these are: the highest score first.
    pub fn flagged_ranges(&self, series: &Series) -> Vec<FlaggedRange> {
        let tracks = series.tracks.iter().enumerate();
        let mut found: Vec<FlaggedRange> = tracks.flat_map(|(i, track)| self.of_track(i, track)).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.first.cmp(&b.first)));
        found
    }

    fn of_track(&self, place: usize, track: &Track) -> Vec<FlaggedRange> {
        let labels: Vec<bool> = track.rows.iter().map(|row| self.label[*row]).collect();
        let of = |range: std::ops::Range<usize>| {
            let rows = &track.rows[range];
            let higher = |a: &&usize, b: &&usize| self.score[**a].total_cmp(&self.score[**b]).then(b.cmp(a));
            let peak = rows.iter().max_by(higher).copied()?;
            Some(FlaggedRange {
                track: place,
                first: *rows.first()?,
                last: *rows.last()?,
                peak,
                timestamps: rows.len(),
                score: self.score[peak],
                columns: self.shares(rows),
            })
        };
        ranges(&labels).into_iter().filter_map(of).collect()
    }

    /// The value columns by their shares in the scores of some rows, the largest first; empty where there are no parts.
    pub fn shares(&self, rows: &[usize]) -> Vec<(usize, f64)> {
        let Some(parts) = &self.parts else { return Vec::new() };
        let v = parts.len() / self.score.len().max(1);
        let part = |j: usize| rows.iter().map(|row| parts[row * v + j]).sum::<f64>();
        largest_shares(&(0..v).map(part).collect::<Vec<f64>>())
    }
}
