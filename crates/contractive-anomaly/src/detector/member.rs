//! One network of an ensemble: trained by steps on a share of the rows, stopped by the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::initialisation::Initialisation;
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::schedule::Schedule;
use contractive_core::{Loss, Objective, Parameters, Penalty, Terms};

use super::error::DetectorError;
use super::rows::{NetworkRows, Targets};
use super::scores::is_missing;
use super::settings::{DetectorPlan, DetectorSettings};
use contractive::preprocess::EVALUATION_ROWS;
use contractive::train::{NextStep, StepLoop};
use contractive_core::random::{Purpose, Stream};

/// Times that the validation rows are looked at over the whole budget of steps.
const LOOKS: usize = 20;
/// Looks without a better validation total that are let pass.
const PATIENCE: usize = 5;

/// A member as trained.
pub(super) struct Trained {
    pub(super) parameters: Parameters,
    /// Steps done.
    pub(super) steps: usize,
    /// The objective's total on the validation rows, of the parameters kept.
    pub(super) validation: f64,
}

/// The objective of a member.
pub(super) fn objective(settings: &DetectorSettings) -> Objective {
    Objective::new(Loss::Mse, Penalty::Jacobian, settings.contraction)
}

/// Trains member `member` on `rows`, until the steps, the patience, `deadline` or `stop` end it.
/// One thread: members run beside each other.
pub(super) fn train(
    settings: &DetectorSettings,
    plan: &DetectorPlan,
    member: usize,
    rows: &NetworkRows,
    validation: &NetworkRows,
    deadline: Option<Instant>,
    stop: &AtomicBool,
) -> Result<Trained, DetectorError> {
    let d = plan.architecture.input_size();
    let mut draw = stream(settings, member, Purpose::Initialisation, 0);
    let start = Initialisation::KaimingUniform.parameters(&plan.architecture, || draw.uniform())?;
    let engine = CpuEngine::new(&start, &objective(settings), Optimiser::default(), None, 1)?;
    let batches = Batches { order: (0..(rows.values.len() / d) as u32).collect(), epoch: 0, at: usize::MAX };
    let mut training = MemberTraining {
        settings,
        plan,
        member,
        rows,
        validation,
        deadline,
        stop,
        engine,
        batches,
        batch: NetworkRows::default(),
        targets: Targets::default(),
        errors: RowErrors::default(),
        best: None,
        waited: 0,
        steps: 0,
        is_over: false,
    };
    training.run_steps()?;
    let (validation, parameters) = training.best.unwrap_or((f64::NAN, start));
    Ok(Trained { parameters, steps: training.steps, validation })
}

/// Every member has streams of its own: a step's number never reaches 2⁴⁰.
fn stream(settings: &DetectorSettings, member: usize, purpose: Purpose, epoch: usize) -> Stream {
    Stream::new(settings.seed, purpose, epoch as u64, (member as u64 + 1) << 40)
}

/// A member's training under way.
struct MemberTraining<'a> {
    settings: &'a DetectorSettings,
    plan: &'a DetectorPlan,
    member: usize,
    rows: &'a NetworkRows,
    validation: &'a NetworkRows,
    deadline: Option<Instant>,
    stop: &'a AtomicBool,
    engine: CpuEngine,
    batches: Batches,
    batch: NetworkRows,
    targets: Targets,
    errors: RowErrors,
    /// The least total on the validation rows, with its parameters.
    best: Option<(f64, Parameters)>,
    /// Looks since then.
    waited: usize,
    steps: usize,
    is_over: bool,
}

