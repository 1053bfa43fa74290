//! What the cells of a training table's columns usually are, as far as an encoding keeps it.

use super::super::distribution::Distribution;
use super::{EncodedColumn, Role, TableEncoding};

/// What a column's cells usually are.
#[derive(Debug, Clone, Copy)]
pub(in crate::detector) enum Usual<'a> {
    /// Numbers.
    Numbers(&'a Distribution),
    /// Levels of a category with the share of each; the last share is that of all other values.
    Levels { levels: &'a [String], shares: &'a [f64] },
}

/// A column of which that is kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::detector) struct UsualColumn<'a> {
    pub(in crate::detector) name: &'a str,
    pub(in crate::detector) usual: Usual<'a>,
}

impl TableEncoding {
    /// The columns that are learnt from, each with what is kept of it. Encodings saved before numbers were kept have
    /// categories alone.
    pub(in crate::detector) fn usual_columns(&self) -> Vec<UsualColumn<'_>> {
        let mut found = Vec::new();
        for EncodedColumn { name, role } in &self.columns {
            let usual = match role {
                Role::Number { usual: Some(usual), .. } => Usual::Numbers(usual),
                Role::Category { levels, shares, .. } => Usual::Levels { levels, shares },
                _ => continue,
            };
            found.push(UsualColumn { name, usual });
        }
        found
    }
}
