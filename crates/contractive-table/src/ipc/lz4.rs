//! Frames of LZ4, as Arrow packs buffers: unpacked in place, within the size that is claimed for them.
//!
//! The frame decoder of `lz4_flex` makes room for three blocks of the frame's largest size, up to 8 MB each, before it looks at
//! one: a file of many small buffers takes seconds. Its decoder of blocks is used here.
//! Source: the LZ4 frame format, version 1.6.4, github.com/lz4/lz4, doc/lz4_Frame_format.md.

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// A block that refers to those before it reaches so far back.
const WINDOW: usize = 64 << 10;
/// In a block's length: it is not packed.
const PLAIN: u32 = 1 << 31;

/// What a frame says of itself.
struct Head {
    blocks_depend: bool,
    blocks_have_sums: bool,
    has_sum: bool,
}

/// Appends what `frame` becomes to `out`, which must be `n` bytes.
pub(super) fn unpack(frame: &[u8], n: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let (head, mut rest) = head(frame)?;
    let start = out.len();
    out.resize(start + n, 0);
    let mut done = start;
    loop {
        let length = number(&mut rest)?;
        if length == 0 {
            break;
        }
        let block = taken(&mut rest, (length & !PLAIN) as usize)?;
        if head.blocks_have_sums && number(&mut rest)? != sum(block) {
            return Err("the checksum of a block of LZ4 is another".into());
        }
        done += unpack_block(block, length & PLAIN != 0, head.blocks_depend, &mut out[start..], done - start)?;
    }
    if done - start != n {
        return Err(format!("it unpacks to {} bytes, but claims {n}", done - start));
    }
    if head.has_sum && number(&mut rest)? != sum(&out[start..]) {
        return Err("the checksum of a frame of LZ4 is another".into());
    }
    Ok(())
}

/// Unpacks a block to `out[at..]`; its length there.
fn unpack_block(block: &[u8], is_plain: bool, depends: bool, out: &mut [u8], at: usize) -> Result<usize, String> {
    let (before, room) = out.split_at_mut(at);
    if is_plain {
        let room = room.get_mut(..block.len()).ok_or("it unpacks to more bytes than it claims")?;
        room.copy_from_slice(block);
        return Ok(block.len());
    }
    let got = match depends {
        true => decompress_into_with_dict(block, room, &before[before.len().saturating_sub(WINDOW)..]),
        false => decompress_into(block, room),
    };
    got.map_err(|e| e.to_string())
}

fn head(frame: &[u8]) -> Result<(Head, &[u8]), String> {
    let mut rest = frame.strip_prefix(&MAGIC).ok_or("it is no frame of LZ4")?;
    let described = rest;
    let &[flags, _] = taken(&mut rest, 2)? else { return Err("a frame of LZ4 is cut off".into()) };
    if flags >> 6 != 1 {
        return Err(format!("a frame of LZ4 of version {}", flags >> 6));
    }
    if flags & 1 != 0 {
        return Err("a frame of LZ4 that needs a dictionary".into());
    }
    if flags & 8 != 0 {
        taken(&mut rest, 8)?; // the size: what is claimed for the buffer counts
    }
    let described = &described[..described.len() - rest.len()];
    let told = taken(&mut rest, 1)?[0];
    if told != (sum(described) >> 8) as u8 {
        return Err("the checksum of the head of a frame of LZ4 is another".into());
    }
    Ok((Head { blocks_depend: flags & 0x20 == 0, blocks_have_sums: flags & 0x10 != 0, has_sum: flags & 4 != 0 }, rest))
}

fn sum(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

/// The next `n` bytes.
fn taken<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], String> {
    let (some, after) = rest.split_at_checked(n).ok_or("a frame of LZ4 is cut off")?;
    *rest = after;
    Ok(some)
}

fn number(rest: &mut &[u8]) -> Result<u32, String> {
    taken(rest, 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(frame: &[u8], n: usize) -> Result<Vec<u8>, String> {
        let mut out = vec![7; 3];
        unpack(frame, n, &mut out).map(|()| out.split_off(3))
    }

    /// A frame of blocks, packed or not, with or without the marks of `flags`.
    fn frame(flags: u8, blocks: &[(&[u8], bool)], contents: &[u8]) -> Vec<u8> {
        let head = [0x40 | flags, 0x40];
        let mut bytes = [&MAGIC[..], &head, &[(sum(&head) >> 8) as u8]].concat();
        for (block, is_plain) in blocks {
            let length = block.len() as u32 | if *is_plain { PLAIN } else { 0 };
            bytes.extend(length.to_le_bytes());
            bytes.extend_from_slice(block);
            if flags & 0x10 != 0 {
                bytes.extend(sum(block).to_le_bytes());
            }
        }
        bytes.extend([0; 4]);
        if flags & 4 != 0 {
            bytes.extend(sum(contents).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn blocks_alone_and_ones_that_repeat_those_before_are_unpacked() {
        let text: Vec<u8> = (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let packed = lz4_flex::block::compress(&text);
        for flags in [0x20, 0x24, 0x34] {
            let both = [&text[..], b"plain"].concat();
            let bytes = frame(flags, &[(&packed, false), (b"plain", true)], &both);
            assert_eq!(unpacked(&bytes, both.len()).unwrap(), both);
        }
        let repeated = lz4_flex::block::compress_with_dict(&text, &text);
        assert!(repeated.len() < packed.len());
        let both = [&text[..], &text].concat();
        assert_eq!(unpacked(&frame(4, &[(&packed, false), (&repeated, false)], &both), 2000).unwrap(), both);
    }

    #[test]
    fn what_is_cut_longer_shorter_or_changed_is_an_error() {
        let text = b"one two one two one two one two".repeat(9);
        let packed = lz4_flex::block::compress(&text);
        let bytes = frame(0x34, &[(&packed, false)], &text);
        assert!(unpacked(&bytes, text.len() - 1).is_err() && unpacked(&bytes, text.len() + 1).is_err());
        for end in 0..bytes.len() {
            assert!(unpacked(&bytes[..end], text.len()).is_err(), "cut at {end}");
            let mut changed = bytes.clone();
            changed[end] ^= 0x41;
            assert!(unpacked(&changed, text.len()).is_err(), "changed at {end}");
        }
    }
}
