//! The heat map of a picture: a score of every pixel, and of them the score of the picture.
//!
//! A pixel takes the weighted mean of the scores of the patches over it, the weight a Gaussian of its way to the patch's
//! middle; the map is the mean over the scales, brought to the picture's size and smoothed.

use contractive_core::patches::{OverlapMean, PatchGrid, PictureShape};

use super::rows::Cut;
use super::spec::ImageSpec;

/// A score of every pixel, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// Height · width scores; 0 is usual, 1 what one patch in twenty of ordinary pictures has.
    pub values: Vec<f32>,
}

impl HeatMap {
    /// A map of zeros.
    pub(super) fn new(shape: PictureShape) -> Self {
        let PictureShape { height, width, .. } = shape;
        HeatMap { height, width, values: vec![0.0; height * width] }
    }

    /// Adds `share` of the scores of the patches of `grid`, of a picture made smaller by `scale`.
    pub(super) fn add(&mut self, grid: &PatchGrid, scores: &[f64], scale: usize, credit: f64, share: f32) {
        let k = grid.patch();
        let weights = weights(k, credit);
        let mut mean = OverlapMean::new(grid, 1);
        for (i, score) in scores.iter().enumerate() {
            mean.add_number(i, *score, |u, v| weights[u] * weights[v]);
        }
        let shape = grid.shape();
        let small: Vec<f32> = mean.finish().into_iter().map(|v| v as f32).collect();
        let (rows, columns) = (between(self.height, shape.height, scale), between(self.width, shape.width, scale));
        for (line, (a, b, t)) in self.values.chunks_exact_mut(self.width).zip(rows) {
            let (upper, lower) = (&small[a * shape.width..][..shape.width], &small[b * shape.width..][..shape.width]);
            for (value, (l, r, s)) in line.iter_mut().zip(&columns) {
                let (l, r) = (*l, *r);
                let (top, bottom) = (upper[l] + s * (upper[r] - upper[l]), lower[l] + s * (lower[r] - lower[l]));
                *value += share * (top + t * (bottom - top));
            }
        }
    }

    /// Smooths it by a Gaussian of `deviation` pixels; beyond the rim is what is at the rim.
    pub(super) fn smooth(&mut self, deviation: f64) {
        if deviation <= 0.0 {
            return;
        }
        let reach = (3.0 * deviation).ceil() as usize;
        let kernel = gaussian(reach, deviation);
        let mut line = Vec::new();
        for row in self.values.chunks_exact_mut(self.width) {
            convolve(row, &kernel, reach, &mut line);
        }
        let (width, height) = (self.width, self.height);
        // By columns: whole rows are added up.
        let source = self.values.clone();
        for (y, row) in self.values.chunks_exact_mut(width).enumerate() {
            row.fill(0.0);
            for (i, weight) in kernel.iter().enumerate() {
                let from = (y + i).saturating_sub(reach).min(height - 1);
                row.iter_mut().zip(&source[from * width..][..width]).for_each(|(to, v)| *to += weight * v);
            }
        }
    }

    /// The mean of the highest `share` of its values, at least one of them.
    pub fn top_mean(&self, share: f64) -> f64 {
        let n = self.values.len();
        let top = ((share * n as f64).ceil() as usize).clamp(1, n);
        let mut values = self.values.clone();
        let (_, _, _) = values.select_nth_unstable_by(n - top, f32::total_cmp);
        values[n - top..].sort_unstable_by(f32::total_cmp);
        values[n - top..].iter().map(|v| f64::from(*v)).sum::<f64>() / top as f64
    }

    /// The highest value.
    pub fn highest(&self) -> f64 {
        self.values.iter().copied().fold(f32::NEG_INFINITY, f32::max).into()
    }
}

/// The weights of a patch's rows: exp(−((u − middle)/(credit·k))²/2).
fn weights(k: usize, credit: f64) -> Vec<f64> {
    let (middle, width) = ((k as f64 - 1.0) / 2.0, credit * k as f64);
    // So small a weight still counts where no other patch is.
    (0..k).map(|u| libm::exp(-((u as f64 - middle) / width).powi(2) / 2.0).max(1e-12)).collect()
}

