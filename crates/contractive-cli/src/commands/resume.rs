//! `cae resume`: a run goes on where it was stopped.

use std::path::PathBuf;

use clap::Args;
use contractive::RunDirectory;

use crate::arguments::{OutputArguments, SourceArguments};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::progress::Reporting;
use crate::session;
use crate::sources::prepare;
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

const AFTER_HELP: &str = "\
Examples:
  cae resume runs/strokes-20260101-120000
  cae resume runs/strokes-by-contraction                   what is left of several runs
  cae resume runs/strokes-20260101-120000 --epochs 40      until 40 epochs are done in all";

impl Resume {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if SweepFolder::is_one(&self.run) {
            return self.run_several();
        }
        let run = RunDirectory::open(&self.run)?;
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
        if let Some(data) = self.data {
            config.data.spec = data;
        }
        if let Some(threads) = self.threads {
            config.training.threads = Some(threads);
        }
        let prepared = prepare(&config, &self.source, self.output.reporting() == Reporting::Quiet)?;
        session::run(&prepared, &run, resume, &self.source, &self.output)
    }

    fn run_several(self) -> anyhow::Result<Ending> {
        if self.epochs.is_some() {
            let text = "--epochs is for one run, and here are several: train one of them for longer by its directory";
            return Err(Usage(text.into()).into());
        }
        let (folder, plan) = SweepFolder::open(&self.run)?;
        let (source, output, threads) = (&self.source, &self.output, self.threads);
        Sweep { folder, plan, source, output, data: self.data, threads, jobs: None }.carry_out()
    }
}
