//! What of a file is read, and how.

use contractive_table::TextOptions;

/// How a file is read. The default takes every row, and every column as a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// The first rows to take, at least 1; all by default.
    pub rows: Option<usize>,
    /// The column of a CSV, Parquet or Arrow table that holds labels, taken out of the features.
    pub label_column: Option<String>,
    /// The array of an NPZ archive to read. Default: `X`, or the only table.
    pub array: Option<String>,
    /// How a text table is spelled.
    pub text: TextOptions,
    /// Columns that are features, if they are there, also where they look like the row index that pandas writes.
    pub kept: Vec<String>,
    /// Whether images of bytes are divided by 255, as in training; by default unless no byte of theirs is above 1.
    pub divide_bytes: Option<bool>,
}
