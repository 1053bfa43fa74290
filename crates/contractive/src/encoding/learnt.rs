//! What an encoding does with each column, for programs that encode tables by other means.

use super::scaling::Scaling;
use super::{EncodedColumn, Role, TableEncoding};

/// A column of the training table.
#[derive(Debug, Clone, Copy)]
pub struct LearntColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// What becomes of its cells.
    pub becomes: ColumnUse<'a>,
}

/// What becomes of a column's cells.
#[derive(Debug, Clone, Copy)]
pub enum ColumnUse<'a> {
    /// One feature.
    Number {
        /// What a missing cell counts as, in the column's own units.
        fill: f64,
        /// How the number is scaled.
        scaling: &'a Scaling,
    },
    /// One feature a level, and one for every other value.
    Category {
        /// The levels.
        levels: &'a [String],
        /// What is taken off each feature; the last is that of all other values.
        shares: &'a [f64],
        /// The place of the level that a missing cell counts as.
        fill: usize,
    },
    /// None: it was constant in training.
    Constant,
    /// None: it is a key, a label or not chosen.
    NotLearntFrom,
}

impl TableEncoding {
    /// The columns of the training table, in their order.
    pub fn columns(&self) -> Vec<LearntColumn<'_>> {
        self.columns.iter().map(of_column).collect()
    }
}

fn of_column(column: &EncodedColumn) -> LearntColumn<'_> {
    let becomes = match &column.role {
        Role::Number { fill, scaling, .. } => ColumnUse::Number { fill: *fill, scaling },
        Role::Category { levels, shares, fill } => ColumnUse::Category { levels, shares, fill: *fill },
        Role::ConstantNumber { .. } | Role::ConstantText { .. } => ColumnUse::Constant,
        Role::Key | Role::Label | Role::LeftOut => ColumnUse::NotLearntFrom,
    };
    LearntColumn { name: &column.name, becomes }
}
