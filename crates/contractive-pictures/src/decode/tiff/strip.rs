//! Strips of TIFF that are too large to be held, such as one that is the whole of a scanned page: unpacked to nowhere.

use std::io::{Error, ErrorKind, Read, Result as IoResult, copy, sink};

use flate2::read::ZlibDecoder;
use tiff::tags::CompressionMethod;
use weezl::{BitOrder, LzwStatus, decode::Configuration};

/// Bytes unpacked at once.
const AT_ONCE: usize = 1 << 15;

/// Whether strips packed in this way are unpacked here: what scanners write. Group 4 is of bits, which take little room.
pub(super) fn is_unpacked(method: CompressionMethod) -> bool {
    use CompressionMethod::*;
    matches!(method, None | LZW | Deflate | OldDeflate | PackBits)
}

/// Unpacks the first `n` bytes of a strip that begins where `rest` does, and has `size` bytes of the file.
pub(super) fn unpack(method: CompressionMethod, rest: &[u8], size: usize, n: u64) -> IoResult<()> {
    let strip = &rest[..rest.len().min(size)];
    let got = match method {
        CompressionMethod::LZW => lzw(strip, n)?,
        CompressionMethod::PackBits => pack_bits(strip, n),
        // Where these end the number of pixels says.
        CompressionMethod::None => rest.len() as u64,
        _ => copy(&mut ZlibDecoder::new(strip).take(n), &mut sink())?,
    };
    if got < n { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Bytes that there are, up to `n`.
fn lzw(mut packed: &[u8], n: u64) -> IoResult<u64> {
    // As `tiff` sets it up.
    let mut decoder = Configuration::with_tiff_size_switch(BitOrder::Msb, 8).with_yield_on_full_buffer(true).build();
    let (mut bytes, mut got) = (vec![0; AT_ONCE], 0);
    while got < n {
        let most = usize::try_from(n - got).unwrap_or(AT_ONCE).min(AT_ONCE);
        let result = decoder.decode_bytes(packed, &mut bytes[..most]);
        packed = &packed[result.consumed_in..];
        got += result.consumed_out as u64;
        match result.status {
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::NoProgress | LzwStatus::Done) => break,
            Err(e) => return Err(Error::new(ErrorKind::InvalidData, e)),
        }
    }
    Ok(got)
}

/// Bytes that there are, up to `n` and the end of a run.
fn pack_bits(mut packed: &[u8], n: u64) -> u64 {
    let mut got = 0;
    while let (true, Some((&head, rest))) = (got < n, packed.split_first()) {
        let (taken, given) = match head {
            0..128 => (rest.len().min(usize::from(head) + 1), rest.len().min(usize::from(head) + 1)),
            128 => (0, 0),
            _ if rest.is_empty() => break,
            _ => (1, 257 - usize::from(head)),
        };
        packed = &rest[taken..];
        got += given as u64;
    }
    got
}
