//! A sweep from its first run to its table.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use contractive::Divergence;
use contractive::train::TrainError;

use super::board::Board;
use super::crew::{Crew, free_memory, most_parameters};
use super::end::SweepEnd;
use super::folder::SweepFolder;
use super::one_run::Ground;
use super::plan::Plan;
use super::result::{RunResult, State};
use super::rows::SharedRows;
use crate::arguments::{OutputArguments, SourceArguments};
use crate::exit::{Ending, with_causes};
use crate::interruption::stop_flag;
use crate::numbers::count;
use crate::progress::Reporting;

/// What is to be trained, where and how.
pub(crate) struct Sweep<'a> {
    /// Where the runs lie; it need not be there yet.
    pub(crate) folder: SweepFolder,
    /// Which runs.
    pub(crate) plan: Plan,
    /// Where registered data lie.
    pub(crate) source: &'a SourceArguments,
    /// What is shown and made.
    pub(crate) output: &'a OutputArguments,
    /// Where the same data lie now, if they were moved.
    pub(crate) data: Option<String>,
    /// Threads in all; one a processor core where it is not said.
    pub(crate) threads: Option<usize>,
    /// Runs at once, where it is said.
    pub(crate) jobs: Option<usize>,
}

/// The runs that are not over.
fn left_of(results: &[RunResult]) -> Vec<usize> {
    (0..results.len()).filter(|&i| !results[i].is_over()).collect()
}

impl Sweep<'_> {
    /// Trains what is left to be trained, and says what came of all.
    ///
    /// # Errors
    /// Where no run could be trained, or one failed otherwise than by diverging.
    pub(crate) fn carry_out(&self) -> anyhow::Result<Ending> {
        let reporting = self.output.reporting();
        let mut held = if self.folder.exists() { Some(self.folder.hold()?) } else { None };
        let mut results = self.read()?;
        let left = left_of(&results);
        let rows = SharedRows::new(self.source, reporting == Reporting::Quiet);
        let crew = self.crew(&left, &rows)?;
        // Nothing is left on the disk by data that cannot be read.
        self.folder.create(&self.plan)?;
        if held.is_none() {
            held = Some(self.folder.hold()?);
            results = self.read()?;
        }
        let ground = Ground { folder: &self.folder, rows: &rows, data: self.data.as_deref(), threads: crew.threads };
        let stop = stop_flag(reporting)?;
        // What another process did before the folder was held is done.
        let left = left_of(&results);
        let board = Board::start(reporting, self.folder.path(), &self.plan, &left, crew)?;
        let failure = self.train(&ground, crew, &left, &mut results, &board, &stop)?;
        board.clear();
        let is_stopped = stop.load(Ordering::Relaxed) && results.iter().any(|result| !result.is_over());
        let end = SweepEnd { plan: &self.plan, ground: &ground, crew, results: &results, is_stopped };
        end.tell(self.output)?;
        drop(held);
        self.ending(&results, failure, is_stopped)
    }

    /// Makes the page of the runs beside each other anew, at `target`. Nothing is trained.
    ///
    /// # Errors
    /// [`Usage`] where fewer than two runs ended well.
    pub(crate) fn remake_page(&self, target: &Path) -> anyhow::Result<()> {
        let results = self.read()?;
        let rows = SharedRows::new(self.source, self.output.reporting() == Reporting::Quiet);
        let done: Vec<usize> = (0..results.len()).filter(|&i| results[i].state == State::Finished).collect();
        let crew = self.crew(&done, &rows)?;
        let ground = Ground { folder: &self.folder, rows: &rows, data: self.data.as_deref(), threads: crew.threads };
        let end = SweepEnd { plan: &self.plan, ground: &ground, crew, results: &results, is_stopped: false };
        end.remake_page(target)
    }

    fn read(&self) -> anyhow::Result<Vec<RunResult>> {
        let read = |run| RunResult::read(&self.folder, &self.plan, run);
        Ok(self.plan.runs.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// How the runs that are left are trained; reads their rows.
    fn crew(&self, left: &[usize], rows: &SharedRows<'_>) -> anyhow::Result<Crew> {
        let threads = self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
        let Some(&first) = left.first() else {
            return Ok(Crew::new(self.plan.runs.len(), 0, threads, free_memory(), self.jobs));
        };
        let ground = Ground { folder: &self.folder, rows, data: self.data.as_deref(), threads };
        let d = ground.prepare(&self.plan.runs[first].config)?.data().n_features();
        let most = most_parameters(left.iter().map(|&i| &self.plan.runs[i].config), d);
        Ok(Crew::new(left.len(), most, threads, free_memory(), self.jobs))
    }

    /// Trains the runs that are left; gives the first failure that was no divergence.
    fn train(
        &self,
        ground: &Ground<'_>,
        crew: Crew,
        left: &[usize],
        results: &mut [RunResult],
        board: &Board,
        stop: &AtomicBool,
    ) -> anyhow::Result<Option<anyhow::Error>> {
        let failure = Mutex::new(None);
        let ended = crew.do_all(left, stop, |&i| -> anyhow::Result<RunResult> {
            let run = &self.plan.runs[i];
            let (warning, error) = match ground.train(run, board, stop) {
                Ok(warning) => (warning, None),
                Err(e) => (None, Some(e)),
            };
            let mut result = RunResult::read(&self.folder, &self.plan, run)?;
            if let Some(error) = error {
                (result.state, result.error) = (State::Failed, Some(with_causes(&error)));
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
            board.ended(run, &result, warning.as_ref());
            Ok(result)
        });
        for (&i, result) in left.iter().zip(ended) {
            if let Some(result) = result {
                results[i] = result?;
            }
        }
        Ok(failure.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// How a sweep ends whose runs ended so: a stop or a failure of some run is one of the whole; a divergence only where no run
    /// ended well.
    fn ending(
        &self,
        results: &[RunResult],
        failure: Option<anyhow::Error>,
        is_stopped: bool,
    ) -> anyhow::Result<Ending> {
        let is = |state: State| move |result: &RunResult| result.state == state;
        if let Some(error) = failure {
            let failed = results.iter().filter(|result| is(State::Failed)(result)).count();
            return Err(error.context(format!("{failed} of {} failed", count(results.len(), "run"))));
        }
        if is_stopped && results.iter().any(is(State::Unfinished)) {
            return Ok(Ending::Interrupted);
        }
        match results.iter().find_map(|result| result.divergence.clone()) {
            Some(Divergence { epoch, step, term }) if results.iter().all(is(State::Diverged)) => {
                let error = TrainError::Diverged { epoch, step, term, last_good: None };
                Err(anyhow::Error::from(error).context("every run diverged, the first so"))
            }
            _ => Ok(Ending::Done),
        }
    }
}
