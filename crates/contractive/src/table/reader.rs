//! Opening a table and walking through it, whatever its format.

use std::path::{Path, PathBuf};

use super::arrays::ArraySource;
use super::csv_source::CsvSource;
use super::frame::{Field, Frame, Kind};
use super::ipc::IpcSource;
use super::parquet::ParquetSource;
use crate::data::columnar::append;
use crate::data::{DataError, Format};

/// Endings of the tables that are read in frames.
const KNOWN_ENDINGS: &str = ".csv or .tsv (also with .gz), .parquet, .arrow, .ipc, .feather, .npy (also with .gz) or .npz; `-` is CSV on \
     standard input";
/// What standard input is called in messages.
pub(super) const STDIN: &str = "standard input";

/// How a table is read. The default takes all columns, and at most 8,192 rows a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The most rows a frame, from 1 to 1,048,576. Default 8,192.
    pub chunk_rows: usize,
    /// The columns to read, in this order; all by default.
    pub columns: Option<Vec<String>>,
    /// Columns to give as [`Kind::Text`], cell for cell as the file has them: keys whose zeros in front count.
    pub as_text: Vec<String>,
    /// Columns to give as [`Kind::Number`], whatever they look like.
    pub as_numbers: Vec<String>,
    /// The array of an NPZ archive. Default: `X`, or the only table.
    pub array: Option<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { chunk_rows: 8192, columns: None, as_text: Vec::new(), as_numbers: Vec::new(), array: None }
    }
}

/// Most rows a frame that can be asked for.
const MOST_CHUNK_ROWS: usize = 1 << 20;

/// A table under way: an iterator of its [`Frame`]s, each of at most [`ReadOptions::chunk_rows`] rows. A table without
/// rows is an error, and after an error it ends.
///
/// ```
/// use contractive::table::{FrameReader, ReadOptions, Values};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("t.csv");
/// std::fs::write(&path, "id,x\na7,0.5\na8,\n")?;
/// let mut reader = FrameReader::open(&path, &ReadOptions::default())?;
/// let frame = reader.next().expect("there are rows")?;
/// assert_eq!(frame.column("id").unwrap().values, Values::Text(vec![Some("a7".into()), Some("a8".into())]));
/// assert!(frame.column("x").unwrap().values.is_missing(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FrameReader {
    source: Box<dyn FrameSource>,
    path: PathBuf,
    is_over: bool,
    /// Whether rows were asked for before.
    has_given: bool,
}

/// A format's side of a [`FrameReader`].
pub(super) trait FrameSource: Send {
    /// Names and kinds, in the order of the frames' columns.
    fn fields(&self) -> &[Field];

    /// The next rows, at least one; `None` at the end.
    fn next_frame(&mut self) -> Result<Option<Frame>, DataError>;

    /// Rows in all, where the file says so.
    fn n_rows(&self) -> Option<u64> {
        None
    }

    /// The next rows as 32-bit numbers, added to `values` row by row; false at the end.
    fn next_rows(&mut self, path: &Path, values: &mut Vec<f32>) -> Result<bool, DataError> {
        let Some(frame) = self.next_frame()? else { return Ok(false) };
        append(path, &frame, None, values)?;
        Ok(true)
    }

    /// Whether the columns' names are the file's, not just numbers.
    fn has_names(&self) -> bool {
        true
    }

    /// (height, width) where rows are images.
    fn image_shape(&self) -> Option<(usize, usize)> {
        None
    }
}

