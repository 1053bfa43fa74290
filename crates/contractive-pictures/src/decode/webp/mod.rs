//! What the tables of lossless WebP take, counted before its decoder makes them.
//!
//! A stream says how many groups of five prefix codes it has, up to 65,536, and `image-webp` makes tables of all of them: a few
//! bytes of a file become up to 122 kB. So the stream is read here up to its groups, and their tables are counted. Where they
//! and the pixels fit into what a file of that size may take, the decoder goes on. Where the tables alone do not, the picture is
//! refused: those of libwebp's files are a few times their size at most. Between the two the stream is read to its end first,
//! and a sound one is decoded.

mod bits;
mod container;
mod lossless;
mod lossy;
mod pixels;
mod prefix;
#[cfg(test)]
mod tests;

use crate::error::PictureFault;
use crate::limits::Claim;
use bits::Broken;
use container::Of;
use lossless::{LosslessStream, Tables};

pub(super) use container::FORMAT;

/// Refuses the file `all` where tables of prefix codes would take too much, where its colours are not of its size, and where it is
/// damaged and would take more than its size accounts for, as far as that can be told in less memory.
pub(super) fn check(all: &[u8], claim: &Claim) -> Result<(), PictureFault> {
    let size = (claim.width as u32, claim.height as u32);
    check_tables(all, size, claim.held(), claim.size.room())?;
    container::lossy(all, size).map_or(Ok(()), |lossy| lossy::check(&lossy, claim))
}

/// `pixels` are the bytes held to decode the file beside the tables, `most` those that may be held before it is known to be sound.
fn check_tables(all: &[u8], size: (u32, u32), pixels: u64, most: u64) -> Result<(), PictureFault> {
    match container::lossless(all, size) {
        Some(lossless) if pixels + Tables::most_of(lossless.size) > most => check_stream(lossless, pixels, most),
        _ => Ok(()),
    }
}

fn check_stream(lossless: container::Lossless, pixels: u64, most: u64) -> Result<(), PictureFault> {
    let stream = match lossless.of {
        Of::Picture => LosslessStream::of_picture(lossless.stream, lossless.size)?,
        Of::Alpha | Of::FrameAlpha => LosslessStream::of_alpha(lossless.stream, lossless.size)?,
    };
    if pixels + stream.most() <= most {
        return Ok(());
    }
    let most_of_tables = match lossless.of {
        // Read before the colours, when three eighths of what the frame's pixels take are not yet held.
        Of::FrameAlpha => most.saturating_sub(pixels).max(pixels / 8 * 3),
        Of::Picture | Of::Alpha => most,
    };
    let Tables { groups, bytes } = stream.tables(most_of_tables)?;
    if bytes > most_of_tables {
        return Err(PictureFault::Tables { groups, bytes, most: most_of_tables });
    }
    // The end of a frame's alpha says nothing of the colours that follow.
    if pixels + bytes > most && lossless.of != Of::FrameAlpha {
        stream.check_pixels()?;
    }
    Ok(())
}

impl From<Broken> for PictureFault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::CutOff => {
                PictureFault::Truncated { format: FORMAT, reason: "its bytes end before its pixels do".into() }
            }
            Broken::Damaged(reason) => PictureFault::Damaged { format: FORMAT, reason: reason.into() },
        }
    }
}
