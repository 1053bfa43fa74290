//! Holes in a series.

use super::error::{SeriesError, SeriesPlace};
use super::spec::Missing;

/// Squares of larger values would leave the range of f64.
const TOO_LARGE: f64 = 1e150;

/// Checks rows of values, and fills what is missing in them.
#[derive(Debug, Clone)]
pub(super) struct Filler {
    what: String,
    names: Vec<String>,
    missing: Missing,
    last: Option<Vec<f64>>,
    filled: u64,
}

impl Filler {
    pub(super) fn new(what: &str, names: Vec<String>, missing: Missing) -> Self {
        Filler { what: what.to_owned(), names, missing, last: None, filled: 0 }
    }

    /// Begins another series of the same file.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    /// Values filled so far.
    pub(super) fn filled(&self) -> u64 {
        self.filled
    }

    /// Fills the values of row `row`, from 1.
    pub(super) fn fill(&mut self, row: u64, cells: &mut [f64]) -> Result<(), SeriesError> {
        for (j, cell) in cells.iter_mut().enumerate() {
            if cell.is_nan()
                && self.missing == Missing::Previous
                && let Some(last) = &self.last
            {
                *cell = last[j];
                self.filled += 1;
            }
            if cell.is_nan() || cell.abs() >= TOO_LARGE {
                let got = match cell.is_nan() {
                    true => "the value is missing".into(),
                    false => format!("the value must be a finite number below 1e150, got {cell:e}"),
                };
                let (what, column) = (self.what.clone(), self.names[j].clone());
                return Err(SeriesError::Value { what, place: SeriesPlace::Row(row), column, got });
            }
        }
        match &mut self.last {
            Some(last) => last.copy_from_slice(cells),
            None => self.last = Some(cells.to_vec()),
        }
        Ok(())
    }
}
