//! Means over rows of what the engine says, on data that are not trained on.

use std::ops::Range;

use contractive_core::communicator::Group;
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::random::{Purpose, Stream};
use contractive_core::{ArgumentError, Objective, Terms};

use crate::batch::{Buffers, Here};
use crate::history::Sums;
use crate::preprocess::{EVALUATION_ROWS, ScaledRows};

/// Rows to measure on.
#[derive(Clone, Copy)]
pub(crate) struct Measured<'a> {
    pub reader: ScaledRows<'a>,
    /// Their numbers: over all ranks, where it is said which lie here.
    pub rows: &'a [u32],
    pub here: Option<Here>,
}

/// The objective's terms on `rows`, without input noise. The penalty's draws come from streams of `purpose` that depend
/// on the place of the rows alone, so that repeated measurements compare.
pub(crate) fn measure(
    engine: &mut dyn Engine,
    objective: &Objective,
    of: Measured<'_>,
    seed: u64,
    purpose: Purpose,
) -> Result<Terms, ArgumentError> {
    let architecture = engine.architecture().clone();
    let mut buffers = Buffers::default();
    mean_terms(of.rows.len(), |some| {
        let stream = Stream::new(seed, purpose, 0, (some.start / EVALUATION_ROWS) as u64);
        buffers.gather(of.reader, &of.rows[some], of.here);
        buffers.draw(&architecture, None, (objective.penalty, stream));
        engine.objective(&buffers.batch(architecture.input_size()))
    })
}

/// The means over `n_rows` rows of an objective's terms; `terms_of` gives those of a range of rows, at most
/// [`EVALUATION_ROWS`] of them.
///
/// # Errors
/// What `terms_of` gives.
pub fn mean_terms<E>(n_rows: usize, mut terms_of: impl FnMut(Range<usize>) -> Result<Terms, E>) -> Result<Terms, E> {
    let mut sums = Sums::default();
    for start in (0..n_rows).step_by(EVALUATION_ROWS) {
        let some = start..n_rows.min(start + EVALUATION_ROWS);
        let n = some.len();
        sums.add(&terms_of(some)?, n);
    }
    Ok(sums.mean())
}

/// Means of ‖J‖_F and ‖J‖²_F over rows.
pub(crate) fn jacobian_means(
    engine: &mut dyn Engine,
    of: Measured<'_>,
    group: &Group,
) -> Result<(f64, f64), ArgumentError> {
    let d = engine.architecture().input_size();
    let (mut buffers, mut norms) = (Buffers::default(), Norms::default());
    for some in of.rows.chunks(EVALUATION_ROWS) {
        buffers.gather(of.reader, some, of.here);
        norms.add(engine, buffers.batch(d).rows)?;
    }
    let mut sums = [norms.rows as f64, norms.norm, norms.square];
    group.sum(&mut sums)?;
    let n = sums[0].max(1.0);
    Ok((sums[1] / n, sums[2] / n))
}

/// Sums of ‖J‖_F and ‖J‖²_F.
#[derive(Default)]
pub(crate) struct Norms {
    rows: usize,
    norm: f64,
    square: f64,
    squares: Vec<f64>,
}

impl Norms {
    /// Adds those of a batch; gives ‖J‖²_F of each of its rows.
    pub fn add(&mut self, engine: &mut dyn Engine, batch: MatRef<'_>) -> Result<&[f64], ArgumentError> {
        self.squares.resize(batch.rows(), 0.0);
        engine.jacobian_squares(batch, &mut self.squares)?;
        self.rows += batch.rows();
        self.norm += self.squares.iter().map(|s| s.max(0.0).sqrt()).sum::<f64>();
        self.square += self.squares.iter().sum::<f64>();
        Ok(&self.squares)
    }

    /// The means of all rows so far.
    pub fn means(&self) -> (f64, f64) {
        let n = self.rows.max(1) as f64;
        (self.norm / n, self.square / n)
    }
}
