//! Where a row stands, in the words of who looks for it.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::csv::{ByteRecord, is_data, line_of, records, separator};
use crate::format::Format;
use crate::source::Source;

/// A row's place in its file. Shown as `line 27` or `row 25 (from 0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The line of a text table at which the row begins, from 1, as editors count.
    Line(u64),
    /// The row, from 0: of tables that have no lines, and of standard input, which cannot be read again.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row} (from 0)"),
        }
    }
}

impl Place {
    /// The place of row `row`, from 0, of the table at `path`. A text table is read again up to there: header, empty
    /// lines and line breaks within quotes make its lines differ from its rows.
    pub fn of_row(path: &Path, row: u64) -> Place {
        let line = (Format::of(path) == Some(Format::Csv)).then(|| line_of_row(path, row)).flatten();
        line.map_or(Place::Row(row), Place::Line)
    }
}

fn line_of_row(path: &Path, row: u64) -> Option<u64> {
    let mut text = BufReader::with_capacity(1 << 16, Source::open(path).ok()?.reader);
    let separator = separator(path, text.fill_buf().ok()?);
    let mut lines = records(separator, text);
    let mut record = ByteRecord::new();
    let mut read = |record: &mut ByteRecord| lines.read_byte_record(record).ok().filter(|more| *more).map(drop);
    read(&mut record)?;
    record.trim();
    let n_records = row.checked_add(u64::from(!is_data(&record)))?;
    for _ in 0..n_records {
        read(&mut record)?;
    }
    Some(line_of(path, record.position()?.byte()))
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
        ] {
            std::fs::write(&path, text).unwrap();
            let found = [0, 1].map(|row| Place::of_row(&path, row));
            assert_eq!(found, lines.map(Place::Line), "{text:?}");
            assert_eq!(Place::of_row(&path, 7), Place::Row(7));
        }
        assert_eq!(Place::of_row("t.parquet".as_ref(), 3).to_string(), "row 3 (from 0)");
        assert_eq!(Place::of_row("standard input".as_ref(), 3), Place::Row(3));
        assert_eq!(Place::Line(27).to_string(), "line 27");
    }
}
