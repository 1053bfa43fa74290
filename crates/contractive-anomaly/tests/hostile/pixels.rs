//! Pictures whose size does not account for their pixels: sound ones are read, and damage at their end is found within the bound.

use std::io::Write;

use contractive_pictures::{Colour, Fit, Picture, PictureOptions, PictureSource};
use flate2::{Compression, Crc, write::ZlibEncoder};

use crate::judge::{Judge, PICTURES, fixture};

/// The most that a byte of a file becomes: smaller files are refused for what they claim.
const MOST_EXPANSION: usize = 200;

/// The only picture of a file.
fn read(judge: &Judge, name: &str, bytes: &[u8], colour: Colour) -> Picture {
    std::fs::write(judge.at(name), bytes).unwrap();
    let options = PictureOptions { colour, fit: Fit::Keep, ..PictureOptions::default() };
    PictureSource::open(judge.at(name), &options).unwrap().read(0).unwrap()
}

/// Zeros that a file needs for so many bytes of pixels.
fn padding(pixels: usize) -> Vec<u8> {
    vec![0; pixels / MOST_EXPANSION + 1]
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(1));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn png_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(name);
    sum.update(body);
    [&(body.len() as u32).to_be_bytes(), name.as_slice(), body, &sum.sum().to_be_bytes()].concat()
}

/// A grey PNG of `bits` a pixel, of these deflated rows, with a chunk of its own before them.
fn png(width: u32, height: u32, bits: u8, is_interlaced: bool, rows: &[u8]) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [sides.as_slice(), &[bits, 0, 0, 0, is_interlaced.into()]].concat();
    let own = png_chunk(b"prVt", &padding(width as usize * height as usize));
    let chunks = [png_chunk(b"IHDR", &header), own, png_chunk(b"IDAT", rows), png_chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat()
}

/// A TIFF of `data`, which begins at 8, with these tags: bytes (1), shorts (3) or longs (4).
fn tiff(data: &[u8], tags: &[(u16, u16, Vec<u32>)]) -> Vec<u8> {
    let mut bytes = [b"II\x2a\0\0\0\0\0".as_slice(), data].concat();
    let mut directory = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, values) in tags {
        let size = if *kind == 3 { 2 } else { usize::from(*kind) };
        let mut packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect();
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend((values.len() as u32).to_le_bytes());
        if packed.len() > 4 {
            directory.extend((bytes.len() as u32).to_le_bytes());
            bytes.extend(packed);
        } else {
            packed.resize(4, 0);
            directory.extend(packed);
        }
    }
    let at = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&at);
    bytes.extend(directory);
    bytes.extend([0; 4]);
    bytes
}

/// The tags of a TIFF in 8 bits of red, green and blue, packed in this way, all of whose strips are `strip`.
fn rgb_tags(width: u32, height: u32, method: u32, rows: u32, strip: usize) -> Vec<(u16, u16, Vec<u32>)> {
    let n = height.div_ceil(rows) as usize;
    vec![
        (256, 4, vec![width]),
        (257, 4, vec![height]),
        (258, 3, vec![8; 3]),
        (259, 3, vec![method]),
        (262, 3, vec![2]),
        (273, 4, vec![8; n]),
        (277, 3, vec![3]),
        (278, 4, vec![rows]),
        (279, 4, vec![strip as u32; n]),
    ]
}

/// A TIFF of such strips.
fn rgb_tiff(width: u32, height: u32, method: u32, rows: u32, strip: &[u8]) -> Vec<u8> {
    let data = [strip, &padding(3 * width as usize * height as usize)].concat();
    tiff(&data, &rgb_tags(width, height, method, rows, strip.len()))
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
}

