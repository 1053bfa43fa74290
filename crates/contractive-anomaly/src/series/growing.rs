//! A CSV file that is being written: its rows as they come.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use contractive_table::csv::{ByteRecord, LineEnds, Numerals, Position, is_data, named_separator, records, separator};
use contractive_table::limits::{MOST_COLUMNS, MOST_RECORD, check_columns};
use contractive_table::listing::some_names;
use contractive_table::{TableError, TextOptions, shown};

use super::SeriesDetector;
use super::error::SeriesError;
use super::filler::Filler;
use super::followed_file::FollowedFile;
pub use super::followed_file::Turn;
use super::table::counted;
use super::time::{Moment, Pace, Watch};

/// A growing CSV file, spelled as the table trained on was; with a header, unless that was told to have none. Lines count
/// once they are ended: what is still being written waits.
///
/// A file that is rotated goes on in the next one: where another file takes its name, the old one is read to its end first;
/// where it is cut short, it is read from its beginning; where it goes away, the next one of its name is waited for. The
/// next one may name its columns again, in any order, or begin with a row. Rows are counted on, and its first one must be
/// later than the last one before, where rows have times: a table that is written anew is no continuation, and refused.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    file: FollowedFile,
    is_gone: bool,
    /// Bytes that do not end a line yet.
    pending: Vec<u8>,
    /// Bytes of `pending` that were looked at, and what they end within.
    looked_at: usize,
    ends: LineEnds,
    /// Lines done.
    lines: u64,
    /// Rows done.
    rows: u64,
    /// How it is spelled.
    text: TextOptions,
    separator: Option<u8>,
    /// Whether the file at hand has told what parts its cells.
    is_begun: bool,
    header: Option<Header>,
    /// Whether the next line is the first one of a file that goes on where another ended, and the next row its first.
    is_first_line: bool,
    is_first_row: bool,
    /// How the numbers of each value column are spelled.
    numerals: Vec<Numerals>,
    time: Option<String>,
    values: Vec<String>,
    watch: Watch,
    filler: Filler,
}

#[derive(Debug)]
struct Header {
    n_columns: usize,
    time: Option<usize>,
    values: Vec<usize>,
}

/// Rows that were added to a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Growth {
    /// Their timestamps, as the file has them; row numbers from 1 where rows are counted.
    pub stamps: Vec<String>,
    /// The timestamps, read; a second a row where rows are counted.
    pub moments: Vec<Moment>,
    /// Their values, row-major.
    pub values: Vec<f64>,
    /// Whether there was more to read at once: ask again without waiting.
    pub has_more: bool,
    /// What comes after these rows is of the beginning of a file.
    pub turn: Option<Turn>,
    /// Whether the file before the turn ended within a line, which was left out.
    pub left_out: bool,
}

impl Growing {
    /// Opens a text table with the columns that `detector` was trained on. It may be empty still.
    ///
    /// # Errors
    /// [`SeriesError::File`]; [`SeriesError::Setting`] where its name is not that of a text table.
    pub fn open(path: impl AsRef<Path>, detector: &SeriesDetector) -> Result<Growing, SeriesError> {
        let path = path.as_ref();
        if path.is_dir() {
            return Err(TableError::Folder { path: path.to_path_buf() }.into());
        }
        let spec = detector.spec();
        if !spec.series_key.is_empty() {
            let got = format!("several series told apart by {}", spec.series_key.join(", "));
            return Err(SeriesError::Setting { name: "followed file", must_be: "one series".into(), got });
        }
        let name = path.to_string_lossy().to_ascii_lowercase();
        if !name.ends_with(".csv") && !name.ends_with(".tsv") {
            let (must_be, got) = ("text that grows, .csv or .tsv".into(), path.display().to_string());
            return Err(SeriesError::Setting { name: "followed file", must_be, got });
        }
        let file = FollowedFile::open(path)?;
        let what = path.display().to_string();
        Ok(Growing {
            path: path.to_path_buf(),
            file,
            is_gone: false,
            pending: Vec::new(),
            looked_at: 0,
            ends: LineEnds::default(),
            lines: 0,
            rows: 0,
            text: spec.text,
            separator: None,
            is_begun: false,
            header: None,
            is_first_line: false,
            is_first_row: false,
            numerals: Vec::new(),
            time: spec.time.clone(),
            values: spec.values.clone(),
            watch: Watch::new(&what, spec.time.as_deref().unwrap_or_default(), detector.step()),
            filler: Filler::new(&what, spec.values.clone(), spec.missing),
        })
    }

    /// How evenly the rows came so far.
    pub fn pace(&self) -> &Pace {
        self.watch.pace()
    }

