//! A model applied to a user's rows: preprocessing, batches, and back.

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::{ArgumentError, Loss, Objective, Penalty};
use contractive_table::TableError;

use super::finite::{check_rows, check_squares, code_unit};
use super::{Model, ModelError};
use crate::data::RowsRef;
use crate::preprocess::{EVALUATION_ROWS, PreprocessError, Preprocessing, ScaledRows};

/// A model ready for rows: its parameters lie in an engine, and its threads wait. For many calls; [`Model::encode`] and
/// its like make one for each.
pub struct Session<'a> {
    model: &'a Model,
    engine: CpuEngine,
}

impl Model {
    /// Makes the model ready for rows, with `threads` threads, at least 1; the results do not depend on them.
    ///
    /// # Errors
    /// [`ModelError::Argument`] for 0 threads.
    pub fn session(&self, threads: usize) -> Result<Session<'_>, ModelError> {
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        Ok(Session { model: self, engine: self.engine_for(&objective, threads)? })
    }

    /// [`Session::encode`], once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn encode<'r>(&self, rows: impl Into<RowsRef<'r>>, threads: usize) -> Result<Vec<f32>, ModelError> {
        self.session(threads)?.encode(rows)
    }

    /// [`Session::reconstruct`], once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn reconstruct<'r>(&self, rows: impl Into<RowsRef<'r>>, threads: usize) -> Result<Vec<f64>, ModelError> {
        self.session(threads)?.reconstruct(rows)
    }

    /// [`Session::outputs`], once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn outputs<'r>(&self, rows: impl Into<RowsRef<'r>>, threads: usize) -> Result<Vec<f32>, ModelError> {
        self.session(threads)?.outputs(rows)
    }

    /// [`Session::jacobian_norms`], once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn jacobian_norms<'r>(&self, rows: impl Into<RowsRef<'r>>, threads: usize) -> Result<Vec<f64>, ModelError> {
        self.session(threads)?.jacobian_norms(rows)
    }

    /// Refuses restored rows, (N, d), that are not finite.
    ///
    /// # Errors
    /// [`ModelError::NotFinite`].
    pub fn check_restored(&self, data: &str, restored: &[f64]) -> Result<(), ModelError> {
        check_rows(data, 0, restored, self.architecture().input_size(), |j| self.output_name(j))
    }

    /// What an output of the network is called in messages.
    fn output_name(&self, j: usize) -> String {
        let names = self.preprocessing.feature_names.as_deref().unwrap_or_default();
        names.get(j).map_or_else(|| format!("restored column {j}"), |name| format!("restored column `{name}`"))
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
}

