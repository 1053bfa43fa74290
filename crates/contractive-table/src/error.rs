//! What can be wrong with a table in a file.

use std::io;
use std::path::{Path, PathBuf};

use crate::listing::{nearest_names, some_names};
use crate::place::Place;
use crate::spelling::Spelling;

/// Why a table cannot be read. Rows and columns of arrays count from 0, lines of text files from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
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
    /// A folder where a file belongs.
    #[error("{} must be a file, and it is a folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A pipe, a socket or a device where a file belongs.
    #[error("{} must be a file, and it is {kind}: it is read more than once", path.display())]
    NotAFile {
        /// What is no file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A pattern or a folder without files.
    #[error("there is no file of a known format in {pattern}, which must be a folder, a pattern or the names of files")]
    NoFiles {
        /// What was looked for.
        pattern: String,
    },
    /// Files that cannot be one table.
    #[error("the files of one table must be of one format, and {} is of another than {}", path.display(), first.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The table's first file.
        first: PathBuf,
    },
    /// A file whose columns are not those of the files before.
    #[error(
        "the files of one table must have the same columns: {} {what} `{column}`, and {} {than}", path.display(),
        first.display()
    )]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The table's first file.
        first: PathBuf,
        /// The column.
        column: String,
        /// What the file has to do with it: "has", "lacks", "has text in".
        what: String,
        /// What the first file has instead.
        than: String,
    },
    /// No reader for this kind of file.
    #[error("{} is of no known format; the name must end in {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that can be read.
        known: &'static str,
    },
    /// A sparse matrix too large to be held with its zeros.
    #[error(
        "{} has {rows} rows of {columns} columns, {} GiB with the zeros, which is not taken into memory (of a file of its \
         size at most {} GiB are)", path.display(), gib(*bytes), gib(*most)
    )]
    Dense {
        /// The file.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// Its columns.
        columns: u64,
        /// Bytes of all its cells.
        bytes: u64,
        /// The most bytes that are taken.
        most: u64,
    },
    /// A format whose feature was left out of this build.
    #[error("{} cannot be read: this program was built without the feature `{feature}`", path.display())]
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// The feature of the crate `contractive-table`.
        feature: &'static str,
    },
    /// An archive does not say which array is the data.
    #[error("{} holds no array {wanted}; its arrays are {}", path.display(), names(available))]
    NoSuchArray {
        /// The archive.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// Names and shapes of the arrays that exist.
        available: Vec<String>,
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
    #[error("{} is truncated: its header promises {expected} bytes of values, got {got}", path.display())]
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
    #[error("{} has a line of column names and no rows below it; data need at least one row", path.display())]
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
    /// The first line of a text table may be a row or the columns' names.
    #[error(
        "{} line {line} may be a row or the columns' names: it holds numbers, but column {column} is {}",
        path.display(), shown(text)
    )]
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
        "{} line {line} must have {expected} cells like the first line, got {got}", path.display()
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
    /// A cell that cannot be used.
    #[error("{} {place}, column `{column}`: every cell must be {must_be}{}, got {got}", path.display(), prefix_text(*prefix))]
    Cell {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The column's name, or its number from 1.
        column: String,
        /// What the cell must be.
        must_be: &'static str,
        /// What it says, quoted.
        got: String,
        /// Lines of a text table that decided on the column's kind; `None` where nothing was guessed.
        prefix: Option<usize>,
    },
    /// Bytes that are no UTF-8 where text belongs.
    #[error(
        "{} line {line}, column `{column}`: text must be UTF-8 or UTF-16, got other bytes, in Latin-1 (Windows-1252) {}",
        path.display(), shown(text)
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line in the file, from 1.
        line: u64,
        /// The column's name, or its number from 1 in the line that holds the names.
        column: String,
        /// The bytes, taken for Latin-1.
        text: String,
    },
    /// A column of text whose cells are numbers, in a spelling that is read only when it is said.
    #[error(
        "{} {place}, column `{column}`: numbers must be written as 1234.5, got {}, with {spelling}{}", path.display(),
        shown(text), settings_text(spelling)
    )]
    Spelled {
        /// The file.
        path: PathBuf,
        /// The first such cell's row.
        place: Place,
        /// The column.
        column: String,
        /// What the cell says.
        text: String,
        /// How it is written.
        spelling: Spelling,
    },
    /// A setting of text tables outside its range.
    #[error("`{name}` must be {must_be}, got `{got}`")]
    Setting {
        /// The setting, as in a configuration file.
        name: &'static str,
        /// What it must be.
        must_be: &'static str,
        /// What it is.
        got: String,
    },
    /// Columns asked for that are not there.
    #[error("{} lacks {}{}; its columns are {}", path.display(), some_names(missing), meant(missing, available), names(available))]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The columns asked for and not found.
        missing: Vec<String>,
        /// The columns that exist.
        available: Vec<String>,
    },
    /// Two columns of one name.
    #[error("{} has two columns `{column}`", path.display())]
    SameColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column of a type that cannot be used.
    #[error("{}, column `{column}` must be {expected}, got {got}", path.display())]
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
    /// NaN or infinity in an array.
    #[error("{what} row {row}, column {column} (from 0): every value must be a finite number, got {value}")]
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

