//! Archives as writers of several ages make them, and made to do harm.

use std::fs;

use contractive_pictures::{PictureError, PictureFault, PictureOptions, PictureSource, is_pictures};
use tar::{Builder, EntryType, Header};

use crate::support::{folder, gzip, keep, npy, png, refused, tar, zip};

/// An archive with these entries, each with its header.
fn tar_of(entries: Vec<(Header, &str, &[u8])>) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (mut header, name, bytes) in entries {
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn entry<'a>(name: &'a str, bytes: &'a [u8]) -> (Header, &'a str, &'a [u8]) {
    (Header::new_gnu(), name, bytes)
}

/// Writes numbers of a header as tar does, in octal.
fn octal(to: &mut [u8], value: u64) {
    let digits = format!("{value:0width$o}\0", width = to.len() - 1);
    to.copy_from_slice(digits.as_bytes());
}

#[test]
fn long_names_are_read_and_endless_ones_are_refused() {
    let bytes = png(2, 2, 8);
    let folder = folder(&[]);
    let (path, packed) = (folder.path().join("t.tar"), folder.path().join("t.tar.gz"));
    for (n, is_read) in [(300, true), (4000, true), (5000, false), (2_000_000, false)] {
        let name = format!("{}x.png", "a/".repeat(n / 2));
        let archive = tar_of(vec![entry(&name, &bytes), entry("b.png", &bytes)]);
        fs::write(&path, &archive).unwrap();
        fs::write(&packed, gzip(&archive)).unwrap();
        for path in [&path, &packed] {
            // Whatever is wrong with it, it is no table.
            assert!(is_pictures(path), "{n}");
            if is_read {
                let source = PictureSource::open(path, &keep()).unwrap();
                assert_eq!((&*source.name(0), &*source.name(1)), (&*name, "b.png"));
                continue;
            }
            let error = refused(path, &keep());
            assert!(matches!(error, PictureError::Archive { .. }) && error.to_string().len() < 400, "{error}");
        }
    }
    // The names of pax.
    let name = format!("{}x.png", "b/".repeat(500));
    let mut archive = Builder::new(Vec::new());
    archive.append_pax_extensions([("path", name.as_bytes())]).unwrap();
    let mut header = Header::new_ustar();
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, "short.png", bytes.as_slice()).unwrap();
    fs::write(&path, archive.into_inner().unwrap()).unwrap();
    assert_eq!(PictureSource::open(&path, &keep()).unwrap().name(0), name);
}

/// The file `name` of 1,024 bytes of which the last 512 are there, as GNU tar stores it.
fn gnu_sparse(name: &str) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_path(name).unwrap();
    header.set_size(512);
    let gnu = header.as_gnu_mut().unwrap();
    octal(&mut gnu.sparse[0].offset, 512);
    octal(&mut gnu.sparse[0].numbytes, 512);
    octal(&mut gnu.realsize, 1024);
    header.set_cksum();
    header
}

#[test]
fn sparse_files_are_named_and_the_others_are_read() {
    let picture = png(2, 2, 8);
    let mut old = Builder::new(Vec::new());
    old.append(&gnu_sparse("a/s.bmp"), [1; 512].as_slice()).unwrap();
    let mut posix = Builder::new(Vec::new());
    let notes = [("GNU.sparse.major", "1"), ("GNU.sparse.name", "a/s.bmp"), ("GNU.sparse.realsize", "1024")];
    posix.append_pax_extensions(notes.map(|(key, value)| (key, value.as_bytes()))).unwrap();
    let mut header = Header::new_ustar();
    header.set_size(512);
    posix.append_data(&mut header, "a/GNUSparseFile.7/s.bmp", [1; 512].as_slice()).unwrap();
    for mut archive in [old, posix] {
        let mut header = Header::new_gnu();
        header.set_size(picture.len() as u64);
        archive.append_data(&mut header, "b/x.png", picture.as_slice()).unwrap();
        let folder = folder(&[("t.tar", archive.into_inner().unwrap())]);
        let path = folder.path().join("t.tar");
        let text = refused(&path, &keep()).to_string();
        assert!(text.contains("t.tar/a/s.bmp is packed in a way that is not read (a sparse file"), "{text}");
        let source = PictureSource::open(&path, &PictureOptions { skip_broken: true, ..keep() }).unwrap();
        assert_eq!(source.names().collect::<Vec<_>>(), ["a/s.bmp", "b/x.png"]);
        let error = source.read(0).unwrap_err();
        assert!(matches!(error, PictureError::Broken { fault: PictureFault::Packing { .. }, .. }), "{error}");
        assert_eq!(source.read(1).unwrap().pixels, [8; 4]);
    }
}

#[test]
fn a_tar_without_a_magic_word_is_told_by_the_checksum_of_its_header() {
    let bytes = png(2, 2, 8);
    let mut archive = tar_of(vec![(Header::new_old(), "a/x.png", &bytes), (Header::new_old(), "b.png", &bytes)]);
    assert!(!archive.windows(5).any(|word| word == b"ustar"));
    let folder = folder(&[("t.tar", archive.clone()), ("t.tar.gz", gzip(&archive))]);
    for name in ["t.tar", "t.tar.gz"] {
        let source = PictureSource::open(folder.path().join(name), &keep()).unwrap();
        assert_eq!(source.names().collect::<Vec<_>>(), ["a/x.png", "b.png"]);
        assert!(is_pictures(folder.path().join(name)) && source.read(1).is_ok());
    }
    archive[0] ^= 1;
    fs::write(folder.path().join("t.tar"), &archive).unwrap();
    assert!(matches!(refused(&folder.path().join("t.tar"), &keep()), PictureError::Source { .. }));
}

