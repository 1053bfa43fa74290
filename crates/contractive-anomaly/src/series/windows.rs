//! Windows of rows as the networks take them. Numbers stay f64 until the detector of windows has centred and scaled them.

use super::error::SeriesError;
use super::spec::{Credit, Normalise, SeriesSpec};
use crate::detector::{Detector, ScoreOptions, Scores};
use contractive::data::Dataset;

/// What scores windows of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowScorer<'a> {
    pub(super) spec: &'a SeriesSpec,
    /// Standard deviation of each value column in training.
    pub(super) scales: &'a [f64],
    pub(super) detector: &'a Detector,
}

impl WindowScorer<'_> {
    /// Scores windows, `numbers` as [`window_into`] leaves them; with the parts of their numbers where rows take them, or
    /// where it `explains`.
    pub(super) fn score(
        &self,
        what: &str,
        numbers: Vec<f64>,
        explains: bool,
        threads: usize,
    ) -> Result<Scores, SeriesError> {
        let options = ScoreOptions { contributions: explains || self.spec.credit != Credit::Window, threads };
        Ok(self.detector.score(&dataset(what, self.spec, numbers)?, &options)?)
    }
}

/// Windows as a data set.
pub(super) fn dataset(what: &str, spec: &SeriesSpec, numbers: Vec<f64>) -> Result<Dataset, SeriesError> {
    Ok(Dataset::from_f64(what, spec.n_features(), numbers)?.with_feature_names(spec.feature_names())?)
}

/// Adds a window's numbers, rows of `v` values, with what `normalise` takes out taken out.
pub(super) fn window_into(rows: &[f64], v: usize, normalise: Normalise, scales: &[f64], out: &mut Vec<f64>) {
    if normalise == Normalise::None {
        out.extend_from_slice(rows);
        return;
    }
    let n = (rows.len() / v) as f64;
    let column = |j: usize| rows.iter().skip(j).step_by(v);
    let centre_and_scale: Vec<(f64, f64)> = (0..v)
        .map(|j| {
            let mean = column(j).sum::<f64>() / n;
            let variance = column(j).map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let scale = match normalise {
                Normalise::Standard => variance.sqrt().max(0.01 * scales[j]),
                _ => 1.0,
            };
            // Below, there is nothing but the rounding of the mean.
            (mean, if scale > 4.0 * f64::EPSILON * mean.abs() { scale } else { 1.0 })
        })
        .collect();
    out.extend(rows.iter().enumerate().map(|(i, x)| {
        let (mean, scale) = centre_and_scale[i % v];
        (x - mean) / scale
    }));
}
