//! A model applied to a user's rows: preprocessing, batches, and back.

use contractive_core::Objective;
use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::{Loss, Penalty};

use super::{Model, ModelError};
use crate::data::Dataset;
use crate::preprocess::{EVALUATION_ROWS, ScaledRows};

impl Model {
    /// Codes of all rows, row-major (N, k).
    ///
    /// # Errors
    /// [`ModelError::Columns`] when the columns are not the model's.
    pub fn encode(&self, data: &Dataset, threads: usize) -> Result<Vec<f32>, ModelError> {
        let k = self.architecture().code_size();
        let mut codes = vec![0.0; data.len() * k];
        let mut rest = codes.as_mut_slice();
        self.for_each_batch(data, threads, |engine, batch| {
            let (code, after) = std::mem::take(&mut rest).split_at_mut(batch.rows() * k);
            rest = after;
            Ok(engine.encode(batch, code)?)
        })?;
        Ok(codes)
    }

    /// Reconstructions of all rows in the user's units (the preprocessing undone), row-major (N, d).
    ///
    /// # Errors
    /// [`ModelError::Columns`] when the columns are not the model's.
    pub fn reconstruct(&self, data: &Dataset, threads: usize) -> Result<Vec<f64>, ModelError> {
        let (d, k) = (self.architecture().input_size(), self.architecture().code_size());
        let mut outputs = vec![0.0; data.len() * d];
        let mut rest = outputs.as_mut_slice();
        let mut code = Vec::new();
        self.for_each_batch(data, threads, |engine, batch| {
            let n = batch.rows();
            let (output, after) = std::mem::take(&mut rest).split_at_mut(n * d);
            rest = after;
            code.resize(n * k, 0.0);
            engine.encode(batch, &mut code)?;
            Ok(engine.decode(MatRef::new(&code, n, k), output)?)
        })?;
        Ok(self.preprocessing.invert(&outputs))
    }

    /// Names of the code units: `code_0`, `code_1`, …
    pub fn code_names(&self) -> Vec<String> {
        (0..self.architecture().code_size()).map(|j| format!("code_{j}")).collect()
    }

    /// Names of the features: the training table's, else `feature_0`, `feature_1`, …
    pub fn feature_names(&self) -> Vec<String> {
        let d = self.architecture().input_size();
        self.preprocessing.feature_names.clone().unwrap_or_else(|| (0..d).map(|j| format!("feature_{j}")).collect())
    }

    fn for_each_batch(
        &self,
        data: &Dataset,
        threads: usize,
        mut visit: impl FnMut(&mut CpuEngine, MatRef<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.preprocessing.check(data)?;
        let d = self.architecture().input_size();
        let mut engine = self.engine_for(&Objective::new(Loss::Mse, Penalty::None, 0.0), threads)?;
        let reader = ScaledRows { data, preprocessing: &self.preprocessing };
        let rows: Vec<u32> = (0..data.len() as u32).collect();
        let mut buffer = Vec::new();
        for some in rows.chunks(EVALUATION_ROWS) {
            reader.gather(some, &mut buffer);
            visit(&mut engine, MatRef::new(&buffer, some.len(), d))?;
        }
        Ok(())
    }
}
