//! TIFF: strips that lie over one another, strips that are JPEG, channels that are left out, kinds of numbers.

use std::io::Write;
use std::time::Instant;

use contractive_pictures::{Colour, Picture, PictureError, PictureFault, PictureOptions, PictureSource};
use flate2::{Compression, write::ZlibEncoder};
use image::ImageFormat;

use crate::support::{drawn, file, fixtures, folder, keep, read, tiff, tiff_of};

type Tags = Vec<(u16, u16, Vec<u32>)>;

/// The tags of a picture of so many bits a channel, all of whose strips of `rows` rows are the `strip` bytes at 8.
fn tags((width, height): (u32, u32), bits: &[u32], method: u32, rows: u32, strip: usize) -> Tags {
    let n = height.div_ceil(rows) as usize;
    vec![
        (256, 4, vec![width]),
        (257, 4, vec![height]),
        (258, 3, bits.to_vec()),
        (259, 3, vec![method]),
        (262, 3, vec![if bits.len() > 2 { 2 } else { 1 }]),
        (273, 4, vec![8; n]),
        (277, 3, vec![bits.len() as u32]),
        (278, 4, vec![rows]),
        (279, 4, vec![strip as u32; n]),
    ]
}

/// With one tag more, or with another value.
fn with(mut tags: Tags, tag: u16, values: &[u32]) -> Tags {
    tags.retain(|(other, ..)| *other != tag);
    tags.push((tag, 3, values.to_vec()));
    tags.sort_unstable_by_key(|(tag, ..)| *tag);
    tags
}

fn fault(bytes: &[u8]) -> PictureFault {
    match read(bytes) {
        Err(PictureError::Broken { fault, .. }) => fault,
        Err(other) => panic!("{other:?}"),
        Ok(picture) => panic!("it is read as {:?}", picture.shape),
    }
}

fn in_colour(bytes: &[u8]) -> Picture {
    let folder = folder(&[("x.tif", bytes.to_vec())]);
    let options = PictureOptions { colour: Colour::Rgb, ..keep() };
    PictureSource::open(folder.path(), &options).unwrap().read(0).unwrap()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn strips_that_lie_over_one_another_and_unpack_to_nothing_are_refused() {
    let (n, nothing) = (30_000, 100_000);
    // A strip of PackBits' and of deflate's ways to say nothing, and a byte.
    let pack_bits = [vec![0x80; nothing], vec![0, 7]].concat();
    let empty = [0, 0, 0, 0xff, 0xff].repeat(nothing / 5);
    let deflate = [&[0x78, 1][..], &empty, &deflated(&[7])[2..]].concat();
    for (strip, method) in [(pack_bits, 32773), (deflate, 8)] {
        let start = Instant::now();
        let all = tags((1, n), &[8], method, 1, strip.len());
        let text = fault(&tiff(&strip, &all)).to_string();
        assert!(text.contains("lie over one another"), "{text}");
        // The same where all but one of them say that they have a byte.
        let mut lies = all.clone();
        lies[8].2[1..].fill(2);
        let outcome = read(&tiff(&strip, &lies));
        assert!(outcome.is_err(), "method {method}");
        // Without the check this takes minutes.
        assert!(start.elapsed().as_secs() < 60);
        // One of them is read.
        let one = tiff(&strip, &tags((1, 1), &[8], method, 1, strip.len()));
        assert_eq!(read(&one).unwrap().pixels, [7]);
    }
    // Strips of a blank page may be one in the file, where each becomes what it is read for.
    let blank = deflated(&[9; 400]);
    let page = tiff(&blank, &tags((100, 400), &[8], 8, 4, blank.len()));
    assert!(read(&page).unwrap().pixels == [9; 40_000]);
    // A single strip without a number of bytes has all.
    let mut unknown = tags((100, 4), &[8], 8, 4, 0);
    assert!(read(&tiff(&blank, &unknown)).unwrap().pixels == [9; 400]);
    unknown[3].2[0] = 1;
    assert!(read(&tiff(&[9; 400], &unknown)).unwrap().pixels == [9; 400]);
}

#[test]
fn a_strip_of_deflate_ends_where_it_says() {
    let strip = deflated(&drawn(64));
    let short = tags((64, 2), &[8], 8, 1, strip.len() - 20);
    assert!(matches!(fault(&tiff(&strip, &short)), PictureFault::Truncated { .. }));
}

/// A JPEG of drawn pixels.
fn jpeg(width: usize, height: usize, channels: usize) -> Vec<u8> {
    file(ImageFormat::Jpeg, width, height, &drawn(width * height * channels))
}

/// Its tables by themselves, and what is left.
fn parted(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest, mut at) = (vec![0xff, 0xd8], vec![0xff, 0xd8], 2);
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let into = if matches!(jpeg[at + 1], 0xc4 | 0xdb) { &mut tables } else { &mut rest };
        into.extend(&jpeg[at..end]);
        at = end;
    }
    tables.extend([0xff, 0xd9]);
    rest.extend(&jpeg[at..]);
    (tables, rest)
}

