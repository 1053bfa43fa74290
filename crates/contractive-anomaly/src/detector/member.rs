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
use contractive::config::EarlyStopping;
use contractive::history::StoppingState;
use contractive::train::{NextStep, RowOrder, StepLoop, mean_terms};
use contractive_core::random::{Purpose, Stream};

/// Times that the validation rows are looked at over the whole budget of steps.
const LOOKS: usize = 20;
/// A training is over when five looks in a row found no better total.
const STOPPING: Option<EarlyStopping> = Some(EarlyStopping { patience: Some(5), min_delta: 0.0 });

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
    let mut training = MemberTraining {
        settings,
        plan,
        member,
        rows,
        validation,
        deadline,
        stop,
        engine,
        all_rows: (0..(rows.values.len() / d) as u32).collect(),
        order: RowOrder::default(),
        epoch: 0,
        batch: NetworkRows::default(),
        targets: Targets::default(),
        errors: RowErrors::default(),
        best: None,
        stopping: StoppingState::default(),
        steps: 0,
        is_ended: false,
    };
    training.run_steps()?;
    let (validation, parameters) = (training.stopping.best.unwrap_or(f64::NAN), training.best.unwrap_or(start));
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
    all_rows: Vec<u32>,
    order: RowOrder,
    /// Passes over the rows begun.
    epoch: usize,
    batch: NetworkRows,
    targets: Targets,
    errors: RowErrors,
    /// The parameters of the least total on the validation rows.
    best: Option<Parameters>,
    stopping: StoppingState,
    steps: usize,
    /// Whether the time is up, or the stop flag raised.
    is_ended: bool,
}

impl StepLoop for MemberTraining<'_> {
    type Error = DetectorError;

    fn next_step(&mut self) -> Result<Option<NextStep<'_>>, DetectorError> {
        let (settings, member, d) = (self.settings, self.member, self.plan.architecture.input_size());
        if self.is_ended || self.stopping.is_over(STOPPING) || self.steps >= self.plan.steps {
            return Ok(None);
        }
        if self.order.is_over() {
            self.order.begin(&self.all_rows, Some(stream(settings, member, Purpose::Order, self.epoch)));
            self.epoch += 1;
        }
        self.batch.clear();
        self.order.next_batch(self.plan.batch_size).iter().for_each(|r| self.batch.push(self.rows, *r as usize, d));
        if settings.trim > 0.0 {
            self.errors.drop_worst(&mut self.engine, &mut self.batch, d, settings.trim)?;
        }
        let factor = Schedule::Cosine { floor: 0.0 }.factor(&Default::default(), self.steps, self.plan.steps);
        let batch = self.targets.batch(&mut self.engine, &self.batch, d)?;
        let (n_rows, learning_rate) = (batch.rows.rows(), settings.learning_rate * factor);
        Ok(Some(NextStep { engine: &mut self.engine, batch, n_rows, learning_rate }))
    }

    fn step_done(&mut self, _: &Terms, _: usize) -> Result<(), DetectorError> {
        self.steps += 1;
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.is_ended = self.stop.load(Ordering::Relaxed) || is_late;
        let look_every = self.plan.steps.div_ceil(LOOKS);
        if !self.is_ended && !self.steps.is_multiple_of(look_every) && self.steps != self.plan.steps {
            return Ok(());
        }
        let total = mean_total(&mut self.engine, self.validation, self.plan.architecture.input_size())?;
        if !total.is_finite() {
            let term = "validation total".into();
            return Err(DetectorError::Diverged { member: self.member, step: self.steps, term });
        }
        if self.stopping.observe(self.steps / look_every, total, STOPPING) {
            self.best = Some(self.engine.parameters());
        }
        Ok(())
    }

    fn not_finite(&mut self, term: &str) -> DetectorError {
        DetectorError::Diverged { member: self.member, step: self.steps + 1, term: term.to_owned() }
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
    let (mut some, mut targets) = (NetworkRows::default(), Targets::default());
    let terms = mean_terms(rows.values.len() / d, |range| {
        some.clear();
        range.for_each(|r| some.push(rows, r, d));
        let batch = targets.batch(engine, &some, d)?;
        engine.objective(&batch)
    })?;
    Ok(terms.total)
}
