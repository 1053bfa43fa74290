//! Everything that can be wrong with data.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use super::{Part, Place};

/// Why data could not be had. Rows and columns of arrays count from 0, lines of text files from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "open", "read", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A download failed.
    #[error(
        "cannot download {url}: {reason}; try again, or get the file by other means and place it in a folder that \
         --data-dir names"
    )]
    Network {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A registered data set is in none of the folders and may not, or cannot, be downloaded.
    #[error("data set `{name}` was not found; it needs {}; searched {}; {remedy}", files.join(", "), paths(searched))]
    NotFound {
        /// The registered name.
        name: &'static str,
        /// The files that the part needs.
        files: Vec<&'static str>,
        /// The folders, in the order searched.
        searched: Vec<PathBuf>,
        /// What to do.
        remedy: &'static str,
    },
    /// Neither a registered name nor a file.
    #[error("unknown data `{name}`: it is neither a file nor a registered name ({}){}", known.join(", "), hint(*nearest))]
    UnknownName {
        /// What was given.
        name: String,
        /// The registered name most like it, if one is.
        nearest: Option<&'static str>,
        /// All registered names.
        known: Vec<&'static str>,
    },
    /// A colon followed by something that is not a part.
    #[error("the part after `{name}:` must be `train` or `test`, got `{got}`")]
    UnknownPart {
        /// What stands before the colon.
        name: String,
        /// What stands after it.
        got: String,
    },
    /// A part of a single file was asked for.
    #[error("{} is a single file and has no part `{part}`; give the path of the file that holds it", path.display())]
    NoSuchPart {
        /// The file.
        path: PathBuf,
        /// The part asked for.
        part: Part,
    },
    /// No reader for this kind of file.
    #[error("{} is of no known format; the name must end in {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that can be read.
        known: &'static str,
    },
    /// The label column is not there.
    #[error("{} has no column `{column}` to take labels from; its columns are {}", path.display(), names(available))]
    NoSuchColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns that exist; empty when the file has no header line.
        available: Vec<String>,
    },
    /// An archive does not say which array is the data.
    #[error("{} holds no array {wanted}; its arrays are {}; choose one with --array", path.display(), names(available))]
    NoSuchArray {
        /// The archive.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// Names and shapes of the arrays that exist.
        available: Vec<String>,
    },
    /// More rows than a generated data set has, or none.
    #[error("the rows of {name} must be from 1 to {most}, got {asked}")]
    RowCount {
        /// The data set and part.
        name: String,
        /// Rows asked for.
        asked: usize,
        /// The most there can be.
        most: usize,
    },
    /// A file that should be a registered one has other bytes.
    #[error(
        "{} must have the SHA-256 sum {expected}, got {got}; delete it to have it downloaded again, or give it as a \
         path to use it as it is", path.display()
    )]
    Checksum {
        /// The file, or the address it came from.
        path: PathBuf,
        /// The published sum.
        expected: String,
        /// The sum of the bytes found.
        got: String,
    },
    /// The first bytes are not those of the format.
    #[error("{} must begin with {expected}, got {got}; it is not such a file, or it is damaged", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// What the format begins with.
        expected: String,
        /// What the file begins with.
        got: String,
    },
    /// The file ends too early.
    #[error("{} is truncated: its header promises {expected} bytes of values, got {got}; fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises after itself.
        expected: u64,
        /// Bytes found there.
        got: u64,
    },
    /// The file goes on after its values.
    #[error("{} must end after {expected} bytes of values, but bytes follow; it is damaged, or two files joined", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises after itself.
        expected: u64,
    },
    /// The header claims more than a file of that size can hold.
    #[error("{} claims {claimed} bytes of values, but a file of its size can hold at most {most}", path.display())]
    Oversized {
        /// The file.
        path: PathBuf,
        /// Bytes claimed; as text because the product may exceed any integer.
        claimed: String,
        /// The most that could be in it.
        most: u64,
    },
    /// Compressed contents that cannot be unpacked, or a header that cannot be read.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A type of number that is not read.
    #[error("{} holds values of type {got}, which must be {expected}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// What the file says.
        got: String,
        /// What can be read, and the remedy.
        expected: &'static str,
    },
    /// Sizes that do not fit together.
    #[error("{what} must be {expected}, got {got}")]
    Shape {
        /// Whose size.
        what: String,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A text table that ends with its header.
    #[error(
        "{} has a line of column names and no rows below it; data need at least one row{}", path.display(),
        header_remedy(*header_has_numbers)
    )]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Whether that line holds numbers, as a row would.
        header_has_numbers: bool,
    },
    /// No rows or no columns.
    #[error("{what} is empty; data need at least one row and one column of numbers")]
    Empty {
        /// The file or data set.
        what: String,
    },
    /// A cell of a text table is not a finite number.
    #[error(
        "{} line {line}, column `{column}`: every cell must be {must_be}, got {}; fill or remove such rows, or leave \
         the column out", path.display(), cell(text)
    )]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// The column's name, or its number from 1 when there is no header.
        column: String,
        /// What the cell must be.
        must_be: &'static str,
        /// What it says.
        text: String,
    },
    /// A column of a text table begins with a word.
    #[error(
        "{} line {line}, column `{column}`: every cell of a feature must be a finite number, got {}; {}{}",
        path.display(), cell(text), text_remedy(column, *can_be_labels), header_remedy(*header_has_numbers)
    )]
    TextColumn {
        /// The file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What its first cell says.
        text: String,
        /// Whether no other column was chosen for the labels.
        can_be_labels: bool,
        /// Whether the line read as the header holds numbers, as a row would.
        header_has_numbers: bool,
    },
    /// The first line of a text table may be a row or the columns' names.
    #[error("{} line {line} {}", path.display(), first_line_text(*column, text, *is_hole))]
    FirstLine {
        /// The file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// The column of the cell at fault, from 1.
        column: usize,
        /// What it says.
        text: String,
        /// Whether it is empty, not finite or a mark of a missing value, rather than text.
        is_hole: bool,
    },
    /// A line of a text table with too many or too few cells.
    #[error(
        "{} line {line} must have {expected} cells like the first line, got {got}; a cell that holds the separator or a \
         line break must stand in quotes, and a quote that is opened must be closed", path.display()
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// Cells of the first line.
        expected: usize,
        /// Cells of this line.
        got: usize,
    },
    /// A cell of a typed table that cannot be used.
    #[error("{} {place}, column `{column}`: every cell must be {must_be}, got {got}; fill or remove such rows, or leave the column out", path.display())]
    MissingCell {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The column's name, or its number from 1.
        column: String,
        /// What the cell must be.
        must_be: &'static str,
        /// What it says.
        got: String,
    },
    /// Data that are not read by chunks.
    #[error(
        "{name} cannot be streamed (data.stream, --stream): only files of CSV, Parquet, Arrow, NPY or NPZ can; leave \
         --stream out"
    )]
    NotAStream {
        /// What was to be streamed.
        name: String,
    },
    /// A file that is read again and again is no longer what it was.
    #[error("{} was changed while it was trained on; begin the run again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Columns asked for that are not there.
    #[error("{} lacks {}; its columns are {}", path.display(), missing.join(", "), names(available))]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The columns asked for and not found.
        missing: Vec<String>,
        /// The columns that exist, at most the first hundred.
        available: Vec<String>,
    },
    /// Two columns of one name.
    #[error("{} has two columns `{column}`; give each a name of its own", path.display())]
    SameColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column of a type that cannot be used.
    #[error("{}, column `{column}` must be {expected}, got {got}; leave it out or convert it", path.display())]
    ColumnKind {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it holds.
        got: String,
        /// What can be used.
        expected: &'static str,
    },
    /// Contents packed in a way that is not read.
    #[error("{} is packed with {codec}; only {read} can be read: write it again so", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// What it is packed with.
        codec: &'static str,
        /// What can be read.
        read: &'static str,
    },
    /// A cell of a text table is not what its column was taken for.
    #[error(
        "{} {place}, column `{column}`: every cell must be {must_be}{}, got {}; {}", path.display(), prefix_text(*prefix),
        cell(text), cell_remedy(must_be, prefix.is_some())
    )]
    LaterCell {
        /// The file.
        path: PathBuf,
        /// The line; of standard input as the parser counts, which passes over empty lines.
        place: Place,
        /// The column's name, or its number from 1 when there is no header.
        column: String,
        /// What the cell must be.
        must_be: &'static str,
        /// What it says.
        text: String,
        /// Lines that decided on the column's kind; `None` where the kind was asked for.
        prefix: Option<usize>,
    },
    /// NaN or infinity in an array.
    #[error(
        "{what} row {row}, column {column} (from 0): every value must be a finite 32-bit number, got {value}; fill or remove such rows"
    )]
    NonFinite {
        /// The file or data set.
        what: String,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
}

