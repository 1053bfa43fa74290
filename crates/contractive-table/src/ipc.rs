//! Arrow's files and streams as frames, a message at a time.
//!
//! A file is a stream between two magic words, with a table of contents at its end that only random access needs: both
//! are read as streams. Messages are read here, and what they claim is checked, before the decoder of `arrow-ipc` takes
//! memory for it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{CompressionType, Message, MessageHeader, root_as_message};

use crate::arrow_values;
use crate::contained::contained;
use crate::error::TableError;
use crate::frame::{Field, Frame};
use crate::frame_source::{Choice, FrameSource, Selection};
use crate::limits::{check_columns, chunk_rows as rows_a_frame, most_unpacked};
use crate::source::open_file;

const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
const MAGIC: &[u8; 6] = b"ARROW1";
/// A message's description of itself is at most this long: it grows with the columns.
const MOST_METADATA: u32 = 64 << 20;

/// An open Arrow file or stream.
pub(super) struct IpcSource {
    messages: Messages,
    decoder: StreamDecoder,
    /// What of the message under way the decoder has not taken yet.
    input: Buffer,
    fields: Vec<Field>,
    left_out: Vec<String>,
    notes: Vec<String>,
    said: Vec<(String, String)>,
    /// The batch under way, and how many of its rows were given.
    batch: Option<(RecordBatch, usize)>,
    chunk_rows: usize,
    done: u64,
    is_over: bool,
}

impl IpcSource {
    /// Opens a file and decides on its columns.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let mut messages = Messages::open(path)?;
        contained(path, || {
            let damaged = |reason: &str| TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() };
            let first = messages.next()?.ok_or_else(|| damaged("it holds no schema"))?;
            let description = root_as_message(&first[8..]).map_err(|e| damaged(&e.to_string()))?;
            let schema = description.header_as_schema().ok_or_else(|| damaged("it does not begin with a schema"))?;
            let schema = try_fb_to_schema(schema).map_err(|e| damaged(&e.to_string()))?;
            check_columns(path, schema.fields().len() as u64, messages.size)?;
            let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            let Choice { places, left_out, note } =
                selection.choose(path, &names, &arrow_values::index_columns(&schema))?;
            let fields = arrow_values::fields(path, &schema, &places, selection)?;
            Ok(IpcSource {
                messages,
                decoder: StreamDecoder::new(),
                input: first,
                fields,
                left_out,
                notes: note.into_iter().collect(),
                said: schema.metadata().iter().map(|(key, text)| (key.clone(), text.clone())).collect(),
                batch: None,
                chunk_rows: rows_a_frame(chunk_rows, places.len()),
                done: 0,
                is_over: false,
            })
        })
    }

    /// The next batch with rows.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        loop {
            if self.input.is_empty() {
                self.input = match self.messages.next()? {
                    Some(message) => message,
                    // A message without a body is decoded when the next one comes.
                    None if !std::mem::replace(&mut self.is_over, true) => Buffer::from(END_OF_STREAM),
                    None => return Ok(None),
                };
            }
            let batch = self.decoder.decode(&mut self.input).map_err(|e| self.messages.damaged(e.to_string()))?;
            if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
                return Ok(Some(batch));
            }
        }
    }
}

impl FrameSource for IpcSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn metadata(&self) -> &[(String, String)] {
        &self.said
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let path = self.messages.path.clone();
        contained(&path, || {
            let (batch, given) = match self.batch.take() {
                Some(under_way) => under_way,
                None => match self.next_batch()? {
                    Some(batch) => (batch, 0),
                    None => return Ok(None),
                },
            };
            let n = self.chunk_rows.min(batch.num_rows() - given);
            let rows = batch.slice(given, n);
            let frame = arrow_values::frame(&path, &rows, &self.fields, self.done, most_unpacked(self.messages.size))?;
            self.done += n as u64;
            if given + n < batch.num_rows() {
                self.batch = Some((batch, given + n));
            }
            Ok(Some(frame))
        })
    }
}

/// The messages of a stream, whole.
struct Messages {
    path: PathBuf,
    input: BufReader<File>,
    size: u64,
    /// Bytes not read yet.
    left: u64,
    is_file: bool,
    is_over: bool,
}

