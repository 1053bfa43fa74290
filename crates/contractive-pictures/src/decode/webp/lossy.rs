//! Lossy WebP: its planes of colour, without the pixels made of them.

use std::io::Cursor;

use image_webp::vp8::Vp8Decoder;

use super::container::{FORMAT, Lossy};
use crate::error::PictureFault;
use crate::limits::Claim;

/// What is held for ten pixels: a plane of luma, two of a quarter, and what is known of each block of 16 by 16 pixels.
const HELD_FOR_TEN: u64 = 20;

/// Refuses colours of another size than the file says: the decoder makes planes of theirs. Decodes them where `claim` is not
/// accounted for and they are all that there is.
pub(super) fn check(lossy: &Lossy<'_>, claim: &Claim) -> Result<(), PictureFault> {
    let damaged = |reason| PictureFault::Damaged { format: FORMAT, reason };
    if let Some(got) = size(lossy.colours).filter(|got| *got != lossy.size) {
        let ((width, height), (wide, high)) = (lossy.size, got);
        return Err(damaged(format!("its colours have {wide} × {high} pixels, and must have {width} × {height}")));
    }
    let held = Claim { bytes_a_pixel: 1, held_for_ten: HELD_FOR_TEN, ..*claim };
    if claim.is_accounted_for() || !lossy.is_all || !held.is_accounted_for() {
        return Ok(());
    }
    Vp8Decoder::decode_frame(Cursor::new(lossy.colours)).map_err(|e| damaged(e.to_string())).map(drop)
}

/// The size of a key frame (RFC 6386, section 9.1): 14 bits each, behind the tag of three bytes and the start code of three.
fn size(colours: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        let two = colours.get(at..)?.first_chunk::<2>()?;
        Some(u32::from(u16::from_le_bytes(*two) & 0x3fff))
    };
    Some((side(6)?, side(8)?))
}
