//! What the reader of a format gives, and what of a file is asked of it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use crate::error::TableError;
use crate::frame::{Field, Frame, Kind};
use crate::spelling::Spelling;
use crate::text_options::TextOptions;

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "standard input";

/// What becomes of columns of a type that is not read: lists and structs of Parquet and Arrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unreadable {
    /// They are refused.
    #[default]
    Refused,
    /// They are left out unless they are asked for by name.
    LeftOut,
    /// Those of these names are left out, others refused.
    LeftOutOf(Vec<String>),
}

/// How a table is read. The default takes all columns, and at most 8,192 rows a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The most rows a frame, from 1 to 1,048,576. Default 8,192; fewer where they would have more than 1,048,576 cells.
    pub chunk_rows: usize,
    /// The columns to read, in this order; all by default.
    pub columns: Option<Vec<String>>,
    /// Columns to give as [`Kind::Text`], cell for cell as the file has them: keys whose zeros in front count.
    pub as_text: Vec<String>,
    /// Columns to give as [`Kind::Number`], whatever they look like.
    pub as_numbers: Vec<String>,
    /// Columns whose decimals are given as [`Kind::Text`], digit by digit; others keep their kind.
    pub as_digits: Vec<String>,
    /// Columns that are read, if they are there, also where they look like the row index that pandas writes.
    pub kept: Vec<String>,
    /// What becomes of columns of a type that is not read.
    pub unreadable: Unreadable,
    /// How a text table is spelled.
    pub text: TextOptions,
    /// The array of an NPZ archive, by default `X`, or the only table; of an AnnData file `X` by default, `raw`,
    /// `layers/NAME` or `obsm/NAME`.
    pub array: Option<String>,
    /// The row groups of a Parquet file to read, by their places, all by default; other files have none.
    pub row_groups: Option<Range<usize>>,
    /// Whether the rows are the columns of the file: it is taken into memory and turned round. The names of its columns
    /// are then [`FrameReader::row_names`](crate::FrameReader::row_names), a column of text or a row index gives those of
    /// the columns, and all other columns must be numbers.
    pub transpose: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            chunk_rows: 8192,
            columns: None,
            as_text: Vec::new(),
            as_numbers: Vec::new(),
            as_digits: Vec::new(),
            kept: Vec::new(),
            unreadable: Unreadable::default(),
            text: TextOptions::default(),
            array: None,
            row_groups: None,
            transpose: false,
        }
    }
}

/// A format's side of a [`FrameReader`].
pub(crate) trait FrameSource: Send {
    /// Names and kinds, in the order of the frames' columns.
    fn fields(&self) -> &[Field];

    /// The next rows, at least one; `None` at the end.
    fn next_frame(&mut self) -> Result<Option<Frame>, TableError>;

    /// Reads all rows of the file and keeps none, in little memory and beside the rows that are under way: how many there
    /// are, or more than `most`. `None` where the file must be opened for it once more.
    fn check(&mut self, most: u64) -> Option<Result<u64, TableError>> {
        let _ = most;
        None
    }

    /// Bytes that it holds at most beside frames, with those that [`FrameSource::check`] takes, while the file is not known to
    /// be sound.
    fn held_at_most(&self) -> u64 {
        0
    }

    /// Rows in all, where the file says so.
    fn n_rows(&self) -> Option<u64> {
        None
    }

    /// The next rows as finite numbers, added to `values` row by row, false at the end; `None` where that is no quicker
    /// than [`FrameSource::next_frame`].
    fn next_rows(&mut self, path: &Path, values: &mut Vec<f64>) -> Option<Result<bool, TableError>> {
        let _ = (path, values);
        None
    }

    /// Begins anew with the first row, where nothing of the file must be read for that again; whether it does.
    fn go_back(&mut self) -> bool {
        false
    }

    /// Whether the columns' names are the file's, not just numbers.
    fn has_names(&self) -> bool {
        true
    }

    /// One name a row, where the file has them.
    fn row_names(&self) -> Option<&[String]> {
        None
    }

    /// What a user should know of how the file was understood.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// Columns of the file that are left out unasked: the row index that pandas writes, and what cannot be read.
    fn left_out(&self) -> &[String] {
        &[]
    }

    /// Columns of text in which every cell of the first lines is a number of another spelling.
    fn spelled(&self) -> &[Spelled] {
        &[]
    }

    /// What the file says of itself, key by key.
    fn metadata(&self) -> &[(String, String)] {
        &[]
    }

    /// (height, width, channels) where rows are images.
    fn image_shape(&self) -> Option<[usize; 3]> {
        None
    }

    /// Whether rows are images of bytes, 0 to 255.
    fn has_pixels(&self) -> bool {
        false
    }
}

/// A column of text whose cells are numbers of another spelling.
#[derive(Debug, Clone)]
pub(crate) struct Spelled {
    pub column: String,
    pub spelling: Spelling,
    /// The row of the first such cell.
    pub row: u64,
    /// Where its record begins in the text, if that can be read again: its line is counted only where it is told.
    pub byte: Option<u64>,
    /// What the cell says.
    pub text: String,
}

