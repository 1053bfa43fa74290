//! What becomes of pictures of other sizes, to the pixel.

use contractive_pictures::{Colour, Fit, PictureError, PictureOptions, PictureSource, Size};
use image::ImageFormat;

use crate::support::{drawn, file, folder, keep, png, refused};

fn fitted(width: usize, height: usize, pixels: &[u8], size: (usize, usize), fit: Fit) -> (usize, usize, Vec<u8>) {
    let folder = folder(&[("a.png", file(ImageFormat::Png, width, height, pixels))]);
    let options =
        PictureOptions { size: Some(Size { width: size.0, height: size.1 }), fit, ..PictureOptions::default() };
    let source = PictureSource::open(folder.path(), &options).unwrap();
    let picture = source.read(0).unwrap();
    assert_eq!(source.shape(), Some(picture.shape));
    (picture.shape.width, picture.shape.height, picture.pixels)
}

#[test]
fn a_flat_picture_stays_flat_and_lies_where_the_fit_says() {
    let flat = vec![100; 8 * 4];
    let row = |n: usize| vec![100; n];
    assert_eq!(fitted(8, 4, &flat, (4, 4), Fit::Keep), (4, 2, row(8)));
    assert_eq!(fitted(8, 4, &flat, (4, 4), Fit::Stretch), (4, 4, row(16)));
    assert_eq!(fitted(8, 4, &flat, (4, 4), Fit::Crop), (4, 4, row(16)));
    let padded = [vec![0; 4], row(8), vec![0; 4]].concat();
    assert_eq!(fitted(8, 4, &flat, (4, 4), Fit::Pad), (4, 4, padded));
    // What cannot be shared alike goes to the right and below.
    let tall = fitted(2, 4, &[100; 8], (5, 4), Fit::Pad);
    assert_eq!(tall, (5, 4, [[0, 100, 100, 0, 0]; 4].concat()));
    // Smaller pictures grow, unless they keep their size.
    assert_eq!(fitted(2, 2, &[100; 4], (4, 4), Fit::Pad), (4, 4, row(16)));
    assert_eq!(fitted(2, 2, &[100; 4], (4, 4), Fit::Keep), (2, 2, row(4)));
    assert_eq!(fitted(2, 1, &[100; 2], (4, 4), Fit::Crop), (4, 4, row(16)));
    // A side is never lost.
    assert_eq!(fitted(100, 1, &[100; 100], (10, 10), Fit::Keep), (10, 1, row(10)));
}

#[test]
fn what_is_cropped_is_cut_off_on_both_sides_alike() {
    let picture: Vec<u8> = [[10, 20, 30, 40, 50, 60]; 2].concat();
    assert_eq!(fitted(6, 2, &picture, (2, 2), Fit::Crop), (2, 2, vec![30, 40, 30, 40]));
    assert_eq!(fitted(6, 2, &picture, (6, 2), Fit::Crop), (6, 2, picture));
}

/// Lanczos3 by its formula, in f64: each axis by itself, the support widened by the scale, weights normalised.
fn lanczos(pixels: &[f64], n: usize, to: usize) -> Vec<f64> {
    let scale = n as f64 / to as f64;
    let (widened, sinc) =
        (
            scale.max(1.0),
            |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) },
        );
    let kernel = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    let value = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let weights: Vec<f64> = (0..n).map(|j| kernel((j as f64 + 0.5 - centre) / widened)).collect();
        weights.iter().zip(pixels).map(|(w, p)| w * p).sum::<f64>() / weights.iter().sum::<f64>()
    };
    (0..to).map(value).collect()
}

#[test]
fn pixels_in_between_are_lanczos_with_the_support_of_the_scale() {
    for (n, to) in [(24, 7), (24, 12), (9, 20)] {
        let row: Vec<u8> = drawn(n).iter().map(|byte| 64 + byte / 2).collect();
        let (_, _, got) = fitted(n, 1, &row, (to, 1), Fit::Stretch);
        let wanted = lanczos(&row.iter().map(|&byte| f64::from(byte)).collect::<Vec<_>>(), n, to);
        for (got, wanted) in got.iter().zip(&wanted) {
            // 8 bits of weights, and rounding.
            assert!((f64::from(*got) - wanted.clamp(0.0, 255.0)).abs() <= 1.5, "{n} to {to}: {got}, {wanted}");
        }
    }
}

/// A wave of a few pixels' length in what the picture becomes, over fine stripes, which are to be averaged.
fn long_row(n: usize, to: usize) -> Vec<u8> {
    let wave = |i: usize| (i as f64 / n as f64 * to as f64 / 5.0).sin();
    (0..n).map(|i| (128.0 + 60.0 * wave(i) + if i % 2 == 0 { 30.0 } else { -30.0 }).round() as u8).collect()
}

#[test]
fn of_a_very_long_side_means_are_taken_first() {
    // 65,535 is the longest that is made in one step; 2,053 is a prime, so that groups differ in length.
    for (n, to) in [(65_535, 64), (65_536, 64), (2_053 * 64, 40), (2_053 * 64, 3)] {
        let row = long_row(n, to);
        let wanted = lanczos(&row.iter().map(|&byte| f64::from(byte)).collect::<Vec<_>>(), n, to);
        for is_tall in [false, true] {
            let (own, size) = if is_tall { ((1, n), (1, to)) } else { ((n, 1), (to, 1)) };
            let (_, _, got) = fitted(own.0, own.1, &row, size, Fit::Stretch);
            for (got, wanted) in got.iter().zip(&wanted) {
                assert!((f64::from(*got) - wanted).abs() <= 2.0, "{n} to {to}: {got}, {wanted}");
            }
        }
    }
}