impl Messages {
    fn open(path: &Path) -> Result<Self, TableError> {
        let io = |e| TableError::io("open", path, e);
        let mut file = open_file(path)?;
        let size = file.metadata().map_err(io)?.len();
        let mut start = [0; 6];
        let got = crate::source::read_up_to(&mut file, &mut start).map_err(io)?;
        let corrupt = |reason: &str| Err(TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() });
        if start.starts_with(b"FEA1") {
            return corrupt("it is a Feather file of version 1, which is not read; write it with version 2");
        }
        let is_file = got == 6 && start == *MAGIC;
        let mut begin = 0;
        if is_file {
            let mut end = [0; 6];
            if size < 20 {
                return corrupt("it ends within its header");
            }
            file.seek(SeekFrom::End(-6)).and_then(|_| file.read_exact(&mut end)).map_err(io)?;
            if end != *MAGIC {
                return corrupt("it is truncated: it does not end as it begins, with ARROW1");
            }
            begin = 8;
        } else if start.get(..4) != Some(&[0xff; 4]) {
            let got = start[..got].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
            return Err(TableError::Magic {
                path: path.to_path_buf(),
                expected: "ARROW1 (a file) or ff ff ff ff (a stream)".into(),
                got,
            });
        }
        file.seek(SeekFrom::Start(begin)).map_err(io)?;
        let input = BufReader::with_capacity(1 << 16, file);
        Ok(Messages { path: path.to_path_buf(), input, size, left: size - begin, is_file, is_over: false })
    }

    fn damaged(&self, reason: String) -> TableError {
        TableError::Corrupt { path: self.path.clone(), reason }
    }

    /// `n` bytes, which must be there, after `bytes`.
    fn read(&mut self, n: u64, bytes: &mut Vec<u8>) -> Result<(), TableError> {
        if n > self.left {
            return Err(self.damaged(format!("it is truncated: {n} bytes are promised where {} are left", self.left)));
        }
        let start = bytes.len();
        bytes.resize(start + n as usize, 0);
        self.input.read_exact(&mut bytes[start..]).map_err(|e| TableError::reading(&self.path, e))?;
        self.left -= n;
        Ok(())
    }

    /// The next message with its head, as the decoder wants it; `None` at the end.
    fn next(&mut self) -> Result<Option<Buffer>, TableError> {
        if self.is_over || (self.left == 0 && !self.is_file) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.read(8, &mut bytes)?;
        // Files are padded after the magic word: to 8 bytes as the format says, by some to 64.
        while self.is_file && bytes == [0; 8] && self.size - self.left <= 64 {
            bytes.clear();
            self.read(8, &mut bytes)?;
        }
        if bytes[..4] != [0xff; 4] {
            return Err(self.damaged("a message does not begin with ff ff ff ff".into()));
        }
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if length == 0 {
            self.is_over = true;
            return Ok(None);
        }
        if length > MOST_METADATA {
            return Err(self.damaged(format!("a message claims {length} bytes of description")));
        }
        self.read(u64::from(length), &mut bytes)?;
        let message = root_as_message(&bytes[8..]).map_err(|e| self.damaged(e.to_string()))?;
        let body =
            u64::try_from(message.bodyLength()).map_err(|_| self.damaged("a message of negative length".into()))?;
        let head = bytes.len();
        // The description is needed beside the body: a copy, small beside it.
        let description = bytes[8..].to_vec();
        self.read(body, &mut bytes)?;
        let message = root_as_message(&description).map_err(|e| self.damaged(e.to_string()))?;
        check_claims(&message, &bytes[head..]).map_err(|e| match e {
            Claim::Codec(codec) => TableError::Codec { path: self.path.clone(), codec, read: "LZ4 or none" },
            Claim::Size(reason) => self.damaged(reason),
        })?;
        Ok(Some(Buffer::from_vec(bytes)))
    }
}

enum Claim {
    Codec(&'static str),
    Size(String),
}

/// Refuses what would make the decoder take more memory than the message's own size justifies.
fn check_claims(message: &Message<'_>, body: &[u8]) -> Result<(), Claim> {
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
        _ => return Ok(()),
    };
    let Some(batch) = batch else { return Err(Claim::Size("a batch without contents".into())) };
    let most = most_unpacked(body.len() as u64);
    // A row takes a bit at the least.
    if u64::try_from(batch.length()).is_ok_and(|rows| rows > most.saturating_mul(8)) {
        return Err(Claim::Size(format!("a batch of {} bytes claims {} rows", body.len(), batch.length())));
    }
    let Some(compression) = batch.compression() else { return Ok(()) };
    if compression.codec() != CompressionType::LZ4_FRAME {
        return Err(Claim::Codec(if compression.codec() == CompressionType::ZSTD { "ZSTD" } else { "an unknown one" }));
    }
    let mut sum = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let claimed = start.and_then(|start| body.get(start..)).and_then(|bytes| bytes.first_chunk::<8>());
        let claimed = claimed.map_or(0, |bytes| i64::from_le_bytes(*bytes)); // -1: not compressed
        sum = sum.saturating_add(u64::try_from(claimed).unwrap_or(0));
    }
    if sum > most {
        return Err(Claim::Size(format!("a batch of {} bytes claims {sum} when unpacked", body.len())));
    }
    Ok(())
}
