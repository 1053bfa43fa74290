//! Lossy WebP: its planes of colour, without the pixels made of them.

use std::io::Cursor;

use image_webp::vp8::Vp8Decoder;

use crate::error::PictureFault;
use crate::limits::Claim;

/// What is held for ten pixels: a plane of luma, two of a quarter, and what is known of each block of 16 by 16 pixels.
const HELD_FOR_TEN: u64 = 20;

/// Nothing is checked here of a file with alpha, of an animation and of a lossless one.
pub(super) fn check(all: &[u8], claim: &Claim) -> Result<(), PictureFault> {
    let Some(planes) = planes(all) else { return Ok(()) };
    let held = Claim { bytes_a_pixel: 1, held_for_ten: HELD_FOR_TEN, ..*claim };
    if !held.is_accounted_for() {
        return Ok(());
    }
    let damage = |e: image_webp::DecodingError| PictureFault::Damaged { format: "WebP", reason: e.to_string() };
    Vp8Decoder::decode_frame(Cursor::new(planes)).map_err(damage).map(drop)
}

/// The chunk of a lossy picture without alpha that is one.
fn planes(all: &[u8]) -> Option<&[u8]> {
    let mut rest = all.get(12..)?;
    let mut planes = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &body[..size.min(body.len())];
        match &head[..4] {
            b"VP8 " => planes = planes.or(Some(chunk)),
            b"ALPH" | b"ANIM" | b"ANMF" | b"VP8L" => return None,
            _ => {}
        }
        rest = body.get(size.checked_next_multiple_of(2)?..).unwrap_or_default();
    }
    planes
}
