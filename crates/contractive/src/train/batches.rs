//! Rows as the network takes them, and the random numbers a batch needs.

use contractive_core::buffer::Buffer;
use contractive_core::matrix::MatRef;
use contractive_core::{Architecture, Batch, Noise, Penalty};

use super::random::Stream;
use crate::data::Dataset;
use crate::preprocess::Preprocessing;

/// Rows a batch where nothing is trained: bounds memory, and sets how evaluation groups rows.
pub(crate) const EVALUATION_ROWS: usize = 256;

/// A data set seen through the preprocessing.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub data: &'a Dataset,
    pub preprocessing: &'a Preprocessing,
}

impl Reader<'_> {
    /// Rows `rows`, row-major, into `out`, which is resized.
    pub(crate) fn gather(&self, rows: &[u32], out: &mut Vec<f32>) {
        out.resize(rows.len() * self.data.n_features(), 0.0);
        self.fill(rows, out);
    }

    /// The same for a batch of the engine's.
    pub(crate) fn gather_batch(&self, rows: &[u32], out: &mut Buffer) {
        out.resize(rows.len() * self.data.n_features());
        self.fill(rows, out);
    }

    fn fill(&self, rows: &[u32], out: &mut [f32]) {
        self.data.fill(rows, out);
        self.preprocessing.apply(out);
    }
}

/// Buffers of one batch, reused from step to step.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) rows: Buffer,
    corrupted: Buffer,
    draws: Vec<f32>,
    has_noise: bool,
}

impl Buffers {
    /// Corrupts the rows gathered, where there is noise, and draws what the penalty needs: also where the contraction is
    /// 0, because the penalty is measured all the same.
    pub(super) fn draw(
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
    pub(super) fn batch(&self, d: usize) -> Batch<'_> {
        let n = self.rows.len() / d;
        Batch {
            rows: MatRef::new(&self.rows, n, d),
            corrupted: self.has_noise.then(|| MatRef::new(&self.corrupted, n, d)),
            draws: &self.draws,
        }
    }
}
