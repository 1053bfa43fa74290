//! Opening a table and walking through it, whatever its format.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::array::ArraySource;
use crate::csv::{CsvSource, line_of};
use crate::error::TableError;
use crate::following::Following;
use crate::format::Format;
use crate::frame::{Field, Frame};
use crate::frame_source::{FrameSource, ReadOptions, STDIN, Selection, Spelled};
use crate::held::HeldSource;
#[cfg(feature = "arrow")]
use crate::ipc::IpcSource;
use crate::numbers::append_in;
#[cfg(feature = "parquet")]
use crate::parquet::ParquetSource;
use crate::place::Place;
use crate::share::{Piece, Share};
use crate::sparse::{SparseSource, is_sparse};
use crate::text_options::TextOptions;
use crate::transposed::TransposedSource;

/// Endings of the tables that are read in frames.
const KNOWN_ENDINGS: &str = ".csv or .tsv (also with .gz), .parquet, .arrow, .ipc, .feather, .npy or .mtx (also with .gz), .npz, .h5ad or .h5; \
     `-` is CSV on standard input";

/// Most rows a frame that can be asked for.
const MOST_CHUNK_ROWS: usize = 1 << 20;

/// A table under way: an iterator of its [`Frame`]s, each of at most [`ReadOptions::chunk_rows`] rows. A table without
/// rows is an error, and after an error it ends.
///
/// ```
/// use contractive_table::{FrameReader, ReadOptions, Values};
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
    text: TextOptions,
    /// Of a table in several files.
    following: Option<Following>,
}

