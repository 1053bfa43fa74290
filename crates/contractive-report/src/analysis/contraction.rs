//! The contraction ratio: ‖f(x) − f(x̃)‖/‖x − x̃‖ for x̃ uniform on a sphere round x, over the sphere's radius.
//!
//! Rifai et al. 2011, section 5. In the limit r → 0 the root mean square of the ratio is ‖J‖_F/√d, because
//! the mean of uuᵀ is I/d for u uniform on the unit sphere of d dimensions.

use contractive_core::ArgumentError;
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use serde::{Deserialize, Serialize};

use contractive::preprocess::EVALUATION_ROWS;
use contractive_core::random::{Purpose, Stream};

/// The ratio at one radius, over rows and directions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContractionPoint {
    /// Radius r of the spheres, in the network's units.
    pub radius: f64,
    /// Mean of the ratio.
    pub mean: f64,
    /// Root mean square of the ratio.
    pub rms: f64,
}

/// The ratio at each of `radii`, over all of `rows` (N, d) with `directions` random directions a row. Directions are
/// drawn from `seed` and are the same at every radius, so that the curve is smooth.
///
/// # Errors
/// [`ArgumentError::Size`] when the rows do not fit the engine's network.
pub fn contraction_curve(
    engine: &mut dyn Engine,
    rows: MatRef<'_>,
    radii: &[f64],
    directions: usize,
    seed: u64,
) -> Result<Vec<ContractionPoint>, ArgumentError> {
    let (n, d, k) = (rows.rows(), rows.columns(), engine.architecture().code_size());
    let mut sums = vec![(0.0_f64, 0.0_f64); radii.len()];
    let (mut moved, mut unit) = (Vec::new(), Vec::new());
    let (mut code, mut moved_code) = (Vec::new(), Vec::new());
    for from in (0..n).step_by(EVALUATION_ROWS) {
        let some = EVALUATION_ROWS.min(n - from);
        let block = &rows.values()[from * d..(from + some) * d];
        code.resize(some * k, 0.0);
        engine.encode(MatRef::new(block, some, d), &mut code)?;
        for direction in 0..directions {
            unit.resize(some * d, 0.0);
            Stream::new(seed, Purpose::Analysis, direction as u64, from as u64).fill_normal(&mut unit);
            for u in unit.chunks_exact_mut(d) {
                let length = norm(u.iter().map(|v| f64::from(*v))).max(f64::MIN_POSITIVE);
                u.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
            }
            for (radius, sum) in radii.iter().zip(&mut sums) {
                moved.clear();
                moved.extend(block.iter().zip(&unit).map(|(x, u)| (f64::from(*x) + radius * f64::from(*u)) as f32));
                moved_code.resize(some * k, 0.0);
                engine.encode(MatRef::new(&moved, some, d), &mut moved_code)?;
                for r in 0..some {
                    // The distance as it is after rounding, not as it was meant.
                    let apart = distance(&moved[r * d..(r + 1) * d], &block[r * d..(r + 1) * d]);
                    let code_apart = distance(&moved_code[r * k..(r + 1) * k], &code[r * k..(r + 1) * k]);
                    // Rows so large that a small step is lost in rounding do not move.
                    let ratio = if apart > 0.0 { code_apart / apart } else { 0.0 };
                    sum.0 += ratio;
                    sum.1 += ratio * ratio;
                }
            }
        }
    }
    let count = (n * directions).max(1) as f64;
    let point = |(radius, (sum, squares)): (&f64, &(f64, f64))| ContractionPoint {
        radius: *radius,
        mean: sum / count,
        rms: (squares / count).sqrt(),
    };
    Ok(radii.iter().zip(&sums).map(point).collect())
}

/// The root mean square distance between two rows drawn from `rows` (N, d): √2 times their deviation from the mean.
pub fn typical_distance(rows: MatRef<'_>) -> f64 {
    let (n, d) = (rows.rows(), rows.columns());
    let count = n.max(1) as f64;
    let mut mean = vec![0.0_f64; d];
    for r in 0..n {
        mean.iter_mut().zip(rows.row(r)).for_each(|(m, x)| *m += f64::from(*x) / count);
    }
    let deviation = |r: usize| rows.row(r).iter().zip(&mean).map(|(x, m)| (f64::from(*x) - m).powi(2)).sum::<f64>();
    ((0..n).map(deviation).sum::<f64>() / count * 2.0).sqrt()
}

