//! What reading an Arrow file takes, by the heads of all messages, and whether the file is sound, in the memory of a body and
//! one of its columns.

use std::collections::HashMap;
use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary};
use arrow_ipc::{Message, MessageHeader, MetadataVersion, RecordBatch, root_as_message};
use arrow_schema::{DataType, Field, Schema, SchemaRef, UnionMode};

use super::messages::{Claims, Messages, batch_of, is_zstandard};
use crate::error::TableError;
use crate::limits::most_held;

/// Columns are checked together where they are small: so many bytes of them.
const CHECKED_BYTES: u64 = 4 << 20;
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
    pub fn of(messages: &mut Messages, schema: &Schema) -> Result<Self, TableError> {
        let (mut needs, mut dictionaries, mut of_dictionaries) = (Needs::default(), HashMap::new(), 0_u64);
        let copies = schema.fields().iter().any(|field| field.data_type().primitive_width().is_some_and(|n| n > 8));
        while let Some((head, body)) = messages.head()? {
            let message = root_as_message(&head[8..]).map_err(|e| messages.damaged(e.to_string()))?;
            let batch = batch_of(&message);
            let claims = messages.claims(batch.as_ref(), body)?;
            let Some(batch) = batch else { continue };
            let unpacked = claims.unpacked();
            // Of a body that is not packed, arrays are parts; what is unpacked before it is decoded, does not lie at multiples of 8 bytes, or must lie at those of 16, is copied.
            let is_copied = is_zstandard(&batch) || copies || claims.is_askew || head.len() % 8 != 0;
            let plain = if is_copied && claims.has_plain { body } else { 0 };
            let described = 2 * head.len() as u64 + BUFFER_BYTES * claims.buffers.len() as u64;
            let shared = body + plain + described + claims.workspace + of_dictionaries;
            if let Some(dictionary) = message.header_as_dictionary_batch() {
                let entries = ENTRY_BYTES.saturating_mul(u64::try_from(batch.length()).unwrap_or(0));
                let own = sum([unpacked, plain, if claims.has_plain { body } else { 0 }, entries]);
                let held: &mut u64 = dictionaries.entry(dictionary.id()).or_default();
                let before = std::mem::replace(held, if dictionary.isDelta() { held.saturating_add(own) } else { own });
                of_dictionaries = of_dictionaries.saturating_sub(before).saturating_add(*held);
                // The one before, this one, and for a moment both of them as one.
                let joined = if dictionary.isDelta() { before.saturating_add(own) } else { 0 };
                needs.take(sum([shared, own, joined]), (sum([shared, own, joined]), None));
                continue;
            }
            let columns = columns(&batch, message.version(), &claims, schema);
            let bytes = columns.map(|(_, bytes)| bytes).enumerate();
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
    pub fn check(&self, messages: &Messages, schema: &Schema) -> Result<(), TableError> {
        let most = most_held(messages.size);
        if self.alone.0 <= most {
            return Ok(());
        }
        let what = match self.alone.1 {
            Some(column) => format!("column `{}` of one of its batches", schema.field(column).name()),
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

/// Decodes all batches, some columns at a time, and keeps none; the rows of all, or of those up to the first beyond `most`.
pub(super) fn check(messages: &mut Messages, schema: &SchemaRef, most: u64) -> Result<u64, TableError> {
    let (mut dictionaries, mut rows) = (HashMap::new(), 0_u64);
    while rows <= most {
        let Some((bytes, head)) = messages.next()? else { break };
        let message = root_as_message(&bytes[8..head]).map_err(|e| messages.damaged(e.to_string()))?;
        let body = bytes.slice(head);
        match message.header_type() {
            MessageHeader::NONE => {}
            MessageHeader::DictionaryBatch => {
                check_dictionary(messages, &body, &message, schema, &mut dictionaries)?;
            }
            MessageHeader::RecordBatch => {
                let Some(batch) = message.header_as_record_batch() else { continue };
                check_batch(messages, &body, (&message, batch), schema, &dictionaries)?;
                rows = rows.saturating_add(u64::try_from(batch.length()).unwrap_or(0));
            }
            other => return Err(messages.damaged(format!("a message of the kind {other:?} among its batches"))),
        }
    }
    Ok(rows)
}

fn check_dictionary(
    messages: &Messages,
    body: &Buffer,
    message: &Message<'_>,
    schema: &SchemaRef,
    dictionaries: &mut HashMap<i64, ArrayRef>,
) -> Result<(), TableError> {
    let mut read = |body: &Buffer, message: &Message<'_>| match message.header_as_dictionary_batch() {
        Some(dictionary) => read_dictionary(body, dictionary, schema, dictionaries, &message.version()),
        None => Ok(()),
    };
    let damaged = |reason: String| messages.damaged(reason);
    let Some(batch) = batch_of(message).filter(is_zstandard) else {
        return read(body, message).map_err(|e| damaged(e.to_string()));
    };
    let (bytes, head) = messages.unpacked(message, &batch, body, &(0..usize::MAX))?;
    let message = root_as_message(&bytes[8..head]).map_err(|e| damaged(e.to_string()))?;
    read(&bytes.slice(head), &message).map_err(|e| damaged(e.to_string()))
}

fn check_batch(
    messages: &Messages,
    body: &Buffer,
    (message, batch): (&Message<'_>, RecordBatch<'_>),
    schema: &SchemaRef,
    dictionaries: &HashMap<i64, ArrayRef>,
) -> Result<(), TableError> {
    let claims = Claims::in_body(&batch, body);
    let version = message.version();
    let decode = |body: &Buffer, batch: RecordBatch<'_>, columns: &[usize]| {
        RecordBatchDecoder::try_new(body, batch, schema.clone(), dictionaries, &version)
            // Of all columns a projection would cost the square of their number.
            .and_then(|decoder| match columns.len() == schema.fields().len() {
                true => decoder.read_record_batch(),
                false => decoder.with_projection(Some(columns)).read_record_batch(),
            })
            .map(drop)
            .map_err(|e| messages.damaged(e.to_string()))
    };
    let decode = |columns: &[usize], buffers: &Range<usize>| {
        if !is_zstandard(&batch) {
            return decode(body, batch, columns);
        }
        let (bytes, head) = messages.unpacked(message, &batch, body, buffers)?;
        let message = root_as_message(&bytes[8..head]).map_err(|e| messages.damaged(e.to_string()))?;
        batch_of(&message).map_or(Ok(()), |batch| decode(&bytes.slice(head), batch, columns))
    };
    let (mut group, mut bytes, mut buffers) = (Vec::new(), 0_u64, 0..0);
    for (column, (n, more)) in columns(&batch, version, &claims, schema).enumerate() {
        if bytes.saturating_add(more) > CHECKED_BYTES && !group.is_empty() {
            decode(&group, &buffers)?;
            (group, bytes, buffers) = (Vec::new(), 0, buffers.end..buffers.end);
        }
        group.push(column);
        bytes = bytes.saturating_add(more);
        buffers.end = buffers.end.saturating_add(n);
    }
    decode(&group, &buffers)
}

/// How many buffers each column of a batch has, and what they unpack to.
fn columns<'a>(
    batch: &RecordBatch<'a>,
    version: MetadataVersion,
    claims: &'a Claims,
    schema: &'a Schema,
) -> impl Iterator<Item = (usize, u64)> + 'a {
    let mut views = batch.variadicBufferCounts().into_iter().flatten();
    let mut buffers = claims.buffers.iter();
    schema.fields().iter().map(move |field| {
        let n = n_buffers(field, version, &mut views);
        (n, sum(buffers.by_ref().take(n).copied()))
    })
}

/// Buffers of a column, as the format lays them down; `views` tells those that views point to.
fn n_buffers(field: &Field, version: MetadataVersion, views: &mut impl Iterator<Item = i64>) -> usize {
    let mut of = |field: &Field| n_buffers(field, version, views);
    match field.data_type() {
        DataType::Null => 0,
        DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => 3,
        DataType::Utf8View | DataType::BinaryView => {
            2_usize.saturating_add(views.next().and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
        }
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => 2 + of(field),
        DataType::ListView(field) | DataType::LargeListView(field) => 3 + of(field),
        DataType::FixedSizeList(field, _) => 1 + of(field),
        DataType::Struct(fields) => 1 + fields.iter().map(|field| of(field)).sum::<usize>(),
        DataType::RunEndEncoded(ends, values) => of(ends) + of(values),
        DataType::Union(fields, mode) => {
            let own = 1 + usize::from(version < MetadataVersion::V5) + usize::from(*mode == UnionMode::Dense);
            own + fields.iter().map(|(_, field)| of(field)).sum::<usize>()
        }
        _ => 2,
    }
}
