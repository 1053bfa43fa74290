//! The loop over epochs and steps.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use contractive_core::communicator::Group;
use contractive_core::engine::{DataParallel, Engine, SharedStop};
use contractive_core::optimiser::OptimiserState;
use contractive_core::{Objective, Parameters, Terms};

use super::beginning::Beginning;
use super::error::TrainError;
use super::in_memory::InMemory;
use super::observer::{Observer, StepReport, TrainingPlan};
use super::outcome::{End, EngineBuilder, Outcome, Start};
use super::prepared::Prepared;
use super::saving::Saver;
use super::step_loop::{NextStep, StepLoop, diverged_term};
use super::steps::StepSource;
use super::stream::{StreamSettings, Streamed};
use crate::batch::Buffers;
use crate::checkpoint::{Checkpoint, RunState};
use crate::history::EpochRecord;
use crate::run::RunDirectory;
use contractive_core::random::{Purpose, Stream};

pub(super) fn run_epochs(
    build: &EngineBuilder<'_>,
    prepared: &Prepared,
    run: Option<&RunDirectory>,
    start: Start,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let mut training = Training::new(build, prepared, run, start)?;
    // Only now is the checkpoint known to belong to this configuration: a refusal must leave the run as it was.
    training.group.agree(training.write_first(run))?;
    observer.on_start(&training.plan());
    let end = loop {
        let rule = prepared.config.training.early_stopping;
        if training.state.stopping.is_over(rule) {
            break End::StoppedEarly;
        }
        if training.state.epoch >= prepared.config.training.epochs() {
            break End::Finished;
        }
        let is_over = |training: &Training<'_>| training.state.epoch >= prepared.config.training.epochs();
        if training.epoch(observer, stop)?.is_break() && !is_over(&training) {
            break End::Interrupted;
        }
    };
    let flushed = training.saver.flush();
    training.group.agree(flushed)?;
    let best_epoch = training.state.stopping.best_epoch;
    let parameters = training.best.unwrap_or_else(|| training.engine.parameters());
    Ok(Outcome { end, model: prepared.model(parameters, best_epoch), best_epoch, history: training.state.history })
}

/// A run under way.
pub(super) struct Training<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) group: Group,
    stop: Arc<SharedStop>,
    pub(super) objective: Objective,
    pub(super) engine: Box<dyn Engine>,
    pub(super) state: RunState,
    best: Option<Parameters>,
    saver: Saver<'a>,
    steps: usize,
    rows: Box<dyn StepSource + 'a>,
    /// The objective summed over the rows of the last step done.
    pub(super) last_batch_sum: Option<f64>,
    buffers: Buffers,
}

impl<'a> Training<'a> {
    fn new(
        build: &EngineBuilder<'_>,
        prepared: &'a Prepared,
        run: Option<&'a RunDirectory>,
        start: Start,
    ) -> Result<Self, TrainError> {
        let config = &prepared.config;
        let t = &config.training;
        let (rows, batch_size) = (prepared.n_training_rows(), t.batch_size);
        let steps = if t.keep_last_partial_batch { rows.div_ceil(batch_size) } else { rows / batch_size };
        if steps == 0 {
            return Err(TrainError::NoBatch { rows, batch_size });
        }
        let Beginning { parameters, memory, state, best } = Beginning::of(prepared, start)?;
        let objective = config.objective();
        let group = prepared.group();
        let mut engine = build(&parameters, &objective, t.optimiser, t.clip, config.threads())?;
        let stop = Arc::new(SharedStop::default());
        if !group.is_alone() {
            engine = Box::new(DataParallel::new(engine, &objective, group.clone(), Arc::clone(&stop)));
        }
        if let Some(memory) = memory {
            engine.load_optimiser(&memory)?;
        }
        let saver = Saver::new(run, state.epoch > 0);
        Ok(Training {
            prepared,
            group,
            stop,
            objective,
            engine,
            state,
            best,
            saver,
            steps,
            rows: match &prepared.streamed {
                None => Box::new(InMemory::new(prepared)),
                Some(rows) => Box::new(Streamed::new(stream_settings(prepared), rows)),
            },
            last_batch_sum: None,
            buffers: Buffers::default(),
        })
    }

