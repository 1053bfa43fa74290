//! Pictures brought to a size.
//!
//! Resampled by Lanczos3 (a windowed sinc of three lobes a side), its support widened by the scale where pictures become
//! smaller, so that what is finer than the new pixels is averaged and makes no moiré; of the common filters it keeps most of
//! what a smaller picture can hold, and fine defects are what detectors look for. Pixels are taken as they are, in sRGB, as
//! Pillow and torchvision take them. Of a side of more than 65,535 pixels that becomes less than a 32nd, means are taken first
//! ([`crate::means`]). Sizes in between are rounded, at least 1; what is left over by centring goes to the right and below.

use contractive_core::patches::PictureShape;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::means::shortened;
use crate::options::{Fit, Size};
use crate::picture::Picture;

/// Bytes of a picture that is made higher before it is made narrower.
const MOST_BETWEEN: usize = 16 << 20;

/// How pixels between pixels are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resampling {
    /// Of pictures.
    Smooth,
    /// Of masks, which have no values in between.
    Nearest,
}

/// Width and height of what a picture of (width, height) becomes.
pub(crate) fn outcome(own: (usize, usize), size: Option<Size>, fit: Fit) -> (usize, usize) {
    match (size, fit) {
        (None, _) => own,
        (Some(size), Fit::Keep) => within(own, size, false),
        (Some(size), _) => (size.width, size.height),
    }
}

/// The largest size of the same aspect within `size`; not larger than `own` unless `may_grow`.
fn within(own: (usize, usize), size: Size, may_grow: bool) -> (usize, usize) {
    let (width, height) = own;
    if !may_grow && width <= size.width && height <= size.height {
        return own;
    }
    // The side that is the tighter fits exactly; compared by products, without rounding.
    let rounded = |side: usize, of: usize, by: usize| {
        let (side, of, by) = (side as u128, of as u128, by as u128);
        ((2 * side * of + by) / (2 * by)).max(1) as usize
    };
    match size.width as u128 * height as u128 <= size.height as u128 * width as u128 {
        true => (size.width, rounded(height, size.width, width).min(size.height)),
        false => (rounded(width, size.height, height).min(size.width), size.height),
    }
}

/// The picture, brought to the size.
pub(crate) fn fitted(picture: Picture, size: Option<Size>, fit: Fit, resampling: Resampling) -> Picture {
    let own = (picture.shape.width, picture.shape.height);
    let Some(size) = size else { return picture };
    match fit {
        Fit::Keep => resized(picture, within(own, size, false), false, resampling),
        Fit::Stretch => resized(picture, (size.width, size.height), false, resampling),
        Fit::Crop => resized(picture, (size.width, size.height), true, resampling),
        Fit::Pad => padded(resized(picture, within(own, size, true), false, resampling), size),
    }
}

/// Scaled to `to`; where `is_cropped` from the largest part of its aspect, in the middle: neither side of that is long for what it becomes.
fn resized(picture: Picture, to: (usize, usize), is_cropped: bool, resampling: Resampling) -> Picture {
    if is_cropped || resampling == Resampling::Nearest {
        return sampled(picture, to, is_cropped, resampling);
    }
    let picture = shortened(picture, to);
    let height = picture.shape.height;
    match is_narrowed_first(picture.shape, to) {
        true => sampled(sampled(picture, (to.0, height), false, resampling), to, false, resampling),
        false => sampled(picture, to, false, resampling),
    }
}

/// Whether a picture is made narrower before it is made higher. The sampler makes it higher first and holds all columns of that:
/// where they would be more than [`MOST_BETWEEN`] and four times the picture, the other order is taken.
fn is_narrowed_first(shape: PictureShape, to: (usize, usize)) -> bool {
    let between = shape.width.saturating_mul(to.1).saturating_mul(shape.channels);
    to.0 < shape.width && to.1 / 4 > shape.height && between > MOST_BETWEEN
}

/// In one step of the sampler.
fn sampled(picture: Picture, to: (usize, usize), is_cropped: bool, resampling: Resampling) -> Picture {
    let PictureShape { height, width, channels } = picture.shape;
    if (width, height) == to {
        return picture;
    }
    let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let algorithm = match resampling {
        Resampling::Smooth => ResizeAlg::Convolution(FilterType::Lanczos3),
        Resampling::Nearest => ResizeAlg::Nearest,
    };
    let mut options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    if is_cropped {
        options = options.fit_into_destination(Some((0.5, 0.5)));
    }
    let from = ImageRef::new(width as u32, height as u32, &picture.pixels, kind);
    let from = from.expect("a picture has as many bytes as its shape says");
    let mut into = Image::new(to.0 as u32, to.1 as u32, kind);
    Resizer::new().resize(&from, &mut into, &options).expect("both have one kind of pixels, and the part lies within");
    Picture { shape: PictureShape { height: to.1, width: to.0, channels }, pixels: into.into_vec() }
}

/// In the middle of black.
fn padded(picture: Picture, size: Size) -> Picture {
    let PictureShape { height, width, channels } = picture.shape;
    if (width, height) == (size.width, size.height) {
        return picture;
    }
    let (left, top) = ((size.width - width) / 2, (size.height - height) / 2);
    let mut pixels = vec![0; size.width * size.height * channels];
    for (row, from) in picture.pixels.chunks_exact(width * channels).enumerate() {
        let at = ((top + row) * size.width + left) * channels;
        pixels[at..at + from.len()].copy_from_slice(from);
    }
    Picture { shape: PictureShape { height: size.height, width: size.width, channels }, pixels }
}
