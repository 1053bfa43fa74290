//! Packed chunks. What a large one unpacks to is first followed to its end and kept nowhere, so that room is made for what
//! is sound alone. The filters are ours: that of the decoder takes the room first, and a chunk that is full for its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use flate2::{Decompress, FlushDecompress, Status};
use hdf5_reader::error::{Error, Result};

use super::lzf;

/// Deflate's number among HDF5's filters.
pub(super) const DEFLATE: u16 = 1;
/// Bytes that are inflated at a time.
const PART: usize = 1 << 15;

/// The chunks of an array.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunks {
    /// Bytes that one unpacks to at most.
    pub bytes: usize,
    /// Whether it unpacks to anything.
    pub are_packed: bool,
    /// Whether one comes to so much that it is tried before it is unpacked.
    pub are_large: bool,
}

/// What the filters are told of the chunk that is read, which the decoder does not tell them.
#[derive(Default)]
pub(super) struct Packed {
    most: AtomicUsize,
    is_trial: AtomicBool,
    is_sound: AtomicBool,
}

impl Packed {
    /// Chunks from here on unpack to at most `most` bytes; on trial, where they are followed and not kept, to exactly so many.
    pub fn begin(&self, most: usize, is_trial: bool) {
        self.most.store(most, Relaxed);
        self.is_trial.store(is_trial, Relaxed);
        self.is_sound.store(false, Relaxed);
    }

    /// Whether the last chunk was refused for no more than that it was on trial.
    pub fn was_sound(&self) -> bool {
        self.is_sound.swap(false, Relaxed)
    }

    /// Undoes deflate.
    pub fn inflate(&self, packed: &[u8]) -> Result<Vec<u8>> {
        let most = self.most.load(Relaxed);
        if self.is_trial.load(Relaxed) {
            return self.tried(inflate(packed, most, |_| ())?);
        }
        let mut out = room(most)?;
        inflate(packed, most, |part| out.extend_from_slice(part))?;
        Ok(out)
    }

    /// Undoes LZF.
    pub fn unpack_lzf(&self, packed: &[u8]) -> Result<Vec<u8>> {
        let n = lzf::measure(packed)?;
        if self.is_trial.load(Relaxed) {
            return self.tried(n);
        }
        let most = self.most.load(Relaxed);
        if n > most { Err(too_long(most)) } else { lzf::unpack(packed, room(n)?) }
    }

    /// Of a chunk on trial the decoder gets nothing: it would keep it.
    fn tried(&self, n: usize) -> Result<Vec<u8>> {
        let must = self.most.load(Relaxed);
        if n != must {
            return Err(Error::DecompressionError(format!("a chunk of {must} bytes unpacks to {n}")));
        }
        self.is_sound.store(true, Relaxed);
        Err(Error::Other("a chunk is sound".into()))
    }
}

/// Gives what zlib packed part by part, at most `most` bytes, to the end of its stream, whose checksum is compared.
fn inflate(packed: &[u8], most: usize, mut take: impl FnMut(&[u8])) -> Result<usize> {
    let mut stream = Decompress::new(true);
    let mut part = vec![0; PART.min(most + 1)];
    loop {
        let (n_in, n_out) = (stream.total_in() as usize, stream.total_out() as usize);
        let status = stream
            .decompress(packed.get(n_in..).unwrap_or_default(), &mut part, FlushDecompress::None)
            .map_err(|e| Error::DecompressionError(format!("a chunk packed by deflate is damaged: {e}")))?;
        let n = stream.total_out() as usize;
        if n > most {
            return Err(too_long(most));
        }
        take(&part[..n - n_out]);
        match status {
            Status::StreamEnd => return Ok(n),
            _ if n == n_out && stream.total_in() as usize == n_in => {
                return Err(Error::DecompressionError("a chunk packed by deflate ends too early".into()));
            }
            _ => {}
        }
    }
}

/// Room for `n` bytes.
fn room(n: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(n)
        .map_err(|_| Error::ResourceLimit(format!("the system does not give {n} bytes of memory")))?;
    Ok(out)
}

fn too_long(most: usize) -> Error {
    Error::DecompressionError(format!("a chunk of {most} bytes unpacks to more"))
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        Compress::new(Compression::new(6), true).compress_vec(bytes, &mut out, FlushCompress::Finish).unwrap();
        out
    }

    #[test]
    fn a_stream_is_followed_to_its_end() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let whole = packed(&bytes);
        let chunk = Packed::default();
        chunk.begin(bytes.len(), false);
        assert_eq!(chunk.inflate(&whole).unwrap(), bytes);
        let mut other_sum = whole.clone();
        *other_sum.last_mut().unwrap() ^= 1;
        for (most, is_trial, stream) in [
            (bytes.len() - 1, false, &whole[..]),
            (bytes.len() - 1, true, &whole),
            (bytes.len() + 1, true, &whole),
            // All bytes are there, but not what says so.
            (bytes.len(), false, &whole[..whole.len() - 4]),
            (bytes.len(), true, &whole[..whole.len() - 1]),
            (bytes.len(), false, &other_sum),
            (bytes.len(), true, &other_sum),
            (bytes.len(), false, &[]),
        ] {
            chunk.begin(most, is_trial);
            assert!(chunk.inflate(stream).is_err() && !chunk.was_sound(), "{most} {is_trial} {}", stream.len());
        }
        chunk.begin(bytes.len(), true);
        assert!(chunk.inflate(&whole).is_err() && chunk.was_sound() && !chunk.was_sound());
    }

    #[test]
    fn lzf_is_measured_before_room_is_made() {
        let (chunk, stream) = (Packed::default(), [0, b'a', 1 << 5, 0]);
        for (most, is_trial, is_read, is_sound) in
            [(4, false, true, false), (3, false, false, false), (4, true, false, true), (5, true, false, false)]
        {
            chunk.begin(most, is_trial);
            let unpacked = chunk.unpack_lzf(&stream);
            assert_eq!((unpacked.is_ok(), chunk.was_sound()), (is_read, is_sound), "{most} {is_trial}");
        }
    }
}
