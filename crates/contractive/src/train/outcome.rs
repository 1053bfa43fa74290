//! Where a run begins, what it gives, and how its engine is made.

use contractive_core::engine::Engine;
use contractive_core::optimiser::Optimiser;
use contractive_core::{ArgumentError, Objective, Parameters};

use crate::checkpoint::Resume;
use crate::history::EpochRecord;
use crate::model::Model;

/// Where the parameters of a run begin.
#[derive(Debug, Clone)]
pub enum Start {
    /// Drawn as `training.initialisation` says.
    Fresh,
    /// These, of a network of the run's shape: those of a model that is trained on, with a new optimiser.
    From(Box<Parameters>),
    /// At a checkpoint of the same run, to the bits of one that was never interrupted.
    Resume(Box<Resume>),
}

impl From<Option<Resume>> for Start {
    fn from(resume: Option<Resume>) -> Self {
        resume.map_or(Start::Fresh, |resume| Start::Resume(Box::new(resume)))
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs were done.
    Finished,
    /// The watched total stopped falling.
    StoppedEarly,
    /// The stop flag was raised; `checkpoints/last.safetensors` continues from the very step.
    Interrupted,
}

/// What a run gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// One record an epoch, those before a resume included.
    pub history: Vec<EpochRecord>,
    /// The epoch of [`Outcome::model`], from 1; 0 where no epoch was completed.
    pub best_epoch: usize,
    /// The best parameters by the watched total; those of the moment where no epoch was completed.
    pub model: Model,
}

/// Builds an engine from initial parameters, the objective, the optimiser, the clip and the number of threads.
pub type EngineBuilder<'a> =
    dyn Fn(&Parameters, &Objective, Optimiser, Option<f64>, usize) -> Result<Box<dyn Engine>, ArgumentError> + 'a;