/// The segments of a JPEG in colour before its scan: a code of one bit for "no difference" and for "the block's end", and comments.
fn jpeg_header(width: u16, height: u16, frame: u8) -> Vec<u8> {
    let code = |class: u8| segment(0xc4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let channels = [1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];
    let frame = segment(frame, &[&[8], sides.as_slice(), &[3], &channels].concat());
    let comments = padding(3 * width as usize * height as usize);
    let comments: Vec<u8> = comments.chunks(60_000).flat_map(|part| segment(0xfe, part)).collect();
    let tables = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    [&[0xff, 0xd8], comments.as_slice(), &tables, &frame, &code(0), &code(0x10)].concat()
}

/// A grey JPEG in colour: each block of 16 by 16 pixels is twelve bits, all of them zero.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let blocks = usize::from(width.div_ceil(16)) * usize::from(height.div_ceil(16));
    let scan = segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    [jpeg_header(width, height, 0xc0), scan, vec![0; (blocks * 12).div_ceil(8)], vec![0xff, 0xd9]].concat()
}

fn riff(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [name.as_slice(), &(body.len() as u32).to_le_bytes(), body, &[0][..body.len() % 2]].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff(b"RIFF", &[b"WEBP".as_slice(), &chunks.concat()].concat())
}

/// A lossy WebP of one grey: zeros are decoded as "predicted" and "no coefficients" throughout, with so many bytes for these.
fn lossy(width: u16, height: u16, coefficients: usize) -> Vec<u8> {
    let blocks = usize::from(width.div_ceil(16)) * usize::from(height.div_ceil(16));
    // A key frame that is shown, and the bytes of its first part, which are 8 bits for each block and the header.
    let first = 1000 + blocks;
    let tag = ((first as u32) << 5 | 1 << 4).to_le_bytes();
    let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let frame = [&tag[..3], &[0x9d, 0x01, 0x2a], &sides, &vec![0; first + coefficients]].concat();
    webp(&[riff(b"VP8 ", &frame), riff(b"ZERO", &padding(3 * usize::from(width) * usize::from(height)))])
}

#[test]
fn a_png_is_checked_row_by_row() {
    let judge = Judge::new();
    // As bytes a bit over 64 MiB, in a bit each.
    let side = 8300_u32;
    let row = [&[0], [0x55].repeat(side.div_ceil(8) as usize).as_slice()].concat();
    let rows = row.repeat(side as usize);
    let packed = deflated(&rows);
    let picture = read(&judge, "a.png", &png(side, side, 1, false, &packed), Colour::Grey);
    let expected = [0, 255].repeat(side as usize / 2);
    assert!(picture.pixels.chunks_exact(side as usize).all(|row| row == expected));
    let short = deflated(&rows[..rows.len() - row.len()]);
    judge.refused("b.png", &png(side, side, 1, false, &short), &[PICTURES], "Truncated|Damaged");
    judge.refused("b.png", &png(side, side, 1, false, &packed[..packed.len() - 9]), &[PICTURES], "Truncated|Damaged");
    // Seven passes, each with fewer pixels than the picture: where the first stands, and how far they lie apart.
    let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let n = |first: u32, step: u32| (side - first).div_ceil(step);
    let bytes = passes.iter().map(|&(x, y, across, down)| n(y, down) * (1 + n(x, across).div_ceil(8))).sum::<u32>();
    let passes = vec![0; bytes as usize];
    let picture = read(&judge, "c.png", &png(side, side, 1, true, &deflated(&passes)), Colour::Grey);
    assert!(picture.pixels == vec![0; picture.pixels.len()]);
    let short = deflated(&passes[1..]);
    judge.refused("d.png", &png(side, side, 1, true, &short), &[PICTURES], "Truncated|Damaged");
}

/// A profile of 15 MiB, in 15 KB, stays beside the pixels.
#[test]
fn a_profile_counts_with_the_pixels_of_a_png() {
    let judge = Judge::new();
    let side = 7900;
    let rows = vec![0; (side as usize).div_ceil(8) * side as usize];
    let mut bytes = png(side, side, 1, false, &deflated(&rows));
    let profile = png_chunk(b"iCCP", &[b"a\0\0".as_slice(), &deflated(&vec![0; 15 << 20])].concat());
    bytes.splice(33..33, profile);
    judge.refused("a.png", &bytes, &[PICTURES], "Truncated|Damaged");
}

