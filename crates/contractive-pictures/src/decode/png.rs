//! The chunks of a PNG, before its decoder keeps the texts among them.

use std::io::{BufRead, Result as IoResult, Seek, SeekFrom};

use flate2::Crc;

use crate::error::PictureFault;

/// The length of the signature.
const SIGNATURE: u64 = 8;
/// Far more texts than any program writes; each takes a hundred bytes beside its own.
const MOST_TEXTS: usize = 1 << 16;

/// That there are no more texts than a picture has, and that the sum of each chunk is that of its bytes: where it is not, the decoder passes over
/// those that it could do without, such as the transparency and the orientation, and the pixels would be others. Its own sums it compares.
pub(super) fn check_chunks(mut stream: impl BufRead + Seek) -> Result<(), PictureFault> {
    let (mut texts, mut head) = (0, [0; 8]);
    stream.seek(SeekFrom::Start(SIGNATURE))?;
    // What is cut off the decoder finds.
    while stream.read_exact(&mut head).is_ok() {
        let [a, b, c, d, name @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        texts += usize::from(matches!(&name, b"tEXt" | b"zTXt" | b"iTXt"));
        if texts > MOST_TEXTS {
            return Err(damaged(format!("it has more than {MOST_TEXTS} texts")));
        }
        match &name {
            b"IEND" => break,
            b"IDAT" | b"fdAT" => stream.seek_relative(i64::from(length) + 4)?,
            _ if !is_sound(&mut stream, &name, length)? => {
                return Err(damaged(format!("the checksum of its chunk {} is another", name.escape_ascii())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the sum of four bytes behind the contents is theirs and the name's; so too where it is cut off.
fn is_sound(stream: &mut impl BufRead, name: &[u8], length: u32) -> IoResult<bool> {
    let (mut sum, mut left) = (Crc::new(), length as usize);
    sum.update(name);
    while left > 0 {
        let bytes = stream.fill_buf()?;
        let n = bytes.len().min(left);
        if n == 0 {
            return Ok(true);
        }
        sum.update(&bytes[..n]);
        stream.consume(n);
        left -= n;
    }
    let mut told = [0; 4];
    Ok(stream.read_exact(&mut told).is_err() || u32::from_be_bytes(told) == sum.sum())
}

fn damaged(reason: String) -> PictureFault {
    PictureFault::Damaged { format: "PNG", reason }
}
