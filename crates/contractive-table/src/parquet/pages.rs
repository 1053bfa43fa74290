//! The pages of a column, one at a time: checked, unpacked, and handed to the decoders of the crate `parquet`.
//!
//! That crate's own page reader takes memory on a page header's word, up to 2 GiB, and unpacks gzip without a bound.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::Result;

use super::codec::Codec;
use super::failure::damaged;
use super::layout::Layout;
use super::thrift::{PageHeader, Trouble, page_header};
use super::values::{DELTA_LENGTH, check};
use crate::limits::most_expanded;

/// The first guess at a header's length, and the most that is followed.
const HEADER_BYTES: (usize, usize) = (1 << 10, 1 << 20);
/// Bytes at the file's end: the length of its description, and a magic word.
const TAIL: u64 = 8;
/// More values a page than any writer puts there.
const MOST_VALUES: i32 = 1 << 27;
/// The least that tells how a packed page is to be unpacked.
const PAGE_START: u64 = 16;

/// An open file, read at any place by several columns in turn.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    file: Arc<Mutex<File>>,
    pub path: PathBuf,
    pub size: u64,
    /// Whether a page was seen whose texts lie end to end.
    joins_texts: Arc<AtomicBool>,
}

impl Shared {
    pub fn new(file: File, path: PathBuf, size: u64) -> Self {
        Shared { file: Arc::new(Mutex::new(file)), path, size, joins_texts: Arc::default() }
    }

    /// Whether the decoder looked at texts of the pages so far only as they lie, end to end: each may then be none, and all
    /// together UTF-8.
    pub fn joins_texts(&self) -> bool {
        self.joins_texts.load(Relaxed)
    }

    /// Bytes `start..start + length`, which must lie within the file.
    pub fn read(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        if start.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(damaged(format!("{length} bytes are promised from byte {start} on; the file ends before")));
        }
        let mut bytes = vec![0; length as usize];
        self.with_file(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            Ok(file.read_exact(&mut bytes)?)
        })?;
        Ok(bytes)
    }

    /// The description at the file's end; `None` where there is none in the open.
    pub fn described(&self) -> Result<Option<Vec<u8>>> {
        let Some(end) = self.size.checked_sub(TAIL) else { return Ok(None) };
        let tail = self.read(end, TAIL)?;
        let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        match end.checked_sub(length) {
            Some(start) if tail.ends_with(b"PAR1") => self.read(start, length).map(Some),
            _ => Ok(None),
        }
    }

    pub fn with_file<T>(&self, read: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        let file = self.file.lock().map_err(|_| damaged("another column of it could not be read".into()))?;
        read(&file)
    }
}

/// Where a column's part of a row group lies, as its metadata claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub start: u64,
    pub end: u64,
    pub codec: Codec,
    pub layout: Layout,
}

/// What a page takes in memory, as its header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub rows: u64,
    pub is_dictionary: bool,
    /// Once it is unpacked, and while its values are decoded.
    pub bytes: u64,
    /// What is made of a dictionary.
    pub entries: u64,
    /// While it is unpacked.
    pub packed: u64,
}

/// A column through all row groups.
pub(super) struct Chunks {
    pub source: Shared,
    pub chunks: std::vec::IntoIter<Chunk>,
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.chunks.next()?;
        Some(Ok(Box::new(Pages::of(&self.source, chunk))))
    }
}

impl PageIterator for Chunks {}

/// The pages of one chunk.
pub(super) struct Pages {
    source: Shared,
    at: u64,
    end: u64,
    codec: Codec,
    layout: Layout,
    /// The header at `at` once it is read, and its length.
    next: Option<(PageHeader, u64)>,
    has_dictionary: bool,
}

impl Pages {
    pub fn of(source: &Shared, Chunk { start, end, codec, layout }: Chunk) -> Self {
        Pages { source: source.clone(), at: start, end, codec, layout, next: None, has_dictionary: false }
    }

