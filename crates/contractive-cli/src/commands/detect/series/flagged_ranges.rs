//! The ranges of timestamps above the threshold, in words: where they begin and end, where their score is highest, and
//! the columns at fault.

use contractive_anomaly::series::{FlaggedRange, Series};

use crate::numbers::{count, percent, significant};

/// Ranges told at most.
const MOST: usize = 5;
/// Columns named at most for each.
const MOST_COLUMNS: usize = 3;

/// A line a range, the highest first; of more than five those, and how many are left out.
pub(super) fn lines(series: &Series, ranges: &[FlaggedRange]) -> Vec<String> {
    let left_out = ranges.len().saturating_sub(MOST);
    let mut lines: Vec<String> = ranges.iter().take(MOST).map(|range| in_words(series, range)).collect();
    if left_out > 0 {
        lines.push(format!("  and {} of lower scores", count(left_out, "range")));
    }
    lines
}

fn in_words(series: &Series, range: &FlaggedRange) -> String {
    let stamp = |row: usize| &series.stamps[row];
    let is_one = series.tracks.len() < 2;
    let what = if is_one { String::new() } else { format!("{}: ", series.name_of(&series.tracks[range.track])) };
    let score = significant(range.score, 4);
    let columns = at_fault(series, range);
    if range.timestamps == 1 {
        return format!("  {what}{}: score {score}{columns}", stamp(range.first));
    }
    let n = count(range.timestamps, "timestamp");
    let (first, last, peak) = (stamp(range.first), stamp(range.last), stamp(range.peak));
    format!("  {what}{first} to {last}, {n}: highest score {score} at {peak}{columns}")
}

/// The columns at fault, where there is a choice.
fn at_fault(series: &Series, range: &FlaggedRange) -> String {
    if series.names.len() < 2 || range.columns.is_empty() {
        return String::new();
    }
    let named = |(j, share): (usize, f64)| format!("{} {}", series.names[j], percent(share));
    let columns: Vec<String> = range.at_fault().take(MOST_COLUMNS).map(named).collect();
    let more = range.at_fault().count().saturating_sub(MOST_COLUMNS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; {}{more}", columns.join(", "))
}
