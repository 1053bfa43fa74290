//! CSV as frames: kinds decided on a prefix, then a bounded number of lines at a time.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cells::{Builder, Guess, Numerals, UTF_8, number_or_missing, spelling_of};
use super::first_line::{damaged, fault_of_first_line, is_data};
use super::limited::Limited;
use super::line::line_of;
use super::records::{ByteRecord, records};
use super::text::{Text, open_text, text};
use crate::error::{TableError, shown};
use crate::frame::{Column, Field, Frame, Kind};
use crate::frame_source::{FrameSource, STDIN, Selection, Spelled};
use crate::limits::{self, FRAME_TEXT, check_columns};
use crate::listing::some_names;
use crate::place::Place;
use crate::source::GzipStream;

/// Lines that decide on kinds, and the most bytes of them.
const PREFIX: (usize, usize) = (1000, 8 << 20);
/// Memory of them, in bytes: short cells take more for where they end than for what they hold.
const PREFIX_HELD: usize = 16 << 20;
/// Bytes that a cell of text takes beside its letters: its place in a column, and what an allocator adds.
const TEXT_BESIDE: usize = 48;

/// An open CSV file.
pub(crate) struct CsvSource {
    path: PathBuf,
    lines: csv::Reader<Limited>,
    /// Bytes read since the last line; shared with the reader's input.
    since: Arc<AtomicU64>,
    /// The prefix, until it is used up.
    prefix: VecDeque<ByteRecord>,
    record: ByteRecord,
    n_columns: usize,
    /// Bytes of the file.
    size: u64,
    /// The places of the wanted columns.
    chosen: Vec<usize>,
    fields: Vec<Field>,
    builders: Vec<Builder>,
    /// Whether a column's kind was asked for.
    is_wished: Vec<bool>,
    has_names: bool,
    /// Whether the header holds a number.
    header_has_numbers: bool,
    notes: Vec<String>,
    left_out: Vec<String>,
    spelled: Vec<Spelled>,
    separator: u8,
    chunk_rows: usize,
    done: u64,
}

