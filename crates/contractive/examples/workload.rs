//! Our side of `scripts/bench.sh`: one workload of `benches/workloads.json`, driven line by line over standard input.
//!
//! `workload NAME THREADS` reads requests, one a line, and answers each with one JSON object on a line:
//!
//! ```text
//! operations               counts a step
//! peak THREADS SECONDS     multiply-adds in registers, f32 operations a second
//! product N SECONDS        an N x N matrix product, f32 operations a second
//! losses FORM STEPS        objectives of the first steps; FORM is exact or plain
//! time FORM STEPS          seconds of so many further steps
//! infer ROWS PASSES        seconds of encoding and decoding so many rows, so many times
//! ```
//!
//! The peers in `benches/peers/` answer the same requests.

use std::io::{BufRead, Write};

use contractive::core::engine::CpuEngine;
use contractive::core::matrix::MatRef;
use contractive::core::optimiser::Optimiser;
use contractive::core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};
use contractive::speed::drawn::{self, Lehmer};
use contractive::speed::operations::StepOperations;
use contractive::speed::peak;
use contractive::speed::stopwatch::{TrainingSteps, time_reconstruction};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// The start of the generator, on both sides.
const SEED: u64 = 2011;
/// Rows of a reconstruction whose sum shows that it is the same as the peers'.
const CHECKED_ROWS: usize = 256;

#[derive(Debug, Deserialize)]
struct Workload {
    encoder: Vec<usize>,
    activation: Activation,
    output: Activation,
    tied: bool,
    loss: Loss,
    contraction: f64,
    optimiser: String,
    learning_rate: f64,
    batch: usize,
    batches: usize,
}

impl Workload {
    fn named(name: &str) -> Result<Self, Failure> {
        let mut all: serde_json::Map<String, Value> =
            serde_json::from_str(include_str!("../../../benches/workloads.json"))?;
        let found = all.remove(name).ok_or_else(|| format!("no workload is called {name}"))?;
        Ok(serde_json::from_value(found)?)
    }

    fn parameters(&self, random: &mut Lehmer) -> Result<Parameters, Failure> {
        let inner = self.activation;
        let (d, hidden) = self.encoder.split_first().ok_or("a network must have layers")?;
        let network = Architecture::mirrored(*d, hidden, inner, inner, self.output, self.tied);
        Ok(drawn::parameters(&network, random)?)
    }

    fn steps(&self, penalty: Penalty, threads: usize) -> Result<TrainingSteps, Failure> {
        let mut random = Lehmer::new(SEED);
        let parameters = self.parameters(&mut random)?;
        let data = drawn::rows(self.batches * self.batch * self.encoder[0], &mut random);
        let contraction = if penalty == Penalty::None { 0.0 } else { self.contraction };
        let objective = Objective::new(self.loss, penalty, contraction);
        let optimiser = match self.optimiser.as_str() {
            "adam" => Optimiser::default(),
            "sgd" => Optimiser::Sgd { weight_decay: 0.0 },
            other => return Err(format!("no optimiser is called {other}").into()),
        };
        let rate = self.learning_rate;
        Ok(TrainingSteps::new(&parameters, &objective, optimiser, rate, data, self.batch, threads)?)
    }
}

/// What is built at its first use and kept between requests.
struct Bench {
    work: Workload,
    threads: usize,
    exact: Option<TrainingSteps>,
    plain: Option<TrainingSteps>,
}

impl Bench {
    fn steps(&mut self, form: &str) -> Result<&mut TrainingSteps, Failure> {
        let (place, penalty) = match form {
            "exact" => (&mut self.exact, Penalty::Jacobian),
            "plain" => (&mut self.plain, Penalty::None),
            other => return Err(format!("FORM must be exact or plain, got {other}").into()),
        };
        if place.is_none() {
            *place = Some(self.work.steps(penalty, self.threads)?);
        }
        place.as_mut().ok_or_else(|| "unreachable: it was filled above".into())
    }

    fn answer(&mut self, request: &[&str]) -> Result<Value, Failure> {
        match *request {
            ["operations"] => {
                let parameters = self.work.parameters(&mut Lehmer::new(SEED))?;
                let count = StepOperations::count(parameters.architecture(), self.work.batch);
                Ok(json!({ "plain": count.plain, "dense": count.dense(), "least": count.least() }))
            }
            ["peak", threads, seconds] => {
                Ok(json!({ "rate": peak::multiply_add_rate(threads.parse()?, seconds.parse()?) }))
            }
            ["product", n, seconds] => {
                Ok(json!({ "rate": peak::product_rate(self.threads, n.parse()?, seconds.parse()?) }))
            }
            ["losses", form, steps] => {
                let engine = self.steps(form)?;
                let losses: Result<Vec<f64>, _> = (0..steps.parse()?).map(|_| engine.step()).collect();
                Ok(json!({ "losses": losses? }))
            }
            ["time", form, steps] => {
                let steps = steps.parse()?;
                Ok(json!({ "seconds": self.steps(form)?.time(steps)?, "steps": steps }))
            }
            ["infer", rows, passes] => self.infer(rows.parse()?, passes.parse()?),
            _ => Err(format!("no such request: {}", request.join(" ")).into()),
        }
    }

    fn infer(&self, rows: usize, passes: usize) -> Result<Value, Failure> {
        let mut random = Lehmer::new(SEED);
        let parameters = self.work.parameters(&mut random)?;
        let (d, k) = (parameters.architecture().input_size(), parameters.architecture().code_size());
        let data = drawn::rows(rows * d, &mut random);
        let objective = Objective::new(self.work.loss, Penalty::None, 0.0);
        let mut engine = CpuEngine::new(&parameters, &objective, Optimiser::default(), None, self.threads)?;
        let (mut code, mut output) = (vec![0.0; rows * k], vec![0.0; rows * d]);
        let rows = MatRef::new(&data, rows, d);
        let mut seconds = Vec::new();
        for _ in 0..=passes {
            seconds.push(time_reconstruction(&mut engine, rows, &mut code, &mut output)?);
        }
        let sum = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>();
        // The first pass touches the buffers for the first time: it is not counted.
        Ok(json!({ "seconds": seconds[1..].iter().sum::<f64>(), "rows": rows.rows() * passes, "sum": sum(&output[..CHECKED_ROWS * d]) }))
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("usage: workload NAME THREADS")?;
    let threads = arguments.next().ok_or("usage: workload NAME THREADS")?.parse()?;
    let mut bench = Bench { work: Workload::named(&name)?, threads, exact: None, plain: None };
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let request: Vec<&str> = line.split_whitespace().collect();
        writeln!(output, "{}", bench.answer(&request)?)?;
        output.flush()?;
    }
    Ok(())
}
