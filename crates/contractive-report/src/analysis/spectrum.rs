//! The singular values of J = ∂h/∂x, and how many directions an encoder follows at a row.

use contractive_core::Parameters;
use contractive_core::jacobian::{explicit, singular_values};
use contractive_core::matrix::MatRef;
use serde::{Deserialize, Serialize};

/// Multiplications and additions that a spectrum may cost, about: a few seconds of one core.
const MOST_WORK: usize = 1_500_000_000;

/// Singular values of J over some rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spectrum {
    /// Rows looked at.
    pub rows: usize,
    /// Mean over rows of the j-th largest singular value; min(k, d) of them, largest first.
    pub mean: Vec<f64>,
    /// Local dimension, a mean over rows: the participation ratio (Σs²)²/Σs⁴, 0 at a row where the code does not move.
    pub participation_ratio: f64,
    /// Local dimension, a mean over rows: singular values above a tenth of the row's largest.
    pub above_a_tenth: f64,
}

/// What one row adds.
struct RowSpectrum {
    values: Vec<f64>,
    ratio: f64,
    above: f64,
}

/// Rows, at most `wanted` and at least one, whose spectra cost a few seconds for an encoder d → k.
pub fn affordable_rows(wanted: usize, k: usize, d: usize) -> usize {
    let one = k.saturating_mul(d).saturating_mul(k.min(d)).max(1);
    (MOST_WORK / one).clamp(1, wanted.max(1))
}

/// The spectrum over all of `rows` (N, d), one Jacobian in memory a thread; the result does not depend on `threads`.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn spectrum(parameters: &Parameters, rows: MatRef<'_>, threads: usize) -> Spectrum {
    let architecture = parameters.architecture();
    let (d, k, n) = (architecture.input_size(), architecture.code_size(), rows.rows());
    let mut all: Vec<Option<RowSpectrum>> = (0..n).map(|_| None).collect();
    let share = n.div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for (i, part) in all.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                for (offset, slot) in part.iter_mut().enumerate() {
                    let row = MatRef::new(rows.row(i * share + offset), 1, d);
                    *slot = Some(of_row(singular_values(&explicit(parameters, row), k, d)));
                }
            });
        }
    });
    let mut sum = Spectrum { rows: n, mean: vec![0.0; k.min(d)], ..Spectrum::default() };
    for row in all.into_iter().flatten() {
        sum.mean.iter_mut().zip(&row.values).for_each(|(mean, s)| *mean += s);
        sum.participation_ratio += row.ratio;
        sum.above_a_tenth += row.above;
    }
    let count = n.max(1) as f64;
    sum.mean.iter_mut().for_each(|mean| *mean /= count);
    sum.participation_ratio /= count;
    sum.above_a_tenth /= count;
    sum
}

fn of_row(values: Vec<f64>) -> RowSpectrum {
    let squares: f64 = values.iter().map(|s| s * s).sum();
    let fourths: f64 = values.iter().map(|s| s.powi(4)).sum();
    let (ratio, above) = if fourths > 0.0 {
        (squares * squares / fourths, values.iter().filter(|s| **s > 0.1 * values[0]).count() as f64)
    } else {
        (0.0, 0.0)
    };
    RowSpectrum { values, ratio, above }
}

#[cfg(test)]
mod tests {
    use contractive_core::{Activation, Architecture};

    use super::*;

    fn diagonal(activation: Activation) -> Parameters {
        let net = Architecture::mirrored(4, &[3], activation, activation, Activation::Identity, false);
        let mut p = Parameters::zeros(&net).unwrap();
        let weight = [2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0];
        p.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&weight);
        p
    }

    #[test]
    fn a_linear_encoder_has_its_weights_singular_values_everywhere() {
        let x = [0.3_f32, -1.0, 2.0, 0.5, 9.0, 1.0, 0.0, -3.0];
        for threads in [1, 2, 5] {
            let s = spectrum(&diagonal(Activation::Identity), MatRef::new(&x, 2, 4), threads);
            assert_eq!(s.rows, 2);
            for (got, want) in s.mean.iter().zip([2.0, 1.0, 0.1]) {
                assert!((got - want).abs() < 1e-7, "{got} {want}");
            }
            let squares: f64 = 4.0 + 1.0 + 0.01;
            assert!((s.participation_ratio - squares * squares / (16.0 + 1.0 + 1e-4)).abs() < 1e-6);
            assert_eq!(s.above_a_tenth, 2.0);
        }
    }

    #[test]
    fn a_row_at_which_nothing_moves_has_dimension_0() {
        // The second row switches every unit off.
        let x = [1.0_f32, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0, 0.0];
        let s = spectrum(&diagonal(Activation::Relu), MatRef::new(&x, 2, 4), 1);
        assert_eq!(s.above_a_tenth, 1.0);
        assert!((s.mean[0] - 1.0).abs() < 1e-7);
    }

    #[test]
    fn wide_encoders_are_looked_at_on_fewer_rows() {
        assert_eq!(affordable_rows(200, 16, 784), 200);
        assert_eq!(affordable_rows(200, 1000, 784), 2);
        assert_eq!(affordable_rows(200, 1 << 20, 1 << 20), 1);
    }
}
