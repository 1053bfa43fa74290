//! Processes that work on one thing together, each with its own rows: ranks, as MPI calls them.
//!
//! A [`Communicator`] is what a cluster's library has to offer, two collective calls: every rank makes the same calls in the
//! same order, and none returns before it has what the others gave. [`Group`] is what the toolkit asks of it: sums, folds
//! that go from rank to rank in order, pieces put together. [`in_process`] has ranks that are threads.
//!
//! ```
//! use contractive_core::communicator::in_process;
//!
//! let sums = std::thread::scope(|scope| {
//!     let ranks: Vec<_> = in_process(3).into_iter().map(|group| scope.spawn(move || {
//!         let mut numbers = [1.0, group.rank() as f64];
//!         group.sum(&mut numbers).map(|()| numbers)
//!     })).collect();
//!     ranks.into_iter().map(|rank| rank.join().unwrap()).collect::<Result<Vec<_>, _>>()
//! })?;
//! assert_eq!(sums, [[3.0, 3.0]; 3]);
//! # Ok::<(), contractive_core::communicator::CommunicationError>(())
//! ```

mod group;
mod threads;

use thiserror::Error;

pub use group::Group;
pub use threads::in_process;

/// What ranks say to each other with.
///
/// Every rank must make the same calls with buffers of the same lengths. A result is the same on every rank, to the bit, and
/// the same whenever as many ranks give the same numbers.
pub trait Communicator: Send + Sync {
    /// This process among the others, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are, at least 1.
    fn size(&self) -> usize;

    /// Puts in place of each number the sum of those of all ranks.
    ///
    /// # Errors
    /// [`CommunicationError`] when another rank is gone.
    fn allreduce_f64(&self, numbers: &mut [f64]) -> Result<(), CommunicationError>;

    /// Puts in place of the bytes those of the rank `root`.
    ///
    /// # Errors
    /// [`CommunicationError`] when another rank is gone.
    fn broadcast(&self, bytes: &mut [u8], root: usize) -> Result<(), CommunicationError>;
}

/// Why ranks cannot go on together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommunicationError {
    /// The library that carries the numbers failed: most often because a process is gone.
    #[error("rank {rank} of {size} cannot reach the others: {reason}")]
    Broken {
        /// This rank.
        rank: usize,
        /// Ranks in all.
        size: usize,
        /// What the library says.
        reason: String,
    },
    /// Another rank has an error of its own, so that none can go on.
    #[error("rank {rank} failed: {message}")]
    Elsewhere {
        /// The rank that failed.
        rank: usize,
        /// Its error.
        message: String,
    },
    /// Ranks that must have been given the same were not.
    #[error("all ranks must be given the same {what}: on rank {rank} it is {got}, on rank 0 {expected}")]
    Differs {
        /// What differs.
        what: &'static str,
        /// The first rank that differs.
        rank: usize,
        /// What it has.
        got: String,
        /// What rank 0 has.
        expected: String,
    },
}

/// A process alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn allreduce_f64(&self, _: &mut [f64]) -> Result<(), CommunicationError> {
        Ok(())
    }

    fn broadcast(&self, _: &mut [u8], _: usize) -> Result<(), CommunicationError> {
        Ok(())
    }
}
