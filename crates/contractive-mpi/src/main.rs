//! The command `cae-mpi`.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use contractive_cli::GroupEnding;
use contractive_core::communicator::{Communicator, Group};
use contractive_mpi::communicator::{MpiCommunicator, library};
use contractive_mpi::{ending, launch};

/// The exit code of a wrong usage, as `cae` has it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let variable = |name: &str| env::var(name).ok();
    let communicator = match MpiCommunicator::start() {
        Ok(communicator) => communicator,
        Err(e) => return refused(&e, variable),
    };
    if let Err(e) = launch::check(communicator.size(), &library(), variable) {
        return refused(&e, variable);
    }
    if communicator.size() > 1 {
        ending::abort_on_panic(communicator.rank());
    }
    let group = Group::new(communicator);
    let ending = contractive_cli::run_in_group(env::args_os(), &group);
    match ending {
        GroupEnding::Failed(code) if !group.is_alone() => ending::abort(code),
        // MPI ends with the group, before the process does.
        GroupEnding::Together(code) | GroupEnding::Failed(code) => ExitCode::from(code),
    }
}

/// Says once, of all the processes that were started, why none goes on.
fn refused(error: &launch::LaunchError, variable: impl Fn(&str) -> Option<String>) -> ExitCode {
    if launch::launched_rank(variable) == 0 {
        let _ = writeln!(io::stderr(), "error: {error}");
    }
    ExitCode::from(USAGE)
}
