//! Images beside the directions in which the code moves most there.

use contractive_core::patches::PictureShape;

use crate::colour::{PAPER, Rgb};
use crate::error::{FigureError, check_finite, check_length};
use crate::filters::{largest_size, signed_colours};
use crate::png::{check_size, rgb};

/// Pixels between two tiles and round them all.
const GAP: usize = 4;

/// A PNG with one line an image: the image, then its tangents, the one along which the code moves most first.
///
/// Brightness is 0 black to 1 white; values outside are clamped. Each tangent is scaled by its own largest entry in size:
/// blue is negative, near white zero, orange positive; one of zeros is near white.
///
/// **Shapes.** `images`: (n, height × width × channels), `tangents`: (n, k, height × width × channels), row-major. `scale`: pixels of the picture
/// for one pixel of an image, a side, at least 1.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where a slice does not fit the sizes,
/// [`FigureError::NonFinite`] for NaN or ∞, [`FigureError::Size`] where the picture would be too large.
pub fn tangent_grid(
    images: &[f32],
    tangents: &[f32],
    n: usize,
    shape: PictureShape,
    scale: usize,
) -> Result<Vec<u8>, FigureError> {
    let PictureShape { height, width, channels } = shape;
    let length = height.saturating_mul(width).saturating_mul(channels);
    check_length("images", "n × height × width × channels", images.len(), &[n, height, width, channels])?;
    let k = (tangents.len() / n / length).max(1);
    check_length("tangents", "n × k × height × width × channels", tangents.len(), &[n, k, height, width, channels])?;
    check_finite("images", images, length)?;
    check_finite("tangents", tangents, length)?;
    if scale == 0 {
        return Err(FigureError::Empty { what: "scale" });
    }
    let (tile_w, tile_h) = (width.saturating_mul(scale), height.saturating_mul(scale));
    let picture_w = (k + 1).saturating_mul(tile_w.saturating_add(GAP)).saturating_add(GAP);
    let picture_h = n.saturating_mul(tile_h.saturating_add(GAP)).saturating_add(GAP);
    let (png_w, png_h) = check_size(picture_w, picture_h, 1)?;

    let mut pixels = vec![PAPER[0]; picture_w * picture_h * 3];
    let mut draw = |row: usize, column: usize, colours: &[Rgb]| {
        let (top, left) = (GAP + row * (tile_h + GAP), GAP + column * (tile_w + GAP));
        for y in 0..tile_h {
            for x in 0..tile_w {
                let at = ((top + y) * picture_w + left + x) * 3;
                pixels[at..at + 3].copy_from_slice(&colours[y / scale * width + x / scale]);
            }
        }
    };
    for (row, (image, its)) in images.chunks_exact(length).zip(tangents.chunks_exact(k * length)).enumerate() {
        let level = |value: &f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let colours: Vec<Rgb> = match channels {
            3 => image.as_chunks::<3>().0.iter().map(|pixel| pixel.each_ref().map(level)).collect(),
            _ => image.iter().step_by(channels).map(|value| [level(value); 3]).collect(),
        };
        draw(row, 0, &colours);
        for (j, tangent) in its.chunks_exact(length).enumerate() {
            let largest = largest_size(tangent);
            draw(row, j + 1, &signed_colours(tangent, channels, largest));
        }
    }
    rgb(&pixels, png_w, png_h)
}
