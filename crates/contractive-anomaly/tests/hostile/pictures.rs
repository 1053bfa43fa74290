//! Pictures made to do harm, and how much many sound ones take.

use contractive_pictures::{Fit, PictureOptions, PictureSource, Size};

use crate::judge::{Judge, PICTURES, fixture, gzip_of, npy, peak_of, zip_of};

const MEBIBYTE: usize = 1 << 20;

fn picture(name: &str) -> Vec<u8> {
    std::fs::read(fixture("pictures").join(name)).unwrap()
}

/// A PNG of one grey; of as many bytes as deflate needs for it.
fn grey(width: u32, height: u32, value: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let pixels = vec![value; (width * height) as usize];
    let (kind, format) = (image::ExtendedColorType::L8, image::ImageFormat::Png);
    image::write_buffer_with_format(&mut out, &pixels, width, height, kind, format).unwrap();
    out.into_inner()
}

/// A PNG whose header says another size, with the checksum that goes with it.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = picture("rgb.png");
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

#[test]
fn headers_that_lie_take_no_memory() {
    let judge = Judge::new();
    for (width, height, kinds) in [
        (60_000, 60_000, "Pixels"),
        (8_000, 8_000, "Truncated"),
        (u32::MAX >> 1, u32::MAX >> 1, "Pixels|Damaged"),
        (0, 5, "NoPixels|Damaged"),
        (200, 200, "Truncated|Damaged"),
    ] {
        judge.refused("a.png", &png_of(width, height), &[PICTURES], kinds);
    }
    for name in ["rgb.jpg", "progressive.jpg", "cmyk.jpg"] {
        let mut bytes = picture(name);
        let at = bytes.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc2]).unwrap();
        bytes[at + 5..at + 9].copy_from_slice(&[0xff; 4]);
        judge.refused("a.jpg", &bytes, &[PICTURES], "Pixels");
        bytes[at + 5..at + 9].copy_from_slice(&[0x20; 4]);
        judge.refused("a.jpg", &bytes, &[PICTURES], "Truncated");
    }
    let mut bytes = picture("rgb.bmp");
    bytes[18..22].copy_from_slice(&9_000_u32.to_le_bytes());
    bytes[22..26].copy_from_slice(&9_000_u32.to_le_bytes());
    judge.refused("a.bmp", &bytes, &[PICTURES], "Truncated|Damaged");
    // Width and height of TIFF are tags 256 and 257.
    let mut bytes = picture("rgb.tif");
    for tag in [256_u16, 257] {
        let entry = [tag.to_le_bytes(), 3_u16.to_le_bytes()].concat();
        let entry_long = [tag.to_le_bytes(), 4_u16.to_le_bytes()].concat();
        let at = bytes.windows(4).position(|four| four == entry || four == entry_long).unwrap();
        bytes[at + 8..at + 10].copy_from_slice(&9_000_u16.to_le_bytes());
    }
    judge.refused("a.tif", &bytes, &[PICTURES], "Claim|Damaged|Truncated");
}

/// Pictures of few bytes that claim to be as wide and high as `side`.
fn that_claim(side: u16) -> [(&'static str, Vec<u8>); 4] {
    let mut lossy = picture("lossy.webp");
    let at = lossy.windows(3).position(|three| three == [0x9d, 0x01, 0x2a]).unwrap();
    lossy[at + 3..at + 7].copy_from_slice(&[side.to_le_bytes(), side.to_le_bytes()].concat());
    let mut lossless = picture("lossless.webp");
    let at = lossless.windows(4).position(|four| four == b"VP8L").unwrap() + 9;
    let sides = (u32::from(side) - 1) | (u32::from(side) - 1) << 14;
    lossless[at..at + 4].copy_from_slice(&sides.to_le_bytes());
    // Its width, its height, and the rows of its only strip.
    let mut tiff = picture("rgb.tif");
    for tag in [256_u16, 257, 278] {
        let at = tiff.windows(2).position(|two| two == tag.to_le_bytes()).unwrap();
        tiff[at + 8..at + 10].copy_from_slice(&side.to_le_bytes());
    }
    // With a comment it is long enough for so many pixels.
    let comment = [[0xff, 0xfe, 0xff, 0xff].as_slice(), &[0; 0xfffd]].concat();
    let jpeg = picture("progressive.jpg");
    let mut jpeg = [&jpeg[..2], &comment, &jpeg[2..]].concat();
    let at = jpeg.windows(3).position(|three| three == [0xff, 0xc2, 0]).unwrap();
    jpeg[at + 5..at + 9].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
    [("lossy.webp", lossy), ("lossless.webp", lossless), ("rgb.tif", tiff), ("progressive.jpg", jpeg)]
}

/// As large as is believed of so few bytes, and larger, when decoding takes up to three times the pixels.
#[test]
fn headers_that_lie_take_no_more_than_is_free() {
    let judge = Judge::new();
    for (side, kinds) in [(2_600, "Damaged|Truncated"), (4_690, "Claim")] {
        for (name, bytes) in that_claim(side) {
            judge.refused(name, &bytes, &[PICTURES], kinds);
        }
    }
}

#[test]
fn damaged_anywhere_a_picture_takes_little() {
    let judge = Judge::new();
    for entry in std::fs::read_dir(fixture("pictures")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".py") || name.ends_with(".json") || name.starts_with("orientation") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let mut other = bytes.clone();
            other[at] ^= 0xff;
            judge.bounded(&name, &other, &[PICTURES]);
        }
    }
}

