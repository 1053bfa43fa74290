//! What an array claims, held against the size of its file before any of it is read.

use hdf5_reader::messages::HdfMessage;
use hdf5_reader::{Dataset, Datatype};

use super::file::Hdf5;
use super::number;
use super::packed::Chunks;
use crate::error::TableError;
use crate::limits::most_held;

/// Bytes that the decoder keeps of a chunk: where it lies.
const CHUNK: u64 = 160;
/// Chunks up to so many bytes are unpacked before they are known to be sound. Four are held at a time: two are kept, and
/// one becomes another.
const FREE_CHUNK: u64 = 2 << 20;
/// Bytes of the file for each byte more of them.
const BYTES_A_CHUNKS: u64 = 16;
/// Times that the bytes of a chunk are held where filters go over it and none unpacks it, from how the decoder works: as they lie
/// in the file, in another order, as those of the two chunks that it keeps, and as numbers.
const HELD_AT_ONCE: u64 = 5;
/// The filter that compares checksums.
const FLETCHER32: u16 = 3;
/// Filters that unpack nothing: they put bytes in another order, or check them.
const NOT_UNPACKING: [u16; 2] = [2, FLETCHER32];
/// Szip, and the two that leave out bits: what they unpack to is known when it is there.
const UNPACKING_AT_ONCE: [u16; 3] = [4, 5, 6];

impl Hdf5 {
    /// Refuses an array that is none of numbers, or that a file of this size cannot hold.
    pub(super) fn check_numbers(&self, array: &Dataset) -> Result<Chunks, TableError> {
        let wrong = |got: &str, expected| TableError::Type {
            path: self.path.join(array.name()),
            got: got.to_owned(),
            expected,
        };
        let Some(size) = number::size_of(array.dtype()) else {
            let expected = "integers or floating-point numbers of 32 or 64 bits";
            return Err(wrong(kind(array.dtype()), expected));
        };
        if !number::is_plain(&self.describe(|_| array.raw_datatype())?) {
            let expected = "integers that take all bits of their bytes, or floating-point numbers of IEEE 754";
            return Err(wrong("numbers of another layout", expected));
        }
        self.check_claim(array, size)
    }

    /// Refuses an array, of elements of `size` bytes, that a file of this size cannot hold.
    pub(super) fn check_claim(&self, array: &Dataset, size: usize) -> Result<Chunks, TableError> {
        let header = self.describe(|file| file.get_or_parse_header(array.address()))?;
        if header.messages.iter().any(|message| matches!(message, HdfMessage::ExternalFiles(_))) {
            let (codec, read) = ("numbers in other files", "arrays that hold their numbers");
            return Err(TableError::Codec { path: self.path.join(array.name()), codec, read });
        }
        let n = product(array.shape().iter().copied());
        let claims = |n: Option<u64>, bytes: u64| {
            let claimed = n.and_then(|n| n.checked_mul(bytes));
            match claimed {
                Some(claimed) if claimed <= self.most => Ok(()),
                _ => Err(TableError::Oversized {
                    path: self.path.join(array.name()),
                    claimed: claimed.map_or_else(|| "more than 2^64".into(), |n| n.to_string()),
                    most: self.most,
                }),
            }
        };
        claims(n, size as u64)?;
        let Some(chunk) = array.chunks() else { return Ok(Chunks::default()) };
        // Chunks may reach beyond the array, and all of them may be one and the same.
        let n_chunks = product(array.shape().iter().zip(&chunk).map(|(n, chunk)| n.div_ceil(u64::from(*chunk).max(1))));
        let in_chunk = product(chunk.iter().map(|n| u64::from(*n)));
        claims(n_chunks.zip(in_chunk).and_then(|(n, size)| n.checked_mul(size)), size as u64)?;
        let bytes = in_chunk.map_or(u64::MAX, |n| n.saturating_mul(size as u64));
        if bytes > self.most_chunk {
            return Err(self.too_large_a_chunk(array, self.most_chunk, bytes));
        }
        if n_chunks.is_none_or(|n| n.saturating_mul(CHUNK) > most_held(self.size)) {
            return Err(self.wrong(array.name(), "has more chunks than a file of its size can"));
        }
        self.chunks(array, bytes, n_chunks == Some(1))
    }

    /// What is known of chunks of so many bytes by their filters. Refuses those of which a second unpacks what another did,
    /// large ones that cannot be tried before they are unpacked, and those that have no room beside each other.
    fn chunks(&self, array: &Dataset, bytes: u64, is_one: bool) -> Result<Chunks, TableError> {
        let header = self.describe(|file| file.get_or_parse_header(array.address()))?;
        let pipeline = header.messages.iter().rev().find_map(|message| match message {
            HdfMessage::FilterPipeline(pipeline) => Some(&pipeline.filters[..]),
            _ => None,
        });
        let filters: Vec<u16> = pipeline.unwrap_or_default().iter().map(|filter| filter.id).collect();
        let n_unpacking = filters.iter().filter(|filter| !NOT_UNPACKING.contains(filter)).count();
        let codec =
            |codec| TableError::Codec { path: self.path.join(array.name()), codec, read: "one of gzip, LZF and szip" };
        if n_unpacking > 1 {
            return Err(codec("two filters, one over the other"));
        }
        // Each goes over the whole chunk.
        if (1..filters.len()).any(|i| filters[..i].contains(&filters[i])) {
            return Err(codec("one filter twice"));
        }
        let unpacking = filters.iter().position(|filter| !NOT_UNPACKING.contains(filter));
        // A checksum of what is unpacked is compared when it is there.
        let has_sum = filters[..unpacking.unwrap_or(0)].contains(&FLETCHER32);
        let most = FREE_CHUNK + self.size / BYTES_A_CHUNKS;
        let are_large = bytes > most && unpacking.is_some();
        if are_large && (has_sum || unpacking.is_some_and(|i| UNPACKING_AT_ONCE.contains(&filters[i]))) {
            return Err(self.too_large_a_chunk(array, most, bytes));
        }
        let most_beside = most_held(self.size) / HELD_AT_ONCE;
        if !filters.is_empty() && unpacking.is_none() && !is_one && bytes > most_beside {
            return Err(self.too_large_a_chunk(array, most_beside, bytes));
        }
        let bytes = bytes.saturating_add(if has_sum { 4 } else { 0 });
        Ok(Chunks { bytes: bytes.try_into().unwrap_or(usize::MAX), are_packed: unpacking.is_some(), are_large })
    }

    fn too_large_a_chunk(&self, array: &Dataset, most: u64, got: u64) -> TableError {
        let must =
            format!("must have smaller chunks: of a file of its size {most} bytes are unpacked at a time, got {got}");
        self.wrong(array.name(), &must)
    }
}

/// What a type is called.
fn kind(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::String { .. } | Datatype::VarLen { .. } => "text",
        Datatype::Compound { .. } => "records",
        Datatype::FixedPoint { .. } | Datatype::FloatingPoint { .. } => "a number of another width",
        _ => "no number",
    }
}

fn product(mut sizes: impl Iterator<Item = u64>) -> Option<u64> {
    sizes.try_fold(1_u64, u64::checked_mul)
}
