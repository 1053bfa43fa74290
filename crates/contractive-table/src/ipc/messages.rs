//! The messages of an Arrow file or stream: read whole, their claims checked before memory is taken for them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, Message, MessageHeader, RecordBatch, root_as_footer, root_as_message};

use super::layout::Parts;
use crate::error::TableError;
use crate::limits::most_unpacked;
use crate::source::open_file;
use crate::zstandard;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Where the first message of a file begins.
const FIRST: u64 = 8;
/// Bytes behind a file's table of contents: its length and the magic word.
const LAST: u64 = 10;
/// A message's description of itself is at most this long: it grows with the columns.
const MOST_METADATA: u32 = 64 << 20;
/// The size of a packed buffer once it is unpacked, and how its frame begins.
const BUFFER_START: usize = 16;

/// The messages of a stream, whole.
pub(super) struct Messages {
    pub path: PathBuf,
    input: BufReader<File>,
    pub size: u64,
    /// Bytes not read yet.
    left: u64,
    is_file: bool,
    is_over: bool,
    /// Bytes of the schema's description, where it has no head.
    bare: Option<u32>,
    /// Where the messages after the schema begin, where they are not read one after the other.
    order: Option<std::vec::IntoIter<u64>>,
    /// Batches of rows that the table of contents lists, where there is one, and those that were met.
    listed: Option<u64>,
    batches: u64,
    /// Rows of the batches that were met, and bytes of all messages.
    pub rows: u64,
    taken: u64,
}

impl Messages {
    pub fn open(path: &Path) -> Result<Self, TableError> {
        Self::of(path, open_file(path)?)
    }

    /// From the first message on, through a handle of their own. [`Messages::go_back`] is needed afterwards: the place in the
    /// file is one.
    pub fn again(&self) -> Result<Self, TableError> {
        let file = self.input.get_ref().try_clone().map_err(|e| TableError::reading(&self.path, e))?;
        Self::of(&self.path, file)
    }

    /// Goes to where it was before others read from the file.
    pub fn go_back(&mut self) -> Result<(), TableError> {
        let place = SeekFrom::Start(self.size - self.left);
        self.input.seek(place).map(drop).map_err(|e| TableError::reading(&self.path, e))
    }

    fn of(path: &Path, mut file: File) -> Result<Self, TableError> {
        let io = |e| TableError::io("open", path, e);
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut start = [0; 6];
        let got = crate::source::read_up_to(&mut file, &mut start).map_err(io)?;
        let corrupt = |reason: &str| Err(TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() });
        if start.starts_with(b"FEA1") {
            return corrupt("it is a Feather file of version 1, which is not read; write it with version 2");
        }
        let is_file = got == 6 && start == *MAGIC;
        let (mut begin, mut contents) = (0, Contents::default());
        if is_file {
            let mut end = [0; 6];
            if size < 20 {
                return corrupt("it ends within its header");
            }
            file.seek(SeekFrom::End(-6)).and_then(|_| file.read_exact(&mut end)).map_err(io)?;
            if end != *MAGIC {
                return corrupt("it is truncated: it does not end as it begins, with ARROW1");
            }
            begin = FIRST;
            contents = Contents::of(&mut file, size).map_err(io)?;
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
        let Contents { bare, order, listed } = contents;
        Ok(Messages {
            path: path.to_path_buf(),
            input,
            size,
            left: size - begin,
            is_file,
            is_over: false,
            bare,
            order: order.map(Vec::into_iter),
            listed,
            batches: 0,
            rows: 0,
            taken: 0,
        })
    }

    pub fn damaged(&self, reason: String) -> TableError {
        TableError::Corrupt { path: self.path.clone(), reason }
    }

    fn cut(&self, n: u64) -> TableError {
        self.damaged(format!("it is truncated: {n} bytes are promised where {} are left", self.left))
    }

    /// `n` bytes, which must be there, after `bytes`.
    fn read(&mut self, n: u64, bytes: &mut Vec<u8>) -> Result<(), TableError> {
        if n > self.left {
            return Err(self.cut(n));
        }
        let start = bytes.len();
        bytes.resize(start + n as usize, 0);
        self.input.read_exact(&mut bytes[start..]).map_err(|e| TableError::reading(&self.path, e))?;
        self.left -= n;
        Ok(())
    }

