//! The loop over epochs and steps.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use contractive_core::engine::Engine;
use contractive_core::optimiser::OptimiserState;
use contractive_core::{Objective, Parameters, Penalty, Terms};

use super::error::TrainError;
use super::in_memory::InMemory;
use super::observer::{Observer, StepReport, TrainingPlan};
use super::outcome::{End, EngineBuilder, Outcome, Start};
use super::prepared::Prepared;
use super::same_run::{check_same_run, in_words, state_of};
use super::saving::Saver;
use super::step_loop::{NextStep, StepLoop};
use super::steps::StepSource;
use super::stream::{StreamSettings, Streamed};
use crate::batch::Buffers;
use crate::checkpoint::{Checkpoint, Resume, RunState};
use crate::history::EpochRecord;
use crate::measure::{jacobian_means, measure};
use crate::preprocess::ScaledRows;
use crate::run::RunDirectory;
use contractive_core::random::{Purpose, Stream};

/// Rows on which the Jacobian is measured after each epoch, at most, and the exact penalty where training estimates it.
const JACOBIAN_ROWS: usize = 2_000;

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
    if let Some(run) = run {
        run.write_config(&prepared.config)?;
        run.write_divergence(None)?;
        // A kill between the last checkpoint and what is told beside it leaves that behind.
        if !training.state.history.is_empty() {
            run.write_metrics(&training.state.history)?;
            run.write_events(&training.state.history)?;
        }
    }
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
    training.saver.flush()?;
    let best_epoch = training.state.stopping.best_epoch;
    let parameters = training.best.unwrap_or_else(|| training.engine.parameters());
    Ok(Outcome { end, model: prepared.model(parameters, best_epoch), best_epoch, history: training.state.history })
}

