//! Frames to features.

use std::collections::HashMap;
use std::path::Path;

use super::{EncodingError, MissingRule, Role, TableEncoding};
use contractive_table::{Column, Frame, Values, shown};
use contractive_table::{Place, TableError, TextOptions};

/// Sizes from which on a number's own differences would leave the range of f64.
const TOO_LARGE: f64 = 1e300;

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

impl TableEncoding {
    /// The features of a frame that [`TableEncoding::check`] let pass. `path` is what messages call the table, and `text`
    /// how it was read.
    ///
    /// # Errors
    /// [`EncodingError::MissingCell`], and [`EncodingError::Data`] for a cell that is not finite.
    pub fn encode(&self, frame: &Frame, path: &Path, text: &TextOptions) -> Result<EncodedRows, EncodingError> {
        let (n, d) = (frame.n_rows(), self.n_features());
        let mut rows = EncodedRows { n_rows: n, values: vec![0.0; n * d], ..EncodedRows::default() };
        let places: HashMap<&str, &Column> = frame.columns.iter().map(|c| (c.name.as_str(), c)).collect();
        let mut first: Option<(usize, &Column, bool)> = None;
        let mut at = 0;
        for column in self.columns.iter().filter(|c| c.role.is_looked_at()) {
            let Some(&cells) = places.get(column.name.as_str()) else {
                let missing = vec![column.name.clone()];
                return Err(EncodingError::Columns { path: path.to_path_buf(), missing, extra: Vec::new() });
            };
            let fault = match &column.role {
                Role::Number { .. } | Role::ConstantNumber { .. } => {
                    self.numbers(&column.role, cells, at, d, &mut rows)
                }
                _ => self.texts(&column.role, cells, at, d, &mut rows),
            };
            if let Some((row, is_missing)) = fault
                && first.is_none_or(|(earlier, ..)| row < earlier)
            {
                first = Some((row, cells, is_missing));
            }
            at += column.role.n_features();
        }
        let Some((row, column, is_missing)) = first else { return Ok(rows) };
        let (place, path) = (Place::of_row_in(path, frame.first_row + row as u64, text), path.to_path_buf());
        Err(if is_missing {
            EncodingError::MissingCell { path, place, column: column.name.clone() }
        } else {
            not_finite(path, place, column, row).into()
        })
    }

    /// Writes a number's feature; gives the first cell at fault, and whether it is missing.
    fn numbers(
        &self,
        role: &Role,
        cells: &Column,
        at: usize,
        d: usize,
        rows: &mut EncodedRows,
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
            rows.missing_cells += usize::from(is_missing);
            match role {
                Role::Number { fill, scaling, .. } => {
                    let value = if is_missing { *fill } else { x };
                    rows.values[r * d + at] = scaling.apply(value) as f32;
                    if is_missing {
                        self.mask(r * d + at, 1, rows);
                    }
                }
                Role::ConstantNumber { value } => rows.changed_cells += usize::from(!is_missing && x != *value),
                _ => {}
            }
        }
        None
    }

    fn texts(&self, role: &Role, cells: &Column, at: usize, d: usize, rows: &mut EncodedRows) -> Option<(usize, bool)> {
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
            rows.missing_cells += usize::from(text.is_none());
            match role {
                Role::Category { shares, fill, levels } => {
                    let level = text.map_or(Some(*fill), |text| places.get(text).copied());
                    rows.unseen_cells += usize::from(level.is_none());
                    let level = level.unwrap_or(levels.len());
                    let features = &mut rows.values[r * d + at..][..shares.len()];
                    for (i, (to, share)) in features.iter_mut().zip(shares).enumerate() {
                        *to = (f64::from(u8::from(i == level)) - share) as f32;
                    }
                    if text.is_none() {
                        self.mask(r * d + at, shares.len(), rows);
                    }
                }
                Role::ConstantText { value } => rows.changed_cells += usize::from(text.is_some_and(|t| t != value)),
                _ => {}
            }
        }
        None
    }

    /// Marks `width` features from `place` on as missing, where the rule is to leave them out.
    fn mask(&self, place: usize, width: usize, rows: &mut EncodedRows) {
        if self.missing != MissingRule::Mask {
            return;
        }
        if rows.missing.is_empty() {
            rows.missing.resize(rows.values.len(), false);
        }
        rows.missing[place..place + width].fill(true);
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
