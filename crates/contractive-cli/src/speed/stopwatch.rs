//! Times training steps, and rows encoded and decoded, on drawn rows.

use std::sync::OnceLock;
use std::time::Instant;

use contractive_core::buffer::Buffer;
use contractive_core::engine::{CpuEngine, Engine, PhaseSeconds};
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::{ArgumentError, Batch, Objective, Parameters};

/// An engine with batches to train on in turn.
pub struct TrainingSteps {
    engine: CpuEngine,
    data: Buffer,
    batch: usize,
    learning_rate: f64,
    next: usize,
}

impl TrainingSteps {
    /// An engine for `parameters`, and `data` to be cut into batches of `batch` rows; a rest is left out.
    ///
    /// # Errors
    /// When the engine refuses a setting, or there is no whole batch of rows.
    pub fn new(
        parameters: &Parameters,
        objective: &Objective,
        optimiser: Optimiser,
        learning_rate: f64,
        data: Vec<f32>,
        batch: usize,
        threads: usize,
    ) -> Result<Self, ArgumentError> {
        let mut engine = CpuEngine::new(parameters, objective, optimiser, None, threads)?;
        engine.set_clock(seconds);
        let needed = batch.max(1) * parameters.architecture().input_size();
        if data.len() < needed {
            let what = "rows to train on".to_owned();
            return Err(ArgumentError::Size { what, unit: "numbers", expected: needed, got: data.len() });
        }
        Ok(TrainingSteps { engine, data: data.into(), batch: batch.max(1), learning_rate, next: 0 })
    }

    /// One step on the next batch; gives back the objective before it.
    ///
    /// # Errors
    /// When the objective needs draws: those penalties are not timed here.
    pub fn step(&mut self) -> Result<f64, ArgumentError> {
        let d = self.engine.architecture().input_size();
        let size = self.batch * d;
        let from = self.next % (self.data.len() / size) * size;
        let batch = Batch::plain(MatRef::new(&self.data[from..from + size], self.batch, d));
        let total = self.engine.objective_and_gradient(&batch)?.total;
        let _ = self.engine.update(self.learning_rate);
        self.next += 1;
        Ok(total)
    }

    /// Where the time of all steps so far went.
    pub fn phase_seconds(&self) -> PhaseSeconds {
        self.engine.phase_seconds()
    }

    /// Seconds that `steps` steps take.
    ///
    /// # Errors
    /// As [`TrainingSteps::step`].
    pub fn time(&mut self, steps: usize) -> Result<f64, ArgumentError> {
        let start = Instant::now();
        for _ in 0..steps {
            self.step()?;
        }
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Seconds since this was first asked: the clock that an engine is given.
fn seconds() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Seconds that encoding and decoding `rows` takes, codes and outputs kept in `code` and `output`.
///
/// # Errors
/// When a buffer does not fit the rows.
pub fn time_reconstruction(
    engine: &mut CpuEngine,
    rows: MatRef<'_>,
    code: &mut [f32],
    output: &mut [f32],
) -> Result<f64, ArgumentError> {
    let start = Instant::now();
    engine.encode(rows, code)?;
    let codes = MatRef::new(code, rows.rows(), engine.architecture().code_size());
    engine.decode(codes, output)?;
    Ok(start.elapsed().as_secs_f64())
}