    /// The head and the description of the next message, and the length of the body that follows; `None` at the end.
    pub fn head(&mut self) -> Result<Option<(Vec<u8>, u64)>, TableError> {
        if self.is_over || (self.left == 0 && !self.is_file) {
            return Ok(None);
        }
        let mut bytes = match (self.bare.take(), &mut self.order) {
            (Some(length), _) => [[0xff; 4], length.to_le_bytes()].concat(),
            (None, Some(order)) if self.size - self.left > FIRST => {
                let Some(at) = order.next() else { return self.end() };
                self.left = self.size.checked_sub(at).ok_or_else(|| self.cut(8))?;
                self.go_back()?;
                self.head_of_next()?
            }
            _ => self.head_of_next()?,
        };
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if length == 0 {
            return self.end();
        }
        if length > MOST_METADATA {
            return Err(self.damaged(format!("a message claims {length} bytes of description")));
        }
        self.read(u64::from(length), &mut bytes)?;
        let message = root_as_message(&bytes[8..]).map_err(|e| self.damaged(e.to_string()))?;
        let body =
            u64::try_from(message.bodyLength()).map_err(|_| self.damaged("a message of negative length".into()))?;
        if body > self.left {
            return Err(self.cut(body));
        }
        // Messages within one another would be read many times.
        self.taken = self.taken.saturating_add(bytes.len() as u64).saturating_add(body);
        if self.taken > self.size {
            return Err(
                self.damaged(format!("its messages have {} bytes together, and it has {}", self.taken, self.size))
            );
        }
        Ok(Some((bytes, body)))
    }

    /// No message follows.
    fn end<T>(&mut self) -> Result<Option<T>, TableError> {
        self.is_over = true;
        match self.listed.filter(|listed| *listed != self.batches) {
            Some(listed) => Err(self.damaged(format!(
                "its table of contents lists {listed} batches of rows, and it ends after {}",
                self.batches
            ))),
            None => Ok(None),
        }
    }

    /// The eight bytes before a description: the mark of a message, and the description's length.
    fn head_of_next(&mut self) -> Result<Vec<u8>, TableError> {
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
        Ok(bytes)
    }

    /// The next message with its head, and where its body begins; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(Buffer, usize)>, TableError> {
        let Some((mut bytes, body)) = self.head()? else { return Ok(None) };
        // The description is needed beside the body: a copy, small beside it.
        let (head, description) = (bytes.len(), bytes[8..].to_vec());
        self.read(body, &mut bytes)?;
        let message = root_as_message(&description).map_err(|e| self.damaged(e.to_string()))?;
        if let Some(batch) = batch_of(&message) {
            self.check(&message, &batch, &Claims::in_body(&batch, &bytes[head..]), body)?;
        }
        Ok(Some((Buffer::from_vec(bytes), head)))
    }

    /// What the message claims whose head was just read, which is left behind.
    pub fn claims(&mut self, message: &Message<'_>, body: u64) -> Result<Claims, TableError> {
        let batch = &batch_of(message);
        let start = self.size - self.left;
        let mut failed = None;
        // Past the buffer: little is read of much.
        let file = self.input.get_mut();
        let mut read = |at: usize| {
            let mut bytes = [0; BUFFER_START];
            let n = body.checked_sub(at as u64)?.min(BUFFER_START as u64) as usize;
            let place = SeekFrom::Start(start + at as u64);
            match file.seek(place).and_then(|_| file.read_exact(&mut bytes[..n])) {
                Ok(()) => Some(bytes),
                Err(e) => {
                    failed = Some(e);
                    None
                }
            }
        };
        let claims = batch.as_ref().map(|batch| Claims::read(batch, &mut read)).unwrap_or_default();
        if let Some(e) = failed {
            return Err(TableError::reading(&self.path, e));
        }
        if let Some(batch) = batch {
            self.check(message, batch, &claims, body)?;
        }
        self.left -= body;
        if batch.as_ref().is_some_and(|batch| batch.compression().is_some()) {
            self.go_back()?;
        } else {
            // Small messages are in the buffer already.
            let body = i64::try_from(body).unwrap_or(i64::MAX);
            self.input.seek_relative(body).map_err(|e| TableError::reading(&self.path, e))?;
        }
        Ok(claims)
    }

    /// Refuses what would make the decoder take more memory than the message's own size justifies.
    fn check(
        &mut self,
        message: &Message<'_>,
        batch: &RecordBatch<'_>,
        claims: &Claims,
        body: u64,
    ) -> Result<(), TableError> {
        let (most, rows) = (most_unpacked(body), u64::try_from(batch.length()).unwrap_or(0));
        // A row takes a bit at the least.
        if rows > most.saturating_mul(8) {
            return Err(self.damaged(format!("a batch of {body} bytes claims {rows} rows")));
        }
        if message.header_type() == MessageHeader::RecordBatch {
            (self.batches, self.rows) = (self.batches + 1, self.rows.saturating_add(rows));
        }
        // Buffers that lie on one another would be looked at, and copied, many times.
        let length = |buffer: &arrow_ipc::Buffer| u64::try_from(buffer.length()).unwrap_or(0);
        let sum = batch.buffers().iter().flatten().map(length).fold(0, u64::saturating_add);
        if sum > body {
            return Err(self.damaged(format!("the buffers of a batch have {sum} bytes together, and it has {body}")));
        }
        let Some(compression) = batch.compression() else { return Ok(()) };
        if ![CompressionType::LZ4_FRAME, CompressionType::ZSTD].contains(&compression.codec()) {
            return Err(TableError::Codec {
                path: self.path.clone(),
                codec: "an unknown one",
                read: "LZ4, ZSTD or none",
            });
        }
        match claims.unpacked() {
            sum if sum > most => Err(self.damaged(format!("a batch of {body} bytes claims {sum} when unpacked"))),
            _ => Ok(()),
        }
    }
}

