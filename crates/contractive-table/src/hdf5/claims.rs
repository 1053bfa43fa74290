//! What an array claims, held against the size of its file before any of it is read.

use hdf5_reader::messages::HdfMessage;
use hdf5_reader::{Dataset, Datatype};

use super::file::Hdf5;
use super::number;
use crate::error::TableError;
use crate::limits::most_held;

/// Bytes that the decoder keeps of a chunk: where it lies.
const CHUNK: u64 = 160;
/// Filters that unpack nothing: they put bytes in another order, or check them.
const NOT_UNPACKING: [u16; 2] = [2, 3];

impl Hdf5 {
    /// Refuses an array that is none of numbers, or that a file of this size cannot hold.
    pub fn check_numbers(&self, array: &Dataset) -> Result<(), TableError> {
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
    pub(super) fn check_claim(&self, array: &Dataset, size: usize) -> Result<(), TableError> {
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
        let Some(chunk) = array.chunks() else { return Ok(()) };
        // Chunks may reach beyond the array, and all of them may be one and the same.
        let n_chunks = product(array.shape().iter().zip(&chunk).map(|(n, chunk)| n.div_ceil(u64::from(*chunk).max(1))));
        let in_chunk = product(chunk.iter().map(|n| u64::from(*n)));
        claims(n_chunks.zip(in_chunk).and_then(|(n, size)| n.checked_mul(size)), size as u64)?;
        let bytes = in_chunk.map_or(u64::MAX, |n| n.saturating_mul(size as u64));
        if bytes > self.most_chunk {
            let most = self.most_chunk;
            let must = format!(
                "must have smaller chunks: of a file of its size {most} bytes are unpacked at a time, got {bytes}"
            );
            return Err(self.wrong(array.name(), &must));
        }
        if n_chunks.is_none_or(|n| n.saturating_mul(CHUNK) > most_held(self.size)) {
            return Err(self.wrong(array.name(), "has more chunks than a file of its size can"));
        }
        self.check_filters(array)
    }

    /// Refuses filters of which a second unpacks what another did: the decoder bounds the last alone.
    fn check_filters(&self, array: &Dataset) -> Result<(), TableError> {
        let header = self.describe(|file| file.get_or_parse_header(array.address()))?;
        let n_unpacking = header.messages.iter().filter_map(|message| match message {
            HdfMessage::FilterPipeline(pipeline) => Some(&pipeline.filters),
            _ => None,
        });
        let n_unpacking = n_unpacking.flatten().filter(|filter| !NOT_UNPACKING.contains(&filter.id)).count();
        if n_unpacking <= 1 {
            return Ok(());
        }
        let (codec, read) = ("two filters, one over the other", "one of gzip, LZF and szip");
        Err(TableError::Codec { path: self.path.join(array.name()), codec, read })
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