impl TableError {
    /// The system's refusal to `action` the file at `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        TableError::Io { action, path: path.to_path_buf(), source }
    }

    /// An error met while reading: damage when the bytes are at fault, else the system's refusal.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                TableError::Corrupt { path: path.to_path_buf(), reason: source.to_string() }
            }
            _ => TableError::io("read", path, source),
        }
    }

    /// The refusal of a file whose name has none of the endings `known`; of a missing one, that it is missing.
    pub fn unknown_format(path: &Path, known: &'static str) -> Self {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => TableError::Folder { path: path.to_path_buf() },
            Ok(_) => TableError::UnknownFormat { path: path.to_path_buf(), known },
            Err(e) => TableError::io("open", path, e),
        }
    }
}

/// Bytes in GiB, one digit after the point, rounded up.
fn gib(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 30) * 10.0).ceil() / 10.0
}

fn names(available: &[String]) -> String {
    if available.is_empty() { "not named (there is no header line)".into() } else { some_names(available) }
}

/// The names that may be meant by those that are missing.
fn meant(missing: &[String], available: &[String]) -> String {
    let mut near: Vec<&str> = Vec::new();
    for name in missing.iter().take(3).flat_map(|name| nearest_names(name, available)) {
        if !near.contains(&name) && !missing.iter().any(|missing| missing == name) {
            near.push(name);
        }
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { String::new() } else { format!(" (did you mean {}?)", quoted.join(" or ")) }
}

/// The settings that read a spelling, where there are any.
fn settings_text(spelling: &Spelling) -> String {
    let set = |name: &str, c: char| format!("`data.{name} = \"{c}\"`");
    let decimal = (spelling.decimal == ',').then(|| set("decimal", ','));
    let settings: Vec<String> = decimal.into_iter().chain(spelling.thousands.map(|c| set("thousands", c))).collect();
    match (spelling.sign, settings.is_empty()) {
        (None, false) => format!("; it is read with {}", settings.join(" and ")),
        _ => String::new(),
    }
}

fn prefix_text(prefix: Option<usize>) -> String {
    prefix.map(|lines| format!(", as in the first {lines} lines")).unwrap_or_default()
}

/// A cell as messages show it: quoted, and cut when long, because a damaged file can make one cell of the whole file.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    match (cut.is_empty(), cut.len() < text.len()) {
        (true, _) => "an empty cell".into(),
        (false, false) => format!("`{}`", cut.escape_debug()),
        (false, true) => format!("`{}…`", cut.escape_debug()),
    }
}