/// What a file's table of contents says of its messages that they do not say themselves. polars puts a schema without a head
/// behind the magic word, and dictionaries behind the rows that they are of: both are allowed, since other readers begin with the
/// table of contents.
#[derive(Debug, Default)]
struct Contents {
    bare: Option<u32>,
    order: Option<Vec<u64>>,
    listed: Option<u64>,
}

impl Contents {
    /// Of a file of `size` bytes, at least 20. Nothing where there is no table of contents: a stream between two magic words.
    fn of(file: &mut File, size: u64) -> io::Result<Contents> {
        let (mut start, mut length) = ([0; 4], [0; 4]);
        file.seek(SeekFrom::Start(FIRST)).and_then(|_| file.read_exact(&mut start))?;
        file.seek(SeekFrom::End(-(LAST as i64))).and_then(|_| file.read_exact(&mut length))?;
        let length = u64::from(u32::from_le_bytes(length));
        let within = size.checked_sub(LAST + length).filter(|end| *end > FIRST && length <= MOST_METADATA.into());
        let Some(end) = within else { return Ok(Contents::default()) };
        let mut contents = vec![0; length as usize];
        file.seek(SeekFrom::Start(end)).and_then(|_| file.read_exact(&mut contents))?;
        let Ok(contents) = root_as_footer(&contents) else { return Ok(Contents::default()) };
        let [dictionaries, rows]: [Vec<u64>; 2] = [contents.dictionaries(), contents.recordBatches()]
            .map(|blocks| blocks.iter().flatten().map(|block| block.offset().max(0) as u64).collect());
        // A message that is listed twice would be read twice.
        if ![&dictionaries, &rows].iter().all(|starts| starts.is_sorted_by(|a, b| a < b)) {
            return Ok(Contents::default());
        }
        let listed = Some(rows.len() as u64);
        let order = [dictionaries, rows].concat();
        let first = order.iter().copied().min().unwrap_or(end);
        let is_bare = start != [0xff; 4] && start != [0; 4];
        let bare = first.checked_sub(FIRST).filter(|_| is_bare && first <= end);
        let order = (is_bare || !order.is_sorted()).then_some(order);
        Ok(Contents { bare: bare.and_then(|n| u32::try_from(n).ok()), order, listed })
    }
}

/// The batch of rows, or of a dictionary's entries, that a message holds.
pub(super) fn batch_of<'a>(message: &Message<'a>) -> Option<RecordBatch<'a>> {
    match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
        _ => None,
    }
}

/// What the buffers of a batch claim to be once they are unpacked.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Bytes of each; nothing of those that are not packed.
    pub buffers: Vec<u64>,
    /// Whether some are not.
    pub has_plain: bool,
    /// Whether some do not begin at a multiple of 8 bytes: they are copied.
    pub is_askew: bool,
    /// The most that unpacking one takes beside.
    pub workspace: u64,
}

impl Claims {
    /// Of a batch with its body.
    pub fn in_body(batch: &RecordBatch<'_>, body: &[u8]) -> Self {
        Claims::read(batch, |at| {
            let (mut bytes, start) = ([0; BUFFER_START], body.get(at..)?);
            let n = start.len().min(BUFFER_START);
            bytes[..n].copy_from_slice(&start[..n]);
            Some(bytes)
        })
    }

    /// Of a batch, where `start` gives the first bytes of the buffer at a place of its body, zeros after the body's end: a
    /// claim counts also where less than a frame's head follows it.
    fn read(batch: &RecordBatch<'_>, mut start: impl FnMut(usize) -> Option<[u8; BUFFER_START]>) -> Self {
        let mut claims = Claims::default();
        let codec = batch.compression().map(|compression| compression.codec());
        for buffer in batch.buffers().iter().flatten() {
            let place = usize::try_from(buffer.offset()).ok().filter(|_| codec.is_some() && buffer.length() > 0);
            let bytes = place.and_then(&mut start).unwrap_or_default();
            let (claimed, frame) = bytes.split_at(8);
            // -1: not packed.
            let claimed =
                claimed.first_chunk().map_or(0, |bytes| u64::try_from(i64::from_le_bytes(*bytes)).unwrap_or(0));
            claims.buffers.push(claimed);
            claims.is_askew |= buffer.offset() % 8 != 0;
            claims.has_plain |= claimed == 0 && buffer.length() > 0;
            if claimed > 0 && codec == Some(CompressionType::ZSTD) {
                claims.workspace = claims.workspace.max(zstandard::workspace(frame, claimed));
            }
        }
        claims
    }

    /// Bytes of those of a column.
    pub fn column(&self, parts: &Parts) -> u64 {
        self.buffers.get(parts.buffers.clone()).into_iter().flatten().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Bytes of all of them.
    pub fn unpacked(&self) -> u64 {
        self.buffers.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }
}
