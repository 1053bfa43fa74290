//! Ranks of MPI that train one autoencoder together, each with its own rows: the program `cae-mpi`.
//!
//! ```text
//! mpirun -n 4 cae-mpi --ranks 4 train --data 'part-*.parquet' --hidden 64,16
//! ```
//!
//! [`launch`] tells a launch that did not make one world of its processes. With the feature `mpi`, which needs an MPI
//! library, `mpicc` and libclang where it is built, `communicator` is the library as the toolkit's
//! [`Communicator`](contractive_core::communicator::Communicator), and `ending` sees to it that no rank waits for one that
//! has failed. What is trained, and how the rows are shared out, is the command's: `contractive_cli::run_in_group`.
//!
//! The feature is off by default, so that a build of the workspace needs neither MPI nor libclang; a program is bound to the
//! family of MPI (OpenMPI's or MPICH's) that it was built with. `scripts/mpi.sh` builds it with both.

#[cfg(feature = "mpi")]
pub mod communicator;
#[cfg(feature = "mpi")]
pub mod ending;
pub mod launch;
