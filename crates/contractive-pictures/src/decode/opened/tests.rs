//! What a check finds is what decoding finds.

use std::io::{Cursor, Write};

use contractive_table::contain;

use super::super::tiff::unpacked;
use super::*;

/// A claim that no size accounts for.
const IMMENSE: u64 = 1 << 40;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../fixtures/pictures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn opened(bytes: &[u8]) -> Option<Opened<'_>> {
    contain(|| Opened::new(Cursor::new(bytes), FileSize::plain(bytes.len() as u64)).ok()).ok()?
}

/// The picture, if the file is sound.
fn decoded(bytes: &[u8], is_checked: bool) -> Option<Picture> {
    let mut opened = opened(bytes)?;
    if is_checked {
        opened.claim.held_for_ten = IMMENSE;
    }
    contain(|| opened.decode(bytes, &mut |_| ()).ok()).ok()?
}

/// Whether the check by itself finds a file sound whose header is.
fn is_checked_sound(bytes: &[u8]) -> bool {
    let Some(mut opened) = opened(bytes) else { return false };
    opened.claim.held_for_ten = IMMENSE;
    match opened.decoder {
        Decoder::Jpeg(_) => decoded(bytes, true).is_some(),
        Decoder::Tiff(_) => contain(|| tiff::is_checked_sound(bytes, &opened.claim)).unwrap_or(false),
        Decoder::Image(format, _) => contain(|| check(bytes, format, &opened.claim).is_ok()).unwrap_or(false),
    }
}

/// The bytes with each second of them turned over, and cut off at each second.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|at| {
        let mut other = bytes.to_vec();
        other[at] ^= 0xff;
        if at % 2 == 0 { other } else { bytes[..at].to_vec() }
    })
}

#[test]
fn what_is_checked_is_what_is_decoded() {
    let names = "rgb.png palette.png grey-16.png bilevel.png grey-alpha.png alpha.png rgb.tif bilevel.tif grey-16.tif \
                 grey-lzw.tif deflate.tiff pages.tif lossy.webp rgb.bmp palette.bmp rgb.jpg subsampled.jpg";
    for name in names.split_ascii_whitespace() {
        let sound = fixture(name);
        assert!(decoded(&sound, false).is_some());
        for bytes in std::iter::once(sound.clone()).chain(damaged(&sound)) {
            let expected = decoded(&bytes, false);
            assert_eq!(is_checked_sound(&bytes), expected.is_some(), "{name}");
            assert!(decoded(&bytes, true) == expected, "{name}");
        }
    }
}

/// TIFF in either order of bytes, 5 by 7 pixels in colour, of two strips a channel or two for all.
fn tiff_of(is_little: bool, is_planar: bool, strip: &[u8], method: u64) -> Vec<u8> {
    let number = |value: u64, n: usize| match is_little {
        true => value.to_le_bytes()[..n].to_vec(),
        false => value.to_be_bytes()[8 - n..].to_vec(),
    };
    let order = if is_little { b"II" } else { b"MM" };
    let mut file = [order.as_slice(), &number(42, 2), &number(0, 4), strip].concat();
    let n = if is_planar { 6 } else { 2 };
    let mut list = |value: u64, size: usize, n: usize| {
        let at = file.len() as u64;
        file.extend(number(value, size).repeat(n));
        number(at, 4)
    };
    let (bits, offsets, sizes) = (list(8, 2, 3), list(8, 4, n), list(strip.len() as u64, 4, n));
    let at = file.len() as u64;
    let entries = [
        (256, 4, 1, number(5, 4)),
        (257, 4, 1, number(7, 4)),
        (258, 3, 3, bits),
        (259, 3, 1, number(method, 2)),
        (262, 3, 1, number(2, 2)),
        (273, 4, n, offsets),
        (277, 3, 1, number(3, 2)),
        (278, 4, 1, number(4, 4)),
        (279, 4, n, sizes),
        (284, 3, 1, number(if is_planar { 2 } else { 1 }, 2)),
    ];
    file.extend(number(entries.len() as u64, 2));
    for (tag, kind, n, mut value) in entries {
        value.resize(4, 0);
        file.extend([number(tag, 2), number(kind, 2), number(n as u64, 4), value].concat());
    }
    file.extend([0; 4]);
    file[4..8].copy_from_slice(&number(at, 4));
    file
}

#[test]
fn strips_are_unpacked_as_they_are_decoded() {
    let pixels: Vec<u8> = (0..60).collect();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(&pixels).unwrap();
    let deflated = encoder.finish().unwrap();
    let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&pixels).unwrap();
    // A run of three fives, and fifty-seven as they are.
    let pack_bits = [&[254, 5, 128, 56], &pixels[3..]].concat();
    for (strip, method) in [(&pixels, 1), (&lzw, 5), (&deflated, 8), (&pack_bits, 32773)] {
        for (is_little, is_planar) in [(true, false), (true, true), (false, false), (false, true)] {
            let case = format!("little {is_little}, planar {is_planar}, method {method}");
            let sound = tiff_of(is_little, is_planar, strip, method);
            let picture = decoded(&sound, false).unwrap();
            assert_eq!(picture.pixels[9..12], if is_planar { [3, 3, 3] } else { [9, 10, 11] });
            for at in 0..strip.len() {
                let mut other = sound.clone();
                other[8 + at] ^= 0xff;
                let cut = tiff_of(is_little, is_planar, &strip[..at], method);
                for bytes in [other, cut] {
                    let is_sound = decoded(&bytes, false).is_some();
                    assert_eq!(unpacked(&bytes).is_ok(), is_sound, "{case}, byte {at}");
                    assert_eq!(is_checked_sound(&bytes), is_sound, "{case}, byte {at}");
                }
            }
            assert!(unpacked(&sound).is_ok());
        }
    }
}
