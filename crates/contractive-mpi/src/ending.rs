//! The end of a rank, which must be that of all: the others would wait for it in their next call.

use std::io::{self, Write};
use std::panic;
use std::process;
use std::thread;
use std::time::Duration;

use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator as _;

/// The exit code of a panic, as Rust has it.
const PANICKED: u8 = 101;

/// What the library is given to end the job in.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the launcher is given to pass on what this rank has said: MPICH's drops it where it kills at once.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Makes a panic of any thread end the job, once its message is told: unwound, it would wait in MPI's end for the others, who
/// wait for it.
pub fn abort_on_panic(rank: usize) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let _ = writeln!(io::stderr(), "rank {rank} panicked:");
        usual(panic);
        abort(PANICKED);
    }));
}

/// Ends all ranks, with the exit code `code`.
///
/// This is the process's last call: that another thread may be in one, which the library was told would not be, matters no
/// more. A library that does not come back is not waited for.
pub fn abort(code: u8) -> ! {
    thread::sleep(LAST_WORDS);
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        process::abort();
    });
    SimpleCommunicator::world().abort(i32::from(code))
}