/// For each of `n` pixels: the two of `small` that lie around its middle, and how far it is on the way to the second.
fn between(n: usize, small: usize, scale: usize) -> Vec<(usize, usize, f32)> {
    let of = |i: usize| {
        let at = ((i as f32 + 0.5) / scale as f32 - 0.5).clamp(0.0, (small - 1) as f32);
        let low = at.floor() as usize;
        (low, (low + 1).min(small - 1), at - low as f32)
    };
    (0..n).map(of).collect()
}

fn gaussian(reach: usize, deviation: f64) -> Vec<f32> {
    let of = |i: usize| libm::exp(-((i as f64 - reach as f64) / deviation).powi(2) / 2.0);
    let all: Vec<f64> = (0..=2 * reach).map(of).collect();
    let sum: f64 = all.iter().sum();
    all.iter().map(|w| (w / sum) as f32).collect()
}

fn convolve(row: &mut [f32], kernel: &[f32], reach: usize, line: &mut Vec<f32>) {
    line.clear();
    line.resize(row.len() + 2 * reach, row[row.len() - 1]);
    line[..reach].fill(row[0]);
    line[reach..][..row.len()].copy_from_slice(row);
    row.fill(0.0);
    for (i, weight) in kernel.iter().enumerate() {
        row.iter_mut().zip(&line[i..]).for_each(|(to, v)| *to += weight * v);
    }
}

/// The map of a picture from its patches at every scale: (the patches, their scores).
pub(super) fn map_of(shape: PictureShape, scales: &[(Cut<'_>, usize, Vec<f64>)], spec: &ImageSpec) -> HeatMap {
    let mut map = HeatMap::new(shape);
    let share = 1.0 / scales.len() as f32;
    for (cut, scale, scores) in scales {
        map.add(&cut.grid, scores, *scale, spec.credit, share);
    }
    map.smooth(spec.smooth);
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(height: usize, width: usize, values: Vec<f32>) -> HeatMap {
        HeatMap { height, width, values }
    }

    #[test]
    fn smoothing_keeps_what_is_even_and_spreads_a_peak() {
        let mut even = map(5, 7, vec![3.0; 35]);
        even.smooth(1.5);
        assert!(even.values.iter().all(|v| (v - 3.0).abs() < 1e-5));
        let mut peak = map(21, 31, vec![0.0; 651]);
        peak.values[10 * 31 + 15] = 1.0;
        peak.smooth(2.0);
        assert!((peak.values.iter().sum::<f32>() - 1.0).abs() < 1e-3);
        // 1/(2πσ²) at the peak, symmetric to both sides.
        assert!((peak.values[10 * 31 + 15] - 0.0398).abs() < 2e-3);
        assert_eq!(peak.values[10 * 31 + 12], peak.values[10 * 31 + 18]);
        assert!((peak.values[7 * 31 + 15] - peak.values[10 * 31 + 12]).abs() < 1e-7);
    }

    #[test]
    fn the_score_of_a_picture_is_the_mean_of_its_highest_pixels() {
        let m = map(10, 10, (0..100).map(|i| i as f32).collect());
        assert_eq!(m.top_mean(0.02), 98.5);
        assert_eq!((m.top_mean(1e-9), m.top_mean(1.0), m.highest()), (99.0, 49.5, 99.0));
    }

    #[test]
    fn pixels_lie_between_those_of_a_smaller_picture() {
        assert_eq!(between(4, 4, 1), [(0, 1, 0.0), (1, 2, 0.0), (2, 3, 0.0), (3, 3, 0.0)]);
        let two = between(4, 2, 2);
        assert_eq!((two[0], two[1], two[3]), ((0, 1, 0.0), (0, 1, 0.25), (1, 1, 0.0)));
    }
}
