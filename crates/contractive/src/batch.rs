//! A batch: its rows, corrupted where there is noise, and the random numbers that its penalty needs.

use contractive_core::buffer::Buffer;
use contractive_core::matrix::MatRef;
use contractive_core::random::Stream;
use contractive_core::{Architecture, Batch, Noise, Penalty};

use crate::preprocess::ScaledRows;

/// Rows of all ranks, which follow each other in their order: those that lie here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Here {
    /// The number of the first over all ranks.
    pub(crate) first: u32,
    pub(crate) n_rows: u32,
}

impl Here {
    /// The number here of row `row` of all.
    pub(crate) fn own(self, row: u32) -> Option<u32> {
        row.checked_sub(self.first).filter(|own| *own < self.n_rows)
    }
}

/// Buffers of one batch, reused from step to step.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) rows: Buffer,
    corrupted: Buffer,
    draws: Vec<f32>,
    has_noise: bool,
    share: Option<Share>,
}

/// The part of a batch that lies here.
#[derive(Default)]
struct Share {
    /// Rows of the whole batch.
    n_rows: usize,
    /// Numbers of the rows here, and their places in the whole batch.
    own: Vec<u32>,
    places: Vec<u32>,
}

impl Buffers {
    /// Gets the rows `rows`: of all ranks' where it is said which lie here, and then those alone.
    pub(crate) fn gather(&mut self, reader: ScaledRows<'_>, rows: &[u32], here: Option<Here>) {
        let Some(here) = here else {
            self.share = None;
            return reader.gather_batch(rows, &mut self.rows);
        };
        let share = self.share.get_or_insert_default();
        share.n_rows = rows.len();
        share.own.clear();
        share.places.clear();
        for (place, row) in rows.iter().enumerate() {
            if let Some(own) = here.own(*row) {
                share.own.push(own);
                share.places.push(place as u32);
            }
        }
        reader.gather_batch(&share.own, &mut self.rows);
    }

    /// Rows of the whole batch, those of other ranks included.
    pub(crate) fn n_rows(&self, d: usize) -> usize {
        self.share.as_ref().map_or(self.rows.len() / d, |share| share.n_rows)
    }

    /// Corrupts the rows gathered, where there is noise, and draws what the penalty needs: also where the contraction is
    /// 0, because the penalty is measured all the same. A row's draws depend on its place in the whole batch, wherever it lies.
    pub(crate) fn draw(
        &mut self,
        architecture: &Architecture,
        noise: Option<(Noise, Stream)>,
        (penalty, mut stream): (Penalty, Stream),
    ) {
        let d = architecture.input_size();
        let n_rows = self.n_rows(d);
        let places = self.share.as_ref().map(|share| &share.places[..]);
        self.has_noise = noise.is_some();
        if let Some((noise, mut stream)) = noise {
            self.corrupted.resize(n_rows * d);
            if noise.wants_normal() {
                stream.fill_normal(&mut self.corrupted);
            } else {
                stream.fill_uniform(&mut self.corrupted);
            }
            if let Some(places) = places {
                for (to, place) in places.iter().enumerate() {
                    let from = *place as usize * d;
                    self.corrupted.copy_within(from..from + d, to * d);
                }
                self.corrupted.resize(places.len() * d);
            }
            for (draw, x) in self.corrupted.iter_mut().zip(&self.rows) {
                *draw = noise.corrupt(*x, *draw);
            }
        }
        self.draws.resize(penalty.n_draws(architecture, n_rows), 0.0);
        stream.fill_normal(&mut self.draws);
        if let Some(places) = places {
            penalty.keep_draws(architecture, n_rows, places, &mut self.draws);
        }
        penalty.shape_draws(architecture, &mut self.draws);
    }

    /// The batch for the engine.
    pub(crate) fn batch(&self, d: usize) -> Batch<'_> {
        let n = self.rows.len() / d;
        Batch {
            corrupted: self.has_noise.then(|| MatRef::new(&self.corrupted, n, d)),
            draws: &self.draws,
            ..Batch::plain(MatRef::new(&self.rows, n, d))
        }
    }
}
