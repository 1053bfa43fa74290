//! Training that goes on as rows come: a pass over each piece of them, with the optimiser's memory kept between pieces.

use std::sync::atomic::{AtomicBool, Ordering};

use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::optimiser::OptimiserState;
use contractive_core::random::{Purpose, Stream};
use contractive_core::{Objective, Parameters, Terms};

use super::error::TrainError;
use super::prepared::Prepared;
use super::row_order::RowOrder;
use super::step_loop::{NextStep, StepLoop};
use crate::batch::Buffers;
use crate::config::TrainConfig;
use crate::data::Dataset;
use crate::history::Sums;
use crate::model::Model;
use crate::preprocess::ScaledRows;

/// A network that learns from pieces of data, one after the other.
///
/// The first piece gives the scaling of the features, unless the training goes on from a model. No rows are held out, and
/// nothing is stopped early: who gives the pieces knows when they end. `training.epochs` and the schedule have no
/// meaning here.
///
/// ```
/// use contractive::data::Dataset;
/// use contractive::train::Incremental;
/// use contractive::TrainConfig;
///
/// let values: Vec<f32> = (0..600).map(|i| (i as f32 * 0.1).sin()).collect();
/// let piece = Dataset::from_f32("waves", 6, values)?;
/// let config = TrainConfig::from_toml("example", "model.hidden = [8, 2]")?;
/// let mut training = Incremental::new(&config, &piece)?;
/// let first = training.pass(&piece, &Default::default())?;
/// let second = training.pass(&piece, &Default::default())?;
/// assert!(second.total < first.total);
/// assert_eq!(training.model().architecture().code_size(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Incremental {
    /// Scaling, shape and settings; its rows are not kept.
    prepared: Prepared,
    objective: Objective,
    /// Between passes no engine is kept: its threads would not be there in a process that forks.
    parameters: Parameters,
    memory: Option<OptimiserState>,
    order: RowOrder,
    buffers: Buffers,
    passes: u64,
    step: u64,
}

impl Incremental {
    /// Learns the scaling from the rows of `first`, and draws the weights; nothing is trained yet.
    ///
    /// # Errors
    /// What [`Prepared::new`] refuses.
    pub fn new(config: &TrainConfig, first: &Dataset) -> Result<Self, TrainError> {
        let prepared = Self::prepared(config, first)?;
        let t = &prepared.config.training;
        let mut stream = Stream::new(t.seed, Purpose::Initialisation, 0, 0);
        let parameters = t.initialisation.parameters(&prepared.architecture, || stream.uniform())?;
        Ok(Self::of(prepared, parameters))
    }

    /// Goes on from `model`, its scaling kept, with a new optimiser.
    ///
    /// # Errors
    /// As [`Incremental::new`]; [`TrainError::Columns`] where `first` has other columns than the model, and
    /// [`TrainError::Resume`] where `config` is of another network.
    pub fn from_model(config: &TrainConfig, model: &Model, first: &Dataset) -> Result<Self, TrainError> {
        model.preprocessing().check(first)?;
        let mut prepared = Self::prepared(config, first)?;
        let (was, is) = (model.architecture(), &prepared.architecture);
        if was != is {
            let in_words = super::same_run::in_words;
            return Err(TrainError::Resume { what: "the architecture", checkpoint: in_words(was), run: in_words(is) });
        }
        prepared.preprocessing = model.preprocessing().clone();
        Ok(Self::of(prepared, model.parameters().clone()))
    }

    fn prepared(config: &TrainConfig, first: &Dataset) -> Result<Prepared, TrainError> {
        let mut config = config.clone();
        config.data.validation = 0.0;
        config.training.early_stopping = None;
        let mut prepared = Prepared::new(&config, first.clone(), None)?;
        prepared.data = first.clone().take(1);
        Ok(prepared)
    }

