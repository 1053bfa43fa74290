//! The first lines of a text table: its separator, and whether they name columns.

use std::path::Path;

use super::cells::{Numerals, number_or_missing};
use super::records::{ByteRecord, records};
use crate::error::TableError;
use crate::text_options::TextOptions;

/// A comma, unless the first line has none and does have tabs or semicolons; in a .tsv file a tab, if there is one. A
/// first line with commas and semicolons is parted by semicolons where the commas are those of decimal numbers. What is
/// quoted is a name's, and parts nothing.
pub fn separator(path: impl AsRef<Path>, start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut is_quoted = false;
    let mut has = [false; 3];
    for byte in line {
        is_quoted ^= *byte == b'"';
        let of = [b',', b'\t', b';'].iter().position(|separator| separator == byte);
        if let (Some(i), false) = (of, is_quoted) {
            has[i] = true;
        }
    }
    match (has[0], has[1], has[2]) {
        (false, true, _) => b'\t',
        (_, true, _) if path.as_ref().to_string_lossy().to_ascii_lowercase().contains(".tsv") => b'\t',
        (false, false, true) => b';',
        (true, _, true) if has_decimal_commas(start) => b';',
        _ => b',',
    }
}

/// Whether the first lines have as many semicolons each, and commas in numbers alone, but for the first.
fn has_decimal_commas(start: &[u8]) -> bool {
    let mut record = ByteRecord::new();
    let mut lines = records(b';', start);
    let (mut n_cells, mut seen) = (None, 0);
    while seen < 20 && lines.read_byte_record(&mut record).is_ok_and(|more| more) {
        if lines.is_done() && seen > 1 {
            break; // perhaps cut
        }
        let is_even = *n_cells.get_or_insert(record.len()) == record.len() && record.len() > 1;
        let is_spelt =
            |cell: &[u8]| !cell.contains(&b',') || Numerals::of(b';', &TextOptions::default()).has_number(cell);
        if !is_even || seen > 0 && !record.iter().all(is_spelt) {
            return false;
        }
        seen += 1;
    }
    seen > 1
}

/// Whether the first line of a table of this separator and spelling is data: all numbers, except those that pandas writes
/// for columns without names.
pub fn is_data(record: &ByteRecord, separator: u8, options: &TextOptions) -> bool {
    let numerals = Numerals::of(separator, options);
    !is_count(record) && record.iter().all(|cell| number(cell).is_some() || numerals.clone().has_number(cell))
}

/// Whether a first line is the header that pandas writes for columns without names: 0, 1, 2, …, with or without the
/// empty name of the row index before them, or the name of one more column before or after them.
fn is_count(record: &ByteRecord) -> bool {
    let n = record.len();
    let counts = |mut from: std::ops::Range<usize>| {
        let first = from.start;
        from.len() > 1 && from.all(|i| record[i] == *(i - first).to_string().as_bytes())
    };
    let of_index = n > 1 && record[0].is_empty() && (n == 2 && record[1] == *b"0" || counts(1..n));
    counts(0..n)
        || of_index
        || n > 2 && (is_word(&record[0]) && counts(1..n) || is_word(&record[n - 1]) && counts(0..n - 1))
}

/// The cell that leaves open whether a first line is a row or a header, and whether it is a hole rather than text.
///
/// A row with a hole, taken for a header, would be lost without a word. A line that names `label_column` is a header.
pub fn fault_of_first_line(record: &ByteRecord, label_column: Option<&str>) -> Option<(usize, bool)> {
    let is_hole = |cell: &[u8]| !is_word(cell) && number(cell).is_none();
    // NaN, infinities, numbers beyond f32: no names either.
    let is_numeric = |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|text| text.parse::<f64>().is_ok());
    if is_count(record) || !record.iter().any(is_numeric) {
        return None;
    }
    let has_numbers = record.iter().any(|cell| number(cell).is_some());
    let hole = record.iter().position(is_hole).filter(|_| has_numbers || !record.iter().any(is_word));
    if let Some(i) = hole {
        return Some((i, true));
    }
    let names_labels = label_column.is_some_and(|name| record.iter().any(|cell| cell == name.as_bytes()));
    let word = record.iter().position(is_word).filter(|_| has_numbers && !names_labels);
    word.map(|i| (i, false))
}

fn number(cell: &[u8]) -> Option<f64> {
    number_or_missing(cell).filter(|value| value.is_finite())
}

/// Whether a cell is text: neither a number of any size nor one that stands for a missing one.
fn is_word(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.chars().any(char::is_alphabetic))
        && number_or_missing(cell).is_none()
}

pub(super) fn damaged(path: &Path, error: csv::Error) -> TableError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(e) => TableError::reading(path, e),
        _ => TableError::Corrupt { path: path.to_path_buf(), reason },
    }
}