#[test]
fn strips_that_are_jpeg_are_read_as_a_jpeg_is() {
    let whole = jpeg(48, 40, 1);
    let expected = read(&whole).unwrap();
    let alone = tags((48, 40), &[8], 7, 40, whole.len());
    assert!(read(&tiff(&whole, &alone)).unwrap() == expected);
    // White is zero.
    let turned = read(&tiff(&whole, &with(alone.clone(), 262, &[0]))).unwrap();
    assert!(turned.pixels.iter().zip(&expected.pixels).all(|(a, b)| *a == 255 - b));
    // Strips with their tables beside them, the last of them shorter.
    let (tables, strip) = parted(&whole);
    let last = parted(&jpeg(48, 24, 1)).1;
    let mut parts = tags((48, 64), &[8], 7, 40, strip.len());
    (parts[5].2[1], parts[8].2[1]) = (8 + strip.len() as u32, last.len() as u32);
    parts.push((347, 1, tables.iter().map(|&byte| byte.into()).collect()));
    let picture = read(&tiff(&[strip, last].concat(), &parts)).unwrap();
    assert!(
        picture.pixels[..48 * 40] == expected.pixels
            && picture.pixels[48 * 40..] == read(&jpeg(48, 24, 1)).unwrap().pixels
    );
    // Tiles of 32 by 32 pixels, which lie beyond the picture on the right and below.
    let tile = jpeg(32, 32, 1);
    let mut tiles = tags((48, 40), &[8], 7, 40, 0);
    tiles.retain(|(tag, ..)| ![273, 278, 279].contains(tag));
    tiles.extend([(322, 3, vec![32]), (323, 3, vec![32]), (324, 4, vec![8; 4]), (325, 4, vec![tile.len() as u32; 4])]);
    let padding = vec![0; 4 * tile.len()];
    let picture = read(&tiff(&[tile.as_slice(), &padding].concat(), &tiles)).unwrap();
    let tile = read(&tile).unwrap();
    assert!((0..48 * 40).all(|i| picture.pixels[i] == tile.pixels[i / 48 % 32 * 32 + i % 48 % 32]));
}

#[test]
fn strips_that_are_damaged_jpegs_are_refused() {
    let whole = jpeg(64, 64, 1);
    let half = whole.len() / 2;
    let refused = |strip: &[u8]| fault(&tiff(strip, &tags((64, 64), &[8], 7, 64, strip.len())));
    assert!(matches!(refused(&whole[..half]), PictureFault::Truncated { format: "TIFF", .. }));
    assert!(matches!(
        refused(&[&whole[..half], &vec![0; half]].concat()),
        PictureFault::Truncated { format: "TIFF", .. }
    ));
    // What is refused of a JPEG by itself is refused of a strip.
    let noise = [&whole[..half], &[0xff, 0xc0, 0, 2].repeat(9), &[0xff, 0xd9]].concat();
    assert!(read(&noise).is_err() && matches!(refused(&noise), PictureFault::Damaged { format: "TIFF", .. }));
    // Where there is a JPEG within the file of other sides or channels than the strip.
    for other in [jpeg(32, 64, 1), jpeg(64, 48, 1), jpeg(64, 64, 3)] {
        assert!(matches!(refused(&other), PictureFault::Damaged { format: "TIFF", .. }));
    }
}

#[test]
fn tables_of_jpeg_are_in_proportion() {
    let (tables, strip) = parted(&jpeg(8, 8, 1));
    let note = [&[0xff, 0xfe, 0xff, 0xf0][..], &[0; 0xffee]].concat();
    let tables = [&tables[..2], &note, &tables[2..]].concat();
    let mut many = tags((8, 8 * 100), &[8], 7, 8, strip.len());
    many.push((347, 1, tables.iter().map(|&byte| byte.into()).collect()));
    let text = fault(&tiff(&strip.repeat(100), &many)).to_string();
    assert!(text.contains("tables of"), "{text}");
}

