//! The command of several ranks: the first one speaks and writes, the others are silent unless they fail.

use std::ffi::OsString;
use std::thread;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};
use contractive_core::communicator::{CommunicationError, Group};

use crate::commands::GroupCommand;
use crate::errors::{Usage, communication, is_of_all};
use crate::exit;
use crate::terminal::say_lines;
use crate::timed::Timed;
use crate::{colour, help, interruption, pass_over_decoders, tell_of_words};

/// Trains contractive autoencoders by several ranks of MPI, each with its own share of the rows.
///
/// Start it with `mpirun`. All ranks take every step together, on the global batch: the result is that of `cae train` on all
/// rows but for the rounding of sums, and with as many ranks the same bits each time. Rank 0 speaks, and writes the run
/// directory, which `cae` reads as any other.
#[derive(Parser)]
#[command(
    name = "cae-mpi",
    version,
    arg_required_else_help = true,
    after_help = AFTER_HELP,
    max_term_width = 100
)]
struct CaeMpi {
    /// Ranks that there must be: a launch that made several worlds is refused.
    #[arg(long, value_name = "N", global = true)]
    ranks: Option<usize>,
    /// Say at the end, in a line of JSON on standard error, how long the exchanges of rank 0 took, by their size.
    #[arg(long, global = true)]
    timings: bool,
    #[command(subcommand)]
    command: GroupCommand,
}

const AFTER_HELP: &str = "\
Examples:
  mpirun -n 4 cae-mpi --ranks 4 train --data 'part-*.parquet' --hidden 64,16
  mpirun -n 4 cae-mpi --ranks 4 train fashion-64-32-16 --epochs 10
  mpirun -n 3 cae-mpi --ranks 3 resume runs/NAME         on another number of ranks, or with `cae resume`
  mpirun -n 4 cae-mpi detect DETECTOR --data new.parquet -o 'scores-{rank}.parquet'
  mpirun -n 4 cae-mpi bench                              what an exchange takes here

Rows. --data takes a pattern (quoted, so that no shell expands it), a folder, a file, or a registered name. The files of a
pattern, in the order of their names, are one table; a rank reads a run of row groups of Parquet files, or of whole files of
other formats, and holds no more. With fewer pieces than ranks some ranks have no rows.

Threads. By default the cores that a rank may use, divided by the ranks that may use the same. Bind ranks to cores, or let
them share, with mpirun's own flags; --threads N sets the number for each rank.

A rank that fails, or is killed, ends all; `resume` goes on from the last checkpoint. Ctrl-C, or a SIGTERM to any rank, saves
and stops all at the same step, where mpirun leaves them the time: OpenMPI's `--mca odls_base_sigkill_timeout 60`.

Exit codes: those of `cae`; of several ranks that of the one that failed.";

/// How the work of a rank ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupEnding {
    /// As that of all others, with this exit code.
    Together(u8),
    /// By an error: others may be waiting for this rank, which must end them, with this exit code.
    Failed(u8),
}

/// What a rank waits before it speaks of an error that rank 0 may have as well, and a little more for each rank before it.
const FIRST_WORD: Duration = Duration::from_millis(300);
const EACH_WORD: Duration = Duration::from_millis(10);

/// What a rank waits for the one whose error it is to end all.
const OTHERS_WORD: Duration = Duration::from_secs(60);

/// Runs the command of several ranks with the arguments `words`, of which the first is the program's name.
pub fn run_in_group(words: impl IntoIterator<Item = OsString>, group: &Group) -> GroupEnding {
    pass_over_decoders();
    interruption::outlive_the_size_limit();
    let matches = help::unwrapped(CaeMpi::command()).color(colour()).try_get_matches_from(words);
    let command = match matches.and_then(|matches| CaeMpi::from_arg_matches(&matches)) {
        Ok(command) => command,
        Err(e) => {
            if group.is_first() {
                tell_of_words(&e);
            }
            return GroupEnding::Together(e.exit_code() as u8);
        }
    };
    let timed = Timed::new(group.clone());
    let timings = timed.timings();
    let timed = Group::new(timed);
    let (is_timed, group) = (command.timings, if command.timings { &timed } else { group });
    let outcome = command.check_ranks(group).and_then(|()| command.command.run(group));
    if is_timed && outcome.is_ok() && group.is_first() {
        say_lines(timings.line());
    }
    match outcome {
        Ok(ending) => GroupEnding::Together(exit::report(Ok(ending))),
        Err(error) => {
            wait_for_others(&error, group);
            let rank = (!group.is_alone()).then_some(group.rank());
            GroupEnding::Failed(exit::report_of(rank, Err(error)))
        }
    }
}

impl CaeMpi {
    fn check_ranks(&self, group: &Group) -> anyhow::Result<()> {
        match self.ranks {
            Some(asked) if asked != group.size() => {
                let n = group.size();
                let text = format!(
                    "`--ranks` is {asked}, and this process is one of {n}; start it with `mpirun -n {asked}` of the MPI \
                     library that it was built with"
                );
                Err(Usage(text).into())
            }
            _ => Ok(()),
        }
    }
}

/// Leaves the word to the rank whose error it is: that one ends all, this one included.
fn wait_for_others(error: &anyhow::Error, group: &Group) {
    let is_others = match communication(error) {
        Some(CommunicationError::Elsewhere { .. }) => true,
        Some(CommunicationError::Differs { .. }) => !group.is_first(),
        _ => !group.is_first() && is_of_all(error),
    };
    if is_others {
        thread::sleep(OTHERS_WORD);
    } else if !group.is_first() {
        thread::sleep(FIRST_WORD + EACH_WORD * u32::try_from(group.rank()).unwrap_or(u32::MAX).min(100));
    }
}
