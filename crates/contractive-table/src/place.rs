//! Where a row stands, in the words of who looks for it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A row's place in its file. Shown as `line 27` or `row 25 (from 0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The line of a text table at which the row begins, from 1, as editors count.
    Line(u64),
    /// The row, from 0: of tables that have no lines, and of standard input, which cannot be read again.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row} (from 0)"),
        }
    }
}
