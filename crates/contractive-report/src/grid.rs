//! Images over their reconstructions.

use contractive_core::patches::PictureShape;

use crate::error::{FigureError, check_finite, check_length};
use crate::png::{check_size, grey, rgb};
use crate::typeface::{rasterise, text_width};

/// Pixels round the grid and between its rows; between its columns, half of it.
const GAP: usize = 8;
/// Width of the column with the rows' names.
const LABEL: usize = 26;
const ROW_NAMES: [&str; 2] = ["original", "reconstruction"];

/// An 8-bit PNG, grey or in colour as the images are, with `n` originals in the upper row and their reconstructions in the lower row.
///
/// Values are brightness, 0 black to 1 white; values outside are clamped. The rows are named at the left where a tile
/// is high enough for the words.
///
/// **Shapes.** `originals`, `reconstructions`: (n, height × width × channels), row-major; 1 channel or 3. `scale`: pixels of the picture for one
/// pixel of an image, a side, at least 1; 4 suits 28 × 28.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where a slice does not fit the sizes,
/// [`FigureError::NonFinite`] for NaN or ∞, [`FigureError::Size`] where the picture would be too large.
pub fn reconstruction_grid(
    originals: &[f32],
    reconstructions: &[f32],
    n: usize,
    shape: PictureShape,
    scale: usize,
) -> Result<Vec<u8>, FigureError> {
    let rows = [("originals", originals), ("reconstructions", reconstructions)];
    let PictureShape { height, width, channels } = shape;
    for (what, values) in rows {
        check_length(what, "n × height × width × channels", values.len(), &[n, height, width, channels])?;
        check_finite(what, values, shape.n_values())?;
    }
    if scale == 0 {
        return Err(FigureError::Empty { what: "scale" });
    }
    let (tile_w, tile_h) = (width.saturating_mul(scale), height.saturating_mul(scale));
    let (left, em) = margin(tile_h);
    let columns = n.saturating_mul(tile_w.saturating_add(GAP / 2));
    let picture_w = columns.saturating_add(left + GAP - GAP / 2);
    let picture_h = tile_h.saturating_add(GAP).saturating_mul(2).saturating_add(GAP);
    let (png_w, png_h) = check_size(picture_w, picture_h, 1)?;

    // Red, green and blue where there is colour.
    let depth = if channels == 3 { 3 } else { 1 };
    let mut pixels = vec![255_u8; picture_w * picture_h * depth];
    for (row, ((_, values), name)) in rows.into_iter().zip(ROW_NAMES).enumerate() {
        let top = GAP + row * (tile_h + GAP);
        for (index, image) in values.chunks_exact(shape.n_values()).enumerate() {
            let start = left + index * (tile_w + GAP / 2);
            for y in 0..tile_h {
                let line = &image[y / scale * width * channels..][..width * channels];
                let at = ((top + y) * picture_w + start) * depth;
                for (x, pixel) in pixels[at..at + tile_w * depth].chunks_exact_mut(depth).enumerate() {
                    let values = &line[x / scale * channels..];
                    pixel.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = brightness(*value));
                }
            }
        }
        if let Some(em) = em {
            let baseline = (GAP + LABEL) as i32 - 10;
            let start = (top + tile_h / 2) as f64 + text_width(name, em) / 2.0;
            rasterise(name, em, |along, down, coverage| {
                let (x, y) = (baseline + down, start as i32 - along);
                if (0..left as i32).contains(&x) && (0..picture_h as i32).contains(&y) {
                    let at = (y as usize * picture_w + x as usize) * depth;
                    let ink = 255 - (coverage * 217.0) as u8;
                    pixels[at..at + depth].iter_mut().for_each(|pixel| *pixel = (*pixel).min(ink));
                }
            });
        }
    }
    if depth == 3 { rgb(&pixels, png_w, png_h) } else { grey(&pixels, png_w, png_h) }
}

/// Where the first column of images begins, and the em of the rows' names if they fit beside a tile.
fn margin(tile_height: usize) -> (usize, Option<f64>) {
    let room = tile_height as f64 * 0.94;
    let em = f64::min(18.0, 13.0 * room / text_width(ROW_NAMES[1], 13.0).max(1.0));
    if em >= 11.0 { (GAP + LABEL, Some(em)) } else { (GAP, None) }
}

fn brightness(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