/// Differences along a row of a picture with channels of `bytes` each, in the order of bytes of the file.
fn differences(pixels: &[u8], row: usize, pixel: usize, bytes: usize, is_little: bool) -> Vec<u8> {
    let value = |two: &[u8]| if bytes == 1 { u16::from(two[0]) } else { u16::from_le_bytes([two[0], two[1]]) };
    let of_row = |row: &[u8]| {
        let at = |i: usize| value(&row[i * bytes..]);
        let before = |i: usize| if i < pixel { 0 } else { at(i - pixel) };
        let difference = |i: usize| at(i).wrapping_sub(before(i));
        let bytes_of = |value: u16| match (bytes, is_little) {
            (1, _) => vec![value as u8],
            (_, true) => value.to_le_bytes().to_vec(),
            (_, false) => value.to_be_bytes().to_vec(),
        };
        (0..row.len() / bytes).flat_map(|i| bytes_of(difference(i))).collect::<Vec<_>>()
    };
    pixels.chunks(row).flat_map(of_row).collect()
}

#[test]
fn channels_that_are_left_out_do_not_spoil_the_others() {
    let (width, height) = (9, 6);
    for (bytes, is_little) in [(1, true), (2, true), (2, false)] {
        let pixels = drawn(width * height * 4 * bytes);
        let byte_of = |two: &[u8]| match bytes {
            1 => two[0],
            _ => ((u32::from(u16::from_le_bytes([two[0], two[1]])) + 128) / 257) as u8,
        };
        let colours = |pixel: &[u8]| [0, 1, 2].map(|c| byte_of(&pixel[c * bytes..]));
        let expected: Vec<u8> = pixels.chunks(4 * bytes).flat_map(colours).collect();
        let strip = deflated(&differences(&pixels, width * 4 * bytes, 4, bytes, is_little));
        let bits = [8 * bytes as u32; 4];
        let kind = |extra: u32| with(tags((9, 6), &bits, 8, 6, strip.len()), 338, &[extra]);
        let file = tiff_of(is_little, &strip, &with(kind(0), 317, &[2]));
        assert!(in_colour(&file).pixels == expected, "{bytes} bytes, little {is_little}");
        // Tiles of 16 by 16 pixels, of which the picture is the corner, with differences and without.
        for predictor in [1, 2] {
            let across = (0..16 * 4 * bytes).map(|i| (i % 251) as u8).collect::<Vec<u8>>();
            let rows = across.repeat(16);
            let colours: Vec<u8> = rows[..across.len()].chunks(4 * bytes).take(9).flat_map(colours).collect();
            let turned =
                |row: &[u8]| differences(row, row.len(), if predictor == 2 { 4 } else { usize::MAX }, bytes, is_little);
            let tile = deflated(&rows.chunks(across.len()).flat_map(turned).collect::<Vec<_>>());
            let mut tiles = with(with(tags((9, 6), &bits, 8, 6, 0), 338, &[0]), 317, &[predictor]);
            tiles.retain(|(tag, ..)| ![273, 278, 279].contains(tag));
            tiles.extend([
                (322, 3, vec![16]),
                (323, 3, vec![16]),
                (324, 4, vec![8]),
                (325, 4, vec![tile.len() as u32]),
            ]);
            tiles.sort_unstable_by_key(|(tag, ..)| *tag);
            let file = tiff_of(is_little, &tile, &tiles);
            assert!(in_colour(&file).pixels == colours.repeat(6), "{bytes} bytes, predictor {predictor}");
        }
        let floats = fault(&tiff_of(is_little, &strip, &with(kind(0), 317, &[3])));
        assert!(matches!(floats, PictureFault::Unsupported { .. }), "{floats:?}");
    }
}

#[test]
fn numbers_of_32_bits_are_floats_or_refused() {
    let ones = 1.0_f32.to_le_bytes().repeat(3 * 4);
    let kind = tags((4, 1), &[32; 3], 1, 1, ones.len());
    assert_eq!(in_colour(&tiff(&ones, &with(kind.clone(), 339, &[3; 3]))).pixels, [255; 12]);
    for kind in [kind.clone(), with(kind, 339, &[1; 3])] {
        assert!(matches!(fault(&tiff(&ones, &kind)), PictureFault::Unsupported { .. }));
    }
}

