//! Means over rows of what the engine says, on data that are not trained on.

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::random::{Purpose, Stream};
use contractive_core::{ArgumentError, Objective, Terms};

use crate::batch::Buffers;
use crate::history::Sums;
use crate::preprocess::{EVALUATION_ROWS, ScaledRows};

/// The objective's terms on `rows`, without input noise. The penalty's draws come from streams of `purpose` that depend
/// on the place of the rows alone, so that repeated measurements compare.
pub(crate) fn measure(
    engine: &mut dyn Engine,
    objective: &Objective,
    reader: ScaledRows<'_>,
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
    reader: ScaledRows<'_>,
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