impl FrameReader {
    /// Opens a table by the end of its name; `-` is CSV on standard input.
    ///
    /// Kinds of columns in CSV are decided by the first 1,000 lines (at most 8 MiB, 16 MiB in memory): numbers where every cell is one
    /// (integers as such where f64 would not hold them exactly), else text. A later cell that is something else is an
    /// error with its line and column. Where cells are parted by semicolons, a column's first fraction tells whether its
    /// numbers have a decimal comma. The words of [`HOLES`](crate::csv::HOLES) and empty cells are missing numbers,
    /// whatever their case; in a column of text only the empty cell is missing.
    ///
    /// # Errors
    ///
    /// Any [`TableError`] of a file that cannot be read, or of columns that it does not have.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, TableError> {
        let path = path.as_ref();
        let source = Self::open_source(path, options)?;
        let path = if path == Path::new("-") { STDIN.into() } else { path.to_path_buf() };
        Ok(FrameReader { source, path, is_over: false, has_given: false, text: options.text, following: None })
    }

    fn open_source(path: &Path, options: &ReadOptions) -> Result<Box<dyn FrameSource>, TableError> {
        options.text.check()?;
        check_chunk_rows(options)?;
        Ok(if is_sparse(path, options.array.as_deref()) {
            Box::new(SparseSource::open(path, &Selection::of(options), options.chunk_rows)?)
        } else if options.transpose {
            let (array, text) = (options.array.clone(), options.text);
            let as_it_is = ReadOptions { array, text, transpose: true, ..ReadOptions::default() };
            Box::new(TransposedSource::new(path, &|| Self::source(path, &as_it_is), &Selection::of(options))?)
        } else {
            Self::source(path, options)?
        })
    }

    /// A reader of rows that a program holds, called `name` in messages.
    ///
    /// # Errors
    ///
    /// Any [`TableError`] of columns that it does not have, or that differ in length.
    pub fn held(name: &str, frame: &Frame, options: &ReadOptions) -> Result<Self, TableError> {
        check_chunk_rows(options)?;
        let source = Box::new(HeldSource::new(name, frame, options)?);
        let (path, text) = (name.into(), options.text);
        Ok(FrameReader { source, path, is_over: false, has_given: false, text, following: None })
    }

    /// A reader of a share of a table in files, one piece after the other; each file must have the columns of the table's
    /// first one. [`FrameReader::path`] is the file at hand, and rows are counted within it. An empty share has the columns,
    /// and ends at once.
    ///
    /// # Errors
    ///
    /// As [`FrameReader::open`]; [`TableError::OtherColumns`].
    pub fn share(share: &Share, options: &ReadOptions) -> Result<Self, TableError> {
        let first = &share.files()[0];
        let mut reader = FrameReader::open(first, &ReadOptions { row_groups: None, ..options.clone() })?;
        let pieces: VecDeque<Piece> = share.pieces().iter().cloned().collect();
        let is_begun = pieces.front().is_some_and(|piece| piece.path == *first && piece.row_groups.is_none());
        let fields = reader.fields().to_vec();
        let (first, options) = (first.clone(), options.clone());
        let mut following = Following { open: Self::open_source, first, fields, pieces, options };
        if is_begun {
            following.pieces.pop_front();
        } else {
            match following.open_next()? {
                Some((source, path)) => (reader.source, reader.path) = (source, path),
                None => reader.is_over = true,
            }
        }
        reader.following = (!following.pieces.is_empty()).then_some(following);
        Ok(reader)
    }

    /// Goes on with the next file, if there is one.
    fn open_following(&mut self) -> Result<bool, TableError> {
        let Some(following) = &mut self.following else { return Ok(false) };
        let Some((source, path)) = following.open_next()? else { return Ok(false) };
        (self.source, self.path) = (source, path);
        Ok(true)
    }

    /// The reader of a format that is dense, with rows as the file has them.
    fn source(path: &Path, options: &ReadOptions) -> Result<Box<dyn FrameSource>, TableError> {
        let selection = Selection::of(options);
        let rows = options.chunk_rows;
        Ok(if path == Path::new("-") {
            Box::new(CsvSource::stdin(&selection, rows)?)
        } else {
            match Format::of(path) {
                Some(Format::Csv) => Box::new(CsvSource::open(path, &selection, rows)?),
                #[cfg(feature = "parquet")]
                Some(Format::Parquet) => Box::new(ParquetSource::open(path, &selection, rows)?),
                #[cfg(feature = "arrow")]
                Some(Format::Arrow) => Box::new(IpcSource::open(path, &selection, rows)?),
                Some(Format::Npy) => Box::new(ArraySource::npy(path, &selection, rows)?),
                #[cfg(feature = "npz")]
                Some(Format::Npz) => Box::new(ArraySource::npz(path, options.array.as_deref(), &selection, rows)?),
                #[allow(unreachable_patterns)] // formats whose feature is off
                Some(format) if format.feature().is_some() => return Err(format.not_built(path)),
                _ => return Err(TableError::unknown_format(path, KNOWN_ENDINGS)),
            }
        })
    }

    /// Names and kinds of the columns.
    pub fn fields(&self) -> &[Field] {
        self.source.fields()
    }

    /// The file, as messages name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is read, where it is text.
    pub fn text(&self) -> TextOptions {
        self.text
    }

    /// Rows in all, where the file says so beforehand: Parquet, NPY and NPZ do, several files do not.
    pub fn n_rows(&self) -> Option<u64> {
        self.source.n_rows().filter(|_| self.following.is_none())
    }

    /// Reads the file that is under way in little memory, and keeps none of it; whether it has at most `most` rows. `None` where
    /// files follow, or it must be opened for that once more.
    pub(crate) fn check(&mut self, most: u64) -> Result<Option<bool>, TableError> {
        match self.source.n_rows() {
            _ if self.following.is_some() => Ok(None),
            Some(rows) if rows > most => Ok(Some(false)),
            _ => Ok(self.source.check(most).transpose()?.map(|rows| rows <= most)),
        }
    }

    /// Bytes that reading holds at most beside frames, with those that [`FrameReader::check`] takes, while the file is not
    /// known to be sound.
    pub(crate) fn held_at_most(&self) -> u64 {
        self.source.held_at_most()
    }

    /// Whether the columns' names are the file's own, and not just their numbers from 1.
    pub fn has_names(&self) -> bool {
        self.source.has_names()
    }

    /// One name a row of all rows, where a table is transposed whose columns have names.
    pub fn row_names(&self) -> Option<&[String]> {
        self.source.row_names()
    }

    /// Columns of the file that are left out unasked: the row index that pandas writes, and what cannot be read where
    /// [`ReadOptions::unreadable`] says so.
    pub fn left_out(&self) -> &[String] {
        self.source.left_out()
    }

    /// Refuses the first column of text, among those that are features, in which every cell is a number of another
    /// spelling: as categories they would be learnt without a word.
    ///
    /// # Errors
    /// [`TableError::Spelled`].
    pub fn check_spelling(&self, is_feature: impl Fn(&str) -> bool) -> Result<(), TableError> {
        match self.source.spelled().iter().find(|spelled| is_feature(&spelled.column)).cloned() {
            None => Ok(()),
            Some(Spelled { column, spelling, row, byte, text }) => {
                let place = byte.map_or(Place::Row(row), |byte| Place::Line(line_of(&self.path, byte)));
                Err(TableError::Spelled { path: self.path.clone(), place, column, text, spelling })
            }
        }
    }

    /// What a user should know of how the file was understood.
    pub fn notes(&self) -> &[String] {
        self.source.notes()
    }

    /// What the file says of itself under `key`: Parquet and Arrow files hold such texts beside their columns.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.source.metadata().iter().find(|(name, _)| name == key).map(|(_, text)| text.as_str())
    }

    /// (height, width, channels) where the shape of an array says that each row is an image. Frames hold its values as they are.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        self.source.image_shape()
    }

    /// Whether rows are images of bytes, 0 to 255.
    pub fn has_pixels(&self) -> bool {
        self.source.has_pixels()
    }
}

