//! Matrix Market files, plain or gzip: a line that says what follows, comments, sizes, then one entry a line.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::matrix::{SparseMatrix, Triplets, check_shape};
use crate::error::{TableError, shown};
use crate::limits::{MOST_ENTRY_LINE, check_columns, is_accounted_for, make_room};
use crate::source::Source;

/// Bytes of an entry: its row, its column and its value.
const ENTRY: u64 = 16;

/// What is read, in messages.
const READABLE: &str = "a `matrix` in `coordinate` or `array` form, of `real`, `integer` or `pattern` entries, `general`, `symmetric` or \
     `skew-symmetric`";

/// Reads the matrix, transposed where asked for.
pub(crate) fn read(path: &Path, transpose: bool) -> Result<SparseMatrix, TableError> {
    let mut entries = Triplets::default();
    let mut is_sound = false;
    let shape = loop {
        let source = Source::open(path)?;
        let size = source.packed;
        let mut market = Market { path, lines: Lines::new(path, source) };
        let (kind, shape, n) = market.head()?;
        // Of a file whose size does not account for its entries none is kept before it was read to its end. Where it does,
        // there is room for all of them at once; rows are made after the last of them.
        let most = n.saturating_mul(if kind.symmetry == Symmetry::General { 1 } else { 2 });
        if is_sound || is_accounted_for(most.saturating_mul(ENTRY), size) {
            let turned = if transpose { [shape[1], shape[0]] } else { shape };
            check_shape(path, turned, most)?;
            check_columns(path, turned[1], size)?;
            // An array may be zeros for the most part.
            entries.make_room(path, if kind.is_array && is_sound { 0 } else { most })?;
            market
                .entries(shape, n, &kind, &mut |row, column, value| entries.put(row, column, value, kind.symmetry))?;
            break shape;
        }
        market.entries(shape, n, &kind, &mut |_, _, _| {})?;
        is_sound = true;
    };
    let Triplets { rows, columns, values } = entries;
    match transpose {
        true => SparseMatrix::of(path, [shape[1], shape[0]], &Triplets { rows: columns, columns: rows, values }),
        false => SparseMatrix::of(path, shape, &Triplets { rows, columns, values }),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
}

/// What the first line says.
struct Kind {
    is_array: bool,
    has_values: bool,
    symmetry: Symmetry,
}

/// What is done with an entry: its row, its column and its value.
type Put<'a> = &'a mut dyn FnMut(u32, u32, f64);

struct Market<'a> {
    path: &'a Path,
    lines: Lines,
}

