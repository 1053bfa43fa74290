//! Frames to features.

use std::collections::HashMap;
use std::path::Path;

use super::{EncodingError, MissingRule, Role, TableEncoding};
use contractive_table::{Column, Frame, Values, shown};
use contractive_table::{Place, TableError, TextOptions};

/// Sizes from which on a number's own differences would leave the range of f64.
pub const TOO_LARGE: f64 = 1e300;

/// Rows as a detector's networks take them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EncodedRows {
    /// Number of rows N.
    pub n_rows: usize,
    /// Features, row-major (N, D), finite.
    pub values: Vec<f32>,
    /// Which of them stand for missing cells and are left out of the loss and the score, (N, D); empty where none are.
    pub missing: Vec<bool>,
    /// Cells filled or left out.
    pub missing_cells: usize,
    /// Cells of categories with a value that training did not know.
    pub unseen_cells: usize,
    /// Cells of columns that were constant in training and are something else here.
    pub changed_cells: usize,
}

impl EncodedRows {
    /// Whether the rows have `d` features each.
    pub fn fits(&self, d: usize) -> bool {
        Some(self.values.len()) == self.n_rows.checked_mul(d)
            && (self.missing.is_empty() || self.missing.len() == self.values.len())
    }

    /// Adds the rows of `more`.
    pub(super) fn append(&mut self, more: EncodedRows) {
        let of_more = || more.values.len() / more.n_rows.max(1);
        let d = self.values.len().checked_div(self.n_rows).unwrap_or_else(of_more);
        if !more.missing.is_empty() && self.missing.is_empty() {
            self.missing.resize(self.n_rows * d, false);
        }
        if more.missing.is_empty() && !self.missing.is_empty() {
            self.missing.resize(self.missing.len() + more.n_rows * d, false);
        } else {
            self.missing.extend(more.missing);
        }
        self.values.extend(more.values);
        self.n_rows += more.n_rows;
        self.missing_cells += more.missing_cells;
        self.unseen_cells += more.unseen_cells;
        self.changed_cells += more.changed_cells;
    }
}

/// Rows in the units of their table, for a scaling that is learnt apart: numbers as they are, levels 0 or 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlainRows {
    /// Features, row-major (N, D), finite.
    pub values: Vec<f64>,
    /// Cells filled.
    pub missing_cells: usize,
    /// Cells of categories with a value that training did not know.
    pub unseen_cells: usize,
}

/// What a cell comes to: a number, filled where it was missing, or the place of a level.
enum Cell {
    Number(f64),
    Level(usize),
}

/// Cells that were not as in training.
#[derive(Default)]
struct Odd {
    missing: usize,
    unseen: usize,
    changed: usize,
}

impl TableEncoding {
    /// The features of a frame that [`TableEncoding::check`] let pass. `path` is what messages call the table, and `text`
    /// how it was read.
    ///
    /// # Errors
    /// [`EncodingError::MissingCell`], and [`EncodingError::Data`] for a cell that is not finite.
    pub fn encode(&self, frame: &Frame, path: &Path, text: &TextOptions) -> Result<EncodedRows, EncodingError> {
        let (n, d) = (frame.n_rows(), self.n_features());
        let mut rows = EncodedRows { n_rows: n, values: vec![0.0; n * d], ..EncodedRows::default() };
        let odd = self.visit(frame, path, text, |r, at, role, cell, is_missing| {
            let width = role.n_features();
            let place = r * d + at;
            match (role, cell) {
                (Role::Number { scaling, .. }, Cell::Number(x)) => rows.values[place] = scaling.apply(x) as f32,
                (Role::Category { shares, .. }, Cell::Level(level)) => {
                    let features = &mut rows.values[place..][..width];
                    for (i, (to, share)) in features.iter_mut().zip(shares).enumerate() {
                        *to = (f64::from(u8::from(i == level)) - share) as f32;
                    }
                }
                _ => return,
            }
            if is_missing && self.missing == MissingRule::Mask {
                if rows.missing.is_empty() {
                    rows.missing.resize(rows.values.len(), false);
                }
                rows.missing[place..place + width].fill(true);
            }
        })?;
        (rows.missing_cells, rows.unseen_cells, rows.changed_cells) = (odd.missing, odd.unseen, odd.changed);
        Ok(rows)
    }

    /// As [`TableEncoding::encode`], in the units of the table.
    ///
    /// # Errors
    /// As [`TableEncoding::encode`].
    pub fn encode_plain(&self, frame: &Frame, path: &Path, text: &TextOptions) -> Result<PlainRows, EncodingError> {
        let d = self.n_features();
        let mut rows = PlainRows { values: vec![0.0; frame.n_rows() * d], ..PlainRows::default() };
        let odd = self.visit(frame, path, text, |r, at, _, cell, _| match cell {
            Cell::Number(x) => rows.values[r * d + at] = x,
            Cell::Level(level) => rows.values[r * d + at + level] = 1.0,
        })?;
        (rows.missing_cells, rows.unseen_cells) = (odd.missing, odd.unseen);
        Ok(rows)
    }