/// A run under way.
struct Training<'a> {
    prepared: &'a Prepared,
    objective: Objective,
    engine: Box<dyn Engine>,
    state: RunState,
    best: Option<Parameters>,
    saver: Saver<'a>,
    steps: usize,
    rows: Box<dyn StepSource + 'a>,
    /// The objective summed over the rows of the last step done.
    last_batch_sum: Option<f64>,
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
        let fresh = state_of(prepared);
        let (parameters, memory, state, best) = match start {
            Start::Fresh => {
                let mut stream = Stream::new(t.seed, Purpose::Initialisation, 0, 0);
                let drawn = t.initialisation.parameters(&prepared.architecture, || stream.uniform())?;
                (drawn, None, fresh, None)
            }
            Start::From(parameters) => {
                let given = (in_words(parameters.architecture()), in_words(&prepared.architecture));
                if given.0 != given.1 {
                    let (checkpoint, run) = given;
                    return Err(TrainError::Resume { what: "the architecture", checkpoint, run });
                }
                (*parameters, None, fresh, None)
            }
            Start::Resume(resume) => {
                let Resume { mut last, best } = *resume;
                check_same_run(&fresh, &last.state)?;
                if let Some(best) = &best {
                    check_same_run(&fresh, &best.state)?;
                }
                // Checkpoints of older versions do not say; those to come do.
                last.state.settings = fresh.settings;
                (last.parameters, Some(last.optimiser), last.state, best.map(|b| b.parameters))
            }
        };
        let objective = config.objective();
        let mut engine = build(&parameters, &objective, t.optimiser, t.clip, config.threads())?;
        if let Some(memory) = memory {
            engine.load_optimiser(&memory)?;
        }
        let saver = Saver::new(run, state.epoch > 0);
        Ok(Training {
            prepared,
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

    fn plan(&self) -> TrainingPlan {
        TrainingPlan {
            epochs: self.prepared.config.training.epochs(),
            epochs_done: self.state.epoch,
            steps: self.steps,
            rows: self.prepared.n_training_rows(),
            validation_rows: self.prepared.validation_rows.len(),
            test_rows: self.prepared.test.as_ref().map_or(0, |t| t.len()),
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
            self.save_in_mid_epoch()?;
            return Ok(ControlFlow::Break(()));
        }
        let rows_per_second = self.rows_done() / (before + began.elapsed().as_secs_f64());
        let mut record = self.measured(learning_rate)?;
        record.seconds = before + began.elapsed().as_secs_f64();
        record.rows_per_second = rows_per_second;
        self.finish_epoch(record)?;
        let after = observer.on_epoch(&self.state.history[self.state.epoch - 1]);
        // A wish that came with the last step holds, now that the epoch is whole.
        Ok(if wish.is_break() { wish } else { after })
    }

    fn rows_done(&self) -> f64 {
        self.state.sums.rows() as f64
    }

    /// Gets the rows and draws of the next step.
    fn gather(&mut self) -> Result<(), TrainError> {
        let config = &self.prepared.config;
        let (epoch, step) = (self.state.epoch as u64, self.state.step_in_epoch as u64);
        let stream = |purpose| Stream::new(config.training.seed, purpose, epoch, step);
        self.rows.next(&mut self.buffers.rows)?;
        self.buffers.draw(
            &self.prepared.architecture,
            config.objective.noise.map(|noise| (noise, stream(Purpose::Noise))),
            (self.objective.penalty, stream(Purpose::Penalty)),
        );
        Ok(())
    }

    /// The epoch's record, its times left open.
    fn measured(&mut self, learning_rate: f64) -> Result<EpochRecord, TrainError> {
        self.check_finite()?;
        let prepared = self.prepared;
        let seed = prepared.config.training.seed;
        let mut validation = match prepared.validation_rows.as_slice() {
            [] => None,
            rows => Some(self.measure("validation", prepared.reader(), rows, seed, Purpose::ValidationPenalty)?),
        };
        let all: Vec<u32> = (0..prepared.test.as_ref().map_or(0, |data| data.len() as u32)).collect();
        let test_rows = prepared.test.as_ref().map(|data| ScaledRows { data, preprocessing: &prepared.preprocessing });
        let mut test = match test_rows {
            None => None,
            Some(reader) => Some(self.measure("test", reader, &all, seed, Purpose::TestPenalty)?),
        };
        let watched =
            if prepared.validation_rows.is_empty() { &prepared.train_rows } else { &prepared.validation_rows };
        let (jacobian_norm, jacobian_square) = self.jacobian_of_first(prepared.reader(), watched)?;
        if let Penalty::Projection { .. } = self.objective.penalty {
            validation = validation.map(|terms| self.with_penalty(terms, jacobian_square));
            if let (Some(terms), Some(reader)) = (test, test_rows) {
                let (_, square) = self.jacobian_of_first(reader, &all)?;
                test = Some(self.with_penalty(terms, square));
            }
        }
        Ok(EpochRecord {
            epoch: self.state.epoch + 1,
            step: self.state.step,
            seconds: 0.0,
            rows_per_second: 0.0,
            learning_rate,
            train: self.state.sums.mean(),
            last_batch_sum: self.last_batch_sum,
            validation,
            test,
            jacobian_norm,
            jacobian_square,
            is_best: false,
        })
    }

    /// Means of ‖J‖ and ‖J‖² over the first of `rows`.
    fn jacobian_of_first(&mut self, reader: ScaledRows<'_>, rows: &[u32]) -> Result<(f64, f64), TrainError> {
        let some = &rows[..rows.len().min(JACOBIAN_ROWS)];
        let (norm, square) = jacobian_means(self.engine.as_mut(), reader, some)?;
        if !(square.is_finite() && norm.is_finite()) {
            return Err(self.diverged("jacobian_norm".into(), self.state.step));
        }
        Ok((norm, square))
    }

    /// The terms with another penalty: the exact one, where training only estimates it.
    fn with_penalty(&self, terms: Terms, penalty: f64) -> Terms {
        Terms::combine(&self.objective, terms.reconstruction, penalty, terms.sparsity)
    }

    fn measure(
        &mut self,
        part: &str,
        reader: ScaledRows<'_>,
        rows: &[u32],
        seed: u64,
        purpose: Purpose,
    ) -> Result<Terms, TrainError> {
        let terms = measure(self.engine.as_mut(), &self.objective, reader, rows, seed, purpose)?;
        match terms.not_finite() {
            None => Ok(terms),
            Some(term) => Err(self.diverged(format!("{part} {term}"), self.state.step)),
        }
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
    fn check_finite(&mut self) -> Result<(), TrainError> {
        if let Err(e) = self.engine.parameters().check_finite() {
            return Err(self.diverged(parameter_term(&e), self.state.step));
        }
        let OptimiserState { first, second, .. } = self.engine.optimiser_state();
        if first.iter().chain(second.iter()).all(|number| number.is_finite()) {
            return Ok(());
        }
        // With an infinite mean of squares the parameters stand still: nothing else would tell.
        Err(self.diverged("the optimiser's memory".into(), self.state.step))
    }

    /// The error of a divergence. The last finished epoch is written first, if it was not yet.
    fn diverged(&mut self, term: String, step: u64) -> TrainError {
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
            return Ok(None);
        }
        training.gather()?;
        let batch = training.buffers.batch(training.prepared.architecture.input_size());
        Ok(Some(NextStep { engine: training.engine.as_mut(), batch, learning_rate: self.learning_rate }))
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

fn parameter_term(e: &contractive_core::ArgumentError) -> String {
    match e {
        contractive_core::ArgumentError::NotFinite { tensor, .. } => format!("a parameter in `{tensor}`"),
        e => e.to_string(),
    }
}
