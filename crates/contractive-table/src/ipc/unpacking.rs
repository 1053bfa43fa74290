//! Batches packed with ZSTD as ones that are not packed: `arrow-ipc` has only C for them.
//!
//! A message is its description, a flatbuffer that says where in the body each buffer of its columns lies, and the body. Here
//! the buffers that are wanted are unpacked into a new body, and a new description says where they lie there.

use std::ops::Range;

use arrow_buffer::Buffer;
use arrow_ipc::{DictionaryBatch, DictionaryBatchArgs, FieldNode, Message, MessageArgs, RecordBatch, RecordBatchArgs};
use flatbuffers::FlatBufferBuilder;

use crate::zstandard;

/// Where buffers begin: at multiples of what the widest number needs.
const ALIGNMENT: usize = 64;

/// A buffer as it lies in the packed body, and where it lies once it is unpacked.
struct Part<'a> {
    packed: &'a [u8],
    is_packed: bool,
    start: usize,
    length: usize,
}

/// The message whose description is `message` and whose body is `packed`, unpacked, and the place where its body begins. Of
/// its buffers the ones in `wanted` are unpacked, the others are empty. Takes memory for what they claim: that is checked before.
pub(super) fn unpacked(
    message: &Message<'_>,
    batch: &RecordBatch<'_>,
    packed: &[u8],
    wanted: &Range<usize>,
) -> Result<(Buffer, usize), String> {
    let parts = parts(batch, packed, wanted).ok_or("a buffer of a batch lies beyond its end, or has no length")?;
    let size = parts.last().map_or(0, |part| (part.start + part.length).next_multiple_of(ALIGNMENT));
    let mut bytes = head(&described(message, batch, &parts, size));
    let head = bytes.len();
    bytes.reserve_exact(size + 1);
    for Part { packed, is_packed, start, length } in &parts {
        bytes.resize(head + start, 0);
        match is_packed {
            true if *length > 0 => zstandard::unpack(packed, *length, &mut bytes)
                .map_err(|e| format!("a buffer of a batch cannot be unpacked: {e}"))?,
            true => {}
            false => bytes.extend_from_slice(packed),
        }
        let got = bytes.len() - head - start;
        if got != *length {
            return Err(format!("a buffer of a batch unpacks to {got} bytes, but claims {length}"));
        }
    }
    bytes.resize(head + size, 0);
    Ok((Buffer::from_vec(bytes), head))
}

/// The buffers of a batch; `None` where one is not within its body.
fn parts<'a>(batch: &RecordBatch<'_>, packed: &'a [u8], wanted: &Range<usize>) -> Option<Vec<Part<'a>>> {
    let mut end = 0_usize;
    let mut part = |(i, buffer): (usize, &arrow_ipc::Buffer)| {
        let at = usize::try_from(buffer.offset()).ok()?;
        let length = if wanted.contains(&i) { usize::try_from(buffer.length()).ok()? } else { 0 };
        let packed = packed.get(at..at.checked_add(length)?)?;
        let (claimed, packed) = match packed {
            [] => (0, packed),
            _ => packed.split_first_chunk().map(|(claimed, rest)| (i64::from_le_bytes(*claimed), rest))?,
        };
        let start = end.checked_next_multiple_of(ALIGNMENT)?;
        // -1: not packed.
        let length = if claimed == -1 { packed.len() } else { usize::try_from(claimed).ok()? };
        end = start.checked_add(length)?;
        Some(Part { packed, is_packed: claimed != -1, start, length })
    };
    batch.buffers().iter().flatten().enumerate().map(&mut part).collect()
}

/// The mark of a message, the length of its description and the description, padded for the body that follows.
fn head(description: &[u8]) -> Vec<u8> {
    let length = (8 + description.len()).next_multiple_of(ALIGNMENT) - 8;
    let mut bytes = [[0xff; 4], (length as u32).to_le_bytes()].concat();
    bytes.extend_from_slice(description);
    bytes.resize(8 + length, 0);
    bytes
}

/// The description of a batch whose buffers lie where `parts` says, in a body of `size` bytes.
fn described(message: &Message<'_>, batch: &RecordBatch<'_>, parts: &[Part<'_>], size: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes: Vec<FieldNode> = batch.nodes().iter().flatten().copied().collect();
    let buffers: Vec<arrow_ipc::Buffer> =
        parts.iter().map(|part| arrow_ipc::Buffer::new(part.start as i64, part.length as i64)).collect();
    let views: Option<Vec<i64>> = batch.variadicBufferCounts().map(|counts| counts.iter().collect());
    let args = RecordBatchArgs {
        length: batch.length(),
        nodes: Some(builder.create_vector(&nodes)),
        buffers: Some(builder.create_vector(&buffers)),
        compression: None,
        variadicBufferCounts: views.map(|counts| builder.create_vector(&counts)),
    };
    let data = RecordBatch::create(&mut builder, &args);
    let header = match message.header_as_dictionary_batch() {
        Some(dictionary) => {
            let args = DictionaryBatchArgs { id: dictionary.id(), data: Some(data), isDelta: dictionary.isDelta() };
            DictionaryBatch::create(&mut builder, &args).as_union_value()
        }
        None => data.as_union_value(),
    };
    let args = MessageArgs {
        version: message.version(),
        header_type: message.header_type(),
        header: Some(header),
        bodyLength: size as i64,
        custom_metadata: None,
    };
    let root = Message::create(&mut builder, &args);
    builder.finish(root, None);
    builder.finished_data().to_vec()
}
