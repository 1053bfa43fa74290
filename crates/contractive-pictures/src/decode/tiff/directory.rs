//! The first directory of a TIFF, before the decoder reads it.

use std::collections::BTreeSet;
use std::io::{Read, Result as IoResult, Seek, SeekFrom};

use tiff::tags::Tag;

use crate::error::PictureFault;

/// The tags that the decoder has the values of, which it makes a list for before it reads the first of them.
const LISTED: [Tag; 21] = [
    Tag::ImageWidth,
    Tag::ImageLength,
    Tag::BitsPerSample,
    Tag::Compression,
    Tag::PhotometricInterpretation,
    Tag::FillOrder,
    Tag::StripOffsets,
    Tag::Orientation,
    Tag::SamplesPerPixel,
    Tag::RowsPerStrip,
    Tag::StripByteCounts,
    Tag::PlanarConfiguration,
    Tag::Predictor,
    Tag::TileWidth,
    Tag::TileLength,
    Tag::TileOffsets,
    Tag::TileByteCounts,
    Tag::ExtraSamples,
    Tag::SampleFormat,
    Tag::JPEGTables,
    Tag::ChromaSubsampling,
];
/// The most values of such a tag: strips and tiles. A value takes 48 bytes on the way.
const MOST_VALUES: u64 = 1 << 18;
/// Bytes of an entry: its tag, its type, its number of values, and a value or where the values are.
const ENTRY: usize = 12;

/// What is read of it. There are four bytes for offsets: BigTIFF, which has more, is not read.
pub(in super::super) struct Directory {
    /// Where the first entry stands.
    at: u64,
    is_little: bool,
    entries: Vec<u8>,
}

impl Directory {
    /// Reads it, as far as the file goes.
    pub fn read(mut stream: impl Read + Seek) -> IoResult<Self> {
        let mut head = Vec::new();
        stream.seek(SeekFrom::Start(0))?;
        stream.by_ref().take(8).read_to_end(&mut head)?;
        head.resize(8, 0);
        let is_little = head.starts_with(b"II");
        let at = number(&head[4..], is_little);
        stream.seek(SeekFrom::Start(at))?;
        let (mut counted, mut entries) = (Vec::new(), Vec::new());
        stream.by_ref().take(2).read_to_end(&mut counted)?;
        stream.take(number(&counted, is_little) * ENTRY as u64).read_to_end(&mut entries)?;
        Ok(Directory { at: at + 2, is_little, entries })
    }

    /// That no entry has more values than a picture needs.
    pub fn check(&self) -> Result<(), PictureFault> {
        for entry in self.entries.chunks_exact(ENTRY) {
            let (tag, n) = (self.tag(entry), number(&entry[4..8], self.is_little));
            if n > MOST_VALUES && LISTED.contains(&tag) {
                let reason = format!("its tag {} has {n} values; at most {MOST_VALUES} are read", tag.to_u16());
                return Err(PictureFault::Damaged { format: "TIFF", reason });
            }
        }
        Ok(())
    }

    /// Where the entries of a tag stand.
    pub fn places_of(&self, tag: Tag) -> Vec<u64> {
        let entries = self.entries.chunks_exact(ENTRY).zip((self.at..).step_by(ENTRY));
        entries.filter(|(entry, _)| self.tag(entry) == tag).map(|(_, at)| at).collect()
    }

    /// Where the decoder seeks tags: the head of the file, the directory, the values that an entry has no room for.
    pub fn begins(&self) -> BTreeSet<u64> {
        let mut begins = BTreeSet::from([0, self.at - 2]);
        for entry in self.entries.chunks_exact(ENTRY) {
            let number = |bytes| number(bytes, self.is_little);
            // Bytes of a value, by its type.
            let size = match number(&entry[2..4]) {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                _ => 8,
            };
            if size * number(&entry[4..8]) > 4 {
                begins.insert(number(&entry[8..]));
            }
        }
        begins
    }

    fn tag(&self, entry: &[u8]) -> Tag {
        Tag::from_u16_exhaustive(number(&entry[..2], self.is_little) as u16)
    }
}

fn number(bytes: &[u8], is_little: bool) -> u64 {
    let digit = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    match is_little {
        true => bytes.iter().rev().fold(0, digit),
        false => bytes.iter().fold(0, digit),
    }
}
