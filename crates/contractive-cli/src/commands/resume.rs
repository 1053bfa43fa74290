//! `cae resume`: a run goes on where it was stopped.

use std::path::PathBuf;

use clap::Args;
use contractive::{RunDirectory, TrainConfig};
use contractive_core::communicator::Group;

use crate::arguments::{OutputArguments, SourceArguments};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::progress::Reporting;
use crate::ranks::{config_of_first, of_first, reporting};
use crate::session;
use crate::sources::prepare_shared;
use crate::sweep::SweepFolder;
use crate::sweep::whole::Sweep;

/// Go on with a run, or a folder of several, that was stopped or killed, or train a finished run for longer.
///
/// A run goes on from its last checkpoint, to the same bits as one that was never interrupted. The data must be the same
/// bytes as before.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Resume {
    /// The run directory, or the folder of several runs: those that ended are kept, the others are trained to their end.
    run: PathBuf,
    /// Epochs in all, those already done included, at least as many as are done. A cosine schedule is stretched to the
    /// new total; a run that stopped early trains on, and waits for a gain anew [default: as the run was planned].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Base learning rate from here on, above 0: a lower one where the run diverged [default: as the run was planned].
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Largest Euclidean norm of a step's gradient from here on, above 0 [default: as the run was planned].
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    clip: Option<f64>,
    /// Where the same data lie now, if they were moved.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// Threads, at least 1; the result does not depend on it [default: as the run was planned].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    output: OutputArguments,
}

/// A run that is gone on with.
struct Stopped {
    run: RunDirectory,
    config: TrainConfig,
    resume: Option<contractive::checkpoint::Resume>,
}

const AFTER_HELP: &str = "\
Examples:
  cae resume runs/strokes-20260101-120000
  cae resume runs/strokes-by-contraction                   what is left of several runs
  cae resume runs/strokes-20260101-120000 --epochs 40      until 40 epochs are done in all
  cae resume runs/strokes-20260101-120000 --learning-rate 1e-4    after it has diverged";

impl Resume {
    /// Runs the subcommand.
    pub(crate) fn run(self, group: &Group) -> anyhow::Result<Ending> {
        if group.is_alone() && SweepFolder::is_one(&self.run) {
            return self.run_several();
        }
        let stopped = of_first(group, || self.stopped())?;
        let config = config_of_first(stopped.as_ref().map(|stopped| &stopped.config), group)?;
        let prepared =
            prepare_shared(&config, &self.source, reporting(&self.output, group) == Reporting::Quiet, group)?;
        let (run, resume) = stopped.map(|stopped| (stopped.run, stopped.resume)).unzip();
        session::run(&prepared, run.as_ref(), resume.flatten(), &self.source, &self.output, group)
    }

    /// The run as it lies there, with what is to be other than it was planned.
    fn stopped(&self) -> anyhow::Result<Stopped> {
        if SweepFolder::is_one(&self.run) {
            let text = "several runs are gone on with by `cae resume`; several ranks train one";
            return Err(Usage(text.into()).into());
        }
        let run = RunDirectory::open_to_write(&self.run)?;
        let mut config = run.config()?;
        let mut resume = run.resume()?;
        let done = resume.as_ref().map_or(0, |resume| resume.last.state.epoch);
        if let Some(epochs) = self.epochs {
            if epochs < done {
                let text =
                    format!("--epochs counts all epochs and must be at least the {done} already done, got {epochs}");
                return Err(Usage(text).into());
            }
            config.training.epochs = Some(epochs);
            if let Some(resume) = resume.as_mut().filter(|_| epochs > done) {
                resume.last.state.stopping.go_on(config.training.early_stopping);
            }
        }
        if let Some(learning_rate) = self.learning_rate {
            config.training.learning_rate = learning_rate;
        }
        if self.clip.is_some() {
            config.training.clip = self.clip;
        }
        if let Some(data) = &self.data {
            config.data.spec = data.clone();
        }
        if let Some(threads) = self.threads {
            config.training.threads = Some(threads);
        }
        Ok(Stopped { run, config, resume })
    }

    fn run_several(self) -> anyhow::Result<Ending> {
        let flags = [
            ("--epochs", self.epochs.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--clip", self.clip.is_some()),
        ];
        if let Some((flag, _)) = flags.into_iter().find(|(_, is_given)| *is_given) {
            let text = format!("{flag} is for one run, and here are several: go on with one of them by its directory");
            return Err(Usage(text).into());
        }
        let (folder, plan) = SweepFolder::open(&self.run)?;
        let (source, output, threads) = (&self.source, &self.output, self.threads);
        Sweep { folder, plan, source, output, data: self.data, threads, jobs: None }.carry_out()
    }
}
