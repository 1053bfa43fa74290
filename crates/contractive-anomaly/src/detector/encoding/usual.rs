//! What the cells of a training table's columns usually are, as far as an encoding keeps it.

use super::super::distribution::Distribution;
use super::{Role, TableEncoding};

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
        let usual = |role| match role {
            &Role::Number { ref usual, .. } => usual.as_ref().map(Usual::Numbers),
            Role::Category { levels, shares, .. } => Some(Usual::Levels { levels, shares }),
            _ => None,
        };
        let columns = self.columns.iter();
        columns.filter_map(|c| Some(UsualColumn { name: &c.name, usual: usual(&c.role)? })).collect()
    }
}