fn check_chunk_rows(options: &ReadOptions) -> Result<(), TableError> {
    match (1..=MOST_CHUNK_ROWS).contains(&options.chunk_rows) {
        true => Ok(()),
        false => Err(TableError::Shape {
            what: "the number of rows a frame".into(),
            expected: format!("from 1 to {MOST_CHUNK_ROWS}"),
            got: options.chunk_rows.to_string(),
        }),
    }
}

impl FrameReader {
    /// The next rows as finite numbers, added to `values` row by row, all columns; false at the end.
    ///
    /// # Errors
    ///
    /// As the iterator's; [`TableError::Cell`] for a cell that is missing or not finite.
    pub fn next_rows(&mut self, values: &mut Vec<f64>) -> Result<bool, TableError> {
        if self.is_over {
            return Ok(false);
        }
        loop {
            let next = match self.source.next_rows(&self.path, values) {
                Some(next) => next,
                None => self.append_frame(values),
            };
            let next = match next {
                Ok(false) => match self.open_following() {
                    Ok(true) => continue,
                    end => end,
                },
                next => next,
            };
            self.is_over = !matches!(next, Ok(true));
            return next;
        }
    }

    /// Begins anew with the first row, where nothing of the file must be read for that again; whether it does.
    pub fn go_back(&mut self) -> bool {
        let goes_back = self.following.is_none() && self.source.go_back();
        if goes_back {
            (self.is_over, self.has_given) = (false, false);
        }
        goes_back
    }

    fn append_frame(&mut self, values: &mut Vec<f64>) -> Result<bool, TableError> {
        let Some(frame) = self.source.next_frame()? else { return Ok(false) };
        append_in(&self.path, &frame, None, &self.text, values)?;
        Ok(true)
    }
}

impl Iterator for FrameReader {
    type Item = Result<Frame, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = loop {
            match self.source.next_frame() {
                Ok(None) => match self.open_following() {
                    Ok(true) => {}
                    Ok(false) if self.has_given => break None,
                    Ok(false) => break Some(Err(TableError::Empty { what: self.path.display().to_string() })),
                    Err(e) => break Some(Err(e)),
                },
                next => break next.transpose(),
            }
        };
        self.has_given = true;
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}