/// What of a file is wanted. Names are looked up, not searched for: a table may have as many as there are columns.
pub(crate) struct Selection<'a> {
    pub options: &'a ReadOptions,
    /// The kinds asked for, by the columns' names.
    wishes: HashMap<&'a str, Kind>,
    /// Columns that are read where they look like a row index too.
    asked: HashSet<&'a str>,
    #[cfg(feature = "arrow")]
    digits: HashSet<&'a str>,
    /// Columns that are left out where they cannot be read; of all that are not asked for `None`.
    #[cfg(feature = "arrow")]
    spared: Option<HashSet<&'a str>>,
}

/// The columns that are read.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Their places in the file.
    pub places: Vec<usize>,
    /// Names of those left out unasked.
    pub left_out: Vec<String>,
    /// What a user should know of these.
    pub note: Option<String>,
}

impl<'a> Selection<'a> {
    /// What `options` want.
    pub fn of(options: &'a ReadOptions) -> Self {
        let wish = |names: &'a [String], kind: Kind| names.iter().map(move |name| (name.as_str(), kind.clone()));
        // Of a column named twice text is the wish.
        let wishes = wish(&options.as_numbers, Kind::Number).chain(wish(&options.as_text, Kind::Text)).collect();
        let asked = [&options.as_text, &options.as_numbers, &options.as_digits, &options.kept];
        let asked = asked.into_iter().flatten().map(String::as_str).collect();
        #[cfg(feature = "arrow")]
        let digits = options.as_digits.iter().map(String::as_str).collect();
        #[cfg(feature = "arrow")]
        let spared = match &options.unreadable {
            Unreadable::Refused => Some(HashSet::new()),
            Unreadable::LeftOut => None,
            Unreadable::LeftOutOf(names) => Some(names.iter().map(String::as_str).collect()),
        };
        Selection {
            options,
            wishes,
            asked,
            #[cfg(feature = "arrow")]
            digits,
            #[cfg(feature = "arrow")]
            spared,
        }
    }

    /// The wanted columns among `names`, which must differ. `index` are those that the file itself calls a row index.
    pub fn choose(&self, path: &Path, names: &[String], index: &[String]) -> Result<Choice, TableError> {
        let mut places = HashMap::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            if places.insert(name.as_str(), i).is_some() {
                return Err(TableError::SameColumn { path: path.to_path_buf(), column: name.clone() });
            }
        }
        let options = self.options;
        let wanted = options.columns.iter().flatten().chain(&options.as_text).chain(&options.as_numbers);
        let (mut missing, mut told) = (Vec::new(), HashSet::new());
        for name in wanted.filter(|name| !places.contains_key(name.as_str())) {
            if told.insert(name.as_str()) {
                missing.push(name.clone());
            }
        }
        if !missing.is_empty() {
            let available = names.to_vec();
            return Err(TableError::MissingColumns { path: path.to_path_buf(), missing, available });
        }
        let choice = match &options.columns {
            None => self.without_row_index(path, names, index),
            Some(columns) => {
                let places = columns.iter().map(|name| places[name.as_str()]).collect();
                Choice { places, ..Choice::default() }
            }
        };
        if choice.places.is_empty() {
            return Err(TableError::Empty { what: path.display().to_string() });
        }
        Ok(choice)
    }

    /// All columns but a row index that pandas wrote, unless it is asked for by name, or there is nothing else.
    fn without_row_index(&self, path: &Path, names: &[String], index: &[String]) -> Choice {
        let index: HashSet<&str> = index.iter().map(String::as_str).collect();
        let is_left_out = |i: usize| {
            let name = names[i].as_str();
            let is_index = is_row_index(i, name) || index.contains(name);
            // Where a table is turned round, its row index names the columns.
            is_index && !self.options.transpose && !self.asked.contains(name)
        };
        let (out, places): (Vec<usize>, Vec<usize>) = (0..names.len()).partition(|i| is_left_out(*i));
        if places.is_empty() || out.is_empty() {
            return Choice { places: (0..names.len()).collect(), ..Choice::default() };
        }
        let file = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        let which = match names[out[0]].as_str() {
            "" => "the first column, which has no name".to_owned(),
            name => format!("the column `{name}`"),
        };
        let note = match out.len() {
            1 => format!("{file}: {which}, is taken for a row index and left out"),
            n => format!("{file}: {which}, and {} more, are taken for a row index and left out", n - 1),
        };
        let left_out = out.into_iter().map(|i| names[i].clone()).collect();
        Choice { places, left_out, note: Some(note) }
    }

    /// The kind that a column of kind `kind` is given as.
    pub fn kind(&self, path: &Path, name: &str, kind: Kind) -> Result<Kind, TableError> {
        match self.wish(name) {
            None => Ok(kind),
            Some(Kind::Number) if !kind.is_numeric() => Err(TableError::ColumnKind {
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
        self.wishes.get(name).cloned()
    }

    /// Whether the column is left out where it cannot be read.
    #[cfg(feature = "arrow")]
    pub fn spares(&self, name: &str) -> bool {
        let is_asked = self.options.columns.is_some() || self.asked.contains(name);
        !is_asked && self.spared.as_ref().is_none_or(|spared| spared.contains(name))
    }

    /// Whether the column's decimals are to be given digit by digit.
    #[cfg(feature = "arrow")]
    pub fn wants_digits(&self, name: &str) -> bool {
        self.digits.contains(name)
    }
}

/// Whether a column is the row index that pandas writes: without a name before all others, or named as in Arrow.
pub(crate) fn is_row_index(place: usize, name: &str) -> bool {
    place == 0 && name.is_empty() || name.starts_with("__index_level_")
}