impl CsvSource {
    /// Opens a file, plain or gzip.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        Self::new(path.to_path_buf(), open_text(path)?, selection, chunk_rows)
    }

    /// Standard input, plain or gzip.
    pub fn stdin(selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let mut input = BufReader::with_capacity(1 << 16, io::stdin());
        let is_gzip =
            input.fill_buf().map_err(|e| TableError::io("read", Path::new(STDIN), e))?.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn Read + Send> = if is_gzip { Box::new(GzipStream::new(input)) } else { Box::new(input) };
        Self::new(STDIN.into(), text(Path::new(STDIN), input, u64::MAX)?, selection, chunk_rows)
    }

    fn new(path: PathBuf, text: Text, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let since = Arc::new(AtomicU64::new(0));
        let (separator, size) = (text.separator, text.size);
        let lines = records(separator, Limited::new(text, since.clone()));
        let mut source = CsvSource {
            path,
            lines,
            since,
            prefix: VecDeque::new(),
            record: ByteRecord::new(),
            n_columns: 0,
            size,
            chosen: Vec::new(),
            fields: Vec::new(),
            builders: Vec::new(),
            is_wished: Vec::new(),
            has_names: true,
            header_has_numbers: false,
            notes: Vec::new(),
            left_out: Vec::new(),
            spelled: Vec::new(),
            separator,
            chunk_rows,
            done: 0,
        };
        source.begin(selection)?;
        Ok(source)
    }

    /// Reads the header and the prefix, and decides on columns and kinds.
    fn begin(&mut self, selection: &Selection) -> Result<(), TableError> {
        if !self.read()? {
            return Err(TableError::Empty { what: self.path.display().to_string() });
        }
        self.n_columns = self.record.len();
        check_columns(&self.path, self.n_columns as u64, self.size)?;
        self.chunk_rows = limits::chunk_rows(self.chunk_rows, self.n_columns);
        let names = self.names(selection)?;
        let choice = selection.choose(&self.path, &names, &[])?;
        self.chosen = choice.places;
        self.left_out = choice.left_out;
        self.notes.extend(choice.note);
        let guesses = self.read_prefix(selection)?;
        let mut names: Vec<Option<String>> = names.into_iter().map(Some).collect();
        for (guess, &place) in guesses.iter().zip(&self.chosen) {
            // A name is cloned only where its column is chosen twice.
            let name = names[place].take().or_else(|| self.name_of(place)).unwrap_or_default();
            let wish = selection.wish(&name);
            let (kind, is_whole) = match &wish {
                Some(kind) => (kind.clone(), false),
                None => guess.kind(),
            };
            self.is_wished.push(wish.is_some());
            self.builders.push(Builder::new(&kind, is_whole, guess.numerals()));
            self.fields.push(Field { name, kind });
        }
        self.note_spelled();
        Ok(())
    }

    /// The name of the column at `place` among those chosen before.
    fn name_of(&self, place: usize) -> Option<String> {
        let before = self.chosen.iter().zip(&self.fields).find(|(chosen, _)| **chosen == place);
        before.map(|(_, field)| field.name.clone())
    }

    /// The names in a first line, or the columns' numbers where it is a row, which is then kept.
    fn names(&mut self, selection: &Selection) -> Result<Vec<String>, TableError> {
        let mut first = self.record.clone();
        first.trim();
        let first = &first;
        let options = selection.options;
        let named = options.columns.iter().flatten().chain(&options.as_text).chain(&options.as_numbers).next();
        let fault = match options.text.header {
            None => fault_of_first_line(first, named.map(String::as_str)),
            Some(_) => None,
        };
        if let Some((i, is_hole)) = fault {
            return Err(TableError::FirstLine {
                path: self.path.clone(),
                line: self.line(&self.record),
                column: i + 1,
                text: start_of(&first[i]),
                is_hole,
            });
        }
        self.has_names = options.text.header.unwrap_or_else(|| !is_data(first, self.separator, &options.text));
        self.header_has_numbers = first.iter().any(is_number);
        if options.text.header.is_none() {
            self.notes.extend(self.note_of_first_line(first));
        }
        if !self.has_names {
            self.prefix.push_back(self.record.clone());
            return Ok((1..=self.n_columns).map(|i| i.to_string()).collect());
        }
        let name = |(i, cell): (usize, &[u8])| match std::str::from_utf8(cell) {
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err(self.not_utf_8(self.line(&self.record), (i + 1).to_string(), cell)),
        };
        first.iter().enumerate().map(name).collect()
    }

    /// What a user should know of a first line that may be a row or the columns' names, where neither was said.
    fn note_of_first_line(&self, first: &ByteRecord) -> Option<String> {
        let name = self.path.file_name().map_or_else(|| self.path.to_string_lossy(), |name| name.to_string_lossy());
        if !self.has_names {
            return Some(format!("{name} has no header line (its first line is all numbers)"));
        }
        let names: Vec<&str> =
            first.iter().filter(|cell| is_number(cell)).filter_map(|cell| std::str::from_utf8(cell).ok()).collect();
        (names.len() == first.len()).then(|| {
            format!(
                "{name}: its first line, {}, is taken for the columns' names, as pandas numbers them; if it is a row, say so \
                 (`data.header` = false)",
                some_names(&names)
            )
        })
    }

    /// Reads the lines that decide on kinds.
    fn read_prefix(&mut self, selection: &Selection) -> Result<Vec<Guess>, TableError> {
        let numerals = Numerals::of(self.separator, &selection.options.text);
        let mut guesses = vec![Guess::new(numerals); self.chosen.len()];
        let (mut bytes, mut held) = (0, 0);
        loop {
            if let Some(record) = self.prefix.back() {
                self.check_length(record)?;
                bytes += record.as_slice().len();
                // A record grows by doubling.
                held += record.as_slice().len().next_power_of_two();
                held += record.len().next_power_of_two() * size_of::<usize>();
                for (guess, &place) in guesses.iter_mut().zip(&self.chosen) {
                    guess.see(&record[place]);
                }
            }
            if self.prefix.len() >= PREFIX.0 || bytes >= PREFIX.1 || held >= PREFIX_HELD || !self.read()? {
                return Ok(guesses);
            }
            self.prefix.push_back(self.record.clone());
        }
    }

    /// Takes note of the columns of text that nobody asked for as text and whose cells are numbers of another spelling.
    fn note_spelled(&mut self) {
        for (i, &place) in self.chosen.iter().enumerate() {
            if self.is_wished[i] || self.fields[i].kind != Kind::Text {
                continue;
            }
            let Some(spelling) = spelling_of(self.prefix.iter().map(|record| &record[place])) else { continue };
            let is_spelled = |record: &ByteRecord| number_or_missing(&record[place]).is_none();
            let Some(row) = self.prefix.iter().position(is_spelled) else { continue };
            let record = &self.prefix[row];
            let text = start_of(&record[place]);
            let byte = record.position().filter(|_| !self.is_stdin()).map(csv::Position::byte);
            self.spelled.push(Spelled { column: self.fields[i].name.clone(), spelling, row: row as u64, byte, text });
        }
    }

    fn not_utf_8(&self, line: u64, column: String, cell: &[u8]) -> TableError {
        // Every byte is a character of Latin-1.
        let text: String = cell.iter().copied().take(LONGEST_SHOWN).map(char::from).collect();
        TableError::NotUtf8 { path: self.path.clone(), line, column, text }
    }

    /// The next line into `record`; false at the end.
    fn read(&mut self) -> Result<bool, TableError> {
        let more = self.lines.read_byte_record(&mut self.record).map_err(|e| damaged(&self.path, e))?;
        self.since.store(0, Ordering::Relaxed);
        Ok(more)
    }

    fn check_length(&self, record: &ByteRecord) -> Result<(), TableError> {
        if record.len() == self.n_columns {
            return Ok(());
        }
        let (line, expected, got) = (self.line(record), self.n_columns, record.len());
        Err(TableError::Ragged { path: self.path.clone(), line, expected, got })
    }

    /// The line of a record, from 1. Standard input cannot be read again: there, where no row can be named instead, the
    /// parser's count must do, which falls behind at empty lines.
    fn line(&self, record: &ByteRecord) -> u64 {
        let position = record.position();
        if self.is_stdin() {
            return position.map_or(0, csv::Position::line);
        }
        line_of(&self.path, position.map_or(0, csv::Position::byte))
    }

    fn is_stdin(&self) -> bool {
        self.path == Path::new(STDIN)
    }

    /// The place of the record that is row `row`.
    fn place(&self, record: &ByteRecord, row: u64) -> Place {
        if self.is_stdin() { Place::Row(row) } else { Place::Line(self.line(record)) }
    }

    /// Adds a row; the bytes that its texts take.
    fn push(&mut self, record: &ByteRecord) -> Result<usize, TableError> {
        self.check_length(record)?;
        let mut texts = 0;
        for (i, &place) in self.chosen.iter().enumerate() {
            let cell = &record[place];
            if self.fields[i].kind == Kind::Text {
                texts += TEXT_BESIDE + cell.len();
            }
            if let Err(must_be) = self.builders[i].push(cell) {
                if must_be == UTF_8 {
                    return Err(self.not_utf_8(self.line(record), self.fields[i].name.clone(), cell));
                }
                if let Some(spelling) = spelling_of([cell]) {
                    let (column, place) = (self.fields[i].name.clone(), self.place(record, self.done));
                    let text = start_of(cell);
                    return Err(TableError::Spelled { path: self.path.clone(), place, column, text, spelling });
                }
                return Err(TableError::Cell {
                    path: self.path.clone(),
                    place: self.place(record, self.done),
                    column: self.fields[i].name.clone(),
                    must_be,
                    got: shown(&start_of(cell)),
                    prefix: (!self.is_wished[i]).then_some(PREFIX.0),
                });
            }
        }
        Ok(texts)
    }
}

