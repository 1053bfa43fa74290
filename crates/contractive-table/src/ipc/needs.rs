//! What reading an Arrow file takes, by the heads of all messages.

use std::collections::HashMap;

use arrow_ipc::root_as_message;

use super::decoding::{CHECKED_BYTES, Decoder, has_wide_numbers};
use super::messages::{Messages, batch_of};
use crate::error::TableError;
use crate::limits::most_held;

/// Bytes of a buffer in memory beside its contents, as part of an array.
const BUFFER_BYTES: u64 = 128;
/// Bytes of an entry of a dictionary of numbers, as a cell of a frame.
const ENTRY_BYTES: u64 = 16;

/// What reading takes beside frames, at most.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// All columns at a time.
    together: u64,
    /// One column of a batch, and which one it is; `None` where it is a dictionary.
    alone: (u64, Option<usize>),
}

impl Needs {
    /// Of all messages that are left.
    pub fn of(messages: &mut Messages, decoder: &Decoder) -> Result<Self, TableError> {
        let (mut needs, mut dictionaries, mut of_dictionaries) = (Needs::default(), HashMap::new(), 0_u64);
        let copies = has_wide_numbers(decoder.wanted());
        while let Some((head, body)) = messages.head()? {
            let message = root_as_message(&head[8..]).map_err(|e| messages.damaged(e.to_string()))?;
            let claims = messages.claims(&message, body)?;
            let Some(batch) = batch_of(&message) else { continue };
            // Of a body that is not packed, arrays are parts; what does not lie at multiples of 8 bytes, or must lie at those of 16,
            // is copied, and so is what is not packed in a body of packed buffers.
            let is_packed = batch.compression().is_some();
            let is_copied = is_packed || copies || claims.is_askew || head.len() % 8 != 0;
            let plain = if is_copied && (!is_packed || claims.has_plain) { body } else { 0 };
            let described = 2 * head.len() as u64 + BUFFER_BYTES * claims.buffers.len() as u64;
            let shared = sum([body, plain, described, claims.workspace, of_dictionaries]);
            if let Some(dictionary) = message.header_as_dictionary_batch() {
                let unpacked = if decoder.needs(&dictionary) { claims.unpacked() } else { 0 };
                let entries = ENTRY_BYTES.saturating_mul(u64::try_from(batch.length()).unwrap_or(0));
                let own = sum([unpacked, plain, if is_packed { 0 } else { body }, entries]);
                let held: &mut u64 = dictionaries.entry(dictionary.id()).or_default();
                let before = std::mem::replace(held, if dictionary.isDelta() { held.saturating_add(own) } else { own });
                of_dictionaries = of_dictionaries.saturating_sub(before).saturating_add(*held);
                // The one before, this one, and for a moment both of them as one.
                let joined = if dictionary.isDelta() { before.saturating_add(own) } else { 0 };
                needs.take(sum([shared, own, joined]), (sum([shared, own, joined]), None));
                continue;
            }
            let parts = decoder.parts(&batch, message.version());
            let unpacked = sum(parts.iter().map(|part| claims.column(part)));
            let bytes = parts.iter().map(|part| claims.column(part)).enumerate();
            let (column, largest) = bytes.max_by_key(|(_, bytes)| *bytes).unwrap_or_default();
            let alone = shared.saturating_add(largest.max(CHECKED_BYTES).min(unpacked));
            needs.take(shared.saturating_add(unpacked), (alone, Some(column)));
        }
        Ok(needs)
    }

    fn take(&mut self, together: u64, alone: (u64, Option<usize>)) {
        self.together = self.together.max(together);
        if alone.0 > self.alone.0 {
            self.alone = alone;
        }
    }

    /// Bytes that reading and checking take together.
    pub fn held(&self) -> u64 {
        self.together.saturating_add(self.alone.0)
    }

    /// Refuses what cannot be checked in the memory that a file of `size` bytes accounts for.
    pub fn check(&self, messages: &Messages, decoder: &Decoder) -> Result<(), TableError> {
        let most = most_held(messages.size);
        if self.alone.0 <= most {
            return Ok(());
        }
        let what = match self.alone.1 {
            Some(column) => format!("column `{}` of one of its batches", decoder.wanted().field(column).name()),
            None => "one of its dictionaries".to_owned(),
        };
        Err(messages.damaged(format!(
            "{what} takes {} bytes to read, and a file of its size at most {most}: write it with smaller batches, or without \
             compression",
            self.alone.0
        )))
    }
}

fn sum(bytes: impl IntoIterator<Item = u64>) -> u64 {
    bytes.into_iter().fold(0, u64::saturating_add)
}
