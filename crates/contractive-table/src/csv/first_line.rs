//! The first lines of a text table: its separator, and whether they name columns; and the lines that errors name.

use std::io::{BufReader, Read};
use std::path::Path;

use super::cells::number_or_missing;
use super::records::ByteRecord;
use crate::error::TableError;
use crate::source::Source;

/// A comma, unless the first line has none and does have tabs or semicolons; in a .tsv file a tab, if there is one.
pub fn separator(path: &Path, start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match (line.contains(&b','), line.contains(&b'\t'), line.contains(&b';')) {
        (false, true, _) => b'\t',
        (_, true, _) if path.to_string_lossy().to_ascii_lowercase().contains(".tsv") => b'\t',
        (false, false, true) => b';',
        _ => b',',
    }
}

/// Whether a first line is data: all numbers, except those that pandas writes for columns without names.
pub fn is_data(record: &ByteRecord) -> bool {
    !is_count(record) && record.iter().all(|cell| number(cell).is_some())
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

/// The line, from 1, of the record that begins at or after byte `start` of the text.
///
/// Counted afresh, and only for an error: the parser's own count falls behind at empty lines and at CR LF.
pub fn line_of(path: &Path, start: u64) -> u64 {
    let Ok(source) = Source::open(path) else { return 0 };
    let mut text = BufReader::new(source.reader).bytes().map_while(Result::ok);
    let before = text.by_ref().take(usize::try_from(start).unwrap_or(usize::MAX)).filter(|&byte| byte == b'\n').count();
    let empty = text.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|&byte| byte == b'\n').count();
    (before + empty) as u64 + 1
}

pub fn damaged(path: &Path, error: csv::Error) -> TableError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(e) => TableError::reading(path, e),
        _ => TableError::Corrupt { path: path.to_path_buf(), reason },
    }
}