impl FrameReader {
    /// Opens a table by the end of its name; `-` is CSV on standard input.
    ///
    /// Kinds of columns in CSV are decided by the first 1,000 lines (at most 8 MiB): numbers where every cell is one
    /// (integers as such where f64 would not hold them exactly), else text. A later cell that is something else is an
    /// error with its line and column. Empty cells, `NA`, `N/A`, `NaN` and `null` are missing numbers, whatever their
    /// case; in a column of text only the empty cell is missing.
    ///
    /// # Errors
    ///
    /// Any [`DataError`] of a file that cannot be read, or of columns that it does not have.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, DataError> {
        if !(1..=MOST_CHUNK_ROWS).contains(&options.chunk_rows) {
            return Err(DataError::Shape {
                what: "the number of rows a frame".into(),
                expected: format!("from 1 to {MOST_CHUNK_ROWS}"),
                got: options.chunk_rows.to_string(),
            });
        }
        let selection = Selection(options);
        let rows = options.chunk_rows;
        let source: Box<dyn FrameSource> = if path == Path::new("-") {
            Box::new(CsvSource::stdin(&selection, rows)?)
        } else {
            match Format::of(path) {
                Some(Format::Csv) => Box::new(CsvSource::open(path, &selection, rows)?),
                Some(Format::Parquet) => Box::new(ParquetSource::open(path, &selection, rows)?),
                Some(Format::Arrow) => Box::new(IpcSource::open(path, &selection, rows)?),
                Some(Format::Npy) => Box::new(ArraySource::npy(path, &selection, rows)?),
                Some(Format::Npz) => Box::new(ArraySource::npz(path, options.array.as_deref(), &selection, rows)?),
                Some(Format::Idx) | None => {
                    return Err(match path.metadata() {
                        Ok(_) => DataError::UnknownFormat { path: path.to_path_buf(), known: KNOWN_ENDINGS },
                        Err(e) => DataError::io("open", path, e),
                    });
                }
            }
        };
        let path = if path == Path::new("-") { STDIN.into() } else { path.to_path_buf() };
        Ok(FrameReader { source, path, is_over: false, has_given: false })
    }

    /// Names and kinds of the columns.
    pub fn fields(&self) -> &[Field] {
        self.source.fields()
    }

    /// The file, as messages name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows in all, where the file says so beforehand: Parquet, NPY and NPZ do.
    pub fn n_rows(&self) -> Option<u64> {
        self.source.n_rows()
    }

    /// Whether the columns' names are the file's own, and not just their numbers from 1.
    pub fn has_names(&self) -> bool {
        self.source.has_names()
    }

    /// (height, width) where the shape of an array says that each row is an image. Frames hold its values as they are.
    pub fn image_shape(&self) -> Option<(usize, usize)> {
        self.source.image_shape()
    }
}

impl FrameReader {
    /// The next rows as finite 32-bit numbers, added to `values` row by row; false at the end. Images of bytes are scaled to [0, 1], as [`crate::data::Dataset`] scales them.
    pub(crate) fn next_rows(&mut self, values: &mut Vec<f32>) -> Result<bool, DataError> {
        if self.is_over {
            return Ok(false);
        }
        let next = self.source.next_rows(&self.path, values);
        self.is_over = !matches!(next, Ok(true));
        next
    }
}

impl Iterator for FrameReader {
    type Item = Result<Frame, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = match self.source.next_frame() {
            Ok(None) if !self.has_given => Some(Err(DataError::Empty { what: self.path.display().to_string() })),
            next => next.transpose(),
        };
        self.has_given = true;
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// What of a file is wanted.
pub(super) struct Selection<'a>(pub &'a ReadOptions);

impl Selection<'_> {
    /// The places of the wanted columns among `names`, which must differ.
    pub fn choose(&self, path: &Path, names: &[String]) -> Result<Vec<usize>, DataError> {
        let mut places = std::collections::HashMap::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            if places.insert(name.as_str(), i).is_some() {
                return Err(DataError::SameColumn { path: path.to_path_buf(), column: name.clone() });
            }
        }
        let options = self.0;
        let wanted = options.columns.iter().flatten().chain(&options.as_text).chain(&options.as_numbers);
        let mut missing: Vec<String> = Vec::new();
        for name in wanted.filter(|name| !places.contains_key(name.as_str())) {
            if !missing.contains(name) {
                missing.push(name.clone());
            }
        }
        if !missing.is_empty() {
            let available = names.iter().take(100).cloned().collect();
            return Err(DataError::MissingColumns { path: path.to_path_buf(), missing, available });
        }
        let chosen: Vec<usize> = match &options.columns {
            None => (0..names.len()).collect(),
            Some(columns) => columns.iter().map(|name| places[name.as_str()]).collect(),
        };
        if chosen.is_empty() {
            return Err(DataError::Empty { what: path.display().to_string() });
        }
        Ok(chosen)
    }

    /// The kind that a column of kind `kind` is given as.
    pub fn kind(&self, path: &Path, name: &str, kind: Kind) -> Result<Kind, DataError> {
        match self.wish(name) {
            None => Ok(kind),
            Some(Kind::Number) if !kind.is_numeric() => Err(DataError::ColumnKind {
                path: path.to_path_buf(),
                column: name.to_owned(),
                got: kind.name().to_owned(),
                expected: "numbers",
            }),
            Some(wish) => Ok(wish),
        }
    }

    /// The kind asked for.
    pub fn wish(&self, name: &str) -> Option<Kind> {
        if self.0.as_text.iter().any(|column| column == name) {
            return Some(Kind::Text);
        }
        self.0.as_numbers.iter().any(|column| column == name).then_some(Kind::Number)
    }
}
