//! Every format and kind, as Pillow wrote and reads it: fixtures/pictures/make.py.

use contractive_pictures::{Colour, PictureError, PictureFault, PictureOptions, PictureSource};

use crate::support::{fixtures, folder, keep, read};

/// What a decoder may make otherwise than Pillow's: the inverse cosine transform rounds, chroma is interpolated, CMYK has no one formula.
fn tolerance(name: &str) -> u8 {
    match name {
        "subsampled.jpg" | "lossy.webp" => 16,
        _ if name.ends_with(".jpg") => 4,
        _ if name.contains("alpha") => 1,
        _ => 0,
    }
}

#[test]
fn every_format_has_the_pixels_that_pillow_reads() {
    let text = std::fs::read_to_string(fixtures().join("pixels.json")).unwrap();
    let expected: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let source = PictureSource::open(fixtures(), &keep()).unwrap();
    let pixels = |name: &str| {
        let text = expected[name]["pixels"].as_str().unwrap();
        let text = expected.get(text).map_or(text, |other| other["pixels"].as_str().unwrap());
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| 16 * pair[0] + pair[1]).collect::<Vec<u8>>()
    };
    assert_eq!(source.len(), expected.len());
    for (i, name) in source.names().enumerate() {
        let name = &*name;
        let (picture, wanted) = (source.read(i).unwrap(), &expected[name]);
        let side = |what: &str| wanted[what].as_u64().unwrap() as usize;
        assert_eq!((picture.shape.width, picture.shape.height), (side("width"), side("height")), "{name}");
        assert_eq!(picture.shape.channels, 3);
        let wanted: Vec<u8> = match side("channels") {
            1 => pixels(name).iter().flat_map(|&grey| [grey; 3]).collect(),
            _ => pixels(name),
        };
        let worst = picture.pixels.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert_eq!(picture.pixels.len(), wanted.len(), "{name}");
        assert!(worst <= tolerance(name), "{name}: a channel is {worst} from Pillow's");
    }
}

#[test]
fn all_eight_orientations_are_turned() {
    let source = PictureSource::open(fixtures(), &keep()).unwrap();
    let read = |name: &str| source.read(source.names().position(|other| other == name).unwrap()).unwrap();
    let plain = read("rgb.png");
    let (width, height) = (plain.shape.width, plain.shape.height);
    let pixel = |x: usize, y: usize| &plain.pixels[3 * (y * width + x)..][..3];
    for orientation in 1..=8 {
        let turned = read(&format!("orientation-{orientation}.png"));
        let (w, h) = if orientation > 4 { (height, width) } else { (width, height) };
        assert_eq!((turned.shape.width, turned.shape.height), (w, h));
        for y in 0..h {
            for x in 0..w {
                // Where the upright pixel (x, y) lies in the file, as the EXIF standard numbers the corners.
                let (from_x, from_y) = match orientation {
                    1 => (x, y),
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    _ => (width - 1 - y, x),
                };
                assert_eq!(&turned.pixels[3 * (y * w + x)..][..3], pixel(from_x, from_y), "{orientation} at {x}, {y}");
            }
        }
        let i = source.names().position(|name| name == format!("orientation-{orientation}.png")).unwrap();
        assert_eq!(source.own_size(i).unwrap(), (w, h));
    }
}

#[test]
fn grey_is_luma_and_colour_is_told_by_looking() {
    let read_as = |name: &str, colour| {
        let options = PictureOptions { colour, ..keep() };
        let source = PictureSource::open(fixtures().join(name), &options).unwrap();
        let picture = source.read(0).unwrap();
        assert_eq!(picture.shape.channels, source.channels());
        picture
    };
    let (rgb, grey) = (read_as("rgb.png", Colour::Rgb), read_as("rgb.png", Colour::Grey));
    for (pixel, grey) in rgb.pixels.chunks(3).zip(&grey.pixels) {
        let luma = 0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2]);
        assert!((luma - f64::from(*grey)).abs() <= 0.51, "{pixel:?} is {grey}");
    }
    assert_eq!(grey, read_as("grey.png", Colour::Auto));
    for (name, channels) in
        [("rgb.png", 3), ("grey.jpg", 1), ("grey-alpha.png", 1), ("palette.png", 3), ("bilevel.tif", 1)]
    {
        assert_eq!(read_as(name, Colour::Auto).shape.channels, channels, "{name}");
    }
    // Grey in three channels is grey, and one picture with colour among grey ones makes all three.
    let pixels = |rgb: [u8; 3]| rgb.repeat(16);
    let png = |rgb| crate::support::file(image::ImageFormat::Png, 4, 4, &pixels(rgb));
    for (last, channels) in [([70, 70, 70], 1), ([70, 78, 70], 1), ([70, 79, 70], 3)] {
        let folder = folder(&[("a.png", png([9, 9, 9])), ("b.png", png([200, 200, 200])), ("c.png", png(last))]);
        assert_eq!(PictureSource::open(folder.path(), &PictureOptions::default()).unwrap().channels(), channels);
    }
}

#[test]
fn a_file_is_what_its_bytes_say() {
    let folder = folder(&[("a.png", std::fs::read(fixtures().join("rgb.jpg")).unwrap())]);
    let source = PictureSource::open(folder.path(), &keep()).unwrap();
    let other = PictureSource::open(fixtures().join("rgb.jpg"), &keep()).unwrap();
    assert_eq!(source.read(0).unwrap(), other.read(0).unwrap());
}

#[test]
fn pictures_in_formats_that_are_not_read_are_named() {
    for (bytes, format) in [
        (&b"GIF89a\x01\0\x01\0\0\0\0;"[..], "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "JPEG 2000"),
    ] {
        let error = read(bytes).unwrap_err();
        let PictureError::Broken { fault: PictureFault::Format { format: got }, .. } = error else { panic!("{error}") };
        assert_eq!(got, format);
    }
}
