//! Means over rows of what the engine says, on data that are not trained on.

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::{ArgumentError, Objective, Terms};
use serde::{Deserialize, Serialize};

use super::batches::{Buffers, EVALUATION_ROWS, Reader};
use super::random::{Purpose, Stream};

/// Sums of terms weighted by rows; a short last batch counts as much as its rows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sums {
    rows: u64,
    total: f64,
    reconstruction: f64,
    penalty: f64,
    sparsity: f64,
}

impl Sums {
    pub(crate) fn add(&mut self, terms: &Terms, rows: usize) {
        let n = rows as f64;
        self.rows += rows as u64;
        self.total += n * terms.total;
        self.reconstruction += n * terms.reconstruction;
        self.penalty += n * terms.penalty;
        self.sparsity += n * terms.sparsity;
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn mean(&self) -> Terms {
        let n = self.rows.max(1) as f64;
        Terms {
            total: self.total / n,
            reconstruction: self.reconstruction / n,
            penalty: self.penalty / n,
            sparsity: self.sparsity / n,
        }
    }
}

/// The objective's terms on `rows`, without input noise. The penalty's draws come from streams of `purpose` that depend
/// on the place of the rows alone, so that repeated measurements compare.
pub(crate) fn measure(
    engine: &mut dyn Engine,
    objective: &Objective,
    reader: Reader<'_>,
    rows: &[u32],
    seed: u64,
    purpose: Purpose,
) -> Result<Terms, ArgumentError> {
    let architecture = engine.architecture().clone();
    let mut buffers = Buffers::default();
    let mut sums = Sums::default();
    for (i, some) in rows.chunks(EVALUATION_ROWS).enumerate() {
        reader.gather_batch(some, &mut buffers.rows);
        let stream = Stream::new(seed, purpose, 0, i as u64);
        buffers.draw(&architecture, None, (objective.penalty, stream));
        sums.add(&engine.objective(&buffers.batch(architecture.input_size()))?, some.len());
    }
    Ok(sums.mean())
}

/// Means of ‖J‖_F and ‖J‖²_F over `rows`.
pub(crate) fn jacobian_means(
    engine: &mut dyn Engine,
    reader: Reader<'_>,
    rows: &[u32],
) -> Result<(f64, f64), ArgumentError> {
    let d = engine.architecture().input_size();
    let (mut buffer, mut squares) = (Vec::new(), vec![0.0; EVALUATION_ROWS]);
    let (mut norm, mut square) = (0.0, 0.0);
    for some in rows.chunks(EVALUATION_ROWS) {
        reader.gather(some, &mut buffer);
        let squares = &mut squares[..some.len()];
        engine.jacobian_squares(MatRef::new(&buffer, some.len(), d), squares)?;
        norm += squares.iter().map(|s| s.max(0.0).sqrt()).sum::<f64>();
        square += squares.iter().sum::<f64>();
    }
    let n = rows.len().max(1) as f64;
    Ok((norm / n, square / n))
}
