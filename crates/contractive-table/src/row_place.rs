//! The line of a row, found in its file.

use std::path::Path;

use crate::csv::{ByteRecord, Position, is_data, lines_of, open_text, records};
use crate::format::Format;
use crate::place::Place;
use crate::text_options::TextOptions;

impl Place {
    /// The place of row `row`, from 0, of the table at `path`. A text table is read again up to there: header, empty
    /// lines and line breaks within quotes make its lines differ from its rows.
    pub fn of_row(path: impl AsRef<Path>, row: u64) -> Place {
        Place::of_row_in(path, row, &TextOptions::default())
    }

    /// [`Place::of_row`] in a table that is read by `text`, which may say whether there is a header.
    pub fn of_row_in(path: impl AsRef<Path>, row: u64, text: &TextOptions) -> Place {
        Place::of_rows_in(path, &[row], text)[0]
    }

    /// [`Place::of_row_in`] of each of these rows, in any order: however many they are, the table is read again once, and its
    /// lines are counted once.
    pub fn of_rows_in(path: impl AsRef<Path>, rows: &[u64], text: &TextOptions) -> Vec<Place> {
        let path = path.as_ref();
        let mut ascending = rows.to_vec();
        ascending.sort_unstable();
        ascending.dedup();
        let lines = match Format::of(path) {
            Some(Format::Csv) => lines_of_rows(path, &ascending, text),
            _ => Vec::new(),
        };
        let line = |row: &u64| ascending.binary_search(row).ok().and_then(|i| lines.get(i));
        rows.iter().map(|row| line(row).map_or(Place::Row(*row), |line| Place::Line(*line))).collect()
    }
}

/// The lines of rows that ascend, as far as the table has them.
fn lines_of_rows(path: &Path, rows: &[u64], options: &TextOptions) -> Vec<u64> {
    let Ok(text) = open_text(path) else { return Vec::new() };
    let separator = text.separator;
    let mut lines = records(separator, text.reader);
    let mut record = ByteRecord::new();
    let mut read = |record: &mut ByteRecord| lines.read_byte_record(record).is_ok_and(|more| more);
    if !read(&mut record) {
        return Vec::new();
    }
    record.trim();
    let has_header = options.header.unwrap_or_else(|| !is_data(&record, separator, options));
    // The row that the record is; a header is none.
    let mut at = (!has_header).then_some(0);
    let mut starts = Vec::with_capacity(rows.len());
    for row in rows {
        while at.is_none_or(|at| at < *row) && read(&mut record) {
            at = Some(at.map_or(0, |at| at + 1));
        }
        if at != Some(*row) {
            break;
        }
        starts.extend(record.position().map(Position::byte));
    }
    lines_of(path, &starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_text_are_found_by_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        for (text, lines) in [
            ("a,b\n1,2\n3,4\n", [2, 3]),
            ("1,2\n3,4\n", [1, 2]),
            ("a,b\r\n\r\n1,\"x\r\ny\"\r\n\r\n3,4\r\n", [3, 6]),
            ("\u{feff}a,b\n1,2\n3,4", [2, 3]),
            ("sep=;\na;b\n1;2\n3;4", [3, 4]),
            ("1,5;2\n3;4\n", [1, 2]),
            ("\"a;b\",c\n1,2\n3,4\n", [2, 3]),
        ] {
            std::fs::write(&path, text).unwrap();
            let found = [0, 1].map(|row| Place::of_row(&path, row));
            assert_eq!(found, lines.map(Place::Line), "{text:?}");
            assert_eq!(Place::of_row(&path, 7), Place::Row(7));
            let [first, second] = lines.map(Place::Line);
            let found = Place::of_rows_in(&path, &[7, 1, 0, 1], &TextOptions::default());
            assert_eq!(found, [Place::Row(7), second, first, second], "{text:?}");
        }
        std::fs::write(&path, "1,2\n3,4\n").unwrap();
        let named = TextOptions { header: Some(true), ..TextOptions::default() };
        assert_eq!(Place::of_row_in(&path, 0, &named), Place::Line(2));
        assert_eq!(Place::of_row("t.parquet", 3).to_string(), "row 3 (from 0)");
        assert_eq!(Place::of_row("standard input", 3), Place::Row(3));
        assert_eq!(Place::Line(27).to_string(), "line 27");
    }
}