impl StepLoop for MemberTraining<'_> {
    type Error = DetectorError;

    fn next_step(&mut self) -> Result<Option<NextStep<'_>>, DetectorError> {
        let (settings, member, d) = (self.settings, self.member, self.plan.architecture.input_size());
        if self.is_over || self.steps >= self.plan.steps {
            return Ok(None);
        }
        let chosen = self.batches.next(self.plan.batch_size, |epoch| stream(settings, member, Purpose::Order, epoch));
        self.batch.clear();
        chosen.iter().for_each(|r| self.batch.push(self.rows, *r as usize, d));
        if settings.trim > 0.0 {
            self.errors.drop_worst(&mut self.engine, &mut self.batch, d, settings.trim)?;
        }
        let factor = Schedule::Cosine { floor: 0.0 }.factor(&Default::default(), self.steps, self.plan.steps);
        let batch = self.targets.batch(&mut self.engine, &self.batch, d)?;
        Ok(Some(NextStep { engine: &mut self.engine, batch, learning_rate: settings.learning_rate * factor }))
    }

    fn step_done(&mut self, _: &Terms, _: usize) -> Result<(), DetectorError> {
        self.steps += 1;
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let is_ended = self.stop.load(Ordering::Relaxed) || is_late;
        let look_every = self.plan.steps.div_ceil(LOOKS);
        if !is_ended && !self.steps.is_multiple_of(look_every) && self.steps != self.plan.steps {
            return Ok(());
        }
        let total = mean_total(&mut self.engine, self.validation, self.plan.architecture.input_size())?;
        if !total.is_finite() {
            let term = "validation total".into();
            return Err(DetectorError::Diverged { member: self.member, step: self.steps, term });
        }
        if self.best.as_ref().is_none_or(|(least, _)| total < *least) {
            self.best = Some((total, self.engine.parameters()));
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        self.is_over = is_ended || self.waited >= PATIENCE;
        Ok(())
    }

    fn not_finite(&mut self, term: &str) -> DetectorError {
        DetectorError::Diverged { member: self.member, step: self.steps + 1, term: term.to_owned() }
    }
}

/// Rows in a new order each pass; a pass ends with what is left over.
struct Batches {
    order: Vec<u32>,
    epoch: usize,
    at: usize,
}

impl Batches {
    fn next(&mut self, size: usize, stream: impl Fn(usize) -> Stream) -> &[u32] {
        if self.at >= self.order.len() {
            self.order.sort_unstable();
            stream(self.epoch).shuffle(&mut self.order);
            self.epoch += 1;
            self.at = 0;
        }
        let from = self.at;
        self.at = (from + size).min(self.order.len());
        &self.order[from..self.at]
    }
}

/// Finds and drops the rows restored worst.
#[derive(Default)]
struct RowErrors {
    code: Vec<f32>,
    output: Vec<f32>,
    errors: Vec<(f64, u32)>,
}

impl RowErrors {
    fn drop_worst(
        &mut self,
        engine: &mut CpuEngine,
        batch: &mut NetworkRows,
        d: usize,
        share: f64,
    ) -> Result<(), DetectorError> {
        let NetworkRows { values, missing } = batch;
        let n = values.len() / d;
        let k = engine.architecture().code_size();
        self.code.resize(n * k, 0.0);
        self.output.resize(n * d, 0.0);
        engine.encode(MatRef::new(values, n, d), &mut self.code)?;
        engine.decode(MatRef::new(&self.code, n, k), &mut self.output)?;
        self.errors.clear();
        for (r, (x, y)) in values.chunks_exact(d).zip(self.output.chunks_exact(d)).enumerate() {
            let missing = NetworkRows::missing_of(missing, r, d);
            let present = (0..d).filter(|j| !is_missing(missing, *j));
            let error = present.map(|j| (f64::from(x[j]) - f64::from(y[j])).powi(2)).sum::<f64>();
            self.errors.push((error, r as u32));
        }
        self.errors.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let kept = (n - (share * n as f64).floor() as usize).max(1);
        let mut rows: Vec<u32> = self.errors[..kept].iter().map(|e| e.1).collect();
        rows.sort_unstable();
        for (to, &from) in rows.iter().enumerate() {
            let from = from as usize * d..(from as usize + 1) * d;
            if !missing.is_empty() {
                missing.copy_within(from.clone(), to * d);
            }
            values.copy_within(from, to * d);
        }
        values.truncate(kept * d);
        missing.truncate(kept * d);
        Ok(())
    }
}

fn mean_total(engine: &mut CpuEngine, rows: &NetworkRows, d: usize) -> Result<f64, DetectorError> {
    let n = rows.values.len() / d;
    let (mut sum, mut some, mut targets) = (0.0, NetworkRows::default(), Targets::default());
    for start in (0..n).step_by(EVALUATION_ROWS) {
        let end = n.min(start + EVALUATION_ROWS);
        some.clear();
        (start..end).for_each(|r| some.push(rows, r, d));
        let batch = targets.batch(engine, &some, d)?;
        sum += engine.objective(&batch)?.total * (end - start) as f64;
    }
    Ok(sum / n.max(1) as f64)
}