#[test]
fn a_link_may_lead_to_a_file_of_any_name_and_lie_before_it() {
    let bytes = png(2, 2, 8);
    let mut archive = Builder::new(Vec::new());
    for (name, to) in [("a.png", "later.dat"), ("b.png", "nowhere.png")] {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Link);
        header.set_size(0);
        archive.append_link(&mut header, name, to).unwrap();
    }
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, "later.dat", bytes.as_slice()).unwrap();
    let folder = folder(&[("t.tar", archive.into_inner().unwrap())]);
    let source = PictureSource::open(folder.path().join("t.tar"), &keep()).unwrap();
    assert_eq!(source.names().collect::<Vec<_>>(), ["a.png"]);
    assert_eq!(source.read(0).unwrap().pixels, [8; 4]);
}

/// A zip whose directory has `n` entries, all with the one body that is there, stored.
fn over_one_another(body: &[u8], n: u16) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(body);
    let size = (body.len() as u32).to_le_bytes();
    let shared = |name: &str| {
        let length = (name.len() as u16).to_le_bytes();
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0], &sum.sum().to_le_bytes()[..], &size, &size, &length, &[0, 0]].concat()
    };
    let local = [b"PK\x03\x04".as_slice(), &shared("000.png"), b"000.png", body].concat();
    let entry = |i: u16| {
        let name = format!("{i:03}.png");
        [b"PK\x01\x02\x14\x00".as_slice(), &shared(&name), &[0; 14], name.as_bytes()].concat()
    };
    let directory: Vec<u8> = (0..n).flat_map(entry).collect();
    let (length, at) = ((directory.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes());
    let n = n.to_le_bytes();
    let end = [b"PK\x05\x06".as_slice(), &[0; 4], &n, &n, &length, &at, &[0, 0]].concat();
    [local, directory, end].concat()
}

#[test]
fn entries_that_lie_over_one_another_are_refused() {
    let body = png(30, 30, 8);
    let folder = folder(&[("one.zip", over_one_another(&body, 1)), ("many.zip", over_one_another(&body, 200))]);
    let one = PictureSource::open(folder.path().join("one.zip"), &keep()).unwrap();
    assert_eq!((one.len(), one.read(0).unwrap().pixels[0]), (1, 8));
    let error = refused(&folder.path().join("many.zip"), &keep());
    assert!(matches!(error, PictureError::Archive { .. }), "{error}");
    assert!(error.to_string().contains("its entries claim"), "{error}");
}

#[test]
fn a_tar_goes_on_after_a_block_of_zeros_only_with_zeros() {
    let files = [("a.png", png(2, 2, 1)), ("b.png", png(2, 2, 2)), ("c.png", png(2, 2, 3))];
    let sound = tar(&files);
    // GNU tar fills records of 10,240 bytes with zeros.
    let padded = [&sound[..], &[0; 10_240]].concat();
    let mut zeroed = sound.clone();
    let second = sound.windows(5).position(|name| name == b"b.png").unwrap();
    zeroed[second..second + 512].fill(0);
    let two = [&sound[..], &sound].concat();
    let junk = [&padded[..], b"x"].concat();
    let folder = folder(&[]);
    for (archive, is_sound) in [(sound, true), (padded, true), (zeroed, false), (two, false), (junk, false)] {
        for (name, bytes) in [("t.tar", archive.clone()), ("t.tar.gz", gzip(&archive))] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            // Whatever is wrong with it, it is no table.
            assert!(is_pictures(&path));
            if is_sound {
                assert_eq!(PictureSource::open(&path, &keep()).unwrap().len(), 3);
                continue;
            }
            let text = refused(&path, &keep()).to_string();
            assert!(text.contains("after the block of zeros"), "{text}");
        }
    }
}

#[test]
fn zeros_behind_a_packed_tar_are_passed_over_as_gzip_does() {
    let packed = gzip(&tar(&[("a.png", png(2, 2, 1))]));
    let folder = folder(&[
        ("t.tar.gz", [&packed[..], &[0; 4096]].concat()),
        ("two.tar.gz", [packed[..].to_vec(), vec![0; 512], gzip(&[0; 512])].concat()),
        ("junk.tar.gz", [&packed[..], b"x"].concat()),
    ]);
    for name in ["t.tar.gz", "two.tar.gz"] {
        let path = folder.path().join(name);
        assert!(is_pictures(&path), "{name}");
        assert_eq!(PictureSource::open(&path, &keep()).unwrap().read(0).unwrap().pixels, [1; 4], "{name}");
    }
    assert!(matches!(refused(&folder.path().join("junk.tar.gz"), &keep()), PictureError::Archive { .. }));
}

#[test]
fn the_checksum_of_an_array_in_an_archive_is_compared() {
    let pixels: Vec<u8> = (0..24).collect();
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let bytes = zip(&[("X.npy", npy("|u1", "(2, 3, 4)", &pixels))], method);
        let folder = folder(&[("a.npz", bytes.clone()), ("b.npz", bytes)]);
        assert_eq!(
            PictureSource::open(folder.path().join("a.npz"), &keep()).unwrap().read(0).unwrap().pixels,
            pixels[..12]
        );
        if method != zip::CompressionMethod::Stored {
            continue;
        }
        let path = folder.path().join("b.npz");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(8).position(|window| *window == pixels[8..16]).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let text = refused(&path, &keep()).to_string();
        assert!(text.contains("X.npy") && text.contains("Invalid checksum"), "{text}");
    }
}
