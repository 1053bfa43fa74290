//! A picture read to its end in little memory, before there is room for its pixels.
//!
//! Of a file whose size accounts for its pixels nothing is checked: damage at its end is found within the bound. The other ones, blank
//! pages and bombs, are decoded twice, the first time row by row, by the decoders that give the pixels later on, so that both
//! find the same damage. TIFF is read by `decode/tiff`, and WebP, whose decoder makes whole pictures, by `decode/webp`; of lossy animations and lossy colours with alpha there is no such way:
//! they are decoded once.

mod png;

use image::ImageFormat;

use crate::error::PictureFault;
use crate::limits::Claim;

/// The first damage in `all`, a file of PNG, WebP or BMP, if decoding takes more than its size accounts for.
pub(super) fn check(all: &[u8], format: ImageFormat, claim: &Claim) -> Result<(), PictureFault> {
    match format {
        // Of the tables of a lossless stream the claim does not tell.
        ImageFormat::WebP => super::webp::check(all, claim),
        _ if claim.is_accounted_for() => Ok(()),
        ImageFormat::Png => png::check(all, claim),
        // Without runs a BMP of the right size is sound.
        _ if super::bmp::is_packed(all) => Err(claim.refusal()),
        _ => Ok(()),
    }
}
