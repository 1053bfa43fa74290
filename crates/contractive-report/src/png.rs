//! Raw pixels to PNG bytes, and the limits on a picture's size.

use ::png::{BitDepth, ColorType, Compression, Encoder, Filter};

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
    encode(pixels, width, height, ColorType::Grayscale)
}

/// Encodes 8-bit RGB pixels, row-major.
pub(crate) fn rgb(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, FigureError> {
    encode(pixels, width, height, ColorType::Rgb)
}

/// Encodes 8-bit pixels of any colour type.
pub(crate) fn encode(pixels: &[u8], width: u32, height: u32, colour: ColorType) -> Result<Vec<u8>, FigureError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::Adaptive);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(pixels)?;
            writer.finish()
        })
        .map_err(|error| FigureError::Drawing { stage: "PNG", reason: error.to_string() })?;
    Ok(bytes)
}
