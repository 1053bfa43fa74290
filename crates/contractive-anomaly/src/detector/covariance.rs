//! Where codes lie: a centre and a covariance that a minority of outlying codes cannot move.
//!
//! Starting from each unit's median and median absolute deviation, the nearest [`KEPT`] of the codes give the next mean
//! and covariance, [`ROUNDS`] times (the concentration steps of Rousseeuw & Van Driessen's FAST-MCD, from one start, so
//! that nothing is random).

use serde::{Deserialize, Serialize};

use super::location::Location;
use contractive_core::row_network::dot;

/// Share of the codes that the centre and covariance are learnt from.
const KEPT: f64 = 0.75;
/// Concentration steps.
const ROUNDS: usize = 5;
/// Added to the covariance's diagonal, relative to its mean: keeps units that hardly move from ruling.
const RIDGE: f64 = 1e-3;

/// The centre μ and the inverse covariance Σ⁻¹ of codes: of the squared Mahalanobis distance (h−μ)ᵀ Σ⁻¹ (h−μ).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeDensity {
    /// μ, k numbers.
    pub(super) centre: Vec<f64>,
    /// The inverse covariance, (k, k), row-major.
    pub(super) precision: Vec<f64>,
}

impl CodeDensity {
    /// Learns from `codes`, row-major (N, k), N at least 1.
    pub(super) fn fit(codes: &[f64], k: usize) -> Self {
        let n = codes.len() / k;
        let units: Vec<Location> = (0..k)
            .map(|j| {
                let mut column: Vec<f64> = codes.iter().skip(j).step_by(k).copied().collect();
                Location::of(&mut column)
            })
            .collect();
        let mut distances: Vec<f64> = codes
            .chunks_exact(k)
            .map(|h| h.iter().zip(&units).map(|(h, unit)| unit.standardised(*h).powi(2)).sum())
            .collect();
        let mut density = CodeDensity { centre: units.iter().map(|u| u.median).collect(), precision: identity(k) };
        let kept = ((KEPT * n as f64).ceil() as usize).clamp(1, n);
        let mut order: Vec<u32> = (0..n as u32).collect();
        for _ in 0..ROUNDS {
            let distance = |i: &u32| distances[*i as usize];
            order.sort_unstable_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)));
            let mut nearest = order[..kept].to_vec();
            nearest.sort_unstable();
            density = CodeDensity::of(codes, k, &nearest);
            for (distance, h) in distances.iter_mut().zip(codes.chunks_exact(k)) {
                *distance = density.squared_distance(h, &mut Vec::new());
            }
        }
        density
    }

    fn of(codes: &[f64], k: usize, rows: &[u32]) -> Self {
        let n = rows.len() as f64;
        let mut centre = vec![0.0; k];
        let row = |r: &u32| &codes[*r as usize * k..][..k];
        for r in rows {
            centre.iter_mut().zip(row(r)).for_each(|(m, h)| *m += h);
        }
        centre.iter_mut().for_each(|m| *m /= n);
        let mut covariance = vec![0.0; k * k];
        let mut away = vec![0.0; k];
        for r in rows {
            away.iter_mut().zip(row(r).iter().zip(&centre)).for_each(|(a, (h, m))| *a = h - m);
            for (a, out) in away.iter().zip(covariance.chunks_exact_mut(k)) {
                out.iter_mut().zip(&away).for_each(|(c, b)| *c += a * b);
            }
        }
        covariance.iter_mut().for_each(|c| *c /= n);
        let mean = (0..k).map(|j| covariance[j * k + j]).sum::<f64>() / k as f64;
        // A code that does not vary at all is as near as it gets: any ridge above 0 serves.
        let ridge = if mean > 0.0 { RIDGE * mean } else { 1.0 };
        (0..k).for_each(|j| covariance[j * k + j] += ridge);
        let precision = inverse(&covariance, k).unwrap_or_else(|| identity(k));
        CodeDensity { centre, precision }
    }

    /// The squared Mahalanobis distance of the code `h`; leaves 2 Σ⁻¹(h − μ), its gradient, in `gradient`.
    pub(super) fn squared_distance(&self, h: &[f64], gradient: &mut Vec<f64>) -> f64 {
        let k = self.centre.len();
        gradient.clear();
        gradient.extend(h.iter().zip(&self.centre).map(|(h, m)| h - m));
        let away = gradient.clone();
        for (g, row) in gradient.iter_mut().zip(self.precision.chunks_exact(k)) {
            *g = 2.0 * dot(row, &away);
        }
        (0.5 * dot(gradient, &away)).max(0.0)
    }

    /// Whether the stored numbers can be a centre and a precision of `k` units.
    pub(super) fn is_valid(&self, k: usize) -> bool {
        self.centre.len() == k
            && Some(self.precision.len()) == k.checked_mul(k)
            && self.centre.iter().chain(&self.precision).all(|v| v.is_finite())
    }
}

