//! One run of a sweep: begun, or gone on with.

use std::sync::atomic::AtomicBool;

use contractive::train::{End, EngineBuilder, TrainError, train_with};
use contractive::{Model, Prepared, RunDirectory, TrainConfig};
use contractive_core::engine::CpuEngine;
use contractive_report::RunRecord;
use contractive_report::record::concern;

use super::board::{Board, Watcher};
use super::folder::SweepFolder;
use super::plan::PlannedRun;
use super::rows::SharedRows;
use crate::reports::record;
use crate::warnings::Warning;

/// What every run of a sweep shares.
pub(crate) struct Ground<'a> {
    /// Where runs lie.
    pub(crate) folder: &'a SweepFolder,
    /// Their rows.
    pub(crate) rows: &'a SharedRows<'a>,
    /// Where the same data lie now, if they were moved.
    pub(crate) data: Option<&'a str>,
    /// Threads of a run.
    pub(crate) threads: usize,
}

impl Ground<'_> {
    /// The rows of a run. Its share of this machine's threads is no setting of it.
    pub(crate) fn prepare(&self, config: &TrainConfig) -> anyhow::Result<Prepared> {
        let mut config = config.clone();
        config.training.threads = None;
        if let Some(data) = self.data {
            data.clone_into(&mut config.data.spec);
        }
        self.rows.prepare(&config)
    }

    /// Trains a run to its end, until it diverges, or until `stop` is raised; gives what is wrong with its model.
    ///
    /// # Errors
    /// Whatever ends a run but a divergence, which its directory tells of.
    pub(crate) fn train(&self, run: &PlannedRun, board: &Board, stop: &AtomicBool) -> anyhow::Result<Option<Warning>> {
        let prepared = self.prepare(&run.config)?;
        let directory = self.folder.run(run)?;
        let mut watcher = Watcher::new(board, run);
        let engine: &EngineBuilder<'_> = &|parameters, objective, optimiser, clip, _| {
            Ok(Box::new(CpuEngine::new(parameters, objective, optimiser, clip, self.threads)?))
        };
        let outcome = train_with(engine, &prepared, Some(&directory), directory.resume()?, &mut watcher, stop);
        let result = match outcome {
            Ok(outcome) if outcome.end == End::Interrupted => None,
            Ok(outcome) => concern(&prepared, &outcome.model)?.map(Warning::new),
            Err(TrainError::Diverged { .. }) => None,
            Err(e) => return Err(contractive::Error::from(e).into()),
        };
        Ok(result)
    }

    /// All that a page says about a run that ended well.
    ///
    /// # Errors
    /// Where its model or its rows cannot be read.
    pub(crate) fn record(&self, run: &PlannedRun) -> anyhow::Result<RunRecord> {
        let prepared = self.prepare(&run.config)?;
        let directory = RunDirectory::open(self.folder.place(run))?;
        let model = Model::load(directory.model())?;
        Ok(record(&directory, &prepared, &model, &directory.metrics()?)?)
    }
}