    /// Says in the run directory what is trained; nothing without one.
    fn write_first(&self, run: Option<&RunDirectory>) -> Result<(), TrainError> {
        let Some(run) = run else { return Ok(()) };
        run.write_config(&self.prepared.config)?;
        run.write_divergence(None)?;
        // A kill between the last checkpoint and what is told beside it leaves that behind.
        if !self.state.history.is_empty() {
            run.write_metrics(&self.state.history)?;
            run.write_events(&self.state.history)?;
        }
        Ok(())
    }

    fn plan(&self) -> TrainingPlan {
        TrainingPlan {
            epochs: self.prepared.config.training.epochs(),
            epochs_done: self.state.epoch,
            steps: self.steps,
            rows: self.prepared.n_training_rows(),
            validation_rows: self.prepared.measured_validation().rows.len(),
            test_rows: self.prepared.n_test_rows(),
            parameters: self.engine.parameters().len(),
        }
    }

    /// One epoch, or what is left of it; breaks off when the stop flag is raised or the observer says so.
    fn epoch(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<ControlFlow<()>, TrainError> {
        let t = &self.prepared.config.training;
        let began = Instant::now();
        let before = self.state.seconds;
        let learning_rate = t.learning_rate * t.schedule.factor(&self.state.schedule, self.state.epoch, t.epochs());
        self.rows.begin(self.state.epoch, self.state.step_in_epoch)?;
        let mut steps = EpochSteps {
            training: self,
            observer,
            stop,
            learning_rate,
            before,
            began,
            wish: ControlFlow::Continue(()),
        };
        steps.run_steps()?;
        let wish = steps.wish;
        if self.state.step_in_epoch < self.steps {
            self.state.seconds = before + began.elapsed().as_secs_f64();
            let saved = self.save_in_mid_epoch();
            self.group.agree(saved)?;
            return Ok(ControlFlow::Break(()));
        }
        let rows_per_second = self.rows_done() / (before + began.elapsed().as_secs_f64());
        let mut record = self.measured(learning_rate)?;
        record.seconds = before + began.elapsed().as_secs_f64();
        record.rows_per_second = rows_per_second;
        let record = self.of_first(record)?;
        let finished = self.finish_epoch(record);
        self.group.agree(finished)?;
        let after = observer.on_epoch(&self.state.history[self.state.epoch - 1]);
        // A wish that came with the last step holds, now that the epoch is whole, and that of any rank is one of all.
        let mut stops = [if wish.is_break() || after.is_break() { 1.0 } else { 0.0 }];
        self.group.sum(&mut stops)?;
        Ok(if stops[0] > 0.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// What rank 0 says of the epoch, its clock included, and its parameters where processors rounded them otherwise: ranks
    /// that decide by the same numbers stay together.
    fn of_first(&mut self, record: EpochRecord) -> Result<EpochRecord, TrainError> {
        if self.group.is_alone() {
            return Ok(record);
        }
        let told = self.group.of_first(serde_json::to_vec(&record).unwrap_or_default())?;
        let mut parameters = self.engine.parameters();
        let own: Vec<u8> = parameters.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        let of_first = self.group.of_first(own.clone())?;
        if own != of_first {
            let values = of_first.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            parameters.values_mut().iter_mut().zip(values).for_each(|(to, from)| *to = from);
            self.engine.load(&parameters)?;
        }
        Ok(serde_json::from_slice(&told).unwrap_or(record))
    }

    fn rows_done(&self) -> f64 {
        self.state.sums.rows() as f64
    }

    /// Gets the rows and draws of the next step.
    fn gather(&mut self) -> Result<(), TrainError> {
        let config = &self.prepared.config;
        let (epoch, step) = (self.state.epoch as u64, self.state.step_in_epoch as u64);
        let stream = |purpose| Stream::new(config.training.seed, purpose, epoch, step);
        self.rows.next(&mut self.buffers)?;
        self.buffers.draw(
            &self.prepared.architecture,
            config.objective.noise.map(|noise| (noise, stream(Purpose::Noise))),
            (self.objective.penalty, stream(Purpose::Penalty)),
        );
        Ok(())
    }

    fn finish_epoch(&mut self, mut record: EpochRecord) -> Result<(), TrainError> {
        let t = &self.prepared.config.training;
        let state = &mut self.state;
        state.epoch += 1;
        t.schedule.observe(&mut state.schedule, record.watched());
        record.is_best = state.stopping.observe(state.epoch, record.watched(), t.early_stopping);
        state.history.push(record);
        state.step_in_epoch = 0;
        state.sums = Default::default();
        state.seconds = 0.0;
        if record.is_best {
            self.best = Some(self.engine.parameters());
        }
        if self.saver.is_active() {
            let checkpoint = self.checkpoint();
            self.saver.epoch_done(checkpoint, record.is_best)?;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        let optimiser: OptimiserState = self.engine.optimiser_state();
        let mut state = self.state.clone();
        state.optimiser_step = optimiser.step;
        Checkpoint { parameters: self.engine.parameters(), optimiser, state }
    }

    fn save_in_mid_epoch(&mut self) -> Result<(), TrainError> {
        self.check_finite()?;
        if !self.saver.is_active() {
            return Ok(());
        }
        let checkpoint = self.checkpoint();
        self.saver.moment(checkpoint)
    }

    /// Refuses parameters, and an optimiser's memory, from which the run cannot go on.
    pub(super) fn check_finite(&mut self) -> Result<(), TrainError> {
        match diverged_term(self.engine.as_ref()) {
            None => Ok(()),
            Some(term) => Err(self.diverged(term, self.state.step)),
        }
    }

    /// The error of a divergence. The last finished epoch is written first, if it was not yet.
    pub(super) fn diverged(&mut self, term: String, step: u64) -> TrainError {
        match self.saver.flush() {
            Err(e) => e,
            Ok(()) => {
                TrainError::Diverged { epoch: self.state.epoch + 1, step, term, last_good: self.saver.last_good() }
            }
        }
    }
}

fn stream_settings(prepared: &Prepared) -> StreamSettings {
    let t = &prepared.config.training;
    StreamSettings {
        epochs: t.epochs(),
        batch_size: t.batch_size,
        keep_last_partial_batch: t.keep_last_partial_batch,
        preprocessing: prepared.preprocessing.clone(),
    }
}

/// The steps of one epoch.
struct EpochSteps<'s, 'a> {
    training: &'s mut Training<'a>,
    observer: &'s mut dyn Observer,
    stop: &'s AtomicBool,
    learning_rate: f64,
    /// Seconds of the epoch before `began`.
    before: f64,
    began: Instant,
    /// Whether the observer wants to go on.
    wish: ControlFlow<()>,
}

impl StepLoop for EpochSteps<'_, '_> {
    type Error = TrainError;

    fn next_step(&mut self) -> Result<Option<NextStep<'_>>, TrainError> {
        let training = &mut *self.training;
        if training.state.step_in_epoch >= training.steps {
            return Ok(None);
        }
        if self.stop.load(Ordering::Relaxed) || self.wish.is_break() {
            if training.group.is_alone() {
                return Ok(None);
            }
            training.stop.wish();
        }
        if training.stop.is_agreed() {
            return Ok(None);
        }
        training.gather()?;
        let d = training.prepared.architecture.input_size();
        let (batch, n_rows) = (training.buffers.batch(d), training.buffers.n_rows(d));
        let learning_rate = self.learning_rate;
        Ok(Some(NextStep { engine: training.engine.as_mut(), batch, n_rows, learning_rate }))
    }

    fn step_done(&mut self, terms: &Terms, n_rows: usize) -> Result<(), TrainError> {
        let training = &mut *self.training;
        training.state.sums.add(terms, n_rows);
        training.last_batch_sum = Some(terms.total * n_rows as f64);
        training.state.step_in_epoch += 1;
        training.state.step += 1;
        self.wish = self.observer.on_step(&StepReport {
            epoch: training.state.epoch + 1,
            epochs: training.prepared.config.training.epochs(),
            step: training.state.step_in_epoch,
            steps: training.steps,
            terms: training.state.sums.mean(),
            rows_per_second: training.rows_done() / (self.before + self.began.elapsed().as_secs_f64()),
        });
        Ok(())
    }

    fn not_finite(&mut self, term: &str) -> TrainError {
        let step = self.training.state.step + 1;
        self.training.diverged(term.to_owned(), step)
    }
}
