//! The chunks of a WebP, which lie in a file one after the other, and in the frames of an animation.

use std::io::{Read, Result as IoResult, Seek, SeekFrom};

use crate::error::PictureFault;

/// The length of what is before a chunk: its name and its size.
const HEAD: u64 = 8;
/// Where the first chunk stands.
const FIRST: u64 = 12;
/// What comes before the chunks of a frame: its place, its size, how long it is shown.
const FRAME: u64 = 16;
/// The chunks of the first frame among which the decoder looks for notes too.
const IN_FRAME: usize = 2;

/// That a file of `size` bytes is as long as it says, and so is each chunk of notes in which its decoder may look for the orientation: it takes
/// room for as many bytes as the chunk claims.
pub(super) fn check_chunks(mut stream: impl Read + Seek, size: u64) -> Result<(), PictureFault> {
    stream.seek(SeekFrom::Start(0))?;
    let Some((_, length)) = head(&mut stream)? else { return Ok(()) };
    if HEAD + length > size {
        return Err(truncated(size, HEAD + length));
    }
    // The decoder looks somewhat further than the length says.
    let frame = check_notes(&mut stream, FIRST, usize::MAX, size)?;
    if let Some(at) = frame {
        check_notes(&mut stream, at + HEAD + FRAME, IN_FRAME, size)?;
    }
    Ok(())
}

/// The check of up to `n` chunks one after the other from `at` on; where the first frame among them stands.
fn check_notes(mut stream: impl Read + Seek, mut at: u64, n: usize, size: u64) -> Result<Option<u64>, PictureFault> {
    let mut frame = None;
    stream.seek(SeekFrom::Start(at))?;
    for _ in 0..n {
        let Some((name, length)) = head(&mut stream)?.filter(|_| at < size) else { break };
        match &name {
            b"EXIF" if at + HEAD + length > size => return Err(truncated(size, at + HEAD + length)),
            b"ANMF" => frame = frame.or(Some(at)),
            _ => {}
        }
        let length = length.next_multiple_of(2);
        at += HEAD + length;
        stream.seek_relative(length as i64)?;
    }
    Ok(frame)
}

fn truncated(size: u64, claimed: u64) -> PictureFault {
    PictureFault::Truncated { format: "WebP", reason: format!("it has {size} of {claimed} bytes") }
}

/// The name and the size of the chunk that comes next.
fn head(stream: impl Read) -> IoResult<Option<([u8; 4], u64)>> {
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    Ok(match head[..] {
        [a, b, c, d, e, f, g, h] => Some(([a, b, c, d], u32::from_le_bytes([e, f, g, h]).into())),
        _ => None,
    })
}
