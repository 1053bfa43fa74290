//! The drawn digits: the same pixels for ever, every row on its own, and images a bottleneck has work with.

use super::*;

const PIXELS: usize = SIDE * SIDE;

fn rows(seed: u64, part: Part, rows: usize) -> (Vec<u8>, Vec<u8>) {
    let mut pixels = vec![0; rows * PIXELS];
    let labels = (0u32..).zip(pixels.chunks_exact_mut(PIXELS)).map(|(row, image)| draw_row(seed, part, row, image));
    let labels = labels.collect();
    (pixels, labels)
}

#[test]
fn the_first_hundred_rows_are_pinned() {
    let sum = |part| generate(SEED, part, 100).unwrap().sha256().unwrap().to_string();
    assert_eq!(sum(Part::Train), "db196d8c0e4171b4c63894d25f65fef22c0d384c7a80cddcb3f50feb9d3c2497");
    assert_eq!(sum(Part::Test), "60f8b1d7b8b0f12278257cc404809547de3af602700a4f4d6efd905b53e028a6");
    assert_eq!(rows(SEED, Part::Train, 12).1, [5, 5, 0, 2, 1, 9, 6, 8, 6, 4, 3, 2]);
}

#[test]
fn a_subset_is_the_prefix_of_a_larger_one_and_parts_and_seeds_differ() {
    let (all, labels) = rows(SEED, Part::Train, 40);
    let first = generate(SEED, Part::Train, 15).unwrap();
    assert_eq!(first.storage(), &contractive::data::Storage::U8(all[..15 * PIXELS].to_vec()));
    assert!(first.labels().unwrap().iter().zip(&labels).all(|(&a, &b)| a == i64::from(b)));
    let mut last = vec![0; PIXELS];
    draw_row(SEED, Part::Train, 39, &mut last);
    assert_eq!(last, all[39 * PIXELS..]);
    assert_ne!(rows(SEED, Part::Test, 40).0, all);
    assert_ne!(rows(SEED + 1, Part::Train, 40).0, all);
}

#[test]
fn every_image_is_a_centred_digit_with_an_empty_border() {
    let (pixels, labels) = rows(SEED, Part::Train, 600);
    for digit in 0..10 {
        assert!((30..95).contains(&labels.iter().filter(|&&label| label == digit).count()), "digit {digit}");
    }
    let mut strayed = 0;
    for image in pixels.chunks_exact(PIXELS) {
        let ink: f64 = image.iter().map(|&v| f64::from(v)).sum();
        let share = ink / (255.0 * PIXELS as f64);
        assert!((0.015..0.35).contains(&share), "ink {share}");
        assert!(image.iter().max() > Some(&150));
        let mean = |along: fn(usize) -> usize| {
            image.iter().enumerate().map(|(i, &v)| (along(i) as f64 + 0.5) * f64::from(v)).sum::<f64>() / ink
        };
        let (x, y) = (mean(|i| i % SIDE), mean(|i| i / SIDE));
        assert!((x - 14.0).abs() < 3.0 && (y - 14.0).abs() < 3.0, "centre of ink ({x}, {y})");
        let is_border = |i: usize| [i / SIDE, i % SIDE].iter().any(|&at| at == 0 || at == SIDE - 1);
        strayed += usize::from((0..PIXELS).any(|i| is_border(i) && image[i] > 0));
    }
    assert!(strayed < 30, "{strayed} of 600 images touch the border");
}

#[test]
fn one_class_needs_many_dimensions() {
    // If images of a class were copies of one another, a code would have nothing to hold: compare pairs of a class.
    let (pixels, labels) = rows(SEED, Part::Train, 200);
    let threes: Vec<&[u8]> =
        pixels.chunks_exact(PIXELS).zip(&labels).filter(|(_, label)| **label == 3).map(|(image, _)| image).collect();
    let distance = |a: &[u8], b: &[u8]| {
        a.iter().zip(b).map(|(&a, &b)| ((f64::from(a) - f64::from(b)) / 255.0).powi(2)).sum::<f64>()
    };
    for (i, a) in threes.iter().enumerate() {
        for b in &threes[..i] {
            assert!(distance(a, b) > 5.0);
        }
    }
}

#[test]
fn rows_beyond_the_set_are_a_usage_error() {
    for asked in [0, 60_001] {
        let error = generate(SEED, Part::Train, asked).unwrap_err();
        assert!(error.to_string().contains(&format!("1 to 60000, got {asked}")), "{error}");
    }
    assert!(generate(SEED, Part::Test, 10_001).is_err());
}