    /// Passes over the next page; what it takes, `None` at the chunk's end.
    pub fn weigh(&mut self) -> Result<Option<Weight>> {
        let Some((header, length)) = self.header()? else { return Ok(None) };
        let (packed, unpacked, n_values) = (header.packed as u64, header.unpacked as u64, header.n_values as u64);
        let levels =
            if header.kind == 3 { header.level_bytes.0.max(0) as u64 + header.level_bytes.1.max(0) as u64 } else { 0 };
        let is_plain = self.codec == Codec::None || header.kind == 3 && !header.is_packed;
        let mut bytes = if is_plain { packed } else { unpacked };
        // Old writers put the length before each value, and the decoder a copy without beside it; decimals of any length are
        // copied as well.
        if matches!(self.layout.physical, Type::FIXED_LEN_BYTE_ARRAY | Type::BYTE_ARRAY) && !self.layout.is_viewed {
            bytes *= 2;
        }
        if header.encoding == DELTA_LENGTH {
            bytes += 4 * n_values;
        }
        let is_dictionary = header.kind == 2;
        let entries = match self.layout.physical {
            _ if !is_dictionary => 0,
            Type::BYTE_ARRAY if self.layout.is_viewed => 16 * n_values,
            _ => bytes,
        };
        let start = match self.codec {
            Codec::Zstd if !is_plain => {
                let start = self.at + length + levels;
                self.source.read(start, PAGE_START.min(self.end.saturating_sub(start)))?
            }
            _ => Vec::new(),
        };
        let packed = if is_plain { 0 } else { packed + self.codec.workspace(&start, unpacked) };
        self.skip_next_page()?;
        Ok(Some(Weight { rows: if is_dictionary { 0 } else { n_values }, is_dictionary, bytes, entries, packed }))
    }

    /// The header of the next page that is no index; `None` at the chunk's end.
    fn header(&mut self) -> Result<Option<(PageHeader, u64)>> {
        while self.next.is_none() && self.at < self.end {
            let (header, length) = self.read_header()?;
            let is_within = |bytes: i32| (0..=self.end - self.at).contains(&(bytes as u64)) && bytes >= 0;
            if !is_within(header.packed) || header.unpacked < 0 || !(0..=MOST_VALUES).contains(&header.n_values) {
                let PageHeader { packed, unpacked, n_values, .. } = header;
                return Err(damaged(format!(
                    "a page claims {packed} bytes that unpack to {unpacked}, and {n_values} values"
                )));
            }
            if header.unpacked as u64 > most_expanded(header.packed as u64) {
                return Err(damaged(format!("a page of {} bytes claims {} unpacked", header.packed, header.unpacked)));
            }
            if header.kind == 2 {
                self.check_dictionary(&header)?;
            }
            if header.encoding == DELTA_LENGTH && self.layout.is_viewed {
                self.source.joins_texts.store(true, Relaxed);
            }
            if header.kind == 1 {
                self.at += length + header.packed as u64;
            } else {
                self.next = Some((header, length));
            }
        }
        Ok(self.next.clone())
    }

    /// The decoder takes memory for as many entries as the header says.
    fn check_dictionary(&mut self, header: &PageHeader) -> Result<()> {
        if std::mem::replace(&mut self.has_dictionary, true) {
            return Err(damaged("a column has two dictionaries in one row group".into()));
        }
        let least = self.layout.least().ok_or_else(|| damaged("truth values have a dictionary".into()))?;
        let bytes = if self.codec == Codec::None { header.packed } else { header.unpacked };
        if (header.n_values as u64).saturating_mul(least) > bytes as u64 {
            return Err(damaged(format!("a dictionary of {bytes} bytes claims {} entries", header.n_values)));
        }
        Ok(())
    }