impl FrameSource for CsvSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn has_names(&self) -> bool {
        self.has_names
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn spelled(&self) -> &[Spelled] {
        &self.spelled
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let (first_row, mut texts) = (self.done, 0);
        for _ in 0..self.chunk_rows {
            if texts >= FRAME_TEXT {
                break;
            }
            if let Some(record) = self.prefix.pop_front() {
                texts += self.push(&record)?;
            } else {
                if !self.read()? {
                    break;
                }
                let record = std::mem::take(&mut self.record);
                let result = self.push(&record);
                self.record = record;
                texts += result?;
            }
            self.done += 1;
        }
        if self.done == first_row {
            return match first_row {
                0 => Err(TableError::NoRows { path: self.path.clone(), header_has_numbers: self.header_has_numbers }),
                _ => Ok(None),
            };
        }
        let (fields, builders) = (&self.fields, &mut self.builders);
        let column =
            |(field, builder): (&Field, &mut Builder)| Column { name: field.name.clone(), values: builder.take() };
        Ok(Some(Frame { first_row, columns: fields.iter().zip(builders).map(column).collect() }))
    }
}

fn is_number(cell: &[u8]) -> bool {
    number_or_missing(cell).is_some_and(|x| !x.is_nan())
}

/// Bytes of a cell that an error keeps: messages show fewer.
const LONGEST_SHOWN: usize = 256;

/// A cell as an error keeps it: a damaged file can make one cell of the whole file.
fn start_of(cell: &[u8]) -> String {
    String::from_utf8_lossy(&cell[..cell.len().min(LONGEST_SHOWN)]).into_owned()
}
