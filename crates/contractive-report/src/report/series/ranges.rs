//! The ranges flagged: the highest of them seen closely, and a table.

use askama::Template;
use contractive_anomaly::series::FlaggedRange;

use super::super::number::{count, grouped, percent, significant};
use super::shown::Shown;
use super::zoom::{MOST_COLUMNS, pictures};
use crate::error::FigureError;

/// Ranges listed at most.
const MOST_RANGES: usize = 25;

/// A range in the table.
struct FoundRange {
    /// Its place, from 1, by its score.
    number: usize,
    has_picture: bool,
    from: String,
    to: String,
    peak: String,
    /// Timestamps, highest score, probability.
    cells: [String; 3],
    at_fault: String,
    is_real: &'static str,
}

/// A range seen closely.
struct Zoom {
    number: usize,
    picture: String,
    caption: String,
}

#[derive(Template)]
#[template(path = "panel/series_ranges.html")]
struct RangesPanel {
    zooms: Vec<Zoom>,
    flagged: Vec<FoundRange>,
    left_out: usize,
    window: String,
    has_labels: bool,
    has_columns: bool,
}

/// The panel of the ranges.
pub(super) fn panel(shown: &Shown<'_>) -> Result<String, FigureError> {
    let pictures = pictures(shown)?;
    let n_pictures = pictures.len();
    let zoom = |(i, (picture, range)): (usize, (String, &FlaggedRange))| Zoom {
        number: i + 1,
        picture,
        caption: caption(shown, range),
    };
    let listed = shown.ranges.iter().take(MOST_RANGES).enumerate();
    let panel = RangesPanel {
        zooms: pictures.into_iter().zip(&shown.ranges).enumerate().map(zoom).collect(),
        flagged: listed.map(|(i, range)| found(shown, i, i < n_pictures, range)).collect(),
        left_out: shown.ranges.len().saturating_sub(MOST_RANGES),
        window: count(shown.detector.spec().window, "row"),
        has_labels: shown.real.is_some(),
        has_columns: shown.has_choice(),
    };
    Ok(panel.render()?)
}

fn found(shown: &Shown<'_>, i: usize, has_picture: bool, range: &FlaggedRange) -> FoundRange {
    let rows = range.first..range.last + 1;
    let stamp = |row: usize| shown.series.stamps[row].clone();
    let probability = shown.scores.probability[rows.clone()].iter().copied().fold(0.0, f64::max);
    FoundRange {
        number: i + 1,
        has_picture,
        from: stamp(range.first),
        to: stamp(range.last),
        peak: stamp(range.peak),
        // Digits enough to tell the rarest apart.
        cells: [grouped(range.timestamps), significant(range.score, 4), format!("{probability:.4}")],
        at_fault: columns(shown, range),
        is_real: match &shown.real {
            Some(real) if real[rows].contains(&true) => "yes",
            Some(_) => "no",
            None => "",
        },
    }
}

/// The columns at fault with their shares, the first few; nothing where they are not known.
fn columns(shown: &Shown<'_>, range: &FlaggedRange) -> String {
    let columns = shown.at_fault(range);
    // A share stays with its sign at the end of a line.
    let share_of = |share: f64| percent(share).replace(' ', "\u{a0}");
    let named = |(j, share): &(usize, f64)| format!("{} {}", shown.series.names[*j], share_of(*share));
    let first: Vec<String> = columns.iter().take(MOST_COLUMNS).map(named).collect();
    match columns.len().saturating_sub(MOST_COLUMNS) {
        0 => first.join(", "),
        more => format!("{} and {} more", first.join(", "), grouped(more)),
    }
}

fn caption(shown: &Shown<'_>, range: &FlaggedRange) -> String {
    let stamp = |row: usize| &shown.series.stamps[row];
    let (from, to, peak) = (stamp(range.first), stamp(range.last), stamp(range.peak));
    let score = significant(range.score, 4);
    let [row, rows] = if shown.start.is_none() { ["row ", "rows "] } else { [""; 2] };
    let when = match range.timestamps {
        1 => format!("{row}{from}: score {score}"),
        n => format!("{rows}{from} to {to}, {}: highest score {score} at {peak}", count(n, "timestamp")),
    };
    let columns = columns(shown, range);
    if shown.has_choice() && !columns.is_empty() { format!("{when}; {columns}") } else { when }
}