#[test]
fn a_tiff_is_checked_strip_by_strip() {
    let judge = Judge::new();
    // Twice 33 MiB, since it is decoded into pixels of its own.
    let (width, height, rows) = (3400, 3400, 34);
    let strip = deflated(&[10, 20, 30].repeat(width * rows));
    let sound = rgb_tiff(width as u32, height, 8, rows as u32, &strip);
    let picture = read(&judge, "a.tif", &sound, Colour::Rgb);
    assert!(picture.pixels == [10, 20, 30].repeat(width * height as usize));
    // The last strip is the directory, which no zlib begins with.
    let mut tags = rgb_tags(width as u32, height, 8, rows as u32, strip.len());
    *tags[5].2.last_mut().unwrap() = 8 + strip.len() as u32;
    let data = [strip.as_slice(), &padding(3 * width * height as usize)].concat();
    judge.refused("b.tif", &tiff(&data, &tags), &[PICTURES], "Truncated|Damaged");
}

#[test]
fn a_tiff_of_one_strip_is_checked_as_a_whole() {
    let judge = Judge::new();
    let (width, height) = (4750, 4750);
    let pixels = [10, 20, 30].repeat(width * height);
    let strip = deflated(&pixels);
    let picture = read(&judge, "a.tif", &rgb_tiff(width as u32, height as u32, 8, height as u32, &strip), Colour::Rgb);
    assert!(picture.pixels == pixels);
    drop((picture, pixels));
    let cut = &strip[..strip.len() - 100];
    let data = [cut, &[0xff; 100], &padding(3 * width * height)].concat();
    let tags = rgb_tags(width as u32, height as u32, 8, height as u32, strip.len());
    judge.refused("b.tif", &tiff(&data, &tags), &[PICTURES], "Truncated|Damaged");
}

#[test]
fn strips_and_tiles_that_lie_take_no_memory() {
    let judge = Judge::new();
    // Eight million offsets of which there is none.
    let mut bytes = std::fs::read(fixture("pictures/rgb.tif")).unwrap();
    let at = bytes.windows(2).position(|two| two == 273_u16.to_le_bytes()).unwrap();
    bytes[at + 4..at + 8].copy_from_slice(&8_000_000_u32.to_le_bytes());
    judge.refused("a.tif", &bytes, &[PICTURES], "Damaged");
    // A strip that is a JPEG of 16,000 by 16,000 pixels, in a picture of 64 by 64.
    let mut strip = jpeg_header(100, 100, 0xc0);
    let at = strip.windows(3).position(|three| three == [0xc0, 0, 17]).unwrap();
    strip[at + 4..at + 8].copy_from_slice(&[16_000_u16.to_be_bytes(), 16_000_u16.to_be_bytes()].concat());
    strip.extend(segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]));
    strip.extend([0; 64]);
    judge.refused("a.tif", &rgb_tiff(64, 64, 7, 64, &strip), &[PICTURES], "Damaged");
    // A tile of a hundred million pixels, one of which is the picture's, with a channel that is left out.
    let tags = [(256, 4, vec![1]), (257, 4, vec![1]), (258, 3, vec![8]), (259, 3, vec![1]), (262, 3, vec![2])];
    let tiles =
        [(277, 3, vec![4]), (322, 4, vec![100_000_000]), (323, 4, vec![1]), (324, 4, vec![8]), (325, 4, vec![64])];
    let tags = [&tags[..], &tiles, &[(338, 3, vec![0])]].concat();
    judge.refused("a.tif", &tiff(&[0; 64], &tags), &[PICTURES], "Damaged");
}

