//! Frames of Zstandard, as Parquet and Arrow hold them: unpacked in Rust alone, within the size that is claimed for them.

use std::io::Read;

/// Tables of symbols, and what else a decoder has.
const TABLES: u64 = 1 << 20;

/// Bytes that unpacking takes beside the packed ones and the `n` that they become; `start` is how a frame begins.
pub(crate) fn workspace(start: &[u8], n: u64) -> u64 {
    // A ring of twice the window at most.
    TABLES.saturating_add(window(start, n).unwrap_or(n).saturating_mul(2))
}

/// Appends what `packed` becomes to `out`, at most one byte more than the `n` that are claimed: that is enough to know that the
/// claim is wrong.
pub(crate) fn unpack(packed: &[u8], n: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let most = window(packed, n as u64).unwrap_or(n as u64);
    let mut decoder =
        ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, most).map_err(|e| e.to_string())?;
    read_all(&mut decoder, n, out)?;
    // Known only at the frame's end.
    match (decoder.decoder.get_checksum_from_data(), decoder.decoder.get_calculated_checksum()) {
        (Some(told), Some(got)) if told != got => Err("the checksum of a frame of Zstandard is another".into()),
        _ => Ok(()),
    }
}

/// Appends all that `decoder` gives to `out`, at most one byte more than `n`.
pub(crate) fn read_all(decoder: impl Read, n: usize, out: &mut Vec<u8>) -> Result<(), String> {
    out.reserve(n + 1);
    decoder.take(n as u64 + 1).read_to_end(out).map(drop).map_err(|e| e.to_string())
}

/// The bytes that a frame says may be repeated at a time, for which its decoder takes memory; `n`, all of them, where
/// it is one segment. `None` where it is no such frame, or is cut off.
fn window(packed: &[u8], n: u64) -> Option<u64> {
    let frame = packed.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, window) = (frame.first()?, frame.get(1)?);
    if descriptor & 0x20 != 0 {
        return Some(n);
    }
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'one two three' | zstd -c --check`
    const FRAME: [u8; 26] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x69, 0x00, 0x00, 0x6f, 0x6e, 0x65, 0x20, 0x74, 0x77, 0x6f, 0x20, 0x74,
        0x68, 0x72, 0x65, 0x65, 0x63, 0xca, 0x16, 0xcb,
    ];

    fn unpacked(frame: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        unpack(frame, 13, &mut out).map(|()| out)
    }

    #[test]
    fn a_frame_whose_contents_do_not_have_its_checksum_is_an_error() {
        assert_eq!(unpacked(&FRAME).unwrap(), b"one two three");
        let mut changed = FRAME;
        changed[12] ^= 0x10;
        assert_eq!(unpacked(&changed).unwrap_err(), "the checksum of a frame of Zstandard is another");
    }
}