impl DataError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        DataError::Io { action, path: path.to_path_buf(), source }
    }

    /// An error met while reading: damage when the bytes are at fault, else the system's refusal.
    pub(crate) fn reading(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                DataError::Corrupt { path: path.to_path_buf(), reason: source.to_string() }
            }
            _ => DataError::io("read", path, source),
        }
    }

    /// Whether contents are malformed (exit code 3).
    pub fn is_bad_data(&self) -> bool {
        !self.is_usage()
            && !matches!(self, DataError::Io { .. } | DataError::Network { .. } | DataError::NotFound { .. })
    }

    /// Whether the request itself cannot be met, whatever the contents (exit code 2).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            DataError::UnknownName { .. }
                | DataError::UnknownPart { .. }
                | DataError::NoSuchPart { .. }
                | DataError::UnknownFormat { .. }
                | DataError::NoSuchColumn { .. }
                | DataError::NoSuchArray { .. }
                | DataError::MissingColumns { .. }
                | DataError::NotAStream { .. }
                | DataError::RowCount { .. }
        )
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn names(available: &[String]) -> String {
    if available.is_empty() { "not named (there is no header line)".into() } else { available.join(", ") }
}

fn paths(searched: &[PathBuf]) -> String {
    let mut text = String::new();
    for (i, path) in searched.iter().enumerate() {
        let _ = write!(text, "{}{}", if i == 0 { "" } else { ", " }, path.display());
    }
    if text.is_empty() { "no folder (no --data-dir, and no home folder is known)".into() } else { text }
}

