//! Means over groups of neighbouring pixels: the first step of pictures with a side that is very long beside what it becomes.
//!
//! Lanczos3 needs weights for six pixels of the picture's side for each that lies under a pixel that is made, 60 bytes for each of the
//! side; of a side of millions these are more than the pixels, and weights of 16 bits do not hold them any more.

use contractive_core::patches::PictureShape;

use crate::picture::Picture;

/// Sides up to which pictures are resampled in one step, to the bit as ever: the most that a JPEG can have. Weights for it take 4 MiB.
const LONG: usize = 65_535;
/// Pixels that are left of a longer side for each pixel that it becomes.
const LEFT: usize = 16;

/// The picture with sides of at most 65,535 or 32 times what they become: longer ones are 16 times that after it.
pub(crate) fn shortened(picture: Picture, to: (usize, usize)) -> Picture {
    let PictureShape { height, width, channels } = picture.shape;
    let (w, h) = (left(width, to.0), left(height, to.1));
    let mut pixels = picture.pixels;
    if w != width {
        pixels = means(&pixels, width, channels, w);
    }
    if h != height {
        pixels = means(&pixels, height, w * channels, h);
    }
    Picture { shape: PictureShape { height: h, width: w, channels }, pixels }
}

fn left(side: usize, to: usize) -> usize {
    match side > LONG && side / (2 * LEFT) >= to {
        true => LEFT * to,
        false => side,
    }
}

/// Of (…, side, values) the means of `groups` groups along the side, whose lengths differ by at most one; rounded.
fn means(pixels: &[u8], side: usize, values: usize, groups: usize) -> Vec<u8> {
    let start = |group: usize| (group as u64 * side as u64 / groups as u64) as usize;
    let mut out = Vec::with_capacity(pixels.len() / side * groups);
    let mut sums = vec![0_u64; values];
    for line in pixels.chunks_exact(side * values) {
        for group in 0..groups {
            let (from, to) = (start(group), start(group + 1));
            sums.fill(0);
            for pixel in line[from * values..to * values].chunks_exact(values) {
                sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
            }
            let n = (to - from) as u64;
            out.extend(sums.iter().map(|sum| ((sum + n / 2) / n) as u8));
        }
    }
    out
}
