//! The checksums of a PNG: of every chunk, not only of those that its decoder compares.

use std::io::Write;

use contractive_pictures::{PictureError, PictureFault};

use crate::support::read;

fn chunk(name: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(name);
    sum.update(contents);
    [&(contents.len() as u32).to_be_bytes()[..], name, contents, &sum.sum().to_be_bytes()].concat()
}

/// Two by one pixels of a palette, with these chunks before and behind them.
fn png(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&[0, 0, 1]).unwrap();
    let head = chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
    let palette = chunk(b"PLTE", &[200, 200, 200, 90, 90, 90]);
    let (pixels, end) = (chunk(b"IDAT", &packed.finish().unwrap()), chunk(b"IEND", &[]));
    [b"\x89PNG\r\n\x1a\n", &head[..], &palette, before, &pixels, behind, &end].concat()
}

/// A note of EXIF that the picture lies on its side.
fn turned() -> Vec<u8> {
    chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0")
}

#[test]
fn a_damaged_chunk_that_pixels_depend_on_is_not_passed_over() {
    let clear = chunk(b"tRNS", &[0, 255]);
    assert_eq!(read(&png(&clear, &[])).unwrap().pixels, [0, 90]);
    let picture = read(&png(&turned(), &[])).unwrap();
    assert_eq!((picture.shape.width, picture.shape.height), (1, 2));
    for sound in [clear, turned(), chunk(b"tEXt", b"Title\0x")] {
        // The name, the contents and the sum; a length that is another is not told from what follows.
        for i in 4..sound.len() {
            let mut damaged = sound.clone();
            damaged[i] ^= 1;
            let error = read(&png(&damaged, &[])).unwrap_err();
            assert!(
                matches!(error, PictureError::Broken { fault: PictureFault::Damaged { format: "PNG", .. }, .. }),
                "byte {i}: {error}"
            );
        }
    }
}

#[test]
fn what_lies_behind_the_end_of_a_png_is_no_part_of_it() {
    let mut damaged = chunk(b"tEXt", b"Title\0x");
    damaged[5] ^= 1;
    assert!(read(&png(&[], &damaged)).is_err());
    let sound = png(&[], &[]);
    assert!(read(&[&sound[..], &damaged].concat()).unwrap() == read(&sound).unwrap());
}
