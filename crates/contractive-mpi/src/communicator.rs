//! MPI as a [`Communicator`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use contractive_core::communicator::{CommunicationError, Communicator};
use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::environment::{Universe, initialize_with_threading, library_version};
use mpi::traits::{Communicator as _, CommunicatorCollectives, Root};

use crate::launch::LaunchError;

/// Numbers that one call reduces at most: counts of MPI are `int`, and the numbers are copied, 8 MiB at a time.
const MOST_NUMBERS: usize = 1 << 20;

/// Bytes that one call sends at most.
const MOST_BYTES: usize = 1 << 30;

/// All ranks of an MPI job. MPI ends when the last [`Group`](contractive_core::communicator::Group) that holds it is let go.
///
/// MPI's own handler of errors stays in place: where a process is gone, the library ends the whole job, with a message and an
/// exit code other than 0, and no call returns. Sums are the library's `MPI_Allreduce`, which gives all ranks the same bits,
/// and the same each time for as many ranks, placed alike.
pub struct MpiCommunicator {
    universe: Universe,
    /// What sums are taken of. Calls come from any thread, and this lets them come one at a time: the library was asked for
    /// no more.
    own: Mutex<Vec<f64>>,
    rank: usize,
    size: usize,
    #[cfg(debug_assertions)]
    trial: Trial,
}

impl MpiCommunicator {
    /// Starts MPI, once a process.
    ///
    /// # Errors
    /// [`LaunchError::Twice`]; [`LaunchError::Threads`] where the library allows its calls from one thread alone.
    pub fn start() -> Result<Self, LaunchError> {
        let (universe, provided) = initialize_with_threading(Threading::Serialized).ok_or(LaunchError::Twice)?;
        if provided < Threading::Serialized {
            return Err(LaunchError::Threads { library: library() });
        }
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Ok(MpiCommunicator {
            universe,
            own: Mutex::default(),
            rank,
            size,
            #[cfg(debug_assertions)]
            trial: Trial::default(),
        })
    }

    fn turn(&self) -> MutexGuard<'_, Vec<f64>> {
        // Whatever a thread that panicked has left of the numbers, they are written anew before they are read.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Communicator for MpiCommunicator {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError> {
        #[cfg(debug_assertions)]
        self.trial.panic_if_asked(self.rank);
        let mut own = self.turn();
        let world = self.universe.world();
        for piece in numbers.chunks_mut(MOST_NUMBERS) {
            own.clear();
            own.extend_from_slice(piece);
            world.all_reduce_into(&own[..], piece, SystemOperation::sum());
        }
        Ok(())
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError> {
        let _turn = self.turn();
        let world = self.universe.world();
        for piece in bytes.chunks_mut(MOST_BYTES) {
            world.process_at_rank(root as i32).broadcast_into(piece);
        }
        Ok(())
    }
}

/// Where the variable names this rank, `RANK:SUM`, that sum of it panics, counted from 0: for tests of what becomes of the
/// others. Programs that are optimised do not heed it.
#[cfg(debug_assertions)]
const PANIC: &str = "CONTRACTIVE_MPI_PANIC";

#[cfg(debug_assertions)]
#[derive(Default)]
struct Trial(std::sync::atomic::AtomicUsize);

#[cfg(debug_assertions)]
impl Trial {
    fn panic_if_asked(&self, rank: usize) {
        let sum = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if std::env::var(PANIC).is_ok_and(|asked| asked == format!("{rank}:{sum}")) {
            panic!("sum {sum} of rank {rank} was asked to panic");
        }
    }
}

/// What the MPI library calls itself, on one line.
pub fn library() -> String {
    let text = library_version().unwrap_or_default();
    let line = text.trim_matches(|c: char| c.is_whitespace() || c == '\0').lines().next().unwrap_or_default();
    let name = line.split(',').next().unwrap_or_default().replace("\t", " ");
    if name.is_empty() { "an MPI library without a name".to_owned() } else { name }
}