#[test]
fn colours_that_alpha_is_in_already_are_as_they_are() {
    let pixels = [100, 50, 25, 128, 200, 10, 0, 255];
    let kind = tags((2, 1), &[8; 4], 1, 1, 8);
    assert_eq!(in_colour(&tiff(&pixels, &with(kind.clone(), 338, &[1]))).pixels, [100, 50, 25, 200, 10, 0]);
    assert_eq!(in_colour(&tiff(&pixels, &with(kind.clone(), 338, &[2]))).pixels, [50, 25, 13, 200, 10, 0]);
    assert_eq!(in_colour(&tiff(&pixels, &with(kind, 338, &[0]))).pixels, [100, 50, 25, 200, 10, 0]);
    assert!(read(&std::fs::read(fixtures().join("rgb.tif")).unwrap()).is_ok());
}

/// The same bytes with their bits from the last to the first.
fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.reverse_bits()).collect()
}

#[test]
fn bits_are_read_in_the_order_that_the_file_says() {
    let of_bits = |method, photometric, strip: &[u8]| {
        let kind = with(tags((12, 6), &[1], method, 3, strip.len()), 262, &[photometric]);
        (kind, strip.to_vec())
    };
    // Rows of group 4 by hand: four pixels of white and eight of black, the same again, the same again, the end.
    let group_4 = [0b0011_0110, 0b0010_1111, 0b1000_0000, 0b0000_1000, 0b0000_0000, 0b1000_0000];
    let grey = drawn(12 * 3);
    let colours = drawn(12 * 3 * 3 * 2);
    let kinds = [
        of_bits(1, 1, &drawn(6)),
        of_bits(1, 0, &drawn(6)),
        of_bits(4, 0, &group_4),
        (tags((12, 6), &[8], 1, 3, grey.len()), grey),
        (tags((12, 6), &[16; 3], 1, 3, colours.len()), colours),
    ];
    for (kind, strip) in kinds {
        let expected = in_colour(&tiff(&strip, &kind));
        assert!(expected.pixels.iter().any(|&value| value != expected.pixels[0]));
        for is_little in [true, false] {
            let expected = in_colour(&tiff_of(is_little, &strip, &kind));
            assert!(in_colour(&tiff_of(is_little, &reversed(&strip), &with(kind.clone(), 266, &[2]))) == expected);
        }
        assert!(in_colour(&tiff(&strip, &with(kind.clone(), 266, &[1]))) == expected);
        assert!(matches!(fault(&tiff(&strip, &with(kind, 266, &[3]))), PictureFault::Unsupported { .. }));
    }
    // JPEG has an order of its own.
    let whole = jpeg(48, 40, 1);
    let kind = with(tags((48, 40), &[8], 7, 40, whole.len()), 266, &[2]);
    assert!(read(&tiff(&whole, &kind)).unwrap() == read(&whole).unwrap());
    for (method, strip) in [(8, deflated(&[7; 12])), (32773, vec![0xf5, 7])] {
        let kind = tags((12, 1), &[8], method, 1, strip.len());
        assert_eq!(read(&tiff(&strip, &kind)).unwrap().pixels, [7; 12]);
        assert!(matches!(fault(&tiff(&strip, &with(kind, 266, &[2]))), PictureFault::Unsupported { .. }));
    }
}

#[test]
fn a_strip_of_turned_bits_that_lies_on_the_tags_is_refused() {
    let mut kind = with(tags((4, 2), &[8], 1, 1, 4), 266, &[2]);
    let place = |bytes: &[u8]| u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let directory = place(&tiff(&[9; 8], &kind));
    // The first values that have no room in it are the offsets.
    for at in [directory, 16, 0] {
        kind[6].2[0] = at;
        assert!(matches!(fault(&tiff(&[9; 8], &kind)), PictureFault::Damaged { .. }), "at {at}");
    }
}

#[test]
fn differences_are_of_what_is_packed_for_them() {
    let strip = [10, 1, 1, 1];
    let packed = [3, 10, 1, 1, 1];
    for (method, strip) in [(1, &strip[..]), (32773, &packed)] {
        let kind = tags((4, 1), &[8], method, 1, strip.len());
        assert_eq!(read(&tiff(strip, &kind)).unwrap().pixels, [10, 1, 1, 1]);
        let text = fault(&tiff(strip, &with(kind, 317, &[2]))).to_string();
        assert!(text.contains("predictor 2"), "{text}");
    }
    let strip = deflated(&strip);
    let kind = with(tags((4, 1), &[8], 8, 1, strip.len()), 317, &[2]);
    assert_eq!(read(&tiff(&strip, &kind)).unwrap().pixels, [10, 11, 12, 13]);
}
