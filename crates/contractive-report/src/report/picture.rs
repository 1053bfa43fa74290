//! Small images as data URIs.

use ::png::ColorType;
use contractive_core::patches::PictureShape;

use crate::colour::{BLUE, VERMILION};
use crate::error::FigureError;
use crate::filters::signed_colours;
use crate::png;

/// Steps of size that a signed picture tells apart; more would cost bytes and show nothing.
const STEPS: f64 = 40.0;

/// Brightness 0 black to 1 white, of each colour where there are three; values outside are clamped, NaN is black.
pub(crate) fn bright(values: &[f32], shape: PictureShape) -> Result<String, FigureError> {
    let pixels: Vec<u8> = values.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    let (w, h) = png::check_size(shape.width, shape.height, 1)?;
    let colour = if shape.channels == 3 { ColorType::Rgb } else { ColorType::Grayscale };
    Ok(uri(&png::encode(&pixels, w, h, colour)?))
}

/// Blue for negative, orange for positive, transparent at zero, opaque at ±`largest`: the page shows through, so that
/// the picture suits a light and a dark one. In colour around a middle grey that is zero.
pub(crate) fn signed(values: &[f32], shape: PictureShape, largest: f64) -> Result<String, FigureError> {
    let (w, h) = png::check_size(shape.width, shape.height, 1)?;
    if shape.channels == 3 {
        let pixels = signed_colours(values, 3, largest).concat();
        return Ok(uri(&png::encode(&pixels, w, h, ColorType::Rgb)?));
    }
    let mut pixels = Vec::with_capacity(values.len() * 4);
    for value in values {
        let share = if largest > 0.0 { (f64::from(*value) / largest).clamp(-1.0, 1.0) } else { 0.0 };
        let step = (share.abs() * STEPS).round();
        let colour = if step == 0.0 || step.is_nan() {
            [0; 3]
        } else if share < 0.0 {
            BLUE
        } else {
            VERMILION
        };
        pixels.extend(colour);
        pixels.push((step / STEPS * 255.0).round() as u8);
    }
    Ok(uri(&png::encode(&pixels, w, h, ColorType::Rgba)?))
}

/// A PNG as a data URI.
pub(super) fn uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| word << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_the_standard_says() {
        let of = |text: &str| base64(text.as_bytes());
        assert_eq!([of(""), of("f"), of("fo"), of("foo"), of("foob")], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn numbers_that_are_none_have_a_colour() {
        assert!(bright(&[f32::NAN, 2.0], PictureShape::grey(1, 2)).is_ok());
        assert!(signed(&[f32::NAN, f32::INFINITY, -1.0, 0.0], PictureShape::grey(2, 2), f64::NAN).is_ok());
    }
}