#[test]
fn a_bmp_is_as_long_as_its_header_says() {
    let judge = Judge::new();
    let head = |width: i32, height: i32, bits: u16, kind: u32| {
        let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
        let info =
            [&40_u32.to_le_bytes(), sides.as_slice(), &[1, 0], &bits.to_le_bytes(), &kind.to_le_bytes(), &[0; 20]];
        let palette = [[0_u8; 4], [255; 4]].concat().repeat(1 << (bits - 1));
        let at = 54 + palette.len() as u32;
        [b"BM".as_slice(), &[0; 8], &at.to_le_bytes(), &info.concat(), &palette].concat()
    };
    // A page of bits: 90 MB of pixels, and a row is missing.
    let (width, height) = (6000, 5000);
    let rows = vec![0xaa; 752 * height];
    let cut = [head(width, height as i32, 1, 0), rows[..752 * (height - 1)].to_vec()].concat();
    judge.refused("a.bmp", &cut, &[PICTURES], "Truncated");
    // From the top down.
    let cut = [head(width, -(height as i32), 1, 0), rows[..752 * (height - 1)].to_vec()].concat();
    judge.refused("a.bmp", &cut, &[PICTURES], "Truncated");
    // Runs are not checked.
    let runs = [head(4700, 4700, 8, 1), padding(3 * 4700 * 4700)].concat();
    judge.refused("a.bmp", &runs, &[PICTURES], "Claim");
    let small = [head(33, 2, 1, 0), vec![0xaa; 16]].concat();
    let picture = read(&judge, "a.bmp", &small, Colour::Grey);
    assert_eq!(picture.pixels[..3], [255, 0, 255]);
}

#[test]
fn a_jpeg_is_checked_by_its_luma() {
    let judge = Judge::new();
    let (width, height) = (4900, 4900);
    let sound = jpeg(width, height);
    let picture = read(&judge, "a.jpg", &sound, Colour::Rgb);
    assert!(picture.pixels == vec![128; picture.pixels.len()]);
    drop(picture);
    let mut damaged = sound.clone();
    let at = sound.len() - 4;
    damaged[at] = 0xfe;
    judge.refused("b.jpg", &damaged, &[PICTURES], "Damaged");
    judge.refused("b.jpg", &sound[..sound.len() - 2], &[PICTURES], "Truncated");
    // Of three scans, whose coefficients would be held, one is there.
    let in_turn = [jpeg_header(3400, 3400, 0xc0), segment(0xda, &[1, 1, 0, 0, 63, 0]), vec![0; 64], vec![0xff, 0xd9]];
    judge.refused("b.jpg", &in_turn.concat(), &[PICTURES], "Damaged");
}

#[test]
fn a_lossy_webp_is_checked_by_its_planes() {
    let judge = Judge::new();
    let picture = read(&judge, "a.webp", &lossy(2900, 2900, 50_000), Colour::Rgb);
    assert!(picture.pixels.len() == 3 * 2900 * 2900 && picture.pixels.ends_with(&[132; 3 * 2900]));
    judge.refused("b.webp", &lossy(4096, 4096, 1000), &[PICTURES], "Truncated|Damaged");
}

#[test]
fn chunks_of_a_webp_that_lie_take_no_memory() {
    let judge = Judge::new();
    let lossy = std::fs::read(fixture("pictures/lossy.webp")).unwrap();
    let sides = [12_u8, 0, 0, 8, 0, 0];
    let notes = [b"EXIF".as_slice(), &0x7fff_fff0_u32.to_le_bytes(), &[0; 64]].concat();
    let bytes = webp(&[riff(b"VP8X", &[&[8, 0, 0, 0], &sides[..]].concat()), lossy[12..].to_vec(), notes]);
    judge.refused("a.webp", &bytes, &[PICTURES], "Truncated");
    // The decoder looks for notes in the first frame of an animation too.
    let head = riff(b"VP8X", &[2, 0, 0, 0, 31, 0, 0, 31, 0, 0]);
    let notes = [b"EXIF".as_slice(), &0xffff_fff0_u32.to_le_bytes()].concat();
    for first in [vec![], riff(b"VP8 ", &[])] {
        let frame = [&[0; 6], &[31, 0, 0, 31, 0, 0][..], &[0; 4], &first, &notes].concat();
        let bytes = webp(&[head.clone(), riff(b"ANIM", &[0; 6]), riff(b"ANMF", &frame)]);
        judge.refused("b.webp", &bytes, &[PICTURES], "Truncated");
    }
}

