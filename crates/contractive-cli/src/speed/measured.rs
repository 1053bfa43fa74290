//! One network measured on this machine: with and without its penalty, used as it is, and beside the processor's limits.

use serde::Serialize;

use contractive_core::engine::{CpuEngine, PhaseSeconds};
use contractive_core::matrix::MatRef;
use contractive_core::{ArgumentError, Objective, Penalty, instructions};

use super::drawn::{self, Lehmer};
use super::expected::Expected;
use super::operations::StepOperations;
use super::peak;
use super::stopwatch::{TrainingSteps, time_reconstruction};
use super::workload::SEED;
use contractive::config::TrainConfig;

/// Rounds over which the medians are taken; each measures everything once.
const ROUNDS: usize = 7;
/// Batches that are trained on in turn.
const BATCHES: usize = 8;
/// Rows that are encoded and decoded at once, and the most numbers they hold.
const ROWS: usize = 4096;
const NUMBERS: usize = 1 << 24;
/// Size of the matrix product.
const PRODUCT: usize = 1024;
/// What is measured in a round: plain steps, exact steps, rows, multiply-adds, products.
const PARTS: usize = 5;

/// Shares of the exact step's time: `contractive_core::engine::PhaseSeconds` says what they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhaseShares {
    /// What the weights alone decide.
    pub weights: f64,
    /// Lanes of rows.
    pub rows: f64,
    /// Sums over lanes.
    pub sums: f64,
    /// The weights' gradient.
    pub gradient: f64,
    /// The optimiser.
    pub update: f64,
}

impl From<PhaseSeconds> for PhaseShares {
    fn from(seconds: PhaseSeconds) -> Self {
        let whole: f64 = seconds.by_name().iter().map(|(_, s)| s).sum();
        let PhaseSeconds { weights, rows, sums, gradient, update } = seconds;
        let [weights, rows, sums, gradient, update] = [weights, rows, sums, gradient, update].map(|s| s / whole);
        PhaseShares { weights, rows, sums, gradient, update }
    }
}

/// What [`measure`] found; rates a second, medians.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The instruction set in use.
    pub instructions: &'static str,
    /// Layer sizes, encoder then decoder.
    pub sizes: Vec<usize>,
    /// Rows a step.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
    /// Training steps without a penalty.
    pub plain: Steps,
    /// Training steps with the exact penalty.
    pub exact: Steps,
    /// Time that the exact penalty adds to a plain step, as a multiple of it.
    pub penalty_cost: f64,
    /// Where the time of an exact step goes.
    pub phases: PhaseShares,
    /// Rows encoded and decoded.
    pub rows_per_second: f64,
    /// f32 operations of multiply-adds in registers: no program does more.
    pub multiply_add_rate: f64,
    /// f32 operations of a 1024 × 1024 matrix product: what good code does.
    pub product_rate: f64,
    /// What was measured of the same network beside other frameworks, with these instructions, on a machine of ours.
    pub expected: Option<Expected>,
}

/// Training steps of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Steps {
    /// Median over rounds.
    pub steps_per_second: f64,
    /// The slowest and the fastest round.
    pub spread: [f64; 2],
    /// Rows trained on.
    pub rows_per_second: f64,
    /// Operations a step by counts; symmetric products by half.
    pub operations: f64,
    /// Operations a second by counts.
    pub operation_rate: f64,
    /// `operation_rate` as a share of the matrix product's.
    pub share_of_product_rate: f64,
    /// `operation_rate` as a share of the multiply-adds'.
    pub share_of_multiply_add_rate: f64,
}

