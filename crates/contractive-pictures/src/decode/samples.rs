//! Samples as decoders give them, to 8 bits of grey or of red, green and blue.
//!
//! 16 bits: v / 257, rounded. Floats: 255 v, rounded, within [0, 1]. Alpha: over black, which is what pads pictures too, c·α / 255, rounded, unless colours are multiplied by
//! it already.

use image::ColorType;

use crate::error::PictureFault;

/// Channels, 1 or 3, and their bytes; the float that lies outside of [0, 1]. Where colours lie over black already, alpha is left out.
pub(super) fn bytes(raw: Vec<u8>, colour: ColorType, is_over_black: bool) -> Result<(usize, Vec<u8>), f32> {
    let bytes = match colour {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => of_16_bits(raw),
        ColorType::Rgb32F | ColorType::Rgba32F => of_floats(&raw)?,
        _ => raw,
    };
    Ok(match colour.channel_count() {
        4 if is_over_black => (3, bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()),
        2 => (1, over_black::<2>(bytes)),
        4 => (3, over_black::<4>(bytes)),
        n => (usize::from(n), bytes),
    })
}

/// What is wrong with a picture that has such a float.
pub(super) fn outside(format: &'static str, value: f32) -> PictureFault {
    PictureFault::Damaged { format, reason: format!("its floats must lie within [0, 1], got {value}") }
}

fn of_16_bits(raw: Vec<u8>) -> Vec<u8> {
    let rounded = |v: u16| ((u32::from(v) + 128) / 257) as u8;
    raw.chunks_exact(2).map(|pair| rounded(u16::from_ne_bytes([pair[0], pair[1]]))).collect()
}

fn of_floats(raw: &[u8]) -> Result<Vec<u8>, f32> {
    floats(raw).map(|value| of_unit(value.into()).ok_or(value)).collect()
}

fn floats(raw: &[u8]) -> impl Iterator<Item = f32> {
    raw.chunks_exact(4).map(|four| f32::from_ne_bytes([four[0], four[1], four[2], four[3]]))
}

/// The first of these floats that is no pixel.
pub(super) fn first_outside(raw: &[u8]) -> Option<f32> {
    floats(raw).find(|&value| of_unit(value.into()).is_none())
}

/// 255 v, rounded; `None` outside of [0, 1].
pub(crate) fn of_unit(value: f64) -> Option<u8> {
    (0.0..=1.0).contains(&value).then_some((value * 255.0).round() as u8)
}

/// The last of `N` channels is alpha.
pub(crate) fn over_black<const N: usize>(mut bytes: Vec<u8>) -> Vec<u8> {
    let n = bytes.len() / N;
    for i in 0..n {
        let alpha = u32::from(bytes[i * N + N - 1]);
        for c in 0..N - 1 {
            bytes[i * (N - 1) + c] = ((u32::from(bytes[i * N + c]) * alpha + 127) / 255) as u8;
        }
    }
    bytes.truncate(n * (N - 1));
    bytes
}
