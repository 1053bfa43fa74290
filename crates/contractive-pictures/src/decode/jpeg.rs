//! JPEG, by `zune-jpeg` itself: `image`, which uses it too, takes a file that is cut off for a picture with a grey end.

use std::io::{BufRead, Seek};

use image::ColorType;
use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::room::room;
use crate::error::PictureFault;

pub(super) const FORMAT: &str = "JPEG";
/// The most pixels that a byte becomes: a block of 64 takes a bit at least.
pub(super) const PIXELS_A_BYTE: u64 = 512;
/// What `zune-jpeg` says, when it is strict, of bytes between segments, which cameras leave there and which do no harm.
const HARMLESS: &str = "Extra bytes between headers";

/// What the header says.
pub(super) struct JpegHead {
    pub width: usize,
    pub height: usize,
    pub colour: ColorType,
    /// Whether its coefficients are all held before there are pixels.
    pub is_progressive: bool,
    pub orientation: Orientation,
}

/// Reads the segments before the pixels.
pub(super) fn head(stream: impl BufRead + Seek) -> Result<JpegHead, PictureFault> {
    let mut decoder = JpegDecoder::new_with_options(stream, options(false));
    decoder.decode_headers().map_err(fault)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let colour = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorType::L8,
        _ => ColorType::Rgb8,
    };
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let is_progressive = decoder.info().is_some_and(|info| info.sof.is_progressive());
    Ok(JpegHead {
        width,
        height,
        colour,
        is_progressive,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    })
}

/// The pixels, of `colour`, in `n` bytes.
pub(super) fn decode(all: &[u8], colour: ColorType, n: usize) -> Result<Vec<u8>, PictureFault> {
    if !is_whole(all) {
        let reason = "its end marker is missing".into();
        return Err(PictureFault::Truncated { format: FORMAT, reason });
    }
    let space = if colour == ColorType::L8 { ColorSpace::Luma } else { ColorSpace::RGB };
    let decoded = |is_strict| -> Result<Vec<u8>, DecodeErrors> {
        let mut pixels = room(n as u64).map_err(|_| DecodeErrors::FormatStatic("there is no memory for its pixels"))?;
        let options = options(is_strict).jpeg_set_out_colorspace(space);
        JpegDecoder::new_with_options(ZCursor::new(all), options).decode_into(&mut pixels)?;
        Ok(pixels)
    };
    match decoded(true) {
        Err(e) if e.to_string().contains(HARMLESS) => decoded(false).map_err(fault),
        other => other.map_err(fault),
    }
}

fn options(is_strict: bool) -> DecoderOptions {
    // The size is judged by this crate's own limits.
    DecoderOptions::default().set_strict_mode(is_strict).set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn fault(error: DecodeErrors) -> PictureFault {
    let reason = error.to_string();
    match error {
        DecodeErrors::Unsupported(_) => PictureFault::Unsupported { format: FORMAT, reason },
        DecodeErrors::ExhaustedData => {
            PictureFault::Truncated { format: FORMAT, reason: "its bytes end before its pixels do".into() }
        }
        _ => PictureFault::Damaged { format: FORMAT, reason },
    }
}

/// Whether segments and scans follow one another up to the end marker. In a scan FF stands before 00 or a restart marker.
fn is_whole(all: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = all.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) {
        at += found + 1;
        match all.get(at) {
            None => return false,
            Some(0xd9) => return true,
            // Fill bytes, a stuffed FF, markers without a length.
            Some(0xff) => continue,
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(_) => {
                let Some(length) = all.get(at + 1..at + 3) else { return false };
                at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
        }
    }
    false
}
