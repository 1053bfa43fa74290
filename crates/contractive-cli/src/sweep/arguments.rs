//! Flags of every command that trains several runs.

use clap::Args;

use crate::errors::Usage;
use crate::training_settings::{SEED, Settings};
use toml::Value;

/// Runs that are trained without being asked for twice.
const MOST_RUNS: usize = 100;

/// How many runs, and how.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SweepArguments {
    /// Train each combination with so many seeds: that of --seed, else 0, and those after it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000), help_heading = "Several runs")]
    pub(crate) seeds: Option<u16>,
    /// Runs trained at once; --threads are shared among them, and results do not depend on either [default: as many as
    /// there are threads for networks of up to two million parameters, else 1; fewer where memory is short].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Several runs")]
    pub(crate) jobs: Option<u16>,
    /// Train more than 100 runs.
    #[arg(long, help_heading = "Several runs")]
    pub(crate) yes: bool,
}

impl SweepArguments {
    /// Puts the seeds into the settings.
    ///
    /// # Errors
    /// [`Usage`] where `--seed` has several values already.
    pub(crate) fn put_seeds(&self, settings: &mut Settings) -> Result<(), Usage> {
        let Some(n) = self.seeds else { return Ok(()) };
        let first = match settings.values(SEED) {
            [] => 0,
            [(_, seed)] => seed.as_integer().unwrap_or(0),
            _ => return Err(Usage("give --seeds, or several values of --seed, but not both".into())),
        };
        let seeds =
            (0..i64::from(n)).map(|i| first.saturating_add(i)).map(|seed| (seed.to_string(), Value::from(seed)));
        settings.put(SEED, seeds.collect())
    }

    /// Runs at once, where it is said.
    pub(crate) fn jobs(&self) -> Option<usize> {
        self.jobs.map(usize::from)
    }

    /// Refuses these flags beside `flag`.
    pub(crate) fn refuse_with(&self, flag: &str) -> Result<(), Usage> {
        let given = [(self.seeds.is_some(), "--seeds"), (self.jobs.is_some(), "--jobs"), (self.yes, "--yes")];
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, name)) => Err(Usage(format!("{name} does not go with {flag}"))),
            None => Ok(()),
        }
    }

    /// Refuses more runs than a slip of the keyboard should begin.
    pub(crate) fn check_number(&self, runs: usize) -> Result<(), Usage> {
        if runs > MOST_RUNS && !self.yes {
            return Err(Usage(format!("these settings make {runs} runs; give --yes to train more than {MOST_RUNS}")));
        }
        Ok(())
    }
}
