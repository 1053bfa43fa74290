//! The singular values of J = ∂h/∂x, and how many directions an encoder follows at a row.

use contractive_core::Parameters;
use contractive_core::matrix::MatRef;
use contractive_core::row_spectra::RowSpectra;
use serde::{Deserialize, Serialize};

use super::local_dimension::local_dimension;

/// Multiplications and additions that a spectrum may cost, about: a second or two of one core.
pub(crate) const MOST_WORK: usize = 1_500_000_000;

/// Singular values of J over some rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spectrum {
    /// Rows looked at.
    pub rows: usize,
    /// Mean over rows of the j-th largest singular value; min(k, d) of them, largest first.
    pub mean: Vec<f64>,
    /// Mean over rows of the [`local_dimension`].
    pub local_dimension: f64,
    /// Mean over rows of the number of singular values above a tenth of the row's largest.
    pub above_a_tenth: f64,
}

impl Spectrum {
    /// Of `n` singular values a row, before the first row.
    pub fn of(n: usize) -> Self {
        Spectrum { mean: vec![0.0; n], ..Spectrum::default() }
    }

    /// Takes the singular values of a row, largest first, into the means.
    pub fn see(&mut self, values: &[f64]) {
        self.rows += 1;
        let share = 1.0 / self.rows as f64;
        let largest = values.first().copied().unwrap_or(0.0);
        let above = values.iter().filter(|s| **s > 0.1 * largest).count() as f64;
        self.mean.iter_mut().zip(values).for_each(|(mean, s)| *mean += share * (s - *mean));
        self.local_dimension += share * (local_dimension(values) - self.local_dimension);
        self.above_a_tenth += share * (above - self.above_a_tenth);
    }
}

/// The spectrum over all of `rows` (N, d); the result does not depend on `threads`.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn spectrum(parameters: &Parameters, rows: MatRef<'_>, threads: usize) -> Spectrum {
    let architecture = parameters.architecture();
    let spectra = RowSpectra::new(parameters, rows.rows());
    let mut spectrum = Spectrum::of(architecture.code_size().min(architecture.input_size()));
    row_values(&spectra, rows, threads).iter().for_each(|values| spectrum.see(values));
    spectrum
}

/// The singular values of J at each of `rows` (N, d), largest first; the result does not depend on `threads`.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn row_values(spectra: &RowSpectra, rows: MatRef<'_>, threads: usize) -> Vec<Vec<f64>> {
    let mut all = vec![Vec::new(); rows.rows()];
    let share = rows.rows().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for (i, part) in all.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                for (offset, values) in part.iter_mut().enumerate() {
                    *values = spectra.singular_values(rows.row(i * share + offset));
                }
            });
        }
    });
    all
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
            assert!((s.local_dimension - squares * squares / (16.0 + 1.0 + 1e-4)).abs() < 1e-6);
            assert_eq!(s.above_a_tenth, 2.0);
        }
    }

    #[test]
    fn a_row_at_which_nothing_moves_has_dimension_0() {
        // The second row switches every unit off.
        let x = [1.0_f32, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0, 0.0];
        let s = spectrum(&diagonal(Activation::Relu), MatRef::new(&x, 2, 4), 1);
        assert_eq!(s.above_a_tenth, 1.0);
        assert!((s.local_dimension - 0.5 * 5.01_f64.powi(2) / 17.0001).abs() < 1e-6, "{}", s.local_dimension);
        assert!((s.mean[0] - 1.0).abs() < 1e-7);
    }
}
