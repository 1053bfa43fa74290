//! A batch: its rows, corrupted where there is noise, and the random numbers that its penalty needs.

use contractive_core::buffer::Buffer;
use contractive_core::matrix::MatRef;
use contractive_core::random::Stream;
use contractive_core::{Architecture, Batch, Noise, Penalty};

/// Buffers of one batch, reused from step to step.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) rows: Buffer,
    corrupted: Buffer,
    draws: Vec<f32>,
    has_noise: bool,
}

impl Buffers {
    /// Corrupts the rows gathered, where there is noise, and draws what the penalty needs: also where the contraction is
    /// 0, because the penalty is measured all the same.
    pub(crate) fn draw(
        &mut self,
        architecture: &Architecture,
        noise: Option<(Noise, Stream)>,
        (penalty, mut stream): (Penalty, Stream),
    ) {
        self.has_noise = noise.is_some();
        if let Some((noise, mut stream)) = noise {
            self.corrupted.resize(self.rows.len());
            if noise.wants_normal() {
                stream.fill_normal(&mut self.corrupted);
            } else {
                stream.fill_uniform(&mut self.corrupted);
            }
            for (draw, x) in self.corrupted.iter_mut().zip(&self.rows) {
                *draw = noise.corrupt(*x, *draw);
            }
        }
        let n_rows = self.rows.len() / architecture.input_size();
        self.draws.resize(penalty.n_draws(architecture, n_rows), 0.0);
        stream.fill_normal(&mut self.draws);
        penalty.shape_draws(architecture, &mut self.draws);
    }

    /// The batch for the engine.
    pub(crate) fn batch(&self, d: usize) -> Batch<'_> {
        let n = self.rows.len() / d;
        Batch {
            rows: MatRef::new(&self.rows, n, d),
            corrupted: self.has_noise.then(|| MatRef::new(&self.corrupted, n, d)),
            draws: &self.draws,
        }
    }
}
