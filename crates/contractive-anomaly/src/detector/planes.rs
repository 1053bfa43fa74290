//! The two planes of windows, of spans of a third of a window and of whole windows: terms of windows alone.
//!
//! What is odd for less than a window, the plane of thirds tells to a few rows; what is odd for longer, or only in the whole
//! of a window, that of windows sees.

use super::jobs::for_each;
use super::plane::{Plane, PlaneParts, PlaneScratch, Spans};
use super::weights::{PLANE_TERMS, Weights};
use contractive_core::random::{Purpose, Stream};

/// Windows scored together.
const CHUNK: usize = 128;

/// In the order of their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planes(pub(super) [Plane; PLANE_TERMS]);

/// What a thread writes over.
#[derive(Debug, Default)]
pub(super) struct PlanesScratch {
    plane: PlaneScratch,
    /// Of the window last seen.
    pub(super) parts: PlaneParts,
}

/// The spans of the planes of windows of `window` rows of `columns` numbers.
pub(super) fn spans(window: usize, columns: usize) -> [Spans; PLANE_TERMS] {
    [Spans::thirds(window, columns), Spans::windows(window, columns)]
}

impl Planes {
    /// Learns from windows of `window` rows of `columns` numbers, as the network takes them, at least one.
    pub(super) fn fit(windows: &[f32], window: usize, columns: usize, seed: u64, threads: usize) -> Self {
        let mut step = 0;
        Planes(spans(window, columns).map(|spans| {
            let stream = Stream::new(seed, Purpose::Analysis, 4, step);
            step += 1;
            Plane::fit(windows, spans, stream, threads)
        }))
    }

    /// W and v.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.0[0].spans.window, self.0[0].spans.columns)
    }

    /// What the planes add to the score of the window `x`; leaves its parts in `scratch`.
    pub(super) fn term(&self, x: &[f32], weights: &Weights, scratch: &mut PlanesScratch) -> f64 {
        let PlanesScratch { plane, parts } = scratch;
        parts.reset(x.len());
        self.0.iter().zip(weights.of_planes()).map(|(of, weight)| of.add_term(x, weight, plane, parts)).sum()
    }

    /// That of windows, one number each.
    pub(super) fn terms(&self, windows: &[f32], weights: &Weights, threads: usize) -> Vec<f64> {
        let (window, columns) = self.size();
        let d = window * columns;
        let mut terms = vec![0.0; windows.len() / d];
        for_each(windows.chunks(CHUNK * d).zip(terms.chunks_mut(CHUNK)), threads, || {
            let mut scratch = PlanesScratch::default();
            move |(windows, terms): (&[f32], &mut [f64])| {
                for (x, term) in windows.chunks_exact(d).zip(terms) {
                    *term = self.term(x, weights, &mut scratch);
                }
            }
        });
        terms
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const WINDOW: usize = 24;
    pub(in super::super) const COLUMNS: usize = 2;

    /// Windows of two waves that go together, with a little noise, one number a row and column.
    pub(in super::super) fn windows(n: usize) -> Vec<f32> {
        let mut draw = Stream::new(3, Purpose::Analysis, 9, 0);
        let rows: Vec<[f32; COLUMNS]> = (0..n + WINDOW)
            .map(|t| {
                let wave = (t as f64 * 0.37).sin();
                [wave, -2.0 * wave].map(|v| (v + 0.1 * (draw.uniform() - 0.5)) as f32)
            })
            .collect();
        (0..n).flat_map(|i| rows[i..i + WINDOW].concat()).collect()
    }

    #[test]
    fn terms_are_the_weighted_planes_and_the_same_of_any_number_of_threads() {
        let (windows, weights) = (windows(500), Weights::of_windows());
        let planes = Planes::fit(&windows, WINDOW, COLUMNS, 0, 1);
        assert_eq!(Planes::fit(&windows, WINDOW, COLUMNS, 0, 3), planes);
        let terms = planes.terms(&windows, &weights, 1);
        assert_eq!(planes.terms(&windows, &weights, 3), terms);
        let mut scratch = PlanesScratch::default();
        for (x, term) in windows.chunks_exact(WINDOW * COLUMNS).zip(terms).step_by(50) {
            let alone = |plane: &Plane| {
                let mut parts = PlaneParts::default();
                parts.reset(x.len());
                plane.add_term(x, 1.0, &mut PlaneScratch::default(), &mut parts)
            };
            let expected = 0.25 * alone(&planes.0[0]) + 0.25 * alone(&planes.0[1]);
            assert!((term - expected).abs() < 1e-12);
            planes.term(x, &weights, &mut scratch);
            for parts in [&scratch.parts.own, &scratch.parts.by_spans] {
                assert!((parts.iter().sum::<f64>() - term).abs() < 1e-12);
            }
        }
    }
}
