//! What pictures take beside their pixels: weights of the sampler, names, labels.

use std::path::Path;

use contractive_pictures::{Fit, PictureOptions, PictureSource, Size};

use crate::judge::{Judge, peak_of};

const MEBIBYTE: usize = 1 << 20;

/// A PNG of one grey.
fn grey(width: u32, height: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let (kind, format) = (image::ExtendedColorType::L8, image::ImageFormat::Png);
    image::write_buffer_with_format(&mut out, &vec![9; (width * height) as usize], width, height, kind, format)
        .unwrap();
    out.into_inner()
}

/// Reads all pictures of `path`, brought to a size.
fn all(path: &Path, (width, height): (usize, usize), fit: Fit) -> usize {
    let options = PictureOptions { size: Some(Size { width, height }), fit, ..PictureOptions::default() };
    let source = PictureSource::open(path, &options).unwrap();
    source.stream((0..source.len() as u32).collect(), 1).map(|read| read.unwrap().1.pixels.len()).sum()
}

/// Weights for all pixels of a side would take 60 bytes for each, and a low picture made higher before it is made narrower 64.
#[test]
fn long_thin_pictures_take_what_their_pixels_take() {
    let judge = Judge::new();
    const LONG: u32 = 1_000_000;
    for (width, height) in [(1, LONG), (LONG, 1), (1, 60_000), (60_000, 1)] {
        let path = judge.at("a.png");
        std::fs::write(&path, grey(width, height)).unwrap();
        for fit in [Fit::Stretch, Fit::Keep, Fit::Crop, Fit::Pad] {
            let peak = peak_of(|| assert!(all(&path, (64, 64), fit) <= 64 * 64));
            assert!(peak < 12 * MEBIBYTE, "{width} × {height}, {fit:?}: {peak} bytes");
        }
    }
    // Higher first it would take 60,000 × 2,000 bytes.
    let peak = peak_of(|| assert_eq!(all(&judge.at("a.png"), (64, 2_000), Fit::Stretch), 64 * 2_000));
    assert!(peak < 12 * MEBIBYTE, "{peak} bytes");
}