/// `count` radii from `low` to `high`, evenly spaced on a logarithmic axis.
pub fn logarithmic_radii(low: f64, high: f64, count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| low * (high / low).powf(i as f64 / last)).collect()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    norm(a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)))
}

#[cfg(test)]
mod tests {
    use contractive_core::engine::CpuEngine;
    use contractive_core::optimiser::Optimiser;
    use contractive_core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};

    use super::*;

    fn engine(hidden: &[usize], phi: Activation, weight: f32) -> CpuEngine {
        let net = Architecture::mirrored(6, hidden, phi, phi, Activation::Identity, false);
        let mut p = Parameters::zeros(&net).unwrap();
        for (i, v) in p.values_mut().iter_mut().enumerate() {
            *v = weight * ((i as f32 * 0.754_877_7).fract() * 2.0 - 1.0);
        }
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        CpuEngine::new(&p, &objective, Optimiser::Sgd { weight_decay: 0.0 }, None, 1).unwrap()
    }

    fn rows(n: usize) -> Vec<f32> {
        (0..6 * n).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn small_spheres_give_the_jacobian_norm_over_the_root_of_d() {
        let x = rows(300);
        let rows = MatRef::new(&x, 300, 6);
        let mut engine = engine(&[5, 3], Activation::Tanh, 1.0);
        let mut squares = vec![0.0; 300];
        engine.jacobian_squares(rows, &mut squares).unwrap();
        let limit = (squares.iter().sum::<f64>() / 300.0 / 6.0).sqrt();
        let curve = contraction_curve(&mut engine, rows, &[0.01, 8.0], 40, 3).unwrap();
        // 12,000 directions: the sampling error is about 1 %.
        assert!((curve[0].rms / limit - 1.0).abs() < 0.03, "{} against {limit}", curve[0].rms);
        // Far away, tanh is bounded: the ratio must fall.
        assert!(curve[1].rms < 0.7 * curve[0].rms, "{curve:?}");
    }

    #[test]
    fn an_isometry_has_ratio_1_at_every_radius() {
        let net =
            Architecture::mirrored(2, &[2], Activation::Identity, Activation::Identity, Activation::Identity, false);
        let mut p = Parameters::zeros(&net).unwrap();
        p.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&[0.6, -0.8, 0.8, 0.6]);
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        let mut engine = CpuEngine::new(&p, &objective, Optimiser::Sgd { weight_decay: 0.0 }, None, 1).unwrap();
        let x: Vec<f32> = (0..600).map(|i| (i as f32).cos()).collect();
        for point in contraction_curve(&mut engine, MatRef::new(&x, 300, 2), &[0.05, 1.0, 20.0], 2, 0).unwrap() {
            assert!((point.mean - 1.0).abs() < 1e-4 && (point.rms - 1.0).abs() < 1e-4, "{point:?}");
        }
    }

    #[test]
    fn a_dead_encoder_contracts_to_nothing_and_the_seed_fixes_the_curve() {
        let x = rows(4);
        let rows = MatRef::new(&x, 4, 6);
        let zero = contraction_curve(&mut engine(&[3], Activation::Tanh, 0.0), rows, &[1.0], 3, 0).unwrap();
        assert_eq!((zero[0].mean, zero[0].rms), (0.0, 0.0));
        let curve = |seed| contraction_curve(&mut engine(&[3], Activation::Tanh, 1.0), rows, &[1.0], 3, seed).unwrap();
        assert_eq!(curve(1), curve(1));
        assert_ne!(curve(1), curve(2));
    }

    #[test]
    fn distances_and_radii() {
        let x = [0.0_f32, 0.0, 6.0, 8.0];
        // Two points 10 apart: two draws differ half of the time, so the mean square is 50.
        assert!((typical_distance(MatRef::new(&x, 2, 2)) - 50.0_f64.sqrt()).abs() < 1e-9);
        let radii = logarithmic_radii(0.1, 10.0, 3);
        assert!((radii[1] - 1.0).abs() < 1e-12 && (radii[2] - 10.0).abs() < 1e-9);
        assert_eq!(logarithmic_radii(0.1, 10.0, 1), [0.1]);
    }
}
