//! Where the rows of an epoch's steps come from.

use contractive_core::buffer::Buffer;

use super::error::TrainError;

/// The rows of an epoch, batch by batch, as the network takes them.
pub(super) trait StepSource {
    /// Begins epoch `epoch`, from 0, at step `step`, from 0.
    fn begin(&mut self, epoch: usize, step: usize) -> Result<(), TrainError>;

    /// The rows of the next step, row-major, in place of what is in `out`.
    fn next(&mut self, out: &mut Buffer) -> Result<(), TrainError>;
}
