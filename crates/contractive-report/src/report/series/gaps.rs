//! Gaps: rows that are missing by their timestamps. What windows do there is told by `contractive_anomaly::series::gaps`.

use contractive_anomaly::series::Series;
use contractive_anomaly::series::time::{is_gap, missing_steps};

use super::super::number::{count, grouped};

/// Gaps listed under the charts at most.
const MOST_LISTED: usize = 10;
/// Where more than one row in so many leaves a gap, rows come at no pace, and gaps say nothing.
const ROWS_A_GAP: usize = 20;

/// Missing rows between two that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gap {
    /// The row before.
    pub(super) before: usize,
    /// Steps without a row.
    pub(super) missing: usize,
    /// The timestamps of the row before and of the row after.
    pub(super) from: String,
    pub(super) to: String,
}

/// The gaps of a series in the order of its time: rows that come more than 1.5 steps after the one above.
pub(super) fn gaps(series: &Series, step: Option<i128>) -> Vec<Gap> {
    let Some(step) = step.filter(|step| *step > 0) else { return Vec::new() };
    let later = series.moments.windows(2).map(|pair| pair[1].nanoseconds - pair[0].nanoseconds);
    let of = |(before, later): (usize, i128)| Gap {
        before,
        missing: missing_steps(later, step) as usize,
        from: series.stamps[before].clone(),
        to: series.stamps[before + 1].clone(),
    };
    later.enumerate().filter(|(_, later)| is_gap(*later, step)).map(of).collect()
}

/// Whether so many gaps are so common that they are no gaps.
pub(super) fn are_common(gaps: &[Gap], rows: usize) -> bool {
    gaps.len() * ROWS_A_GAP > rows
}

impl Gap {
    /// What a reader is told who points at it.
    pub(super) fn in_words(&self) -> String {
        format!("no rows between {} and {}: {} missing", self.from, self.to, count(self.missing, "step"))
    }
}

/// A gap as the page lists it.
pub(super) struct ListedGap {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) missing: String,
}

/// The longest gaps in the order of time, and how many more there are.
pub(super) fn listed(gaps: &[Gap]) -> (Vec<ListedGap>, usize) {
    let mut longest: Vec<&Gap> = gaps.iter().collect();
    longest.sort_by(|a, b| b.missing.cmp(&a.missing).then(a.before.cmp(&b.before)));
    longest.truncate(MOST_LISTED);
    longest.sort_by_key(|gap| gap.before);
    let left_out = gaps.len() - longest.len();
    let listed = |gap: &Gap| ListedGap { from: gap.from.clone(), to: gap.to.clone(), missing: grouped(gap.missing) };
    (longest.into_iter().map(listed).collect(), left_out)
}
