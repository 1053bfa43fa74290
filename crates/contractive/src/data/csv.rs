//! Text tables: CSV with or without a header line, plain or gzip; tabs and semicolons are recognised.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::source::Source;
use super::{DataError, Dataset};

/// How a cell is refused.
const A_NUMBER: &str = "a finite number";

/// Reads a table; `label_column` is taken out and becomes the labels.
pub(crate) fn load(path: &Path, name: &str, label_column: Option<&str>) -> Result<Dataset, DataError> {
    let mut text = BufReader::with_capacity(1 << 16, Source::open(path)?.reader);
    let separator = separator(path, text.fill_buf().map_err(|e| DataError::reading(path, e))?);
    let mut lines = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true) // ragged lines are reported with their own number below
        .trim(Trim::All)
        .from_reader(text);

    let mut record = ByteRecord::new();
    let mut read = |record: &mut ByteRecord| lines.read_byte_record(record).map_err(|e| damaged(path, e));
    if !read(&mut record)? {
        return Err(DataError::Empty { what: path.display().to_string() });
    }
    let n_columns = record.len();
    if let Some((i, is_hole)) = fault_of_first_line(&record, label_column) {
        return Err(DataError::FirstLine {
            path: path.to_path_buf(),
            line: line_of(path, record.position().map_or(0, |position| position.byte())),
            column: i + 1,
            text: String::from_utf8_lossy(&record[i]).into_owned(),
            is_hole,
        });
    }
    let header: Option<Vec<String>> =
        (!is_data(&record)).then(|| record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect());
    let label_at = match label_column {
        None => None,
        Some(column) => Some(find_column(path, column, header.as_deref())?),
    };

    let mut values = Vec::new();
    let mut labels = Labels::default();
    let mut is_first = true;
    let mut more = header.is_none() || read(&mut record)?;
    while more {
        let line = || line_of(path, record.position().map_or(0, |position| position.byte()));
        if record.len() != n_columns {
            let (path, line) = (path.to_path_buf(), line());
            return Err(DataError::Ragged { path, line, expected: n_columns, got: record.len() });
        }
        for (i, cell) in record.iter().enumerate() {
            let refused = |must_be| DataError::Cell {
                path: path.to_path_buf(),
                line: line(),
                column: header.as_ref().map_or_else(|| (i + 1).to_string(), |names| names[i].clone()),
                must_be,
                text: String::from_utf8_lossy(cell).into_owned(),
            };
            // In the first row below a header; further down the column has held numbers.
            let text_column = || {
                let names = header.as_ref().filter(|_| is_first && is_word(cell))?;
                Some(DataError::TextColumn {
                    path: path.to_path_buf(),
                    line: line(),
                    column: names[i].clone(),
                    text: String::from_utf8_lossy(cell).into_owned(),
                    can_be_labels: label_at.is_none(),
                    header_has_numbers: names.iter().any(|name| number(name.as_bytes()).is_some()),
                })
            };
            if Some(i) == label_at {
                labels.push(cell).ok_or_else(|| refused("a label"))?;
            } else {
                values.push(number(cell).ok_or_else(|| text_column().unwrap_or_else(|| refused(A_NUMBER)))?);
            }
        }
        is_first = false;
        more = read(&mut record)?;
    }

    let n_features = n_columns - usize::from(label_at.is_some());
    if let (true, Some(names)) = (is_first, &header) {
        let header_has_numbers = names.iter().any(|name| number(name.as_bytes()).is_some());
        return Err(DataError::NoRows { path: path.to_path_buf(), header_has_numbers });
    }
    if values.is_empty() {
        return Err(DataError::Empty { what: path.display().to_string() });
    }
    let mut dataset = Dataset::from_f32(name, n_features, values)?;
    if label_at.is_some() {
        let (labels, classes) = labels.finish();
        dataset = dataset.with_labels(labels)?;
        dataset = if classes.is_empty() { dataset } else { dataset.with_class_names(classes) };
    }
    match header {
        Some(mut names) => {
            label_at.map(|i| names.remove(i));
            if names.iter().any(String::is_empty) {
                dataset = dataset
                    .with_note(format!("{name}: a column has no name; if it is a row index, leave it out of the file"));
            }
            dataset.with_feature_names(names)
        }
        None => Ok(dataset.with_note(format!("{name} has no header line (its first line is all numbers)"))),
    }
}