impl Market<'_> {
    /// The first line, the shape, and the number of entries that follow at most.
    fn head(&mut self) -> Result<(Kind, [u64; 2], u64), TableError> {
        let kind = self.kind()?;
        let sizes = self.sizes(if kind.is_array { 2 } else { 3 })?;
        let shape = [sizes[0], sizes[1]];
        if shape.iter().any(|size| *size > u64::from(u32::MAX)) {
            return Err(self.wrong(&format!("its sizes must be at most {}", u32::MAX)));
        }
        if kind.symmetry != Symmetry::General && shape[0] != shape[1] {
            return Err(self.wrong("a symmetric matrix must have as many rows as columns"));
        }
        if shape.contains(&0) {
            return Err(TableError::Empty { what: self.path.display().to_string() });
        }
        let n = if kind.is_array { shape[0] * shape[1] } else { sizes[2] };
        Ok((kind, shape, n))
    }

    fn entries(&mut self, shape: [u64; 2], n: u64, kind: &Kind, put: Put<'_>) -> Result<(), TableError> {
        match kind.is_array {
            true => self.array(shape, kind.symmetry, put),
            false => self.coordinates(shape, n, kind, put),
        }
    }

    fn kind(&mut self) -> Result<Kind, TableError> {
        let first = self.lines.next_line()?.unwrap_or_default().to_ascii_lowercase();
        let words: Vec<&str> = first.split_ascii_whitespace().collect();
        let unread = || TableError::Type { path: self.path.into(), got: shown(first.trim()), expected: READABLE };
        match words[..] {
            ["%%matrixmarket", "matrix", form, field, symmetry] => Ok(Kind {
                is_array: match (form, field) {
                    ("array", "real" | "integer") => true,
                    ("coordinate", "real" | "integer" | "pattern") => false,
                    _ => return Err(unread()),
                },
                has_values: field != "pattern",
                symmetry: match symmetry {
                    "general" => Symmetry::General,
                    "symmetric" => Symmetry::Symmetric,
                    "skew-symmetric" => Symmetry::Skew,
                    _ => return Err(unread()),
                },
            }),
            ["%%matrixmarket", ..] => Err(unread()),
            _ => Err(TableError::Magic {
                path: self.path.into(),
                expected: "`%%MatrixMarket matrix`".into(),
                got: shown(first.trim()),
            }),
        }
    }

    /// The numbers of the line of sizes.
    fn sizes(&mut self, n: usize) -> Result<Vec<u64>, TableError> {
        let line = self.lines.next_entry()?.unwrap_or_default();
        let sizes: Option<Vec<u64>> = line.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
        match sizes.filter(|sizes| sizes.len() == n) {
            Some(sizes) => Ok(sizes),
            None => Err(self.wrong(&format!("the sizes must be {n} whole numbers, got {}", shown(line.trim())))),
        }
    }

    fn coordinates(&mut self, shape: [u64; 2], n: u64, kind: &Kind, put: Put<'_>) -> Result<(), TableError> {
        for done in 0..n {
            let Some(line) = self.lines.next_entry()? else { return Err(self.ended(n, done)) };
            let mut words = line.split_ascii_whitespace();
            let mut place = |n: u64| {
                let place: u64 = words.next()?.parse().ok()?;
                (1..=n).contains(&place).then(|| (place - 1) as u32)
            };
            let (row, column) = (place(shape[0]), place(shape[1]));
            let value = if kind.has_values { words.next().and_then(number) } else { Some(1.0) };
            match (row, column, value, words.next()) {
                (Some(row), Some(column), Some(value), None) => put(row, column, value),
                _ => {
                    let [rows, columns] = shape;
                    let value = if kind.has_values { " and a finite number" } else { "" };
                    let must_be = format!("a row from 1 to {rows}, a column from 1 to {columns}{value}");
                    let got = shown(line.trim());
                    return Err(self.wrong(&format!("an entry must be {must_be}, got {got}")));
                }
            }
        }
        self.end(n)
    }

    /// Column by column; of a symmetric matrix from the diagonal downwards.
    fn array(&mut self, [n_rows, n_columns]: [u64; 2], symmetry: Symmetry, put: Put<'_>) -> Result<(), TableError> {
        let mut done = 0;
        for column in 0..n_columns {
            let first = match symmetry {
                Symmetry::General => 0,
                Symmetry::Symmetric => column,
                Symmetry::Skew => column + 1,
            };
            for row in first..n_rows {
                let Some(line) = self.lines.next_entry()? else { return Err(self.ended(n_rows * n_columns, done)) };
                let Some(value) = number(line.trim()) else {
                    let got = shown(line.trim());
                    return Err(self.wrong(&format!("an entry must be a finite number, got {got}")));
                };
                if value != 0.0 {
                    put(row as u32, column as u32, value);
                }
                done += 1;
            }
        }
        self.end(done)
    }

    fn end(&mut self, n: u64) -> Result<(), TableError> {
        match self.lines.next_entry()? {
            None => Ok(()),
            Some(_) => Err(self.wrong(&format!("it must end after {n} entries, but lines follow"))),
        }
    }

    fn ended(&self, n: u64, got: u64) -> TableError {
        let reason = format!("it is truncated: it promises {n} entries, and ends after {got}");
        TableError::Corrupt { path: self.path.into(), reason }
    }

    fn wrong(&self, reason: &str) -> TableError {
        TableError::Corrupt { path: self.path.into(), reason: format!("line {}: {reason}", self.lines.line) }
    }
}

/// A number that is finite.
fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|value: &f64| value.is_finite())
}

impl Triplets {
    /// Makes room for `n` entries more.
    fn make_room(&mut self, path: &Path, n: u64) -> Result<(), TableError> {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        make_room(&mut self.rows, n, path)?;
        make_room(&mut self.columns, n, path)?;
        make_room(&mut self.values, n, path)
    }

    fn put(&mut self, row: u32, column: u32, value: f64, symmetry: Symmetry) {
        self.rows.push(row);
        self.columns.push(column);
        self.values.push(value);
        if symmetry != Symmetry::General && row != column {
            self.rows.push(column);
            self.columns.push(row);
            self.values.push(if symmetry == Symmetry::Skew { -value } else { value });
        }
    }
}

/// Lines of bounded length.
struct Lines {
    path: std::path::PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    bytes: Vec<u8>,
    /// The number of the line given last, from 1.
    line: u64,
}

impl Lines {
    fn new(path: &Path, source: Source<'static>) -> Self {
        let reader = BufReader::with_capacity(1 << 16, source.reader);
        Lines { path: path.into(), reader, bytes: Vec::new(), line: 0 }
    }

    fn next_line(&mut self) -> Result<Option<String>, TableError> {
        self.bytes.clear();
        let mut line = (&mut self.reader).take(MOST_ENTRY_LINE);
        let n = line.read_until(b'\n', &mut self.bytes).map_err(|e| TableError::reading(&self.path, e))?;
        self.line += 1;
        let fault = |what: &str| TableError::Corrupt {
            path: self.path.clone(),
            reason: format!("line {}: it must be {what}", self.line),
        };
        if n as u64 == MOST_ENTRY_LINE {
            return Err(fault(&format!("of at most {MOST_ENTRY_LINE} bytes")));
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|_| fault("text"))?;
        Ok((n > 0).then(|| text.to_owned()))
    }

    /// The next line that is neither empty nor a comment.
    fn next_entry(&mut self) -> Result<Option<String>, TableError> {
        loop {
            match self.next_line()? {
                Some(line) if line.trim().is_empty() || line.starts_with('%') => {}
                line => return Ok(line),
            }
        }
    }
}
