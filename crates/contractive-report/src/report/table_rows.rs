//! The rows of a table with the highest scores, and what is odd about them.

use askama::Template;
use contractive_anomaly::detector::UsualCells;

use super::number::{grouped, percent, significant};
use crate::error::FigureError;
use crate::record::table::{Cause, HighRow, TableRecord, cut};

/// Values of a category that are named as usual.
const MOST_LEVELS: usize = 3;
/// Letters shown of such a value.
pub(super) const LEVEL_LETTERS: usize = 30;

struct ShownRow {
    /// Names and cells.
    keys: Vec<(String, String)>,
    row: String,
    cells: [(&'static str, String); 3],
    causes: Vec<ShownCause>,
}

struct ShownCause {
    column: String,
    share: String,
    cell: String,
    is_odd: bool,
    usual: String,
}

#[derive(Template)]
#[template(path = "panel/table_rows.html")]
struct RowsPanel {
    keys: Vec<String>,
    rows: Vec<ShownRow>,
    anomalies: usize,
    left_out: usize,
    lacks: &'static str,
}

pub(super) fn panel(table: &TableRecord) -> Result<String, FigureError> {
    let shown = table.highest.iter().filter(|row| row.is_anomaly).count();
    let panel = RowsPanel {
        keys: table.keys.clone(),
        rows: table.highest.iter().map(|high| row(high, &table.keys)).collect(),
        anomalies: table.anomalies,
        left_out: table.anomalies.saturating_sub(shown),
        lacks: what_is_lacking(table),
    };
    Ok(panel.render()?)
}

fn row(row: &HighRow, keys: &[String]) -> ShownRow {
    ShownRow {
        keys: keys.iter().cloned().zip(row.keys.iter().cloned()).collect(),
        row: grouped(row.row as usize),
        cells: [
            ("score", significant(row.score, 4)),
            // Digits enough to tell the rarest apart.
            ("probability", format!("{:.4}", row.probability)),
            ("anomaly", if row.is_anomaly { "yes" } else { "no" }.to_owned()),
        ],
        causes: row.causes.iter().map(cause).collect(),
    }
}

fn cause(cause: &Cause) -> ShownCause {
    let (is_odd, usual) = match (&cause.cell, &cause.usual) {
        (_, None) => (false, String::new()),
        (cell, Some(UsualCells::Numbers { low, high, .. })) => beside_range(cell.as_deref(), *low, *high),
        (cell, Some(UsualCells::Levels { levels, others })) => beside_levels(cell.as_deref(), levels, *others),
    };
    ShownCause {
        column: cause.column.clone(),
        share: percent(cause.share),
        cell: match (&cause.cell, &cause.usual) {
            (None, _) => "missing".to_owned(),
            (Some(text), Some(UsualCells::Numbers { low, high, .. })) => number_text(text, *low, *high),
            (Some(text), _) => text.clone(),
        },
        is_odd,
        usual,
    }
}

/// Where a number stands beside the range from `low` to `high`: whether outside, and in words.
fn beside_range(cell: Option<&str>, low: f64, high: f64) -> (bool, String) {
    let range = range_text(low, high);
    match cell.and_then(|text| text.parse::<f64>().ok()) {
        Some(value) if value < low => (true, format!("below the usual {range}")),
        Some(value) if value > high => (true, format!("above the usual {range}")),
        Some(_) => (false, format!("within the usual {range}")),
        None => (false, format!("usual: {range}")),
    }
}

/// A range in digits enough to tell its ends apart, three at least.
fn range_text(low: f64, high: f64) -> String {
    if low >= high {
        return short(low, 6);
    }
    [low, high].map(|end| short(end, 3 + common_digits(low, high))).join(" to ")
}

/// A cell as it stands in the table, or where it is long in digits enough to place it in the range.
fn number_text(cell: &str, low: f64, high: f64) -> String {
    match cell.parse::<f64>() {
        Ok(value) if cell.len() > 10 => short(value, 6 + common_digits(low, high)),
        _ => cell.replace('-', "−"),
    }
}

/// How many digits the ends of a range have in common, about.
fn common_digits(low: f64, high: f64) -> usize {
    let size = low.abs().max(high.abs());
    if low < high { (size / (high - low)).log10().floor().clamp(0.0, 11.0) as usize } else { 6 }
}

/// A number without zeros at its end.
fn short(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    match text.contains('.') && !text.contains('×') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// How usual a category's value is: whether it is one that training hardly saw, and in words.
fn beside_levels(cell: Option<&str>, levels: &[(String, f64)], others: f64) -> (bool, String) {
    let named: Vec<String> = levels
        .iter()
        .take(MOST_LEVELS)
        .map(|(level, share)| format!("{} {}", cut(level, LEVEL_LETTERS), percent(*share)))
        .collect();
    let usual = format!("usual: {}", named.join(", "));
    let Some(cell) = cell else { return (false, usual) };
    match levels.iter().find(|(level, _)| level == cell) {
        Some((_, share)) => (*share < 0.05, format!("{} of the training rows; {usual}", percent(*share))),
        None if others == 0.0 => (true, format!("never seen in training; {usual}")),
        None => (true, format!("one of the rare values, {} of the training rows together; {usual}", percent(others))),
    }
}

/// What a detector does not know of its training columns, in words; empty where it knows all.
pub(super) fn what_is_lacking(table: &TableRecord) -> &'static str {
    match table.known_columns {
        [all, known] if all == known => "",
        [_, 0] => {
            "The detector keeps nothing of how its training columns were distributed: it was trained on bare rows of \
             numbers, or saved by an earlier version. Usual values and the drift of columns are not known."
        }
        _ => {
            "The detector was saved by an earlier version, which kept of numbers nothing of how they were distributed. \
             Their usual values and their drift are not known; trained anew it keeps them."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_beside_what_is_usual() {
        assert_eq!(beside_range(Some("9.5"), 1.0, 8.0), (true, "above the usual 1 to 8".into()));
        assert_eq!(beside_range(Some("-1"), 1.0, 8.0).1, "below the usual 1 to 8");
        assert_eq!(beside_range(Some("1"), 1.0, 8.0), (false, "within the usual 1 to 8".into()));
        assert_eq!(beside_range(None, 7.0, 7.0), (false, "usual: 7".into()));
        assert_eq!(range_text(1_700_000.019, 1_700_000.457), "1700000.02 to 1700000.46");
        assert_eq!(range_text(0.79, 287.654), "0.79 to 288");
        assert_eq!(number_text("19.90038690536899", -1.0, 2.0), "19.9004");
        assert_eq!(number_text("1700000.0190001", 1_700_000.0, 1_700_000.5), "1700000.019");
        assert_eq!([number_text("-4.5", 0.0, 1.0), number_text("12345678", 0.0, 1.0)], ["−4.5", "12345678"]);
        let levels = [("Oslo".to_owned(), 0.5), ("Lyon".to_owned(), 0.46), ("Bonn".to_owned(), 0.04)];
        let usual = "usual: Oslo 50 %, Lyon 46 %, Bonn 4.0 %";
        assert_eq!(beside_levels(Some("Oslo"), &levels, 0.0), (false, format!("50 % of the training rows; {usual}")));
        assert!(beside_levels(Some("Bonn"), &levels, 0.0).0);
        assert_eq!(beside_levels(Some("Rome"), &levels, 0.0), (true, format!("never seen in training; {usual}")));
        assert!(beside_levels(Some("Rome"), &levels, 0.01).1.starts_with("one of the rare values"));
        assert_eq!(beside_levels(None, &levels, 0.0), (false, usual.into()));
    }
}
