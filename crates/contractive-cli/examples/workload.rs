//! Our side of `scripts/bench.sh`: one named workload, driven line by line over standard input.
//!
//! `workload NAME THREADS` reads requests, one a line, and answers each with one JSON object on a line:
//!
//! ```text
//! operations               counts a step: operations, and bytes at the least
//! peak THREADS SECONDS     multiply-adds in registers, f32 operations a second
//! product N SECONDS        an N x N matrix product, f32 operations a second
//! memory THREADS SECONDS   bytes a second through memory
//! losses FORM STEPS        objectives of the first steps; FORM is exact or plain
//! time FORM STEPS          seconds of so many further steps
//! phases FORM              seconds that all steps so far spent in each phase
//! infer ROWS PASSES        seconds of encoding and decoding so many rows, so many times
//! ```
//!
//! The peers in `benches/peers/` answer the same requests (`protocol.py`).

use std::io::{BufRead, Write};

use contractive_cli::speed::operations::{StepOperations, least_bytes};
use contractive_cli::speed::peak;
use contractive_cli::speed::stopwatch::{TrainingSteps, time_reconstruction};
use contractive_cli::speed::workload::{self, Workload};
use contractive_core::engine::CpuEngine;
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Objective, Penalty};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// Rows of a reconstruction whose sum shows that it is the same as the peers'.
const CHECKED_ROWS: usize = 256;

fn named(name: &str) -> Result<Workload, Failure> {
    Ok(workload::all().remove(name).ok_or_else(|| format!("no workload is called {name}"))?)
}

/// Each form is built at its first use and kept between requests.
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
        let built = match place.take() {
            Some(built) => built,
            None => self.work.steps(penalty, self.threads)?,
        };
        Ok(place.insert(built))
    }

    fn answer(&mut self, request: &[&str]) -> Result<Value, Failure> {
        match *request {
            ["operations"] => {
                let count = StepOperations::count(&self.work.architecture(), self.work.batch);
                let bytes =
                    least_bytes(&self.work.architecture(), self.work.batch, self.work.optimiser.with_defaults());
                Ok(json!({ "plain": count.plain, "dense": count.dense(), "least": count.least(), "bytes": bytes }))
            }
            ["peak", threads, seconds] => {
                Ok(json!({ "rate": peak::multiply_add_rate(threads.parse()?, seconds.parse()?) }))
            }
            ["product", n, seconds] => {
                Ok(json!({ "rate": peak::product_rate(self.threads, n.parse()?, seconds.parse()?) }))
            }
            ["memory", threads, seconds] => {
                Ok(json!({ "rate": peak::memory_rate(threads.parse()?, seconds.parse()?) }))
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
            ["phases", form] => {
                let phases = self.steps(form)?.phase_seconds().by_name();
                Ok(phases.into_iter().map(|(name, seconds)| (name.to_owned(), json!(seconds))).collect())
            }
            ["infer", rows, passes] => self.infer(rows.parse()?, passes.parse()?),
            _ => Err(format!("no such request: {}", request.join(" ")).into()),
        }
    }

    fn infer(&self, rows: usize, passes: usize) -> Result<Value, Failure> {
        let (parameters, data) = self.work.drawn(rows)?;
        let (d, k) = (parameters.architecture().input_size(), parameters.architecture().code_size());
        let objective = Objective::new(self.work.loss, Penalty::None, 0.0);
        let mut engine = CpuEngine::new(&parameters, &objective, Optimiser::default(), None, self.threads)?;
        let (mut code, mut output) = (vec![0.0; rows * k], vec![0.0; rows * d]);
        let view = MatRef::new(&data, rows, d);
        // The first pass touches the buffers for the first time: it is not counted.
        time_reconstruction(&mut engine, view, &mut code, &mut output)?;
        let mut seconds = 0.0;
        for _ in 0..passes {
            seconds += time_reconstruction(&mut engine, view, &mut code, &mut output)?;
        }
        let sum: f64 = output.iter().take(CHECKED_ROWS * d).map(|v| f64::from(*v)).sum();
        Ok(json!({ "seconds": seconds, "rows": rows * passes, "sum": sum }))
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("usage: workload NAME THREADS")?;
    let threads = arguments.next().ok_or("usage: workload NAME THREADS")?.parse()?;
    let mut bench = Bench { work: named(&name)?, threads, exact: None, plain: None };
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let request: Vec<&str> = line.split_whitespace().collect();
        writeln!(output, "{}", bench.answer(&request)?)?;
        output.flush()?;
    }
    Ok(())
}