impl Session<'_> {
    /// Codes of all rows, row-major (N, k). Rows are in the units of the training data.
    ///
    /// # Errors
    /// [`ModelError::Columns`] when the columns are not the model's, or a value is too large once it is scaled;
    /// [`ModelError::Argument`] when the values are not as many as their shape says; [`ModelError::Rows`] when one is not
    /// finite; [`ModelError::NotFinite`] when a result is not.
    pub fn encode<'r>(&mut self, rows: impl Into<RowsRef<'r>>) -> Result<Vec<f32>, ModelError> {
        let k = self.model.architecture().code_size();
        let mut codes = Vec::new();
        let rows = rows.into();
        let name = rows.name();
        self.for_each_batch(rows, |engine, batch| {
            let done = codes.len();
            codes.resize(done + batch.rows() * k, 0.0);
            engine.encode(batch, &mut codes[done..])?;
            check_rows(name, done / k, &codes[done..], k, code_unit)
        })?;
        Ok(codes)
    }

    /// Reconstructions of all rows, row-major (N, d), in the units of the training data: the preprocessing is undone, in
    /// 64 bits. Of images of bytes these are [0, 1]; counts that were divided by a row's sum are multiplied by that sum.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn reconstruct<'r>(&mut self, rows: impl Into<RowsRef<'r>>) -> Result<Vec<f64>, ModelError> {
        let rows = rows.into();
        let outputs = self.outputs(rows)?;
        self.restored(rows, &outputs)
    }

    /// [`Session::reconstruct`] and [`Session::jacobian_squares`] of all rows, which pass through the encoder once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn reconstruct_with_squares<'r>(
        &mut self,
        rows: impl Into<RowsRef<'r>>,
    ) -> Result<(Vec<f64>, Vec<f64>), ModelError> {
        let rows = rows.into();
        let (name, mut all) = (rows.name(), Vec::new());
        let outputs = self.outputs_of(rows, |engine, batch, code| {
            let mut squares = vec![0.0; batch.rows()];
            engine.encode_with_squares(batch, code, &mut squares)?;
            check_squares(name, all.len(), &squares)?;
            all.extend(squares);
            Ok(())
        })?;
        Ok((self.restored(rows, &outputs)?, all))
    }

    /// The network's outputs for `rows` in the units of these.
    fn restored(&self, rows: RowsRef<'_>, outputs: &[f32]) -> Result<Vec<f64>, ModelError> {
        let sums = self.model.preprocessing.row_sums(rows);
        let mut restored = self.model.preprocessing.invert(outputs);
        self.model.preprocessing.invert_counts(&mut restored, &sums);
        self.model.check_restored(rows.name(), &restored)?;
        Ok(restored)
    }

    /// Reconstructions of all rows as the network gives them, in the units of its scaled features.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn outputs<'r>(&mut self, rows: impl Into<RowsRef<'r>>) -> Result<Vec<f32>, ModelError> {
        self.outputs_of(rows.into(), |engine, batch, code| Ok(engine.encode(batch, code)?))
    }

    /// The outputs for rows that `encode` gives the codes of, a batch at a time.
    fn outputs_of(
        &mut self,
        rows: RowsRef<'_>,
        mut encode: impl FnMut(&mut CpuEngine, MatRef<'_>, &mut [f32]) -> Result<(), ModelError>,
    ) -> Result<Vec<f32>, ModelError> {
        let (d, k) = (self.model.architecture().input_size(), self.model.architecture().code_size());
        let (mut outputs, mut code) = (Vec::new(), Vec::new());
        let (model, name) = (self.model, rows.name());
        self.for_each_batch(rows, |engine, batch| {
            let n = batch.rows();
            let done = outputs.len();
            outputs.resize(done + n * d, 0.0);
            code.resize(n * k, 0.0);
            encode(engine, batch, &mut code)?;
            check_rows(name, done / d, &code, k, code_unit)?;
            engine.decode(MatRef::new(&code, n, k), &mut outputs[done..])?;
            check_rows(name, done / d, &outputs[done..], d, |j| model.output_name(j))
        })?;
        Ok(outputs)
    }

    /// ‖J‖_F of every row, J being the encoder's Jacobian at the scaled row.
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn jacobian_norms<'r>(&mut self, rows: impl Into<RowsRef<'r>>) -> Result<Vec<f64>, ModelError> {
        let squares = self.jacobian_squares(rows)?;
        Ok(squares.into_iter().map(|square| square.max(0.0).sqrt()).collect())
    }

    /// ‖J‖²_F of every row, as [`Session::jacobian_norms`].
    ///
    /// # Errors
    /// As [`Session::encode`].
    pub fn jacobian_squares<'r>(&mut self, rows: impl Into<RowsRef<'r>>) -> Result<Vec<f64>, ModelError> {
        let mut all = Vec::new();
        let rows = rows.into();
        let name = rows.name();
        self.for_each_batch(rows, |engine, batch| {
            let mut squares = vec![0.0; batch.rows()];
            engine.jacobian_squares(batch, &mut squares)?;
            check_squares(name, all.len(), &squares)?;
            all.extend(squares);
            Ok(())
        })?;
        Ok(all)
    }

    /// The rows as the network takes them, a batch at a time.
    fn for_each_batch(
        &mut self,
        rows: RowsRef<'_>,
        mut visit: impl FnMut(&mut CpuEngine, MatRef<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let preprocessing = &self.model.preprocessing;
        let d = self.model.architecture().input_size();
        let mut buffer = Vec::new();
        match rows {
            RowsRef::Dataset(data) => {
                preprocessing.check(data)?;
                let reader = ScaledRows { data, preprocessing };
                let all: Vec<u32> = (0..data.len() as u32).collect();
                for some in all.chunks(EVALUATION_ROWS) {
                    reader.gather(some, &mut buffer);
                    visit(&mut self.engine, MatRef::new(&buffer, some.len(), d))?;
                }
            }
            RowsRef::Values { values, shape: [n, columns] } => {
                preprocessing.check_columns("the rows", columns, None)?;
                if n.checked_mul(d) != Some(values.len()) {
                    let what = format!("the values of {n} rows of {d} features");
                    let (expected, got) = (n.saturating_mul(d), values.len());
                    return Err(ArgumentError::Size { what, unit: "numbers", expected, got }.into());
                }
                for (i, some) in values.chunks(EVALUATION_ROWS * d).enumerate() {
                    scale_values(preprocessing, some, i * EVALUATION_ROWS, &mut buffer)?;
                    visit(&mut self.engine, MatRef::new(&buffer, some.len() / d, d))?;
                }
            }
        }
        Ok(())
    }
}

/// Rows of bare values, of which `first` is the number of the first, as the network takes them.
fn scale_values(
    preprocessing: &Preprocessing,
    values: &[f32],
    first: usize,
    scaled: &mut Vec<f32>,
) -> Result<(), ModelError> {
    let what = || "the rows".to_owned();
    let bad = |values: &[f32]| values.iter().position(|value| !value.is_finite());
    let place = |i: usize| (first + i / preprocessing.n_features, i % preprocessing.n_features);
    if let Some(i) = bad(values) {
        let ((row, column), value) = (place(i), f64::from(values[i]));
        return Err(TableError::NonFinite { what: what(), row, column, value }.into());
    }
    let counts = preprocessing.counts();
    if !counts.is_none() {
        let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        counts.check(&what(), preprocessing.n_features, first, &wide)?;
    }
    scaled.clear();
    scaled.extend_from_slice(values);
    preprocessing.apply(scaled);
    if let Some(i) = bad(scaled) {
        let ((row, column), value) = (place(i), f64::from(values[i]));
        return Err(PreprocessError::TooLarge { what: what(), row, column, value }.into());
    }
    Ok(())
}
