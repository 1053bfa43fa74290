//! The line of a row, found in its file.

use std::path::Path;

use crate::csv::{ByteRecord, is_data, line_of, open_text, records};
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
        let path = path.as_ref();
        let line = (Format::of(path) == Some(Format::Csv)).then(|| line_of_row(path, row, text)).flatten();
        line.map_or(Place::Row(row), Place::Line)
    }
}

fn line_of_row(path: &Path, row: u64, options: &TextOptions) -> Option<u64> {
    let text = open_text(path).ok()?;
    let separator = text.separator;
    let mut lines = records(separator, text.reader);
    let mut record = ByteRecord::new();
    let mut read = |record: &mut ByteRecord| lines.read_byte_record(record).ok().filter(|more| *more).map(drop);
    read(&mut record)?;
    record.trim();
    let has_header = options.header.unwrap_or_else(|| !is_data(&record, separator, options));
    let n_records = row.checked_add(u64::from(has_header))?;
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
            ("sep=;\na;b\n1;2\n3;4", [3, 4]),
            ("1,5;2\n3;4\n", [1, 2]),
            ("\"a;b\",c\n1,2\n3,4\n", [2, 3]),
        ] {
            std::fs::write(&path, text).unwrap();
            let found = [0, 1].map(|row| Place::of_row(&path, row));
            assert_eq!(found, lines.map(Place::Line), "{text:?}");
            assert_eq!(Place::of_row(&path, 7), Place::Row(7));
        }
        std::fs::write(&path, "1,2\n3,4\n").unwrap();
        let named = TextOptions { header: Some(true), ..TextOptions::default() };
        assert_eq!(Place::of_row_in(&path, 0, &named), Place::Line(2));
        assert_eq!(Place::of_row("t.parquet", 3).to_string(), "row 3 (from 0)");
        assert_eq!(Place::of_row("standard input", 3), Place::Row(3));
        assert_eq!(Place::Line(27).to_string(), "line 27");
    }
}