    /// Whether the file ends within a line.
    pub fn is_within_line(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether no file has its name at present.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// The rows added since the last time; none where the file did not grow.
    ///
    /// # Errors
    /// [`SeriesError::Follow`] where the file begins anew with rows that are not later than those before;
    /// [`SeriesError::Line`], [`SeriesError::File`] and what the rules for timestamps and values refuse. After an error the
    /// file must be opened anew.
    pub fn poll(&mut self) -> Result<Growth, SeriesError> {
        let taken = self.file.take(&mut self.pending)?;
        self.is_gone = taken.is_gone;
        let mut growth = Growth { has_more: taken.has_more, turn: taken.turn, ..Growth::default() };
        if taken.turn.is_some() {
            growth.left_out = self.begin_anew();
            return Ok(growth);
        }
        if self.is_first_line {
            // Who writes on at the old place of a file that was cut leaves a hole before it.
            let hole = self.pending.iter().take_while(|byte| **byte == 0).count();
            self.pending.drain(..hole);
        }
        let separator = self.separator();
        let end = match separator {
            Some(separator) => self.end_of_lines(separator)?.map(|end| (separator, end)),
            None => None,
        };
        let Some((separator, end)) = end else {
            if self.pending.len() as u64 > MOST_RECORD {
                let mib = MOST_RECORD >> 20;
                let reason = format!(
                    "a line of more than {mib} MiB: a quote is opened and never closed, or it is no text table"
                );
                return Err(self.line_error(self.lines + 1, reason));
            }
            return Ok(growth);
        };
        let whole: Vec<u8> = self.pending.drain(..end).collect();
        self.looked_at -= end;
        self.rows(separator, &whole, &mut growth)?;
        self.lines += whole.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(growth)
    }

    /// Makes ready for the first line of a file; whether a line was left that was not ended.
    fn begin_anew(&mut self) -> bool {
        let left_out = !self.pending.is_empty();
        self.pending.clear();
        (self.looked_at, self.ends, self.lines) = (0, LineEnds::default(), 0);
        self.is_begun = false;
        // Without a header so far, its first line is as that of the first file.
        self.is_first_line = self.header.is_some();
        self.is_first_row = self.rows > 0;
        left_out
    }

    /// Where the last line that is ended ends in `pending`.
    fn end_of_lines(&mut self, separator: u8) -> Result<Option<usize>, SeriesError> {
        let mut end = None;
        for (i, byte) in self.pending.iter().enumerate().skip(self.looked_at) {
            if self.ends.see(*byte, separator) {
                end = Some(i + 1);
            } else if self.ends.cells() >= MOST_COLUMNS {
                let before = self.pending[..i].iter().filter(|byte| **byte == b'\n').count() as u64;
                let reason = format!("a line of more than {MOST_COLUMNS} cells, the most columns of any table");
                return Err(self.line_error(self.lines + 1 + before, reason));
            }
        }
        self.looked_at = self.pending.len();
        Ok(end)
    }

    /// What parts cells, told by the first lines of a file, whose bytes that are no part of the table are dropped; `None`
    /// before the first line is ended.
    fn separator(&mut self) -> Option<u8> {
        if self.is_begun {
            return self.separator;
        }
        let start = &self.pending[..self.pending.iter().rposition(|byte| *byte == b'\n')? + 1];
        let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let (separator, skipped) = match named_separator(&start[mark..]) {
            Some((separator, length)) => {
                self.lines += 1;
                (separator, mark + length)
            }
            None => (self.separator.unwrap_or_else(|| separator(&self.path, &start[mark..])), mark),
        };
        self.pending.drain(..skipped);
        (self.separator, self.is_begun) = (Some(separator), true);
        self.separator
    }

    fn rows(&mut self, separator: u8, whole: &[u8], growth: &mut Growth) -> Result<(), SeriesError> {
        let mut reader = records(separator, whole);
        let mut record = ByteRecord::new();
        let mut row = vec![0.0; self.values.len()];
        loop {
            let more =
                reader.read_byte_record(&mut record).map_err(|e| self.line_error(self.lines + 1, e.to_string()))?;
            if !more {
                return Ok(());
            }
            let byte = record.position().map_or(0, Position::byte) as usize;
            let line = || {
                let before = whole[..byte.min(whole.len())].iter().filter(|byte| **byte == b'\n').count();
                self.lines + 1 + before as u64
            };
            if self.header.is_none() {
                self.header = Some(self.header_of(&record, separator)?);
                self.numerals = vec![Numerals::of(separator, &self.text); self.values.len()];
                if self.text.header != Some(false) {
                    continue;
                }
            }
            if std::mem::take(&mut self.is_first_line) && self.names_the_columns(&record) {
                self.header = Some(self.header_of(&record, separator)?);
                continue;
            }
            let Some(header) = &self.header else { continue };
            if record.len() != header.n_columns {
                let reason =
                    format!("it must have {} cells, as the first line has, got {}", header.n_columns, record.len());
                return Err(self.line_error(line(), reason));
            }
            for (i, &place) in header.values.iter().enumerate() {
                let Some(value) = self.numerals[i].number_or_missing(&record[place]) else {
                    let (name, text) = (&self.values[i], String::from_utf8_lossy(&record[place]));
                    return Err(
                        self.line_error(line(), format!("column `{name}` must be a number, got {}", shown(&text)))
                    );
                };
                row[i] = value;
            }
            let row_number = self.rows + 1;
            let (stamp, moment) = match header.time {
                None => (row_number.to_string(), counted(self.rows as usize)),
                Some(place) => {
                    let Ok(stamp) = std::str::from_utf8(&record[place]) else {
                        return Err(self.line_error(line(), "the timestamp must be text in UTF-8".into()));
                    };
                    if self.is_first_row && self.watch.is_repeated(stamp) {
                        return Err(self.no_continuation(stamp));
                    }
                    let moment = self.watch.see(row_number, stamp).map_err(|e| e.at_line(line()))?;
                    (stamp.to_owned(), moment)
                }
            };
            self.filler.fill(row_number, &mut row).map_err(|e| e.at_line(line()))?;
            (self.rows, self.is_first_row) = (row_number, false);
            growth.stamps.push(stamp);
            growth.moments.push(moment);
            growth.values.extend_from_slice(&row);
        }
    }

    /// The places of the columns, by the first line.
    fn header_of(&self, record: &ByteRecord, separator: u8) -> Result<Header, SeriesError> {
        let mut line = record.clone();
        line.trim();
        // Of a line that is no header there may be more than is held of each cell's name.
        let names = || -> Result<Vec<String>, SeriesError> {
            check_columns(&self.path, line.len() as u64, self.file.read())?;
            let named = line.iter().map(|cell| String::from_utf8_lossy(cell).into_owned());
            let has_none = self.text.header == Some(false);
            Ok(if has_none { (1..=line.len()).map(|i| i.to_string()).collect() } else { named.collect() })
        };
        if self.text.header.is_none() && is_data(&line, separator, &self.text) {
            let reason = format!("the first line must name the columns, got {}", some_names(&names()?));
            return Err(self.line_error(self.lines + 1, reason));
        }
        let places = self.places(&line);
        let missing = self.wanted().zip(&places).filter(|(_, place)| place.is_none());
        let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        if !missing.is_empty() {
            return Err(TableError::MissingColumns { path: self.path.clone(), missing, available: names()? }.into());
        }
        let mut places = places.into_iter().flatten();
        Ok(Header {
            n_columns: line.len(),
            time: self.time.as_ref().and_then(|_| places.next()),
            values: places.collect(),
        })
    }

    /// Names of the columns that rows are made of, that of timestamps first.
    fn wanted(&self) -> impl Iterator<Item = &String> {
        self.time.iter().chain(&self.values)
    }

    /// The places of those columns in a first line. Of two columns of one name the first counts.
    fn places(&self, line: &ByteRecord) -> Vec<Option<usize>> {
        if self.text.header == Some(false) {
            let place = |name: &String| Some(name.parse::<usize>().ok()?.checked_sub(1)?).filter(|i| *i < line.len());
            return self.wanted().map(place).collect();
        }
        let mut found: HashMap<&[u8], Option<usize>> = self.wanted().map(|name| (name.as_bytes(), None)).collect();
        for (i, cell) in line.iter().enumerate() {
            if let Some(place) = found.get_mut(cell.trim_ascii()) {
                place.get_or_insert(i);
            }
        }
        self.wanted().map(|name| found.get(name.as_bytes()).copied().flatten()).collect()
    }

    /// Whether the first line of a file that goes on is its header: what is none is a row.
    fn names_the_columns(&self, record: &ByteRecord) -> bool {
        self.text.header != Some(false) && self.places(record).iter().all(Option::is_some)
    }

    fn no_continuation(&self, stamp: &str) -> SeriesError {
        let reason = format!(
            "it begins anew with the timestamp {stamp}, which is not later than the last one read: its rows would be scored twice"
        );
        SeriesError::Follow { path: self.path.clone(), reason }
    }

    fn line_error(&self, line: u64, reason: String) -> SeriesError {
        SeriesError::Line { path: self.path.clone(), line, reason }
    }
}
