//! What the cells of a training table's columns usually are, as far as an encoding keeps it.

use super::distribution::Distribution;
use super::{EncodedColumn, Role, TableEncoding};

/// What a column's cells usually are.
#[derive(Debug, Clone, Copy)]
pub enum Usual<'a> {
    /// Numbers.
    Numbers(&'a Distribution),
    /// Levels of a category with the share of each; the last share is that of all other values.
    Levels {
        /// Its levels.
        levels: &'a [String],
        /// One share more than levels.
        shares: &'a [f64],
    },
}

/// A column of which that is kept.
#[derive(Debug, Clone, Copy)]
pub struct UsualColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is kept.
    pub usual: Usual<'a>,
}

/// What the cells of a column were in training, for people to compare others with.
#[derive(Debug, Clone, PartialEq)]
pub enum UsualCells {
    /// Of numbers, in the column's own units.
    Numbers {
        /// One in twenty was below.
        low: f64,
        /// Half of them were below.
        middle: f64,
        /// One in twenty was above.
        high: f64,
    },
    /// Of a category.
    Levels {
        /// Its values with the share of each, the most frequent first.
        levels: Vec<(String, f64)>,
        /// The share of all values too rare to be kept.
        others: f64,
    },
}

impl TableEncoding {
    /// What the cells of each column that is learnt from usually were, by the column's name. Numbers are left out that the
    /// encoding was saved without.
    pub fn usual_cells(&self) -> Vec<(&str, UsualCells)> {
        let cells = |usual: &Usual<'_>| match *usual {
            Usual::Numbers(of) => {
                UsualCells::Numbers { low: of.usual(0.05), middle: of.usual(0.5), high: of.usual(0.95) }
            }
            Usual::Levels { levels, shares } => {
                let mut known: Vec<(String, f64)> = levels.iter().cloned().zip(shares.iter().copied()).collect();
                known.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                UsualCells::Levels { levels: known, others: shares.last().copied().unwrap_or(0.0) }
            }
        };
        self.usual_columns().iter().map(|UsualColumn { name, usual }| (*name, cells(usual))).collect()
    }

    /// The columns that are learnt from, each with what is kept of it. Encodings saved before numbers were kept have
    /// categories alone.
    pub fn usual_columns(&self) -> Vec<UsualColumn<'_>> {
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
