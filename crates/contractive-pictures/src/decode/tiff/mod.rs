//! TIFF: its tags, its strips or tiles, and their pixels.
//!
//! What strips or tiles take is in proportion to the picture and to the file: how much is unpacked, and how much of the file is read for it,
//! are known before the first is. Of a file whose size does not account for its pixels each is unpacked once before there is room for these. A
//! strip that is too large by itself is decoded without being held: [`strip`].

mod chunks;
mod directory;
mod fault;
mod jpeg;
mod kind;
mod part;
mod pixels;
mod stream;
mod strip;

use std::io::{BufReader, Cursor};

use image::codecs::tiff::TiffDecoder;
use image::{ColorType, ImageDecoder, ImageError};
use tiff::decoder::Limits;
use tiff::tags::CompressionMethod;

use super::room::room;
use crate::error::PictureFault;
use crate::limits::{BESIDE, Claim, DECODING};
use chunks::{Chunks, FREE};
pub(super) use directory::Directory;
pub(super) use fault::FORMAT;
use fault::{damaged, fault};
pub(super) use kind::Kind;

/// Bytes that are read at once where tags are, and ahead of what a strip is unpacked to.
const AT_ONCE: usize = 1 << 12;

/// The pixels of the file `all`, in `n` bytes.
pub(super) fn decode(all: &[u8], claim: &Claim, kind: &Kind, n: u64) -> Result<Vec<u8>, PictureFault> {
    let mut chunks = Chunks::of(all, limits(claim), kind.is_reversed).map_err(fault)?;
    if kind.is_reversed {
        check_apart(&chunks)?;
    }
    check(&mut chunks, claim)?;
    if kind.is_assembled {
        return pixels::assembled(&mut chunks, kind, n);
    }
    let image_fault = |e: ImageError| super::fault::fault(FORMAT, e);
    let mut decoder = TiffDecoder::new(BufReader::with_capacity(AT_ONCE, chunks.stream())).map_err(image_fault)?;
    let mut limits = image::Limits::no_limits();
    // Its pixels, which may be of four channels where three come out, and strips of them; against this are held too the
    // bytes of a strip as the file has them, channels that are left out among them.
    limits.max_alloc = Some(n.saturating_mul(DECODING) + BESIDE + claim.size.bytes);
    decoder.set_limits(limits).map_err(image_fault)?;
    let mut raw = room(n)?;
    decoder.read_image(&mut raw).map_err(image_fault)?;
    Ok(raw)
}

/// That no strip or tile begins where tags do, which would be read with their bits from the last to the first as well.
fn check_apart(chunks: &Chunks<'_>) -> Result<(), PictureFault> {
    let tags = Directory::read(Cursor::new(chunks.all))?.begins();
    match chunks.places.iter().find(|(at, _)| tags.contains(at)) {
        Some((at, _)) => Err(damaged(format!("a strip or tile of it begins at {at}, where its tags do"))),
        None => Ok(()),
    }
}

/// What a strip or tile takes by itself is in proportion to the picture, and, where the size does not account for all pixels, each is sound.
fn check(chunks: &mut Chunks<'_>, claim: &Claim) -> Result<(), PictureFault> {
    let row = chunks.row().map_err(fault)?;
    if row > BESIDE {
        return Err(damaged(format!("a row of its strips or tiles has {row} bytes")));
    }
    // Strips may be wider than the picture, and lie on one another: what is unpacked is as much as any picture of this size has.
    let (unpacked, most) = (chunks.unpacked(row), claim.most());
    if unpacked > most {
        return Err(damaged(format!(
            "its strips or tiles have {unpacked} bytes, and in a file of its size at most {most}"
        )));
    }
    check_read(chunks, unpacked)?;
    let unpacking = if chunks.is_jpeg() { chunks.most_of_jpeg()? } else { 0 };
    let room = claim.size.room().saturating_sub(row + unpacking);
    if claim.held() <= room {
        return Ok(());
    }
    let is_float = claim.bytes_a_pixel >= ColorType::Rgb32F.bytes_per_pixel().into();
    if chunks.largest().map_err(fault)? <= room {
        return pixels::check_each(chunks, is_float);
    }
    if is_float
        || chunks.is_tiled
        || !strip::is_unpacked(chunks.method)
        || !chunks.has_known_predictor().map_err(fault)?
    {
        return Err(claim.refusal());
    }
    chunks.unpack(row).map_err(fault)
}

/// That no more of the file is read than it has and comes of it: strips that lie over one another may unpack to nothing. Of
/// what is not packed as much is read as there are pixels, whatever the file says.
fn check_read(chunks: &mut Chunks<'_>, unpacked: u64) -> Result<(), PictureFault> {
    let (read, size) = (chunks.read(), chunks.all.len() as u64);
    if chunks.method == CompressionMethod::None || read <= size.saturating_add(unpacked) + FREE {
        return Ok(());
    }
    Err(damaged(format!(
        "its strips or tiles lie over one another: they have {read} bytes for {unpacked} of pixels, in a file of {size}"
    )))
}

/// What is decoded is bounded here; no strip or tile is longer than the decoder of the pixels takes it.
fn limits(claim: &Claim) -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::MAX;
    let pixels = claim.width * claim.height * claim.bytes_a_pixel;
    limits.intermediate_buffer_size = (pixels * (DECODING - 1) + BESIDE + claim.size.bytes) as usize;
    limits
}

/// Whether the check by itself finds a file sound.
#[cfg(test)]
pub(super) fn is_checked_sound(all: &[u8], claim: &Claim) -> bool {
    Chunks::of(all, limits(claim), false).is_ok_and(|mut chunks| check(&mut chunks, claim).is_ok())
}

/// The check of strips that are too large to be held, of such as are not.
#[cfg(test)]
pub(super) fn unpacked(all: &[u8]) -> tiff::TiffResult<()> {
    let mut chunks = Chunks::of(all, Limits::default(), false)?;
    let row = chunks.row()?;
    chunks.unpack(row)
}
