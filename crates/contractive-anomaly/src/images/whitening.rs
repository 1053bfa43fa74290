//! Features brought to a covariance of one: L⁻¹(f − mean), L Lᵀ the covariance, correlations made smaller by a thousandth.

/// The mean, and L⁻¹ as rows of a lower triangle, row-major (K, K).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Whitening {
    pub(super) mean: Vec<f32>,
    pub(super) inverse: Vec<f32>,
}

/// The share that correlations are made smaller by, and the share of the mean variance that is added to every variance: directions
/// in which nothing varies stay finite.
const SHRINKAGE: f64 = 1e-3;
const RIDGE: f64 = 1e-9;

impl Whitening {
    /// Of features, row-major (n, width), n at least 1.
    pub(super) fn of(features: &[f32], width: usize) -> Self {
        let n = (features.len() / width) as f64;
        let mut mean = vec![0.0_f64; width];
        for row in features.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v) / n);
        }
        let mut covariance = vec![0.0_f64; width * width];
        let mut away = vec![0.0; width];
        for row in features.chunks_exact(width) {
            away.iter_mut().zip(row).zip(&mean).for_each(|((a, v), m)| *a = f64::from(*v) - m);
            for i in 0..width {
                for j in 0..=i {
                    covariance[i * width + j] += away[i] * away[j] / n;
                }
            }
        }
        let mean_variance = (0..width).map(|i| covariance[i * width + i]).sum::<f64>() / width as f64;
        let ridge = RIDGE * mean_variance + 1e-12;
        covariance.iter_mut().for_each(|c| *c *= 1.0 - SHRINKAGE);
        (0..width).for_each(|i| covariance[i * width + i] = covariance[i * width + i] / (1.0 - SHRINKAGE) + ridge);
        let lower = cholesky(covariance, width);
        let inverse = inverse_of_lower(&lower, width);
        Whitening { mean: narrow(mean), inverse: narrow(inverse) }
    }

    /// Numbers of a feature.
    pub(super) fn width(&self) -> usize {
        self.mean.len()
    }

    /// Adds the feature, whitened, to `out`.
    pub(super) fn append(&self, feature: &[f32], out: &mut Vec<f32>) {
        let width = self.width();
        for (i, row) in self.inverse.chunks_exact(width).enumerate() {
            let terms = row[..=i].iter().zip(feature).zip(&self.mean);
            out.push(terms.map(|((w, f), m)| w * (f - m)).sum());
        }
    }
}

fn narrow(numbers: Vec<f64>) -> Vec<f32> {
    numbers.into_iter().map(|v| v as f32).collect()
}

/// L of a covariance, of which the lower triangle is read.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for j in 0..n {
        let squares: f64 = (0..j).map(|k| a[j * n + k].powi(2)).sum();
        let diagonal = (a[j * n + j] - squares).max(f64::MIN_POSITIVE).sqrt();
        a[j * n + j] = diagonal;
        for i in j + 1..n {
            let product: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            a[i * n + j] = (a[i * n + j] - product) / diagonal;
        }
    }
    a
}

/// L⁻¹, zeros above the diagonal.
fn inverse_of_lower(lower: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for j in 0..n {
        inverse[j * n + j] = 1.0 / lower[j * n + j];
        for i in j + 1..n {
            let product: f64 = (j..i).map(|k| lower[i * n + k] * inverse[k * n + j]).sum();
            inverse[i * n + j] = -product / lower[i * n + i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::{Purpose, Stream};

    #[test]
    fn whitened_features_have_a_covariance_of_one() {
        let mut normal = vec![0.0_f32; 3 * 4000];
        Stream::new(1, Purpose::Analysis, 0, 0).fill_normal(&mut normal);
        let features: Vec<f32> = normal
            .chunks_exact(3)
            .flat_map(|z| [5.0 + 2.0 * z[0], 0.5 * z[1] + 3.0 * z[0], z[2] - 0.5 * z[1] + 0.3 * z[0]])
            .collect();
        let whitening = Whitening::of(&features, 3);
        let mut white = Vec::new();
        features.chunks_exact(3).for_each(|f| whitening.append(f, &mut white));
        let covariance = |of: &[f32], i: usize, j: usize| -> f64 {
            let mean = |i: usize| of.chunks_exact(3).map(|f| f64::from(f[i])).sum::<f64>() / 4000.0;
            let (a, b) = (mean(i), mean(j));
            of.chunks_exact(3).map(|f| (f64::from(f[i]) - a) * (f64::from(f[j]) - b)).sum::<f64>() / 4000.0
        };
        // L⁻¹ takes the covariance with smaller correlations, of which it was made, to one: to the one of what is whitened is
        // added what shrinkage leaves out, S = 10⁻³(diagonal − covariance) of the features.
        let w = |i: usize, j: usize| f64::from(whitening.inverse[i * 3 + j]);
        let left_out = |a: usize, b: usize| if a == b { 0.0 } else { -1e-3 * covariance(&features, a, b) };
        for i in 0..3 {
            for j in 0..3 {
                let pairs = (0..3).flat_map(|a| (0..3).map(move |b| (a, b)));
                let added: f64 = pairs.map(|(a, b)| w(i, a) * left_out(a, b) * w(j, b)).sum();
                let sum = covariance(&white, i, j) + added;
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-4, "{i} {j}: {sum}");
            }
        }
    }

    #[test]
    fn features_that_do_not_vary_stay_finite() {
        let whitening = Whitening::of(&[1.0, 2.0, 1.0, 2.0], 2);
        let mut white = Vec::new();
        whitening.append(&[1.0, 2.0], &mut white);
        assert!(white.iter().all(|v| v.abs() < 1e-3), "{white:?}");
        assert!(whitening.inverse.iter().all(|v| v.is_finite()));
    }
}
