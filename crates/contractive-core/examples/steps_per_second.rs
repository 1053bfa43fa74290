//! Training steps a second of one network: the side of the peer benchmark that is ours (`benches/peers/run.sh`).
//!
//! Arguments: threads, repetitions. Prints one JSON object with the losses of 20 steps and the steps a second of each
//! repetition, for the published network 784-64-32-16-32-64-784 (ReLU, batch 128, exact penalty, Adam).

use std::io::Write;
use std::time::Instant;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Architecture, Batch, Loss, Objective, Parameters, Penalty};

const ROWS: usize = 128;
const BATCHES: usize = 16;
const STEPS: usize = 200;

/// The peers draw the same numbers: a multiplicative generator whose state fits a double exactly.
struct Lehmer(u64);

impl Lehmer {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as f64 / 2_147_483_647.0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().map_or(Ok(1), |a| a.parse())?;
    let repetitions: usize = arguments.next().map_or(Ok(5), |a| a.parse())?;

    let relu = Activation::Relu;
    let network = Architecture::mirrored(784, &[64, 32, 16], relu, relu, Activation::Identity, false);
    let mut random = Lehmer(2011);
    let mut parameters = Parameters::zeros(&network)?;
    for place in parameters.places().to_vec() {
        let bound = if place.shape.len() == 2 { 1.0 / (place.shape[1] as f64).sqrt() } else { 0.0 };
        for value in &mut parameters.values_mut()[place.range()] {
            *value = ((2.0 * random.uniform() - 1.0) * bound) as f32;
        }
    }
    let data: Vec<f32> = (0..BATCHES * ROWS * 784).map(|_| random.uniform().powi(3) as f32).collect();
    let objective = Objective::new(Loss::Sse, Penalty::Jacobian, 1.0);
    let batch = |step: usize| {
        let from = step % BATCHES * ROWS * 784;
        Batch::plain(MatRef::new(&data[from..from + ROWS * 784], ROWS, 784))
    };
    let mut engine = CpuEngine::new(&parameters, &objective, Optimiser::default(), None, threads)?;
    let mut losses = Vec::new();
    for step in 0..20 {
        losses.push(engine.objective_and_gradient(&batch(step))?.total);
        engine.update(1e-3);
    }
    let mut rates = Vec::new();
    for _ in 0..repetitions {
        let start = Instant::now();
        for step in 0..STEPS {
            engine.objective_and_gradient(&batch(step))?;
            engine.update(1e-3);
        }
        rates.push(STEPS as f64 / start.elapsed().as_secs_f64());
    }
    writeln!(std::io::stdout(), "{{\"losses\": {losses:?}, \"steps_per_second\": {rates:?}}}")?;
    Ok(())
}
