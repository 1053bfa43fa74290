//! Rows in memory, by steps.

use contractive_core::buffer::Buffer;
use contractive_core::random::{Purpose, Stream};

use super::error::TrainError;
use super::prepared::Prepared;
use super::steps::StepSource;

/// Rows in memory, in a new order each epoch.
pub(super) struct InMemory<'a> {
    prepared: &'a Prepared,
    order: Vec<u32>,
    at: usize,
}

impl<'a> InMemory<'a> {
    pub(super) fn new(prepared: &'a Prepared) -> Self {
        InMemory { prepared, order: Vec::new(), at: 0 }
    }
}

impl StepSource for InMemory<'_> {
    fn begin(&mut self, epoch: usize, step: usize) -> Result<(), TrainError> {
        let t = &self.prepared.config.training;
        self.order.clone_from(&self.prepared.train_rows);
        if t.shuffle {
            Stream::new(t.seed, Purpose::Order, epoch as u64, 0).shuffle(&mut self.order);
        }
        self.at = step * t.batch_size;
        Ok(())
    }

    fn next(&mut self, out: &mut Buffer) -> Result<(), TrainError> {
        let end = self.order.len().min(self.at + self.prepared.config.training.batch_size);
        self.prepared.reader().gather_batch(&self.order[self.at..end], out);
        self.at = end;
        Ok(())
    }
}
