//! Some columns of a batch as a batch of their own, which is not packed.
//!
//! A message is its description, a flatbuffer that says where in the body each buffer of its columns lies, and the body. What
//! `arrow-ipc` decodes is a description of the columns that are read, and nothing else of the message. Packed buffers are unpacked
//! before: it has only C for ZSTD, and takes the word of others for their size.

use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType, DictionaryBatch, DictionaryBatchArgs, FieldNode, Message, MessageArgs, RecordBatch,
    RecordBatchArgs,
};
use flatbuffers::FlatBufferBuilder;

use super::layout::Parts;
use super::lz4;
use crate::zstandard;

/// Where buffers begin: at multiples of what the widest number needs.
const ALIGNMENT: usize = 64;

/// Nodes, buffers and counts of views of the columns that are wanted.
#[derive(Default)]
struct Wanted {
    nodes: Vec<FieldNode>,
    buffers: Vec<arrow_ipc::Buffer>,
    views: Vec<i64>,
}

/// A description of the columns `wanted` of a batch, in that order, and the body in which their buffers lie. Takes memory for
/// what packed buffers claim: that is checked before.
pub(super) fn unpacked<'a>(
    message: &Message<'_>,
    batch: &RecordBatch<'_>,
    body: &Buffer,
    wanted: impl IntoIterator<Item = &'a Parts>,
) -> Result<(Vec<u8>, Buffer), String> {
    let mut wanted = Wanted::of(batch, wanted).ok_or("a batch has fewer parts than its schema says")?;
    let body = match batch.compression() {
        Some(compression) => wanted.unpack(body, compression.codec())?,
        None => body.clone(),
    };
    let is_within = |buffer: &arrow_ipc::Buffer| within(buffer, &body).is_some();
    match wanted.buffers.iter().all(is_within) {
        true => Ok((wanted.described(message, batch, body.len()), body)),
        false => Err("a buffer of a batch lies beyond its end".into()),
    }
}

/// A buffer's bytes.
fn within<'a>(buffer: &arrow_ipc::Buffer, body: &'a [u8]) -> Option<&'a [u8]> {
    let (at, length) = (usize::try_from(buffer.offset()).ok()?, usize::try_from(buffer.length()).ok()?);
    body.get(at..at.checked_add(length)?)
}

impl Wanted {
    /// `None` where the batch does not have them all.
    fn of<'a>(batch: &RecordBatch<'_>, parts: impl IntoIterator<Item = &'a Parts>) -> Option<Self> {
        let (nodes, buffers, views) = (batch.nodes()?, batch.buffers()?, batch.variadicBufferCounts());
        let n_views = views.map_or(0, |views| views.len());
        let mut wanted = Wanted::default();
        for Parts { nodes: n, buffers: b, views: v } in parts {
            if n.end > nodes.len() || b.end > buffers.len() || v.end > n_views {
                return None;
            }
            wanted.nodes.extend(n.clone().map(|i| *nodes.get(i)));
            wanted.buffers.extend(b.clone().map(|i| *buffers.get(i)));
            wanted.views.extend(views.iter().flat_map(|views| v.clone().map(|i| views.get(i))));
        }
        Some(wanted)
    }

    /// Unpacks the buffers, which from then on lie in the body that is given back.
    fn unpack(&mut self, packed: &[u8], codec: CompressionType) -> Result<Buffer, String> {
        let claims: Option<Vec<(usize, &[u8], bool)>> = self.buffers.iter().map(|one| claimed(one, packed)).collect();
        let claims = claims.ok_or("a buffer of a batch lies beyond its end, or has no length")?;
        let mut sizes = claims.iter().map(|(n, ..)| n.checked_next_multiple_of(ALIGNMENT));
        let size = sizes.try_fold(0_usize, |sum, n| sum.checked_add(n?)).ok_or("a batch claims more than there is")?;
        let mut bytes = Vec::with_capacity(size + 1);
        for (buffer, (n, part, is_packed)) in self.buffers.iter_mut().zip(claims) {
            let start = bytes.len().next_multiple_of(ALIGNMENT);
            bytes.resize(start, 0);
            match codec {
                _ if !is_packed => bytes.extend_from_slice(part),
                CompressionType::ZSTD => zstandard::unpack(part, n, &mut bytes).map_err(cannot)?,
                _ => lz4::unpack(part, n, &mut bytes).map_err(cannot)?,
            }
            let got = bytes.len() - start;
            if got != n {
                return Err(format!("a buffer of a batch unpacks to {got} bytes, but claims {n}"));
            }
            *buffer = arrow_ipc::Buffer::new(start as i64, n as i64);
        }
        Ok(Buffer::from_vec(bytes))
    }

    /// The message of these columns, with a body of `size` bytes.
    fn described(&self, message: &Message<'_>, batch: &RecordBatch<'_>, size: usize) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let args = RecordBatchArgs {
            length: batch.length(),
            nodes: Some(builder.create_vector(&self.nodes)),
            buffers: Some(builder.create_vector(&self.buffers)),
            compression: None,
            variadicBufferCounts: Some(builder.create_vector(&self.views)),
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
}

fn cannot(reason: String) -> String {
    format!("a buffer of a batch cannot be unpacked: {reason}")
}

/// The bytes that a packed buffer claims to become, its frame, and whether that is one.
fn claimed<'a>(buffer: &arrow_ipc::Buffer, body: &'a [u8]) -> Option<(usize, &'a [u8], bool)> {
    let bytes = within(buffer, body)?;
    if bytes.is_empty() {
        return Some((0, bytes, false));
    }
    let (claimed, frame) = bytes.split_first_chunk()?;
    match i64::from_le_bytes(*claimed) {
        -1 => Some((frame.len(), frame, false)),
        0 => Some((0, &[], false)),
        n => Some((usize::try_from(n).ok()?, frame, true)),
    }
}
