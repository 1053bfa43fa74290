//! The chunks of a PNG, before its decoder keeps the texts among them.

use std::io::{Read, Seek, SeekFrom};

use crate::error::PictureFault;

/// The length of the signature.
const SIGNATURE: u64 = 8;
/// Far more texts than any program writes; each takes a hundred bytes beside its own.
const MOST_TEXTS: usize = 1 << 16;

/// That there are no more texts than a picture has.
pub(super) fn check_chunks(mut stream: impl Read + Seek) -> Result<(), PictureFault> {
    let (mut texts, mut head) = (0, [0; 8]);
    stream.seek(SeekFrom::Start(SIGNATURE))?;
    // What is cut off the decoder finds.
    while stream.read_exact(&mut head).is_ok() {
        let [a, b, c, d, name @ ..] = head;
        texts += usize::from(matches!(&name, b"tEXt" | b"zTXt" | b"iTXt"));
        if texts > MOST_TEXTS {
            let reason = format!("it has more than {MOST_TEXTS} texts");
            return Err(PictureFault::Damaged { format: "PNG", reason });
        }
        // A sum of four bytes comes after its contents.
        stream.seek_relative(i64::from(u32::from_be_bytes([a, b, c, d])) + 4)?;
    }
    Ok(())
}
