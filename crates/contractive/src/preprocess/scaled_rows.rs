//! A data set as the network takes it.

use contractive_core::ArgumentError;
use contractive_core::buffer::Buffer;

use super::error::PreprocessError;
use super::fitted::Preprocessing;
use super::scale::Scale;
use crate::data::{Dataset, Storage};

/// Rows a batch where nothing is trained: bounds memory, and sets how evaluation groups rows.
pub const EVALUATION_ROWS: usize = 256;

/// A data set seen through a preprocessing.
#[derive(Clone, Copy)]
pub struct ScaledRows<'a> {
    /// The rows as they are.
    pub data: &'a Dataset,
    /// What makes the network's rows of them.
    pub preprocessing: &'a Preprocessing,
}

impl ScaledRows<'_> {
    /// Rows `rows`, row-major, into `out`, which is resized.
    pub fn gather(&self, rows: &[u32], out: &mut Vec<f32>) {
        out.resize(rows.len() * self.data.n_features(), 0.0);
        self.fill(rows, out);
    }

    /// The same for a batch of the engine's.
    pub fn gather_batch(&self, rows: &[u32], out: &mut Buffer) {
        out.resize(rows.len() * self.data.n_features());
        self.fill(rows, out);
    }

    fn fill(&self, rows: &[u32], out: &mut [f32]) {
        if matches!(self.data.storage(), Storage::F64(_)) {
            let mut places = out.chunks_exact_mut(self.data.n_features());
            self.data.for_each_row(rows, |row| {
                if let Some(out) = places.next() {
                    self.preprocessing.apply_wide(row, out);
                }
            });
            return;
        }
        self.data.fill(rows, out);
        self.preprocessing.apply(out);
    }

    /// (row, column, value) of the first value outside [0, 1] after preprocessing.
    pub fn first_outside(&self) -> Option<(usize, usize, f32)> {
        if self.preprocessing.scale == Scale::None && self.preprocessing.counts.is_none() {
            return self.data.first_outside_unit_interval();
        }
        self.first(|value| !(0.0..=1.0).contains(&value))
    }

    /// Refuses the first value outside [0, 1] after preprocessing; `loss` is the cross-entropy that needs this.
    ///
    /// # Errors
    /// [`ArgumentError::Range`].
    pub fn check_unit_interval(&self, loss: &'static str) -> Result<(), ArgumentError> {
        match self.first_outside() {
            None => Ok(()),
            Some((row, column, value)) => Err(ArgumentError::Range { loss, row, column, value }),
        }
    }

    /// (row, column) of the first value that 32 bits do not hold once it is scaled.
    fn first_too_large(&self) -> Option<(usize, usize)> {
        match (self.data.storage(), self.preprocessing.scale) {
            _ if !self.preprocessing.counts.is_none() => {
                self.first(|value| !value.is_finite()).map(|(row, column, _)| (row, column))
            }
            // Ranks are bounded, whatever they are of.
            (_, Scale::Quantile) | (Storage::U8(_) | Storage::F32(_), Scale::None) => None,
            _ => self.first(|value| !value.is_finite()).map(|(row, column, _)| (row, column)),
        }
    }

    fn first(&self, is_wanted: impl Fn(f32) -> bool) -> Option<(usize, usize, f32)> {
        let d = self.data.n_features();
        let rows: Vec<u32> = (0..self.data.len() as u32).collect();
        let mut buffer = Vec::new();
        for (i, some) in rows.chunks(EVALUATION_ROWS).enumerate() {
            self.gather(some, &mut buffer);
            if let Some(at) = buffer.iter().position(|value| is_wanted(*value)) {
                return Some((i * EVALUATION_ROWS + at / d, at % d, buffer[at]));
            }
        }
        None
    }
}

impl Preprocessing {
    /// Refuses a table with other columns than those trained on. Names are compared where both sides have them.
    ///
    /// # Errors
    /// [`PreprocessError::Columns`], [`PreprocessError::Names`] or [`PreprocessError::Order`]; [`PreprocessError::Negative`]
    /// where counts are transformed; [`PreprocessError::TooLarge`].
    pub fn check(&self, data: &Dataset) -> Result<(), PreprocessError> {
        self.check_columns(data.name(), data.n_features(), data.feature_names())?;
        self.counts.check_rows(data)?;
        let Some((row, column)) = (ScaledRows { data, preprocessing: self }).first_too_large() else { return Ok(()) };
        let mut value = f64::NAN;
        data.for_each_row(&[row as u32], |values| value = values[column]);
        Err(PreprocessError::TooLarge { what: data.name().to_owned(), row, column, value })
    }
}