/// Blank pages of a scanner, of one bit a pixel and of a palette: a byte of the file is a thousand of theirs, of 8 or 2 pixels.
#[test]
fn blank_pages_of_few_bits_are_read() {
    let judge = Judge::new();
    let page = |bits: u8, kind: u8, bytes_a_row: usize| {
        let header = [&2480_u32.to_be_bytes()[..], &3508_u32.to_be_bytes(), &[bits, kind, 0, 0, 0]].concat();
        let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
        rows.write_all(&vec![0; 3508 * (1 + bytes_a_row)]).unwrap();
        let rows = rows.finish().unwrap();
        let palette = if kind == 3 { png_chunk(b"PLTE", &[255; 3]) } else { Vec::new() };
        let chunks = [png_chunk(b"IHDR", &header), palette, png_chunk(b"IDAT", &rows), png_chunk(b"IEND", &[])];
        [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat()
    };
    for (bits, kind, bytes_a_row) in [(1, 0, 310), (4, 3, 1240)] {
        let bytes = page(bits, kind, bytes_a_row);
        assert!(bytes.len() < 8_000, "{} bytes", bytes.len());
        let picture = read(&judge, "page.png", &bytes, Colour::Grey);
        assert_eq!((picture.shape.width, picture.shape.height), (2480, 3508));
    }
}

/// Headers that the decoder reads in another way than it is told: a canvas of 16 by 16 pixels over colours of 16,383, a chunk behind
/// a lossy picture that it does not look at, a first scan that hides in a marker of no length.
#[test]
fn what_the_decoder_reads_is_what_is_checked() {
    let judge = Judge::new();
    let canvas = riff(b"VP8X", &[0, 0, 0, 0, 15, 0, 0, 15, 0, 0]);
    let colours = riff(b"VP8 ", &lossy(16_383, 16_383, 0)[20..300]);
    judge.refused("canvas.webp", &webp(&[canvas, colours]), &[PICTURES], "Damaged");
    let colours = lossy(4096, 4096, 1000)[12..].to_vec();
    for behind in [b"VP8L", b"ALPH", b"ANMF"] {
        judge.refused("behind.webp", &webp(&[colours.clone(), riff(behind, &[])]), &[PICTURES], "Damaged|Truncated");
    }
    // Of the frame the first scan has one of three channels.
    let scan = |channels: &[u8]| segment(0xda, &[channels, &[0, 0x3f, 0]].concat());
    let hidden = segment(1, &scan(&[3, 1, 0, 2, 0, 3, 0]));
    let jpeg = jpeg_header(4500, 4500, 0xc0);
    let bytes = [&jpeg[..2], &hidden, &jpeg[2..], &scan(&[1, 1, 0]), &[0; 64], &[0xff, 0xd9]].concat();
    judge.refused("hidden.jpg", &bytes, &[PICTURES], "Damaged|Truncated|Claim");
}

/// Notes that the decoder sorts anew after each, texts that take ten times their bytes, and strips of a row of 16 MiB that all lie at
/// one place.
#[test]
fn work_is_in_proportion_to_the_file() {
    let judge = Judge::new();
    let note = segment(0xe1, &[b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[0; 72]].concat());
    let jpeg = jpeg(64, 64);
    judge.refused("notes.jpg", &[&jpeg[..2], &note.repeat(5000), &jpeg[2..]].concat(), &[PICTURES], "Damaged");
    let png = png(8, 8, 8, false, &deflated(&[0; 72]));
    let text = png_chunk(b"tEXt", b"a\0");
    judge.refused("texts.png", &[&png[..33], &text.repeat(70_000), &png[33..]].concat(), &[PICTURES], "Damaged");
    let mut tags = rgb_tags(200, 1000, 1, 1, 600);
    tags[2] = (258, 3, vec![8; 1]);
    tags[6] = (277, 3, vec![65_535]);
    let extra = (338, 3, vec![0; 65_532]);
    let bytes = tiff(&padding(600_000), &[tags, vec![extra]].concat());
    judge.refused("channels.tif", &bytes, &[PICTURES], "Damaged|Unsupported");
}
