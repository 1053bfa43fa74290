//! What a user says of a text table's spelling.

use serde::{Deserialize, Serialize};

use crate::error::TableError;
use crate::spelling::PARTS;

/// How a text table is spelled. What is left out is told by the file. Other formats have nothing to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextOptions {
    /// Whether the first line names the columns. By default it does unless it is all
    /// numbers other than 0, 1, 2, …, which pandas writes above columns without names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What stands before the fraction of a number, `.` or `,`. By default a point; in a file whose cells are parted by
    /// semicolons, what a column's first fraction has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// What parts thousands: `,`, `.`, `_`, a space or an apostrophe. By default nothing may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
}

impl TextOptions {
    /// These settings, and where one is left out that of `others`.
    pub fn or(self, others: TextOptions) -> TextOptions {
        TextOptions {
            header: self.header.or(others.header),
            decimal: self.decimal.or(others.decimal),
            thousands: self.thousands.or(others.thousands),
        }
    }

    /// Whether everything is left to the file.
    pub fn is_default(&self) -> bool {
        *self == TextOptions::default()
    }

    /// Refuses characters that are no part of numbers.
    ///
    /// # Errors
    /// [`TableError::Setting`].
    pub fn check(&self) -> Result<(), TableError> {
        let refuse = |name, must_be, got: char| Err(TableError::Setting { name, must_be, got: got.to_string() });
        match (self.decimal, self.thousands) {
            (Some(c), _) if !matches!(c, '.' | ',') => refuse("data.decimal", "`.` or `,`", c),
            (_, Some(c)) if !PARTS.contains(&c) => {
                refuse("data.thousands", "`,`, `.`, `_`, a space or an apostrophe", c)
            }
            (decimal, Some(c)) if decimal == Some(c) => refuse("data.thousands", "another than `data.decimal`", c),
            _ => Ok(()),
        }
    }
}
