//! What a model makes of rows, some at a time, so that Ctrl-C is heard in between.

use contractive::data::Dataset;
use contractive::model::ModelError;
use contractive::preprocess::{EVALUATION_ROWS, ScaledRows};
use pyo3::prelude::*;

use super::Model;
use crate::failure::raise;
use crate::work::{pieces, room_for};

/// Most rows, and about the most numbers, of a piece.
const PIECE: usize = 8192;
const PIECE_NUMBERS: usize = 1 << 23;

/// An error about a row of a piece that begins at row `first`, as one about that row of the whole.
fn of_whole(mut error: ModelError, first: usize) -> ModelError {
    if let ModelError::NotFinite { row, .. } = &mut error {
        *row += first;
    }
    error
}

impl Model {
    /// What `of_piece` makes of the rows, some at a time, `width` numbers a row; Ctrl-C is heard between two pieces.
    pub(super) fn in_pieces<T: Send + Clone>(
        &self,
        py: Python<'_>,
        data: &Dataset,
        width: usize,
        of_piece: impl Fn(&Dataset) -> Result<Vec<T>, ModelError> + Send + Sync,
    ) -> PyResult<Vec<T>> {
        room_for::<T>(&[data.len(), width])?;
        pieces(py, |stop| {
            // Of the whole, so that a fault is named by its row there.
            self.trained.preprocessing().check(data).map_err(raise)?;
            // Whole batches of those that the work is done in: a row's bits do not depend on the pieces.
            let wanted = (PIECE_NUMBERS / width.max(self.d())).min(PIECE) / EVALUATION_ROWS;
            let piece = wanted.max(1) * EVALUATION_ROWS;
            if data.len() <= piece {
                return of_piece(data).map_err(raise);
            }
            let rows: Vec<u32> = (0..data.len() as u32).collect();
            let mut all = Vec::with_capacity(data.len() * width);
            for some in rows.chunks(piece) {
                stop.check();
                all.extend(of_piece(&data.select(some)).map_err(|e| raise(of_whole(e, some[0] as usize)))?);
            }
            Ok(all)
        })
    }

    /// Rows of numbers as the network takes them, (N, d).
    pub(super) fn scaled_rows(&self, data: &Dataset) -> Result<Vec<f32>, ModelError> {
        let preprocessing = self.trained.preprocessing();
        preprocessing.check(data)?;
        let all: Vec<u32> = (0..data.len() as u32).collect();
        let mut out = Vec::new();
        ScaledRows { data, preprocessing }.gather(&all, &mut out);
        Ok(out)
    }

    /// Mean squared errors in the network's units.
    pub(super) fn errors(&self, data: &Dataset, threads: usize) -> Result<Vec<f64>, ModelError> {
        let (rows, outputs) = (self.scaled_rows(data)?, self.trained.outputs(data, threads)?);
        let d = self.d();
        let squared = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
        let of_row = |(x, y): (&[f32], &[f32])| x.iter().zip(y).map(squared).sum::<f64>() / d as f64;
        Ok(rows.chunks_exact(d).zip(outputs.chunks_exact(d)).map(of_row).collect())
    }

    pub(super) fn d(&self) -> usize {
        self.trained.architecture().input_size()
    }

    pub(super) fn k(&self) -> usize {
        self.trained.architecture().code_size()
    }
}