fn text_remedy(column: &str, can_be_labels: bool) -> String {
    let is_plain = column.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    let quoted = if is_plain { column.to_owned() } else { format!("\"{column}\"") };
    if can_be_labels {
        format!(
            "if it holds labels, name it with --label-column {quoted}; else remove the column or write it as numbers"
        )
    } else {
        "remove the column or write it as numbers".into()
    }
}

fn first_line_text(column: usize, text: &str, is_hole: bool) -> String {
    let cell = cell(text);
    if is_hole {
        format!(
            "holds numbers, but column {column} is {cell}: if the line is a row, fill that cell or remove the row; if it \
             is the header, name that column"
        )
    } else {
        format!(
            "holds numbers and text (column {column} is {cell}): if the line is a row, add a header line above that \
             names the columns; if it is the header, give every column a name that is no number"
        )
    }
}

fn prefix_text(prefix: Option<usize>) -> String {
    prefix.map(|lines| format!(", as in the first {lines} lines")).unwrap_or_default()
}

fn cell_remedy(must_be: &str, is_guessed: bool) -> &'static str {
    match (must_be.contains("UTF-8"), is_guessed) {
        (true, _) => "save the file as UTF-8",
        (false, true) => "correct it, or have the whole column read as text",
        (false, false) => "correct it, or empty it where nothing is known",
    }
}

fn header_remedy(header_has_numbers: bool) -> &'static str {
    if header_has_numbers {
        "; the first line was read as the columns' names: if it is a row, give it a header line above"
    } else {
        ""
    }
}

/// A cell as it is shown: quoted, and cut when long, because a damaged file can make one cell of the whole file.
pub(crate) fn cell(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    match (shown.is_empty(), shown.len() < text.len()) {
        (true, _) => "a hole".into(),
        (false, false) => format!("`{}`", shown.escape_debug()),
        (false, true) => format!("`{}…`", shown.escape_debug()),
    }
}