#[test]
fn archives_that_become_large_are_not_followed() {
    let judge = Judge::new();
    let zeros = vec![0; 65 * MEBIBYTE];
    judge.refused("a.zip", &zip_of(&[("a.png", zeros.clone())]), &[PICTURES], "FileSize");
    judge.refused("a.tar.gz", &gzip_of(&[(&vec![0; MEBIBYTE], 70)]), &[PICTURES], "Archive");
    judge.refused(
        "a.npz",
        &zip_of(&[("X.npy", npy("|u1", false, "(65, 1024, 1024)", &zeros))]),
        &[PICTURES],
        "Archive",
    );
    judge.refused("a.npy", &npy("|u1", false, "(1000000, 1000, 1000)", &[0; 64]), &[PICTURES], "Truncated");
}

/// 20 KB that become 20 MB, which in turn claim to be of 100 megapixels.
#[test]
fn a_picture_in_an_archive_is_as_small_as_it_is_packed() {
    let judge = Judge::new();
    let mut png = png_of(10_000, 9_900);
    png.extend(vec![0; 20 * MEBIBYTE]);
    judge.refused("a.zip", &zip_of(&[("a.png", png.clone())]), &[PICTURES], "Claim");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(png.len() as u64);
    archive.append_data(&mut header, "a.png", png.as_slice()).unwrap();
    let archive = archive.into_inner().unwrap();
    judge.refused("a.tar.gz", &gzip_of(&[(&archive, 1)]), &[PICTURES], "Claim");
}

#[test]
#[cfg(unix)]
fn pictures_that_never_end_are_not_followed() {
    let judge = Judge::new();
    std::os::unix::fs::symlink("/dev/zero", judge.at("a.png")).unwrap();
    judge.refused_at(&judge.at("a.png"), 0, &[PICTURES], "Io");
    let sparse = std::fs::File::create(judge.at("b.png")).unwrap();
    if sparse.set_len(10 << 40).is_ok() {
        judge.refused_at(&judge.at("b.png"), 0, &[PICTURES], "FileSize|NotAPicture");
    }
}

#[test]
fn many_pictures_take_what_a_few_take() {
    let judge = Judge::new();
    let folder = judge.at("many");
    std::fs::create_dir(&folder).unwrap();
    let (small, large) = (grey(64, 64, 7), grey(2000, 2000, 9));
    for i in 0..2000 {
        std::fs::write(folder.join(format!("{i}.png")), &small).unwrap();
    }
    let streamed = |path: &std::path::Path, threads: usize| {
        let size = Some(Size { width: 64, height: 64 });
        let options = PictureOptions { size, fit: Fit::Pad, ..PictureOptions::default() };
        let source = PictureSource::open(path, &options).unwrap();
        let order = (0..source.len() as u32).collect();
        source.stream(order, threads).map(Result::unwrap).map(|(_, picture)| picture.pixels.len()).sum::<usize>()
    };
    let peak = peak_of(|| assert_eq!(streamed(&folder, 4), 2000 * 64 * 64));
    assert!(peak < 16 * MEBIBYTE, "2,000 pictures took {peak} bytes");
    // Four megapixels each, 48 threads: as many at once as fit into 128 MiB.
    let folder = judge.at("large");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..60 {
        std::fs::write(folder.join(format!("{i}.png")), &large).unwrap();
    }
    let peak = peak_of(|| assert_eq!(streamed(&folder, 48), 60 * 64 * 64));
    assert!(peak < 144 * MEBIBYTE, "60 large pictures took {peak} bytes");
}