/// Measures the network of `config` for rows of `d` features on drawn data, for about `seconds`; at least one step of
/// each kind a round. The penalty is the exact Jacobian's, whichever the configuration has; noise and sparsity are left
/// out.
///
/// # Errors
/// When the engine refuses a setting.
pub fn measure(config: &TrainConfig, d: usize, threads: usize, seconds: f64) -> Result<Speed, ArgumentError> {
    let (architecture, batch) = (config.architecture(d), config.training.batch_size);
    architecture.check()?;
    let steps = |penalty, contraction| {
        let mut random = Lehmer::new(SEED);
        let parameters = drawn::parameters(&architecture, &mut random)?;
        let data = drawn::rows(BATCHES * batch * d, &mut random);
        let objective = Objective::new(config.objective.loss, penalty, contraction);
        let training = &config.training;
        TrainingSteps::new(&parameters, &objective, training.optimiser, training.learning_rate, data, batch, threads)
    };
    let (mut plain, mut exact) = (steps(Penalty::None, 0.0)?, steps(Penalty::Jacobian, config.objective.contraction)?);
    let mut rows = Rows::new(config, d, threads)?;

    let share = seconds / (ROUNDS * PARTS) as f64;
    let counts = [repetitions(share, |n| plain.time(n))?, repetitions(share, |n| exact.time(n))?];
    let passes = repetitions(share, |n| rows.time(n))?;
    let mut rates: [Vec<f64>; PARTS] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(counts[0] as f64 / plain.time(counts[0])?);
        rates[1].push(counts[1] as f64 / exact.time(counts[1])?);
        rates[2].push((passes * rows.count) as f64 / rows.time(passes)?);
        rates[3].push(peak::multiply_add_rate(threads, share));
        rates[4].push(peak::product_rate(threads, PRODUCT, share));
    }
    for series in &mut rates {
        series.sort_by(f64::total_cmp);
    }
    let median = |part: usize| rates[part][ROUNDS / 2];
    let (multiply_add_rate, product_rate) = (median(3), median(4));
    let operations = StepOperations::count(&architecture, batch);
    let kind = |part: usize, operations: f64| Steps {
        steps_per_second: median(part),
        spread: [rates[part][0], rates[part][ROUNDS - 1]],
        rows_per_second: median(part) * batch as f64,
        operations,
        operation_rate: median(part) * operations,
        share_of_product_rate: median(part) * operations / product_rate,
        share_of_multiply_add_rate: median(part) * operations / multiply_add_rate,
    };
    Ok(Speed {
        instructions: instructions::name(),
        sizes: architecture.encoder_sizes.iter().chain(&architecture.decoder_sizes[1..]).copied().collect(),
        batch,
        threads,
        plain: kind(0, operations.plain),
        exact: kind(1, operations.least()),
        penalty_cost: median(0) / median(1) - 1.0,
        phases: exact.phase_seconds().into(),
        rows_per_second: median(2),
        multiply_add_rate,
        product_rate,
        expected: Expected::find(&architecture, batch, instructions::name(), threads),
    })
}

/// How many repetitions take about `seconds`, after two that are not counted.
fn repetitions<E>(seconds: f64, mut time: impl FnMut(usize) -> Result<f64, E>) -> Result<usize, E> {
    time(1)?;
    let one = time(1)?.max(1e-7);
    Ok(((seconds / one) as usize).clamp(1, 1_000_000))
}

/// Rows to be encoded and decoded, with the buffers for what comes out.
struct Rows {
    engine: CpuEngine,
    count: usize,
    rows: Vec<f32>,
    code: Vec<f32>,
    output: Vec<f32>,
}

impl Rows {
    fn new(config: &TrainConfig, d: usize, threads: usize) -> Result<Self, ArgumentError> {
        let mut random = Lehmer::new(SEED);
        let parameters = drawn::parameters(&config.architecture(d), &mut random)?;
        let count = ROWS.min(NUMBERS / d).max(1);
        let rows = drawn::rows(count * d, &mut random);
        let (code, output) = (vec![0.0; count * parameters.architecture().code_size()], vec![0.0; count * d]);
        let objective = Objective::new(config.objective.loss, Penalty::None, 0.0);
        let engine = CpuEngine::new(&parameters, &objective, config.training.optimiser, None, threads)?;
        Ok(Rows { engine, count, rows, code, output })
    }

    fn time(&mut self, passes: usize) -> Result<f64, ArgumentError> {
        let d = self.rows.len() / self.count;
        let rows = MatRef::new(&self.rows, self.count, d);
        (0..passes).map(|_| time_reconstruction(&mut self.engine, rows, &mut self.code, &mut self.output)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_there_and_the_parts_fit_together() {
        let mut config = TrainConfig::default();
        config.training.batch_size = 8;
        let speed = measure(&config, 12, 1, 0.0).unwrap();
        assert_eq!((speed.sizes, speed.batch, speed.threads), (vec![12, 64, 16, 64, 12], 8, 1));
        for steps in [&speed.plain, &speed.exact] {
            assert!(steps.steps_per_second > 0.0 && steps.operations > 0.0);
            assert!(steps.spread[0] <= steps.steps_per_second && steps.steps_per_second <= steps.spread[1]);
            assert_eq!(steps.rows_per_second, 8.0 * steps.steps_per_second);
        }
        assert!(speed.exact.operations > speed.plain.operations);
        let PhaseShares { weights, rows, sums, gradient, update } = speed.phases;
        assert!([weights, rows, gradient, update].iter().all(|share| *share > 0.0), "{:?}", speed.phases);
        assert!((weights + rows + sums + gradient + update - 1.0).abs() < 1e-9);
        assert!(speed.rows_per_second > 0.0 && speed.multiply_add_rate > 0.0 && speed.product_rate > 0.0);
    }

    #[test]
    fn a_batch_of_no_rows_is_refused() {
        let mut config = TrainConfig::default();
        config.training.batch_size = 0;
        assert!(measure(&config, 12, 1, 0.0).is_err());
    }
}
