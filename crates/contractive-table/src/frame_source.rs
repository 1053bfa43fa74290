//! What the reader of a format gives, and what of a file is asked of it.

use std::path::Path;

use crate::error::TableError;
use crate::frame::{Field, Frame, Kind};
use crate::numbers::append;

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "standard input";

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

/// A format's side of a [`FrameReader`].
pub(crate) trait FrameSource: Send {
    /// Names and kinds, in the order of the frames' columns.
    fn fields(&self) -> &[Field];

    /// The next rows, at least one; `None` at the end.
    fn next_frame(&mut self) -> Result<Option<Frame>, TableError>;

    /// Rows in all, where the file says so.
    fn n_rows(&self) -> Option<u64> {
        None
    }

    /// The next rows as finite numbers, added to `values` row by row; false at the end.
    fn next_rows(&mut self, path: &Path, values: &mut Vec<f64>) -> Result<bool, TableError> {
        let Some(frame) = self.next_frame()? else { return Ok(false) };
        append(path, &frame, None, values)?;
        Ok(true)
    }

    /// Whether the columns' names are the file's, not just numbers.
    fn has_names(&self) -> bool {
        true
    }

    /// What a user should know of how the file was understood.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// (height, width) where rows are images.
    fn image_shape(&self) -> Option<(usize, usize)> {
        None
    }

    /// Whether rows are images of bytes, 0 to 255.
    fn has_pixels(&self) -> bool {
        false
    }
}

/// What of a file is wanted.
pub(crate) struct Selection<'a>(pub &'a ReadOptions);

impl Selection<'_> {
    /// The places of the wanted columns among `names`, which must differ.
    pub fn choose(&self, path: &Path, names: &[String]) -> Result<Vec<usize>, TableError> {
        let mut places = std::collections::HashMap::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            if places.insert(name.as_str(), i).is_some() {
                return Err(TableError::SameColumn { path: path.to_path_buf(), column: name.clone() });
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
            return Err(TableError::MissingColumns { path: path.to_path_buf(), missing, available });
        }
        let chosen: Vec<usize> = match &options.columns {
            None => self.without_row_index(names),
            Some(columns) => columns.iter().map(|name| places[name.as_str()]).collect(),
        };
        if chosen.is_empty() {
            return Err(TableError::Empty { what: path.display().to_string() });
        }
        Ok(chosen)
    }

    /// All columns but a row index that pandas wrote, unless it is asked for by name, or there is nothing else.
    fn without_row_index(&self, names: &[String]) -> Vec<usize> {
        let asked = |name: &String| self.0.as_text.contains(name) || self.0.as_numbers.contains(name);
        let kept = |(i, name): &(usize, &String)| !is_row_index(*i, name) || asked(name);
        let chosen: Vec<usize> = names.iter().enumerate().filter(kept).map(|(i, _)| i).collect();
        if chosen.is_empty() { (0..names.len()).collect() } else { chosen }
    }

    /// What a user should know of a row index that is left out of the columns `chosen`.
    pub fn note(&self, path: &Path, names: &[String], chosen: &[usize]) -> Option<String> {
        let left_out = (0..names.len()).find(|i| is_row_index(*i, &names[*i]) && !chosen.contains(i))?;
        let file = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        let which = match names[left_out].as_str() {
            "" => "the first column, which has no name".to_owned(),
            name => format!("the column `{name}`"),
        };
        self.0.columns.is_none().then(|| format!("{file}: {which}, is taken for a row index and left out"))
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
        if self.0.as_text.iter().any(|column| column == name) {
            return Some(Kind::Text);
        }
        self.0.as_numbers.iter().any(|column| column == name).then_some(Kind::Number)
    }
}

/// Whether a column is the row index that pandas writes: without a name before all others, or named as in Arrow.
fn is_row_index(place: usize, name: &str) -> bool {
    place == 0 && name.is_empty() || name.starts_with("__index_level_")
}
