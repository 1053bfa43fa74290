//! Rows in memory as networks take them, and which of their features are missing.

use contractive::preprocess::ScaledRows;
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::{ArgumentError, Batch};

/// Scaled rows, row-major (N, d).
#[derive(Debug, Clone, Default)]
pub(super) struct NetworkRows {
    pub(super) values: Vec<f32>,
    /// Which features are missing, (N, d); empty where none is.
    pub(super) missing: Vec<bool>,
}

impl NetworkRows {
    /// The missing features of row `r`, empty where none can be.
    pub(super) fn missing_of(missing: &[bool], r: usize, d: usize) -> &[bool] {
        if missing.is_empty() { &[] } else { &missing[r * d..][..d] }
    }

    /// Rows `rows` of what `reader` sees, of which the features `missing` (row-major, or empty) are left out.
    pub(super) fn gathered(reader: &ScaledRows<'_>, missing: &[bool], rows: &[u32]) -> Self {
        let d = reader.data.n_features();
        let mut values = Vec::new();
        reader.gather(rows, &mut values);
        let missing = rows.iter().flat_map(|r| NetworkRows::missing_of(missing, *r as usize, d)).copied().collect();
        NetworkRows { values, missing }
    }

    /// Empties the rows.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.missing.clear();
    }

    /// Adds row `r` of `rows`.
    pub(super) fn push(&mut self, rows: &NetworkRows, r: usize, d: usize) {
        self.values.extend_from_slice(&rows.values[r * d..][..d]);
        self.missing.extend_from_slice(NetworkRows::missing_of(&rows.missing, r, d));
    }
}

/// The targets of rows with missing features: the network's own output stands in for those, so that their residual is 0
/// to rounding, and so is what they add to the loss and its gradient.
///
/// The input keeps the fill. The penalty is taken at the targets, as it is at the clean rows of a denoising autoencoder.
/// The loss stays a mean over all features, missing ones as zeros: a row counts by the cells that it has.
#[derive(Default)]
pub(super) struct Targets {
    code: Vec<f32>,
    values: Vec<f32>,
}

impl Targets {
    /// The batch of `rows` with its targets.
    pub(super) fn batch<'a>(
        &'a mut self,
        engine: &mut dyn Engine,
        rows: &'a NetworkRows,
        d: usize,
    ) -> Result<Batch<'a>, ArgumentError> {
        let n = rows.values.len() / d;
        let input = MatRef::new(&rows.values, n, d);
        if !rows.missing.contains(&true) {
            return Ok(Batch::plain(input));
        }
        let k = engine.architecture().code_size();
        self.code.resize(n * k, 0.0);
        self.values.resize(n * d, 0.0);
        engine.encode(input, &mut self.code)?;
        engine.decode(MatRef::new(&self.code, n, k), &mut self.values)?;
        for ((target, x), missing) in self.values.iter_mut().zip(&rows.values).zip(&rows.missing) {
            if !*missing {
                *target = *x;
            }
        }
        Ok(Batch { corrupted: Some(input), ..Batch::plain(MatRef::new(&self.values, n, d)) })
    }
}