fn identity(k: usize) -> Vec<f64> {
    (0..k * k).map(|i| f64::from(u8::from(i / k == i % k))).collect()
}

/// The inverse of a symmetric positive definite (k, k) matrix by its Cholesky factor; `None` if it is not one.
fn inverse(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let sum = matrix[i * k + j] - dot(&lower[i * k..i * k + j], &lower[j * k..j * k + j]);
            if i == j {
                if !(sum > 0.0 && sum.is_finite()) {
                    return None;
                }
                lower[i * k + i] = sum.sqrt();
            } else {
                lower[i * k + j] = sum / lower[j * k + j];
            }
        }
    }
    let mut whole = vec![0.0; k * k];
    for column in 0..k {
        let mut x = vec![0.0; k];
        for i in column..k {
            let unit = f64::from(u8::from(i == column));
            x[i] = (unit - dot(&lower[i * k..i * k + i], &x[..i])) / lower[i * k + i];
        }
        for i in (0..k).rev() {
            let below: f64 = (i + 1..k).map(|j| lower[j * k + i] * x[j]).sum();
            x[i] = (x[i] - below) / lower[i * k + i];
        }
        (0..k).for_each(|i| whole[i * k + column] = x[i]);
    }
    // Symmetric to the bit.
    for i in 0..k {
        for j in 0..i {
            whole[i * k + j] = whole[j * k + i];
        }
    }
    whole.iter().all(|v| v.is_finite()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::{Purpose, Stream};

    fn normals(n: usize) -> Vec<f64> {
        let mut v = vec![0.0_f32; n];
        Stream::new(1, Purpose::Analysis, 0, 0).fill_normal(&mut v);
        v.into_iter().map(f64::from).collect()
    }

    #[test]
    fn the_inverse_is_one() {
        let m = [4.0, 1.0, 0.5, 1.0, 3.0, -0.2, 0.5, -0.2, 2.0];
        let inverse = inverse(&m, 3).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|l| m[i * 3 + l] * inverse[l * 3 + j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        assert_eq!(super::inverse(&[1.0, 2.0, 2.0, 1.0], 2), None);
    }

    #[test]
    fn a_minority_far_away_does_not_move_the_centre() {
        let mut codes = normals(4000);
        let clean = CodeDensity::fit(&codes, 2);
        for i in 0..300 {
            (codes[2 * i], codes[2 * i + 1]) = (50.0 + 0.01 * i as f64, -40.0);
        }
        let dirty = CodeDensity::fit(&codes, 2);
        for j in 0..2 {
            assert!((clean.centre[j] - dirty.centre[j]).abs() < 0.1, "{clean:?} {dirty:?}");
        }
        assert!(dirty.squared_distance(&[50.0, -40.0], &mut Vec::new()) > 1000.0);
    }

    #[test]
    fn codes_that_do_not_vary_are_no_trouble() {
        for codes in [vec![1.0; 30], vec![2.5; 3], normals(9)] {
            let density = CodeDensity::fit(&codes, 3);
            assert!(density.is_valid(3));
            assert!(density.squared_distance(&codes[..3], &mut Vec::new()).is_finite());
        }
        assert_eq!(contractive_core::statistics::median(&mut [3.0, 1.0, 2.0, 10.0]), 2.5);
    }
}
