//! One network of an ensemble: trained by steps on a share of the rows, stopped by the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use contractive_core::communicator::Group;
use contractive_core::engine::{CpuEngine, DataParallel, Engine, SharedStop};
use contractive_core::initialisation::Initialisation;
use contractive_core::matrix::MatRef;
use contractive_core::optimiser::Optimiser;
use contractive_core::schedule::Schedule;
use contractive_core::{Loss, Objective, Parameters, Penalty, Terms};

use super::error::DetectorError;
use super::rows::{NetworkRows, Targets};
use super::scores::is_missing;
use super::settings::{DetectorPlan, DetectorSettings};
use super::share::Part;
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

/// What a training runs with, and what ends it early.
pub(super) struct Run<'a> {
    pub(super) deadline: Option<Instant>,
    pub(super) stop: &'a AtomicBool,
    /// The ranks that hold the rows.
    pub(super) group: &'a Group,
    /// Threads of a step.
    pub(super) threads: usize,
}

/// Trains member `member` on `rows`, until the steps, the patience, the deadline or the stop flag end it.
pub(super) fn train(
    settings: &DetectorSettings,
    plan: &DetectorPlan,
    member: usize,
    rows: &Part,
    validation: &Part,
    run: &Run<'_>,
) -> Result<Trained, DetectorError> {
    let mut draw = stream(settings, member, Purpose::Initialisation, 0);
    let start = Initialisation::KaimingUniform.parameters(&plan.architecture, || draw.uniform())?;
    let (objective, wish) = (objective(settings), Arc::new(SharedStop::default()));
    let own = Box::new(CpuEngine::new(&start, &objective, Optimiser::default(), None, run.threads)?);
    let engine: Box<dyn Engine> = match run.group.is_alone() {
        true => own,
        false => Box::new(DataParallel::new(own, &objective, run.group.clone(), Arc::clone(&wish))),
    };
    let mut training = MemberTraining {
        settings,
        plan,
        member,
        rows,
        validation,
        run,
        wish,
        engine,
        all_rows: (0..rows.total as u32).collect(),
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
    rows: &'a Part,
    validation: &'a Part,
    run: &'a Run<'a>,
    /// That all ranks end together.
    wish: Arc<SharedStop>,
    engine: Box<dyn Engine>,
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
        self.errors.places.clear();
        let batch = self.order.next_batch(self.plan.batch_size);
        let mut n_rows = batch.len();
        for (place, row) in batch.iter().enumerate() {
            if self.rows.push(*row as usize, &mut self.batch, d) {
                self.errors.places.push(place as u32);
            }
        }
        let engine = self.engine.as_mut();
        if settings.trim > 0.0 {
            n_rows = self.errors.drop_worst(engine, &mut self.batch, n_rows, settings.trim, self.run.group)?;
        }
        let factor = Schedule::Cosine { floor: 0.0 }.factor(&Default::default(), self.steps, self.plan.steps);
        let (batch, learning_rate) = (self.targets.batch(engine, &self.batch, d)?, settings.learning_rate * factor);
        Ok(Some(NextStep { engine, batch, n_rows, learning_rate }))
    }

    fn step_done(&mut self, _: &Terms, _: usize) -> Result<(), DetectorError> {
        self.steps += 1;
        self.is_ended = self.ends();
        let look_every = self.plan.steps.div_ceil(LOOKS);
        if !self.is_ended && !self.steps.is_multiple_of(look_every) && self.steps != self.plan.steps {
            return Ok(());
        }
        let total = mean_total(self.engine.as_mut(), self.validation, self.plan.architecture.input_size())?;
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

impl MemberTraining<'_> {
    /// Whether the time is up or the stop flag raised. Among several ranks what one wishes goes to all with the sums of the
    /// next step, so that they end after the same one.
    fn ends(&self) -> bool {
        let is_late = self.run.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let is_wished = self.run.stop.load(Ordering::Relaxed) || is_late;
        if self.run.group.is_alone() {
            return is_wished;
        }
        if is_wished {
            self.wish.wish();
        }
        self.wish.is_agreed()
    }
}

/// Finds and drops the rows restored worst.
#[derive(Default)]
struct RowErrors {
    /// The places in the whole batch of the rows here.
    places: Vec<u32>,
    code: Vec<f32>,
    output: Vec<f32>,
    /// Of every row of the whole batch.
    errors: Vec<f64>,
}

impl RowErrors {
    /// Drops a share of the whole batch, of `n_rows` rows, from those here; gives how many are left of the whole.
    fn drop_worst(
        &mut self,
        engine: &mut dyn Engine,
        batch: &mut NetworkRows,
        n_rows: usize,
        share: f64,
        group: &Group,
    ) -> Result<usize, DetectorError> {
        let d = engine.architecture().input_size();
        self.errors.clear();
        self.errors.resize(n_rows, 0.0);
        self.put_own(engine, batch, d)?;
        // Each is a number of one rank, and 0 of the others.
        group.sum(&mut self.errors)?;
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        let error = |place: &u32| self.errors[*place as usize];
        order.sort_unstable_by(|a, b| error(a).total_cmp(&error(b)).then(a.cmp(b)));
        let kept = (n_rows - (share * n_rows as f64).floor() as usize).max(1);
        let mut is_kept = vec![false; n_rows];
        order[..kept].iter().for_each(|place| is_kept[*place as usize] = true);
        let NetworkRows { values, missing } = batch;
        let mut to = 0;
        for (r, _) in self.places.iter().enumerate().filter(|(_, place)| is_kept[**place as usize]) {
            let from = r * d..(r + 1) * d;
            if !missing.is_empty() {
                missing.copy_within(from.clone(), to * d);
            }
            values.copy_within(from, to * d);
            to += 1;
        }
        values.truncate(to * d);
        missing.truncate(to * d);
        Ok(kept)
    }

    /// Puts the errors of the rows here at their places.
    fn put_own(&mut self, engine: &mut dyn Engine, batch: &NetworkRows, d: usize) -> Result<(), DetectorError> {
        let NetworkRows { values, missing } = batch;
        let (n, k) = (values.len() / d, engine.architecture().code_size());
        if n == 0 {
            return Ok(());
        }
        self.code.resize(n * k, 0.0);
        self.output.resize(n * d, 0.0);
        engine.encode(MatRef::new(values, n, d), &mut self.code)?;
        engine.decode(MatRef::new(&self.code, n, k), &mut self.output)?;
        let rows = values.chunks_exact(d).zip(self.output.chunks_exact(d)).zip(&self.places);
        for (r, ((x, y), place)) in rows.enumerate() {
            let missing = NetworkRows::missing_of(missing, r, d);
            let present = (0..d).filter(|j| !is_missing(missing, *j));
            self.errors[*place as usize] = present.map(|j| (f64::from(x[j]) - f64::from(y[j])).powi(2)).sum::<f64>();
        }
        Ok(())
    }
}

fn mean_total(engine: &mut dyn Engine, rows: &Part, d: usize) -> Result<f64, DetectorError> {
    let (mut some, mut targets) = (NetworkRows::default(), Targets::default());
    let terms = mean_terms(rows.total, |range| {
        some.clear();
        for place in range {
            rows.push(place, &mut some, d);
        }
        let batch = targets.batch(engine, &some, d)?;
        engine.objective(&batch)
    })?;
    Ok(terms.total)
}