    fn read_header(&self) -> Result<(PageHeader, u64)> {
        let mut length = HEADER_BYTES.0;
        loop {
            let within = (self.end - self.at).min(length as u64);
            let bytes = self.source.read(self.at, within)?;
            match page_header(&bytes) {
                Ok((header, length)) => return Ok((header, length as u64)),
                Err(Trouble::Cut) if bytes.len() == length && length < HEADER_BYTES.1 => length *= 8,
                Err(_) => return Err(damaged(format!("the header of the page at byte {} is malformed", self.at))),
            }
        }
    }

    fn check_sum(&self, expected: u32, packed: &[u8]) -> Result<()> {
        let mut sum = flate2::Crc::new();
        sum.update(packed);
        if sum.sum() == expected {
            return Ok(());
        }
        Err(damaged(format!(
            "the page at byte {} is damaged: its CRC-32 is {:08x}, and its header says {expected:08x}",
            self.at,
            sum.sum()
        )))
    }

    fn page(&mut self, header: &PageHeader, packed: Vec<u8>) -> Result<Page> {
        let levels = match header.kind {
            3 => {
                let (definition, repetition) = header.level_bytes;
                let levels = (definition >= 0 && repetition >= 0).then(|| definition as usize + repetition as usize);
                let fits = levels.filter(|&n| n <= packed.len() && n <= header.unpacked as usize);
                fits.ok_or_else(|| damaged("the levels of a page are longer than the page".into()))?
            }
            _ => 0,
        };
        let is_plain = self.codec == Codec::None || header.kind == 3 && !header.is_packed;
        let bytes = if is_plain {
            packed
        } else {
            let mut bytes = Vec::with_capacity(header.unpacked as usize + 1);
            bytes.extend_from_slice(&packed[..levels]);
            let n = header.unpacked as usize - levels;
            if n > 0 {
                self.codec.unpack(&packed[levels..], n, &mut bytes).map_err(damaged)?;
            }
            bytes
        };
        let encoding = encoding(header.encoding)?;
        check(header, self.layout, &bytes, levels)?;
        let (buf, num_values) = (Bytes::from(bytes), header.n_values as u32);
        Ok(match header.kind {
            2 => Page::DictionaryPage { buf, num_values, encoding, is_sorted: header.is_sorted },
            3 => Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls: header.n_missing as u32,
                num_rows: header.n_rows as u32,
                def_levels_byte_len: header.level_bytes.0 as u32,
                rep_levels_byte_len: header.level_bytes.1 as u32,
                is_compressed: header.is_packed,
                statistics: None,
            },
            0 => Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding: self::encoding(header.level_encodings.0)?,
                rep_level_encoding: self::encoding(header.level_encodings.1)?,
                statistics: None,
            },
            other => return Err(damaged(format!("a page is of the unknown kind {other}"))),
        })
    }
}

fn encoding(number: i32) -> Result<Encoding> {
    #[allow(deprecated)] // old files name it for levels that are not there
    let bit_packed = Encoding::BIT_PACKED;
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => bit_packed,
        5 => Encoding::DELTA_BINARY_PACKED,
        DELTA_LENGTH => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        // A few bytes can stand for gigabytes: each text may repeat the one before.
        7 => return Err(damaged("it uses the encoding DELTA_BYTE_ARRAY, which is not read; write it without".into())),
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        other => return Err(damaged(format!("values are encoded in the unknown way {other}"))),
    })
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some((header, length)) = self.header()? else { return Ok(None) };
        let packed = self.source.read(self.at + length, header.packed as u64)?;
        if let Some(expected) = header.checksum {
            self.check_sum(expected, &packed)?;
        }
        self.next = None;
        self.at += length + header.packed as u64;
        self.page(&header, packed).map(Some)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.header()?.map(|(header, _)| PageMetadata {
            num_rows: (header.kind == 3).then_some(header.n_rows as usize),
            num_levels: (header.kind != 2).then_some(header.n_values as usize),
            is_dict: header.kind == 2,
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if let Some((header, length)) = self.header()? {
            self.next = None;
            self.at += length + header.packed as u64;
        }
        Ok(())
    }
}
