//! `cae-mpi` under `mpirun`: what ranks give is what one process gives, and no rank waits for one that is gone.
//!
//! `$CONTRACTIVE_MPIRUN` is the `mpirun` of the family that the program was built with, `$CONTRACTIVE_OTHER_MPIRUN` that of
//! another one; `scripts/mpi.sh` sets both.

mod agreement;
mod launch;
mod memory;
mod tables;
mod trouble;
mod world;
