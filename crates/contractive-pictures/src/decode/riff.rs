//! The chunks of a WebP, which lie in a file one after the other.

use std::io::{Read, Result as IoResult, Seek, SeekFrom};

use crate::error::PictureFault;

/// The length of what is before a chunk: its name and its size.
const HEAD: u64 = 8;
/// Where the first chunk stands.
const FIRST: u64 = 12;

/// That a file of `size` bytes is as long as it says, and so is the chunk of notes, which its decoder takes room for as it says.
pub(super) fn check_chunks(mut stream: impl Read + Seek, size: u64) -> Result<(), PictureFault> {
    let truncated = |claimed| {
        let reason = format!("it has {size} of {claimed} bytes");
        Err(PictureFault::Truncated { format: "WebP", reason })
    };
    stream.seek(SeekFrom::Start(0))?;
    let Some((_, length)) = head(&mut stream)? else { return Ok(()) };
    if HEAD + length > size {
        return truncated(HEAD + length);
    }
    let mut at = FIRST;
    stream.seek_relative((FIRST - HEAD) as i64)?;
    // The decoder looks somewhat further than the length says.
    while let Some((name, length)) = head(&mut stream)?.filter(|_| at < size) {
        if &name == b"EXIF" && at + HEAD + length > size {
            return truncated(at + HEAD + length);
        }
        let length = length.next_multiple_of(2);
        at += HEAD + length;
        stream.seek_relative(length as i64)?;
    }
    Ok(())
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
