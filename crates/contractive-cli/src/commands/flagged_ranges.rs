//! The ranges of timestamps above the threshold, in words: where they begin and end, and where their score is highest.

use contractive_anomaly::series::metrics::ranges;
use contractive_anomaly::series::{Series, SeriesScores};

use crate::numbers::{count, significant};

/// Ranges told at most.
const MOST: usize = 5;

/// Flagged timestamps of one series that follow each other.
struct FlaggedRange {
    /// The row of the file where it begins, where it ends, and where its score is highest.
    from: usize,
    to: usize,
    at: usize,
    timestamps: usize,
    highest: f64,
    /// What the series is called, where there are several.
    series: Option<String>,
}

/// A line a range, the highest first; of more than five those, and how many are left out.
pub(super) fn lines(series: &Series, scores: &SeriesScores) -> Vec<String> {
    let mut found: Vec<FlaggedRange> = series.tracks.iter().flat_map(|track| of_track(series, scores, track)).collect();
    found.sort_by(|a, b| b.highest.total_cmp(&a.highest).then(a.from.cmp(&b.from)));
    let left_out = found.len().saturating_sub(MOST);
    let mut lines: Vec<String> = found.iter().take(MOST).map(|range| range.in_words(series)).collect();
    if left_out > 0 {
        lines.push(format!("  and {} of lower scores", count(left_out, "range")));
    }
    lines
}

fn of_track(
    series: &Series,
    scores: &SeriesScores,
    track: &contractive_anomaly::series::table::Track,
) -> Vec<FlaggedRange> {
    let labels: Vec<bool> = track.rows.iter().map(|row| scores.label[*row]).collect();
    let name = (series.tracks.len() > 1).then(|| series.name_of(track));
    let of = |range: std::ops::Range<usize>| {
        let rows = &track.rows[range];
        let higher = |a: &&usize, b: &&usize| scores.score[**a].total_cmp(&scores.score[**b]).then(b.cmp(a));
        let at = rows.iter().max_by(higher).copied()?;
        Some(FlaggedRange {
            from: *rows.first()?,
            to: *rows.last()?,
            at,
            timestamps: rows.len(),
            highest: scores.score[at],
            series: name.clone(),
        })
    };
    ranges(&labels).into_iter().filter_map(of).collect()
}

impl FlaggedRange {
    fn in_words(&self, series: &Series) -> String {
        let stamp = |row: usize| &series.stamps[row];
        let what = self.series.as_ref().map_or(String::new(), |name| format!("{name}: "));
        let highest = significant(self.highest, 4);
        if self.timestamps == 1 {
            return format!("  {what}{}: score {highest}", stamp(self.at));
        }
        let n = count(self.timestamps, "timestamp");
        format!(
            "  {what}{} to {}, {n}: highest score {highest} at {}",
            stamp(self.from),
            stamp(self.to),
            stamp(self.at)
        )
    }
}
