//! The thread that reads ahead, and the training loop's end of it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use contractive_table::TableError;

use super::file_rows::FileRows;
use super::shuffle::Shuffle;
use super::streamed_rows::{StreamedRows, is_held_out};
use crate::batch::Buffers;
use crate::preprocess::{PreprocessError, Preprocessing};
use crate::train::error::TrainError;
use crate::train::steps::StepSource;

/// Bytes of a block: small enough to wait for, large enough that handing it over costs nothing.
const BLOCK_BYTES: usize = 1 << 20;
/// Blocks that wait to be taken.
const BLOCKS: usize = 2;

/// What the reader hands over.
enum Message {
    /// Rows as the network takes them.
    Block(Vec<f32>),
    /// The epoch is over.
    End,
    /// The file cannot be read, or is no longer the same.
    Failed(TrainError),
}

/// What a stream must know of its run.
#[derive(Debug, Clone)]
pub(in crate::train) struct StreamSettings {
    /// Epochs in all.
    pub epochs: usize,
    /// Rows a step.
    pub batch_size: usize,
    /// Whether the rows left over make a short batch.
    pub keep_last_partial_batch: bool,
    /// What makes the network's rows of the file's.
    pub preprocessing: Preprocessing,
}

/// Rows of a file, by steps.
pub(in crate::train) struct Streamed<'a> {
    settings: StreamSettings,
    rows: &'a StreamedRows,
    reader: Option<Reader>,
    block: Vec<f32>,
    /// Values of the block that were used.
    used: usize,
    /// Rows of the epoch still to come.
    left: usize,
    /// Whether the epoch was read to its end.
    is_over: bool,
}

/// A running thread.
struct Reader {
    blocks: Option<Receiver<Message>>,
    /// Blocks go back to be filled again.
    empty: SyncSender<Vec<f32>>,
    thread: Option<JoinHandle<()>>,
    /// The epoch that comes next.
    next_epoch: usize,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A reader that waits to hand over a block sees that nobody takes it.
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl<'a> Streamed<'a> {
    pub(in crate::train) fn new(settings: StreamSettings, rows: &'a StreamedRows) -> Self {
        Streamed { settings, rows, reader: None, block: Vec::new(), used: 0, left: 0, is_over: false }
    }

    fn start(&mut self, epoch: usize, step: usize) -> Reader {
        let (send, blocks) = sync_channel(BLOCKS);
        let (empty, returned) = sync_channel(BLOCKS + 2);
        let skip = step * self.settings.batch_size;
        let mut worker = Worker {
            rows: self.rows.clone(),
            preprocessing: self.settings.preprocessing.clone(),
            epochs: self.settings.epochs,
            skip,
            send,
            returned,
        };
        let thread = thread::spawn(move || {
            if let Err(failure) = worker.run(epoch) {
                // What is wrong with a file that is being written to is nothing to go by.
                let failure = worker.rows.check_unchanged().err().unwrap_or(failure);
                let _ = worker.send.send(Message::Failed(failure));
            }
        });
        Reader { blocks: Some(blocks), empty, thread: Some(thread), next_epoch: epoch }
    }

    /// Waits for the next block.
    fn receive(&mut self) -> Result<Message, TrainError> {
        let message = self.reader.as_ref().and_then(|reader| reader.blocks.as_ref()?.recv().ok());
        match message {
            Some(Message::Failed(failure)) => {
                self.reader = None;
                Err(failure)
            }
            Some(message) => Ok(message),
            None => {
                self.reader = None;
                let gone = std::io::Error::other("the thread that reads it failed");
                Err(TableError::io("read", &self.rows.path, gone).into())
            }
        }
    }

    fn changed(&self) -> TrainError {
        TrainError::Changed { path: self.rows.path.clone() }
    }
}

impl StepSource for Streamed<'_> {
    fn begin(&mut self, epoch: usize, step: usize) -> Result<(), TrainError> {
        let goes_on =
            step == 0 && self.is_over && self.reader.as_ref().is_some_and(|reader| reader.next_epoch == epoch);
        if !goes_on {
            self.reader = None; // ends before another begins: two would hold two shuffle buffers
            self.reader = Some(self.start(epoch, step));
        }
        if let Some(reader) = &mut self.reader {
            reader.next_epoch = epoch + 1;
        }
        self.block.clear();
        self.used = 0;
        self.is_over = false;
        self.left = self.rows.n_training.saturating_sub(step * self.settings.batch_size);
        Ok(())
    }

