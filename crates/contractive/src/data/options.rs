//! What of a file is read, and how.

use std::sync::Arc;

use contractive_table::TextOptions;

use crate::encoding::{MissingRule, TableEncoding};

/// How a file is read. The default takes every row, and every column as a feature.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// What the columns of a table are for, where an encoding is learnt from it.
    pub columns: ColumnOptions,
    /// The encoding that the rows of a table are read by, where it was learnt from another one.
    pub encoding: Option<Arc<TableEncoding>>,
}

/// What the columns of a table are for. The default learns from all of them, text being categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnOptions {
    /// The features; all columns that are nothing else by default.
    pub columns: Option<Vec<String>>,
    /// Columns that are carried along, cell for cell.
    pub keys: Vec<String>,
    /// Columns of numbers that are categories.
    pub categories: Vec<String>,
    /// What becomes of missing cells.
    pub missing: MissingRule,
}

impl ColumnOptions {
    /// Whether anything is asked for.
    pub fn is_given(&self) -> bool {
        *self != ColumnOptions::default()
    }
}