    fn of(prepared: Prepared, parameters: Parameters) -> Self {
        let objective = prepared.config.objective();
        let (order, buffers) = (RowOrder::default(), Buffers::default());
        Incremental { prepared, objective, parameters, memory: None, order, buffers, passes: 0, step: 0 }
    }

    /// One pass over the rows of `data` in batches; the means of the objective's terms, as the steps went. Breaks off,
    /// between two steps, when `stop` is raised: nothing of the pass is kept then, as where it fails.
    ///
    /// # Errors
    /// [`TrainError::Columns`] where `data` has other columns; [`TrainError::Argument`] where its rows do not suit the loss;
    /// [`TrainError::Diverged`].
    pub fn pass(&mut self, data: &Dataset, stop: &AtomicBool) -> Result<Terms, TrainError> {
        let preprocessing = self.prepared.preprocessing.clone();
        preprocessing.check(data)?;
        let reader = ScaledRows { data, preprocessing: &preprocessing };
        if self.objective.loss.is_cross_entropy() && !preprocessing.clip() {
            reader.check_unit_interval(self.objective.loss.name())?;
        }
        let t = &self.prepared.config.training;
        let rows: Vec<u32> = (0..data.len() as u32).collect();
        let stream = t.shuffle.then(|| Stream::new(t.seed, Purpose::Order, self.passes, 0));
        self.order.begin(&rows, stream);
        let threads = self.prepared.config.threads();
        let mut engine = CpuEngine::new(&self.parameters, &self.objective, t.optimiser, t.clip, threads)?;
        if let Some(memory) = &self.memory {
            engine.load_optimiser(memory)?;
        }
        let mut pass = Pass { training: self, engine, reader, stop, step_in_pass: 0, sums: Sums::default() };
        pass.run_steps()?;
        if stop.load(Ordering::Relaxed) {
            return Ok(pass.sums.mean());
        }
        let parameters = pass.engine.parameters();
        let (memory, sums) = (pass.engine.optimiser_state(), pass.sums);
        (self.parameters, self.memory) = (parameters, Some(memory));
        self.passes += 1;
        self.prepared.train_rows = rows;
        Ok(sums.mean())
    }

    /// The network as it is now; its provenance counts passes as epochs.
    pub fn model(&self) -> Model {
        self.prepared.model(self.parameters.clone(), self.passes as usize)
    }
}

/// The steps of one pass.
struct Pass<'p> {
    training: &'p mut Incremental,
    engine: CpuEngine,
    reader: ScaledRows<'p>,
    stop: &'p AtomicBool,
    step_in_pass: u64,
    sums: Sums,
}

impl StepLoop for Pass<'_> {
    type Error = TrainError;

    fn next_step(&mut self) -> Result<Option<NextStep<'_>>, TrainError> {
        let training = &mut *self.training;
        if training.order.is_over() || self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let config = &training.prepared.config;
        let rows = training.order.next_batch(config.training.batch_size);
        training.buffers.gather(self.reader, rows, None);
        let stream = |purpose| Stream::new(config.training.seed, purpose, training.passes, self.step_in_pass);
        training.buffers.draw(
            &training.prepared.architecture,
            config.objective.noise.map(|noise| (noise, stream(Purpose::Noise))),
            (training.objective.penalty, stream(Purpose::Penalty)),
        );
        let (n_rows, learning_rate) = (rows.len(), config.training.learning_rate);
        let batch = training.buffers.batch(training.prepared.architecture.input_size());
        Ok(Some(NextStep { engine: &mut self.engine, batch, n_rows, learning_rate }))
    }

    fn step_done(&mut self, terms: &Terms, n_rows: usize) -> Result<(), TrainError> {
        self.sums.add(terms, n_rows);
        self.step_in_pass += 1;
        self.training.step += 1;
        Ok(())
    }

    fn not_finite(&mut self, term: &str) -> TrainError {
        let (epoch, step) = (self.training.passes as usize + 1, self.training.step + 1);
        TrainError::Diverged { epoch, step, term: term.to_owned(), last_good: None }
    }
}
