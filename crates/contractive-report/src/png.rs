//! Raw pixels to PNG bytes, and the limits on a picture's size.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::error::FigureError;

/// Most pixels a side: what common viewers open.
const MOST_SIDE: usize = 16_384;

/// Most pixels in a picture: 48 MB of RGB.
pub(crate) const MOST_PIXELS: usize = 16_000_000;

/// Requires 1 ≤ side ≤ [`MOST_SIDE`] for both sides, `least` instead of 1 where text must stay legible.
pub(crate) fn check_size(width: usize, height: usize, least: usize) -> Result<(u32, u32), FigureError> {
    let is_side = |side: usize| (least..=MOST_SIDE).contains(&side);
    if is_side(width) && is_side(height) && width * height <= MOST_PIXELS {
        Ok((width as u32, height as u32))
    } else {
        Err(FigureError::Size { width, height, least, most: MOST_SIDE, area: MOST_PIXELS })
    }
}

/// Encodes 8-bit grey pixels, row-major.
pub(crate) fn grey(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, FigureError> {
    encode(pixels, width, height, ExtendedColorType::L8)
}

/// Encodes 8-bit RGB pixels, row-major.
pub(crate) fn rgb(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, FigureError> {
    encode(pixels, width, height, ExtendedColorType::Rgb8)
}

/// Encodes 8-bit pixels of any colour type.
pub(crate) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
    colour: ExtendedColorType,
) -> Result<Vec<u8>, FigureError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(pixels, width, height, colour)
        .map_err(|error| FigureError::Drawing { stage: "PNG", reason: error.to_string() })?;
    Ok(bytes)
}