    fn next(&mut self, out: &mut Buffers) -> Result<(), TrainError> {
        let out = &mut out.rows;
        let n = self.left.min(self.settings.batch_size);
        let wanted = n * self.rows.n_features;
        out.resize(wanted);
        let mut filled = 0;
        while filled < wanted {
            if self.used == self.block.len() {
                match self.receive()? {
                    Message::Block(block) => {
                        let old = std::mem::replace(&mut self.block, block);
                        if let Some(reader) = &self.reader {
                            // Refused where the thread has blocks enough, or has read its last row.
                            let _ = reader.empty.try_send(old);
                        }
                        self.used = 0;
                    }
                    _ => return Err(self.changed()),
                }
            }
            let n = (wanted - filled).min(self.block.len() - self.used);
            out[filled..filled + n].copy_from_slice(&self.block[self.used..self.used + n]);
            (filled, self.used) = (filled + n, self.used + n);
        }
        self.left -= n;
        let is_last_whole =
            self.left < self.settings.batch_size && (self.left == 0 || !self.settings.keep_last_partial_batch);
        if is_last_whole {
            self.end()?;
        }
        Ok(())
    }
}

impl Streamed<'_> {
    /// Takes what is left of the epoch, which must be the rows that make no whole batch.
    fn end(&mut self) -> Result<(), TrainError> {
        let mut over = self.block.len() - self.used;
        loop {
            match self.receive()? {
                Message::Block(block) => over += block.len(),
                _ if over == self.left * self.rows.n_features => {
                    self.is_over = true;
                    return Ok(());
                }
                _ => return Err(self.changed()),
            }
        }
    }
}

/// The thread's side.
struct Worker {
    rows: StreamedRows,
    preprocessing: Preprocessing,
    epochs: usize,
    /// Rows of the first epoch that were trained on before.
    skip: usize,
    send: SyncSender<Message>,
    returned: Receiver<Vec<f32>>,
}

impl Worker {
    /// Reads epoch after epoch, ahead of the training loop, until nobody listens.
    fn run(&mut self, first: usize) -> Result<(), TrainError> {
        let StreamedRows { seed, shuffle_rows, n_features, .. } = self.rows;
        let mut shuffle = Shuffle::new(seed, first, shuffle_rows, n_features);
        for epoch in first..self.epochs {
            shuffle.begin(seed, epoch);
            if !self.epoch(epoch, &mut shuffle)? || self.send.send(Message::End).is_err() {
                break;
            }
            self.skip = 0;
        }
        Ok(())
    }

    /// One epoch; false when nobody listens.
    fn epoch(&mut self, epoch: usize, shuffle: &mut Shuffle) -> Result<bool, TrainError> {
        let (mut reader, d) = FileRows::of_epoch(&self.rows, epoch)?;
        if d != self.rows.n_features {
            return Err(TrainError::Changed { path: self.rows.path.clone() });
        }
        let full = (BLOCK_BYTES / size_of::<f32>()).max(d);
        let (mut values, mut row) = (Vec::new(), 0_u64);
        let mut block = self.empty_block(full + d);
        let mut scaled = vec![0.0; d];
        while reader.next(&mut values, d)? {
            for one in values.chunks_exact(d) {
                if !is_held_out(self.rows.seed, reader.group(row), self.rows.validation) {
                    self.scale(one, row, &mut scaled)?;
                    shuffle.push(&scaled, &mut block);
                    if block.len() >= full && !self.hand_over(&mut block, full + d) {
                        return Ok(false);
                    }
                }
                row += 1;
            }
        }
        self.rows.check_not_rewritten()?;
        while shuffle.pop(&mut block) {
            if block.len() >= full && !self.hand_over(&mut block, full + d) {
                return Ok(false);
            }
        }
        Ok(self.hand_over(&mut block, full + d))
    }

    /// A row as the network takes it; before it is shuffled, so that the buffer holds 32-bit numbers.
    fn scale(&self, values: &[f64], row: u64, out: &mut [f32]) -> Result<(), TrainError> {
        let path = &self.rows.path;
        self.preprocessing.counts.check(&path.display().to_string(), values.len(), row as usize, values)?;
        self.preprocessing.apply_wide(values, out);
        match out.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(column) => {
                let (what, row, value) = (self.rows.path.display().to_string(), row as usize, values[column]);
                Err(PreprocessError::TooLarge { what, row, column, value }.into())
            }
        }
    }

    fn empty_block(&self, capacity: usize) -> Vec<f32> {
        let mut block = self.returned.try_recv().unwrap_or_default();
        block.clear();
        block.reserve(capacity);
        block
    }

    /// Sends the rows of `block` not trained on before; false when nobody listens.
    fn hand_over(&mut self, block: &mut Vec<f32>, capacity: usize) -> bool {
        let d = self.rows.n_features;
        let skipped = self.skip.min(block.len() / d);
        self.skip -= skipped;
        if skipped > 0 {
            block.drain(..skipped * d);
        }
        if block.is_empty() {
            return true;
        }
        let next = self.empty_block(capacity);
        self.send.send(Message::Block(std::mem::replace(block, next))).is_ok()
    }
}
