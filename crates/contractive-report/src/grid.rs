//! Images over their reconstructions.

use crate::error::{FigureError, check_finite, check_length};
use crate::png::{check_size, grey};
use crate::typeface::{rasterise, text_width};

/// Pixels round the grid and between its rows; between its columns, half of it.
const GAP: usize = 8;
/// Width of the column with the rows' names.
const LABEL: usize = 26;
const ROW_NAMES: [&str; 2] = ["original", "reconstruction"];

/// A grey 8-bit PNG with `n` originals in the upper row and their reconstructions in the lower row.
///
/// Values are brightness, 0 black to 1 white; values outside are clamped. The rows are named at the left where a tile
/// is high enough for the words.
///
/// **Shapes.** `originals`, `reconstructions`: (n, height × width), row-major. `scale`: pixels of the picture for one
/// pixel of an image, a side, at least 1; 4 suits 28 × 28.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where a slice does not fit the sizes,
/// [`FigureError::NonFinite`] for NaN or ∞, [`FigureError::Size`] where the picture would be too large.
pub fn reconstruction_grid(
    originals: &[f32],
    reconstructions: &[f32],
    n: usize,
    height: usize,
    width: usize,
    scale: usize,
) -> Result<Vec<u8>, FigureError> {
    let rows = [("originals", originals), ("reconstructions", reconstructions)];
    for (what, values) in rows {
        check_length(what, "n × height × width", values.len(), &[n, height, width])?;
        check_finite(what, values, height * width)?;
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

    let mut pixels = vec![255_u8; picture_w * picture_h];
    for (row, ((_, values), name)) in rows.into_iter().zip(ROW_NAMES).enumerate() {
        let top = GAP + row * (tile_h + GAP);
        for (index, image) in values.chunks_exact(height * width).enumerate() {
            let start = left + index * (tile_w + GAP / 2);
            for y in 0..tile_h {
                let line = &image[y / scale * width..][..width];
                let at = (top + y) * picture_w + start;
                for (x, pixel) in pixels[at..at + tile_w].iter_mut().enumerate() {
                    *pixel = brightness(line[x / scale]);
                }
            }
        }
        if let Some(em) = em {
            let baseline = (GAP + LABEL) as i32 - 10;
            let start = (top + tile_h / 2) as f64 + text_width(name, em) / 2.0;
            rasterise(name, em, |along, down, coverage| {
                let (x, y) = (baseline + down, start as i32 - along);
                if (0..left as i32).contains(&x) && (0..picture_h as i32).contains(&y) {
                    let pixel = &mut pixels[y as usize * picture_w + x as usize];
                    *pixel = (*pixel).min(255 - (coverage * 217.0) as u8);
                }
            });
        }
    }
    grey(&pixels, png_w, png_h)
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