#[test]
fn colours_of_a_very_long_side_do_not_mix() {
    let one = long_row(70_000, 8);
    for is_tall in [false, true] {
        let (own, size) = if is_tall { ((2, 70_000), (4, 8)) } else { ((70_000, 2), (8, 4)) };
        let two = |c: usize| match is_tall {
            true => one.iter().flat_map(|&v| [v, v]).map(|v| v / (c as u8 + 1)).collect::<Vec<u8>>(),
            false => [one.clone(), one.clone()].concat().iter().map(|v| v / (c as u8 + 1)).collect(),
        };
        let planes = [two(0), two(1), two(2)];
        let rgb: Vec<u8> = (0..one.len() * 2).flat_map(|i| [planes[0][i], planes[1][i], planes[2][i]]).collect();
        let (_, _, together) = fitted(own.0, own.1, &rgb, size, Fit::Stretch);
        for (c, plane) in planes.iter().enumerate() {
            let (_, _, alone) = fitted(own.0, own.1, plane, size, Fit::Stretch);
            assert!(together.iter().skip(c).step_by(3).eq(&alone), "channel {c}");
        }
    }
}

/// 6,000 × 2 made 100 × 3,000: higher first it would be 6,000 × 3,000 between.
#[test]
fn a_low_picture_is_made_narrower_first() {
    let row = long_row(6_000, 100);
    let picture = [row.clone(), row.clone()].concat();
    let (_, _, got) = fitted(6_000, 2, &picture, (100, 3_000), Fit::Stretch);
    let wanted = lanczos(&row.iter().map(|&byte| f64::from(byte)).collect::<Vec<_>>(), 6_000, 100);
    for line in got.chunks(100) {
        for (got, wanted) in line.iter().zip(&wanted) {
            assert!((f64::from(*got) - wanted).abs() <= 2.0, "{got}, {wanted}");
        }
    }
}

#[test]
fn fine_stripes_become_grey_and_no_moire() {
    let stripes: Vec<u8> = (0..256 * 256).map(|i| if i % 2 == 0 { 0 } else { 255 }).collect();
    let (_, _, small) = fitted(256, 256, &stripes, (60, 60), Fit::Stretch);
    // At the edges there is less to average.
    for row in small.chunks(60) {
        assert!(row[2..58].iter().all(|value| value.abs_diff(128) <= 4), "{row:?}");
    }
}

#[test]
fn colours_do_not_mix_and_instructions_do_not_matter() {
    let rgb = drawn(40 * 30 * 3);
    let (_, _, together) = fitted(40, 30, &rgb, (17, 11), Fit::Stretch);
    for c in 0..3 {
        let one: Vec<u8> = rgb.iter().skip(c).step_by(3).copied().collect();
        let (_, _, alone) = fitted(40, 30, &one, (17, 11), Fit::Stretch);
        // Kernels of one and of three channels are different vector code; that of one channel is `fast_image_resize`'s too.
        assert!(together.iter().skip(c).step_by(3).eq(&alone), "channel {c}");
    }
}

#[test]
fn without_a_size_all_must_have_one() {
    let one = folder(&[("a.png", png(5, 4, 1)), ("b.png", png(5, 4, 2))]);
    let source = PictureSource::open(one.path(), &PictureOptions::default()).unwrap();
    let shape = source.shape().unwrap();
    assert_eq!((shape.width, shape.height, shape.channels), (5, 4, 1));
    let mixed = folder(&[("a.png", png(5, 4, 1)), ("b/c.png", png(5, 4, 2)), ("d.png", png(4, 5, 3))]);
    let error = refused(mixed.path(), &PictureOptions::default());
    let PictureError::Sizes { first, first_size, other, other_size, .. } = &error else { panic!("{error}") };
    assert_eq!((&**first, *first_size, &**other, *other_size), ("a.png", (5, 4), "d.png", (4, 5)));
    let text = error.to_string();
    assert!(text.contains("a.png has 5 × 4") && text.contains("d.png has 4 × 5"), "{text}");
    let source = PictureSource::open(mixed.path(), &keep()).unwrap();
    assert_eq!((source.shape(), source.read(2).unwrap().shape.height), (None, 5));
    // Within a size both become one shape or not, and the headers tell.
    let square = PictureOptions { size: Some(Size { width: 4, height: 4 }), ..keep() };
    assert_eq!(PictureSource::open(mixed.path(), &square).unwrap().shape(), None);
    let square = PictureOptions { fit: Fit::Pad, ..square };
    assert_eq!(PictureSource::open(mixed.path(), &square).unwrap().shape().unwrap().n_values(), 16);
}

#[test]
fn sizes_that_cannot_be_made_are_refused() {
    let one = folder(&[("a.png", png(5, 4, 1))]);
    for (width, height) in [(0, 4), (4, 0), (usize::MAX, usize::MAX), (20_000, 20_000)] {
        let options =
            PictureOptions { size: Some(Size { width, height }), colour: Colour::Grey, ..PictureOptions::default() };
        assert!(matches!(refused(one.path(), &options), PictureError::Size { .. }));
    }
}
