//! What pictures take beside their pixels: weights of the sampler, names, labels.

use std::path::Path;

use contractive_pictures::{Colour, Fit, PictureOptions, PictureSource, Size};

use crate::judge::{ARRAY, Judge, PICTURES, ROWS, gzip_of, npy, peak_of, zip_of};

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

/// Pictures of a small archive that unpack to much are held one at a time, however many threads read it.
#[test]
fn damaged_pictures_of_an_archive_are_not_held_side_by_side() {
    let judge = Judge::new();
    let chunk = |name: &[u8], contents: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(contents);
        [&(contents.len() as u32).to_be_bytes()[..], name, contents, &sum.sum().to_be_bytes()].concat()
    };
    let small = grey(8, 8);
    // Behind the header a chunk that nobody knows, and then pixels that are none.
    let mut damaged = [&small[..33], &chunk(b"juNk", &vec![0; 40 * MEBIBYTE]), &small[33..]].concat();
    let at = damaged.windows(4).rposition(|name| name == b"IDAT").unwrap();
    damaged[at + 5] ^= 1;
    let options =
        PictureOptions { fit: Fit::Keep, colour: Colour::Grey, skip_broken: true, ..PictureOptions::default() };
    let archive = zip_of(&[("a.png", damaged.clone()), ("b.png", damaged.clone()), ("c.png", damaged)]);
    std::fs::write(judge.at("a.zip"), &archive).unwrap();
    let peak = peak_of(|| {
        let source = PictureSource::open(judge.at("a.zip"), &options).unwrap();
        assert_eq!((source.stream(vec![0, 1, 2], 3).filter(Result::is_ok).count(), source.skipped().len()), (0, 3));
    });
    assert!(peak <= 64 * MEBIBYTE + 4 * archive.len(), "{peak} bytes of an archive of {}", archive.len());
}

/// Names of the pictures of an array are their numbers, and are not held.
#[test]
fn an_array_of_many_pictures_takes_no_names() {
    let judge = Judge::new();
    const MANY: usize = 2_000_000;
    std::fs::write(judge.at("a.npy"), npy("|u1", false, "(2000000, 1, 1)", &vec![0; MANY])).unwrap();
    let peak = peak_of(|| {
        let source = PictureSource::open(judge.at("a.npy"), &PictureOptions::default()).unwrap();
        assert_eq!((source.len(), &*source.name(MANY - 1), source.labels()), (MANY, "1999999", None));
    });
    assert!(peak < MEBIBYTE, "{peak} bytes");
    // Of a small file even their places in an order would be too much.
    let bytes = npy("|u1", false, "(20000000, 1, 1)", &vec![0; 20_000_000]);
    judge.refused("a.npz", &zip_of(&[("X.npy", bytes)]), &[PICTURES], "Archive");
}

/// Labels are read where there is one for each picture or row, which the headers tell.
#[test]
fn labels_that_are_too_many_are_not_read() {
    let judge = Judge::new();
    let labels = npy("|u1", false, "(40000000,)", &vec![0; 40_000_000]);
    let archive = zip_of(&[("X.npy", npy("|u1", false, "(4, 2, 2, 3)", &[9; 48])), ("y.npy", labels)]);
    let peak = peak_of(|| judge.refused("a.npz", &archive, &[ROWS, ARRAY], "Shape"));
    assert!(peak < 8 * MEBIBYTE, "{peak} bytes");
    let peak = peak_of(|| {
        let source = PictureSource::open(judge.at("a.npz"), &PictureOptions::default()).unwrap();
        assert_eq!((source.len(), source.labels()), (4, None));
    });
    assert!(peak < 8 * MEBIBYTE, "{peak} bytes");
    // As many as there are pictures, and more than a file of this size may have.
    let (pictures, labels) = ("(5000000, 1, 1)", "(5000000,)");
    let zeros = vec![0; 5_000_000];
    let archive =
        zip_of(&[("X.npy", npy("|u1", false, pictures, &zeros)), ("y.npy", npy("|u1", false, labels, &zeros))]);
    judge.refused("b.npz", &archive, &[PICTURES], "Archive");
}

/// The header of a file without bytes in a .tar, whose name has as many bytes as ustar has room for, none of them UTF-8.
fn ustar_header(number: u32) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let ustar = header.as_ustar_mut().unwrap();
    ustar.prefix = [0xff; 155];
    ustar.name = [0xff; 100];
    ustar.name[90..96].copy_from_slice(format!("{number:06}").as_bytes());
    ustar.name[96..].copy_from_slice(b".png");
    header.set_size(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A GNU header whose `size` bytes are the name of the next entry.
fn long_name(size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn names_in_archives_are_bounded() {
    let judge = Judge::new();
    let (after, end) = (ustar_header(0), [0; 1024]);
    for part in [b"a/", b"\xff\xff"] {
        let (head, name) = (long_name(32 << 20), part.repeat(MEBIBYTE / 2));
        let archive = gzip_of(&[(&head, 1), (&name, 32), (&after, 1), (&end, 1)]);
        let peak = peak_of(|| judge.refused("a.tar.gz", &archive, &[PICTURES], "Archive"));
        assert!(peak < 8 * MEBIBYTE, "{peak} bytes");
    }
    // Each name within the limit, and together too many for so small a file.
    let headers: Vec<u8> = (0..72_000).flat_map(ustar_header).collect();
    judge.refused("b.tar.gz", &gzip_of(&[(&headers, 1), (&end, 1)]), &[PICTURES], "Archive");
}
