//! Rows in memory, by steps.

use contractive_core::random::{Purpose, Stream};

use super::error::TrainError;
use super::prepared::Prepared;
use super::row_order::RowOrder;
use super::steps::StepSource;
use crate::batch::Buffers;

/// Rows in memory, in a new order each epoch.
pub(super) struct InMemory<'a> {
    prepared: &'a Prepared,
    order: RowOrder,
}

impl<'a> InMemory<'a> {
    pub(super) fn new(prepared: &'a Prepared) -> Self {
        InMemory { prepared, order: RowOrder::default() }
    }
}

impl StepSource for InMemory<'_> {
    fn begin(&mut self, epoch: usize, step: usize) -> Result<(), TrainError> {
        let t = &self.prepared.config.training;
        let stream = t.shuffle.then(|| Stream::new(t.seed, Purpose::Order, epoch as u64, 0));
        self.order.begin(self.prepared.measured_training().rows, stream);
        self.order.skip(step * t.batch_size);
        Ok(())
    }

    fn next(&mut self, out: &mut Buffers) -> Result<(), TrainError> {
        let of = self.prepared.measured_training();
        out.gather(of.reader, self.order.next_batch(self.prepared.config.training.batch_size), of.here);
        Ok(())
    }
}
