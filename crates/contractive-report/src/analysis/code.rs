//! The code under noise, and how much of it is zero: what denoising and sparse autoencoders are made for, measured of any.

use contractive_core::ArgumentError;
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::random::{Purpose, Stream};
use contractive_core::statistics::Moments;
use serde::{Deserialize, Serialize};

use contractive::preprocess::EVALUATION_ROWS;

/// Numbers of the code up to this share of its scale are near zero.
const NEAR: f64 = 0.1;
/// Draws of the noise a row.
const DRAWS: usize = 4;
/// Where the streams of the noise begin among those of an analysis.
const FIRST_STREAM: u64 = 1 << 32;

/// How far noise moves the code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoisePoint {
    /// Standard deviation σ of the Gaussian noise on each feature, in the network's units.
    pub sigma: f64,
    /// Root mean square of ‖f(x + ε) − f(x)‖ over the rows and draws, over the code's deviation, √(Σ_j var h_j): 1 where the
    /// noise moves a code as far as rows lie apart. `None` for a code that does not vary. For small σ it is
    /// σ·√(mean ‖J‖²_F / Σ_j var h_j).
    pub change: Option<f64>,
}

/// Numbers of the code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CodeRecord {
    /// Rows looked at.
    pub rows: usize,
    /// Share of the code's numbers, over rows and units, of at most a tenth in size: of the bound, 1, of a sigmoid or tanh
    /// code, else of the largest number of any row.
    pub near_zero: f64,
    /// One entry a size of the noise.
    pub noise: Vec<NoisePoint>,
}

impl CodeRecord {
    /// Measures the code of `rows` (N, d) under noise of these sizes, drawn from `seed`.
    ///
    /// # Errors
    /// [`ArgumentError::Size`] when the rows do not fit the engine's network.
    pub fn measure(
        engine: &mut dyn Engine,
        rows: MatRef<'_>,
        sigmas: &[f64],
        seed: u64,
    ) -> Result<Self, ArgumentError> {
        let (n, d, k) = (rows.rows(), rows.columns(), engine.architecture().code_size());
        let bound = engine.architecture().code_activation().bounds().map(|(low, high)| high.max(-low));
        let mut code = vec![0.0; n * k];
        encode(engine, rows.values(), d, &mut code)?;
        let mut spread = Moments::new(k);
        code.chunks_exact(k).for_each(|h| spread.see(h));
        let variance = spread.squares().iter().sum::<f64>() / n.max(1) as f64;
        let (mut noise, mut draws, mut moved, mut moved_code) =
            (Vec::new(), vec![0.0; n * d], Vec::new(), code.clone());
        for &sigma in sigmas {
            let mut squares = 0.0;
            for draw in 0..DRAWS as u64 {
                Stream::new(seed, Purpose::Analysis, FIRST_STREAM + draw, 0).fill_normal(&mut draws);
                moved.clear();
                moved.extend(
                    rows.values().iter().zip(&draws).map(|(x, e)| (f64::from(*x) + sigma * f64::from(*e)) as f32),
                );
                encode(engine, &moved, d, &mut moved_code)?;
                let apart = moved_code.iter().zip(&code).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                squares += apart.sum::<f64>();
            }
            let mean = squares / (n * DRAWS).max(1) as f64;
            noise.push(NoisePoint { sigma, change: (variance > 0.0).then(|| (mean / variance).sqrt()) });
        }
        Ok(CodeRecord { rows: n, near_zero: near_zero(&code, bound), noise })
    }
}

/// The codes of whole rows, in blocks of bounded size.
fn encode(engine: &mut dyn Engine, rows: &[f32], d: usize, code: &mut [f32]) -> Result<(), ArgumentError> {
    let k = engine.architecture().code_size();
    for (x, h) in rows.chunks(EVALUATION_ROWS * d).zip(code.chunks_mut(EVALUATION_ROWS * k)) {
        engine.encode(MatRef::new(x, x.len() / d, d), h)?;
    }
    Ok(())
}

fn near_zero(code: &[f32], bound: Option<f64>) -> f64 {
    let largest = || code.iter().fold(0.0_f64, |most, h| most.max(f64::from(h.abs())));
    let scale = bound.unwrap_or_else(largest);
    let near = code.iter().filter(|h| f64::from(h.abs()) <= NEAR * scale).count();
    near as f64 / code.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use contractive_core::engine::CpuEngine;
    use contractive_core::optimiser::Optimiser;
    use contractive_core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};
    use proptest::prelude::*;

    use super::*;

    fn engine(phi: Activation, weights: &[f32]) -> CpuEngine {
        let net = Architecture::mirrored(3, &[2], phi, phi, Activation::Identity, false);
        let mut p = Parameters::zeros(&net).unwrap();
        p.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(weights);
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        CpuEngine::new(&p, &objective, Optimiser::Sgd { weight_decay: 0.0 }, None, 1).unwrap()
    }

    fn rows(n: usize) -> Vec<f32> {
        (0..3 * n).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn numbers_near_zero_are_counted_beside_the_bound_or_the_largest() {
        assert_eq!(near_zero(&[1.0, 0.09, -0.08, 0.5], None), 0.5);
        assert_eq!([near_zero(&[-20.0, 0.9], None), near_zero(&[0.2, 0.09], Some(1.0))], [0.5, 0.5]);
        assert_eq!((near_zero(&[0.0, 0.0], None), near_zero(&[], Some(1.0))), (1.0, 0.0));
    }

    #[test]
    fn a_code_that_does_not_vary_has_no_change() {
        let x = rows(5);
        let record = CodeRecord::measure(&mut engine(Activation::Tanh, &[0.0; 6]), MatRef::new(&x, 5, 3), &[0.1], 0);
        let record = record.unwrap();
        assert_eq!((record.noise[0].change, record.near_zero, record.rows), (None, 1.0, 5));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Of a linear code the change is σ‖W‖ over the code's deviation, up to the draws; and no scale of W changes it.
        #[test]
        fn a_linear_code_moves_by_its_weights(
            weights in prop::collection::vec(0.2..1.0_f32, 6),
            scale in 0.1..10.0_f32,
            seed in 0..100_u64,
        ) {
            let x = rows(1500);
            let x = MatRef::new(&x, 1500, 3);
            let of = |weights: &[f32]| {
                CodeRecord::measure(&mut engine(Activation::Identity, weights), x, &[0.1, 0.2], seed).unwrap()
            };
            let record = of(&weights);
            let mut code = Moments::new(2);
            for row in x.values().chunks_exact(3) {
                let h = |w: &[f32]| w.iter().zip(row).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
                code.see(&[h(&weights[..3]), h(&weights[3..])]);
            }
            let square: f64 = weights.iter().map(|w| f64::from(*w).powi(2)).sum();
            let expected = 0.1 * (square * 1500.0 / code.squares().iter().sum::<f64>()).sqrt();
            let change = record.noise[0].change.unwrap();
            prop_assert!((change / expected - 1.0).abs() < 0.05, "{} {}", change, expected);
            // The same draws at each size: twice the noise, twice the change.
            prop_assert!((record.noise[1].change.unwrap() / change - 2.0).abs() < 1e-3);
            let scaled: Vec<f32> = weights.iter().map(|w| scale * w).collect();
            prop_assert!((of(&scaled).noise[0].change.unwrap() / change - 1.0).abs() < 1e-3);
        }
    }
}
