//! Where the rows of an epoch's steps come from.

use super::error::TrainError;
use crate::batch::Buffers;

/// The rows of an epoch, batch by batch, as the network takes them.
pub(super) trait StepSource {
    /// Begins epoch `epoch`, from 0, at step `step`, from 0.
    fn begin(&mut self, epoch: usize, step: usize) -> Result<(), TrainError>;

    /// The rows of the next step, in place of those in `out`.
    fn next(&mut self, out: &mut Buffers) -> Result<(), TrainError>;
}
