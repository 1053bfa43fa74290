//! A picture read to its end in little memory, before there is room for its pixels.
//!
//! Of a file whose size accounts for its pixels nothing is checked: damage at its end is found within the bound. The other ones, blank
//! pages and bombs, are decoded twice, the first time row by row or strip by strip, by the decoders that give the pixels later on, so that both
//! find the same damage. WebP, whose decoder makes whole pictures, is read by `decode/webp`; of lossy animations and lossy colours with alpha there is no such way:
//! they are decoded once.

#[cfg(test)]
pub(super) use tiff::unpacked;

mod png;
mod strip;
mod tiff;

use image::ImageFormat;

use crate::error::PictureFault;
use crate::limits::Claim;

/// The first damage in `all`, a file of this format other than JPEG, if decoding takes more than its size accounts for.
pub(super) fn check(all: &[u8], format: ImageFormat, claim: &Claim) -> Result<(), PictureFault> {
    match format {
        // Of its strips and tiles the claim does not tell.
        ImageFormat::Tiff => tiff::check(all, claim),
        // Nor of the tables of a lossless stream.
        ImageFormat::WebP => super::webp::check(all, claim),
        _ if claim.is_accounted_for() => Ok(()),
        ImageFormat::Png => png::check(all, claim),
        // Without runs a BMP of the right size is sound.
        _ if super::bmp::is_packed(all) => Err(claim.refusal()),
        _ => Ok(()),
    }
}