    /// Shows every cell that becomes features: its row, the first of its features, the column's role, what it comes to, and
    /// whether it was missing.
    fn visit(
        &self,
        frame: &Frame,
        path: &Path,
        text: &TextOptions,
        mut show: impl FnMut(usize, usize, &Role, Cell, bool),
    ) -> Result<Odd, EncodingError> {
        let places: HashMap<&str, &Column> = frame.columns.iter().map(|c| (c.name.as_str(), c)).collect();
        let mut odd = Odd::default();
        let mut first: Option<(usize, &Column, bool)> = None;
        let mut at = 0;
        for column in self.columns.iter().filter(|c| c.role.is_looked_at()) {
            let Some(&cells) = places.get(column.name.as_str()) else {
                let missing = vec![column.name.clone()];
                return Err(EncodingError::Columns { path: path.to_path_buf(), missing, extra: Vec::new() });
            };
            let role = &column.role;
            let mut show = |r: usize, cell: Cell, is_missing: bool| show(r, at, role, cell, is_missing);
            let fault = match role {
                Role::Number { .. } | Role::ConstantNumber { .. } => self.numbers(role, cells, &mut odd, &mut show),
                _ => self.texts(role, cells, &mut odd, &mut show),
            };
            if let Some((row, is_missing)) = fault
                && first.is_none_or(|(earlier, ..)| row < earlier)
            {
                first = Some((row, cells, is_missing));
            }
            at += role.n_features();
        }
        let Some((row, column, is_missing)) = first else { return Ok(odd) };
        let (place, path) = (Place::of_row_in(path, frame.first_row + row as u64, text), path.to_path_buf());
        Err(if is_missing {
            EncodingError::MissingCell { path, place, column: column.name.clone() }
        } else {
            not_finite(path, place, column, row).into()
        })
    }

    /// Shows a number's cells; gives the first one at fault, and whether it is missing.
    fn numbers(
        &self,
        role: &Role,
        cells: &Column,
        odd: &mut Odd,
        show: &mut impl FnMut(usize, Cell, bool),
    ) -> Option<(usize, bool)> {
        let converted;
        let numbers: &[f64] = match &cells.values {
            Values::Numbers(numbers) => numbers,
            other => {
                converted = other.to_numbers().unwrap_or_else(|| vec![f64::NAN; other.len()]);
                &converted
            }
        };
        for (r, &x) in numbers.iter().enumerate() {
            let is_missing = x.is_nan();
            if is_missing && self.missing == MissingRule::Refuse {
                return Some((r, true));
            }
            if !is_missing && x.abs() >= TOO_LARGE {
                return Some((r, false));
            }
            odd.missing += usize::from(is_missing);
            match role {
                Role::Number { fill, .. } => show(r, Cell::Number(if is_missing { *fill } else { x }), is_missing),
                Role::ConstantNumber { value } => odd.changed += usize::from(!is_missing && x != *value),
                _ => {}
            }
        }
        None
    }

    fn texts(
        &self,
        role: &Role,
        cells: &Column,
        odd: &mut Odd,
        show: &mut impl FnMut(usize, Cell, bool),
    ) -> Option<(usize, bool)> {
        let places: HashMap<&str, usize> = match role {
            Role::Category { levels, .. } => levels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect(),
            _ => HashMap::new(),
        };
        for r in 0..cells.values.len() {
            let converted;
            let text = match &cells.values {
                Values::Text(texts) => texts[r].as_deref(),
                other => {
                    converted = other.text(r);
                    converted.as_deref()
                }
            };
            if text.is_none() && self.missing == MissingRule::Refuse {
                return Some((r, true));
            }
            odd.missing += usize::from(text.is_none());
            match role {
                Role::Category { fill, levels, .. } => {
                    let level = text.map_or(Some(*fill), |text| places.get(text).copied());
                    odd.unseen += usize::from(level.is_none());
                    show(r, Cell::Level(level.unwrap_or(levels.len())), text.is_none());
                }
                Role::ConstantText { value } => odd.changed += usize::from(text.is_some_and(|t| t != value)),
                _ => {}
            }
        }
        None
    }

    /// Rows of features, row-major (N, D) in the units of [`TableEncoding::encode_plain`], as columns of the table: of a
    /// category the level of the largest feature, `None` for the one of all other values; what was constant as it was.
    ///
    /// # Panics
    /// If the values do not fill whole rows.
    pub fn decode_plain(&self, values: &[f64]) -> Vec<Column> {
        let d = self.n_features();
        assert!(values.len().is_multiple_of(d), "values must fill rows of {d}, got {}", values.len());
        let n = values.len() / d;
        let mut at = 0;
        let mut columns = Vec::new();
        for column in self.columns.iter().filter(|c| c.role.is_looked_at()) {
            let width = column.role.n_features();
            let rows = values.chunks_exact(d).map(|row| &row[at..at + width]);
            let cells = match &column.role {
                Role::Number { .. } => Values::Numbers(rows.map(|row| row[0]).collect()),
                Role::Category { levels, .. } => {
                    let largest =
                        |row: &[f64]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a)));
                    Values::Text(rows.map(|row| levels.get(largest(row)?).cloned()).collect())
                }
                Role::ConstantNumber { value } => Values::Numbers(vec![*value; n]),
                Role::ConstantText { value } => Values::Text(vec![Some(value.clone()); n]),
                _ => continue,
            };
            columns.push(Column { name: column.name.clone(), values: cells });
            at += width;
        }
        columns
    }

    /// Which features are levels of a category, D of them.
    pub fn levels(&self) -> Vec<bool> {
        let of = |column: &super::EncodedColumn| {
            let is_level = matches!(column.role, Role::Category { .. });
            std::iter::repeat_n(is_level, column.role.n_features())
        };
        self.columns.iter().flat_map(of).collect()
    }
}

/// The refusal of cell `i` of a column, which stands at `place`.
pub(super) fn not_finite(path: std::path::PathBuf, place: Place, column: &Column, i: usize) -> TableError {
    TableError::Cell {
        path,
        place,
        column: column.name.clone(),
        must_be: "a finite number below 1e300",
        got: column.values.text(i).map_or_else(|| "a missing value".into(), |text| shown(&text)),
        prefix: None,
    }
}