/// A comma, unless the first line has none and does have tabs or semicolons; in a .tsv file a tab, if there is one.
pub(crate) fn separator(path: &Path, start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match (line.contains(&b','), line.contains(&b'\t'), line.contains(&b';')) {
        (false, true, _) => b'\t',
        (_, true, _) if path.to_string_lossy().to_ascii_lowercase().contains(".tsv") => b'\t',
        (false, false, true) => b';',
        _ => b',',
    }
}

/// Whether a first line is data: all numbers, except those that pandas writes for columns without names.
pub(crate) fn is_data(record: &ByteRecord) -> bool {
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
pub(crate) fn fault_of_first_line(record: &ByteRecord, label_column: Option<&str>) -> Option<(usize, bool)> {
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

fn number(cell: &[u8]) -> Option<f32> {
    let value: f32 = std::str::from_utf8(cell).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Whether a cell is text and no hole: neither a number of any size nor one of the usual marks of a missing one.
fn is_word(cell: &[u8]) -> bool {
    const HOLES: [&str; 8] = ["na", "n/a", "#n/a", "null", "none", "nil", "missing", "unknown"];
    std::str::from_utf8(cell).is_ok_and(|text| {
        text.chars().any(char::is_alphabetic)
            && text.parse::<f64>().is_err()
            && !HOLES.contains(&text.to_lowercase().as_str())
    })
}

fn find_column(path: &Path, column: &str, header: Option<&[String]>) -> Result<usize, DataError> {
    let names = header.unwrap_or_default();
    names.iter().position(|name| name == column).ok_or_else(|| DataError::NoSuchColumn {
        path: path.to_path_buf(),
        column: column.to_string(),
        available: names.to_vec(),
    })
}

/// The line, from 1, of the record that begins at or after byte `start` of the text.
///
/// Counted afresh, and only for an error: the parser's own count falls behind at empty lines and at CR LF.
pub(crate) fn line_of(path: &Path, start: u64) -> u64 {
    let Ok(source) = Source::open(path) else { return 0 };
    let mut text = BufReader::new(source.reader).bytes().map_while(Result::ok);
    let before = text.by_ref().take(usize::try_from(start).unwrap_or(usize::MAX)).filter(|&byte| byte == b'\n').count();
    let empty = text.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|&byte| byte == b'\n').count();
    (before + empty) as u64 + 1
}

pub(crate) fn damaged(path: &Path, error: csv::Error) -> DataError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(e) => DataError::reading(path, e),
        _ => DataError::Corrupt { path: path.to_path_buf(), reason },
    }
}

/// Labels as met: integers if all of them are, else classes in sorted order.
#[derive(Default)]
pub(crate) struct Labels {
    texts: BTreeMap<String, u32>,
    rows: Vec<u32>,
}

impl Labels {
    /// Adds a row's label; `None` for a hole.
    pub(crate) fn push(&mut self, cell: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(cell).ok().filter(|text| !text.is_empty())?;
        let next = self.texts.len() as u32;
        let id = match self.texts.get(text) {
            Some(&id) => id,
            None => *self.texts.entry(text.to_string()).or_insert(next),
        };
        self.rows.push(id);
        Some(())
    }

    /// (label a row, class names); no names when the labels are integers themselves.
    pub(crate) fn finish(self) -> (Vec<i64>, Vec<String>) {
        let mut meaning = vec![0; self.texts.len()];
        let are_integers = self.texts.keys().all(|text| integer(text).is_some());
        for (rank, (text, &id)) in self.texts.iter().enumerate() {
            meaning[id as usize] = integer(text).filter(|_| are_integers).unwrap_or(rank as i64);
        }
        let labels = self.rows.iter().map(|&id| meaning[id as usize]).collect();
        (labels, if are_integers { Vec::new() } else { self.texts.into_keys().collect() })
    }
}

/// An integer, also as `3.0`, which is how pandas writes a column that once had holes.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    })
}
