//! What a user says of a training table's columns.

use std::collections::HashMap;

use super::{EncodingError, MissingRule, TableScale, is_text_table};
use contractive_table::{ReadOptions, TableSource, TextOptions, Unreadable};

/// What the columns of a training table are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodingOptions {
    /// The features; all columns that are nothing else by default.
    pub columns: Option<Vec<String>>,
    /// Columns carried to the output.
    pub keys: Vec<String>,
    /// Columns that are categories, whatever they look like; text is one by itself.
    pub categories: Vec<String>,
    /// A column of labels, left out.
    pub label: Option<String>,
    /// What becomes of missing cells.
    pub missing: MissingRule,
    /// How numbers are scaled.
    pub scale: TableScale,
    /// The first rows only.
    pub rows: Option<usize>,
    /// The array of an NPZ archive.
    pub array: Option<String>,
    /// How a text table is spelled.
    pub text: TextOptions,
}

impl EncodingOptions {
    /// Every column named, with its role.
    pub(super) fn roles(&self) -> Result<HashMap<&str, &'static str>, EncodingError> {
        let mut roles = HashMap::new();
        let keys = self.keys.iter().map(|name| (name, "key"));
        let labels = self.label.iter().map(|name| (name, "label"));
        let categories = self.categories.iter().map(|name| (name, "category"));
        for (name, role) in keys.chain(labels).chain(categories) {
            if let Some(first) = roles.insert(name.as_str(), role)
                && first != role
            {
                return Err(EncodingError::TwoRoles { column: name.clone(), first, second: role });
            }
        }
        for name in self.columns.iter().flatten() {
            if let Some(first) = roles.get(name.as_str()).filter(|role| **role != "category") {
                return Err(EncodingError::TwoRoles { column: name.clone(), first, second: "feature" });
            }
        }
        Ok(roles)
    }

    /// How the training table is read.
    pub(super) fn read_options(&self, source: TableSource<'_>) -> ReadOptions {
        let mut as_text = self.categories.clone();
        if !matches!(source, TableSource::Held { .. }) && is_text_table(source.path()) {
            as_text.extend(self.keys.iter().cloned());
            as_text.extend(self.label.iter().cloned());
        }
        let columns = self.columns.iter().flatten();
        let kept = columns.chain(&self.keys).chain(&self.label).cloned().collect();
        let (as_digits, array) = (self.keys.clone(), self.array.clone());
        // What is not a feature by a list of names needs not be read.
        let unreadable = if self.columns.is_some() { Unreadable::LeftOut } else { Unreadable::Refused };
        ReadOptions { as_text, as_digits, kept, unreadable, text: self.text, array, ..ReadOptions::default() }
    }
}
