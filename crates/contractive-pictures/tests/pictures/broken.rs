//! Files that are broken, or lie.

use std::fs;

use contractive_pictures::{PictureError, PictureFault, PictureOptions, PictureSource};
use zip::CompressionMethod;

use crate::support::{fixtures, folder, gzip, keep, npy, png, read, refused, tar, zip};

fn fault(bytes: &[u8]) -> PictureFault {
    match read(bytes) {
        Err(PictureError::Broken { fault, .. }) => fault,
        Err(other) => panic!("{other:?}"),
        Ok(picture) => panic!("it is read as {:?}", picture.shape),
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused_or_whole() {
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".py") || name.ends_with(".json") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let whole = read(&bytes).unwrap();
        let mut accepted = 0;
        for n in 0..bytes.len() {
            match read(&bytes[..n]) {
                Ok(picture) => {
                    assert!(picture == whole, "{name} of {n} of {} bytes is another picture", bytes.len());
                    accepted += 1;
                }
                Err(error) => assert!(matches!(error, PictureError::Broken { .. }), "{name} of {n} bytes: {error:?}"),
            }
        }
        // Bytes at the end that are no pixels: checksums, the mark of the end, notes, further pages and frames.
        let is_jpeg = whole.pixels.len() > 1 && name.ends_with(".jpg");
        assert!(!is_jpeg || accepted == 0, "{name}: {accepted} beginnings pass for whole");
    }
}

#[test]
fn files_that_are_no_pictures_are_told_by_what_they_are() {
    assert!(matches!(fault(b""), PictureFault::Empty));
    assert!(matches!(fault(b"id,price\n1,2\n"), PictureFault::NotAPicture { .. }));
    assert!(matches!(fault(&[0; 4000]), PictureFault::NotAPicture { .. }));
    let jpeg = fs::read(fixtures().join("rgb.jpg")).unwrap();
    assert!(matches!(fault(&jpeg[..jpeg.len() - 20]), PictureFault::Truncated { format: "JPEG", .. }));
    let png = fs::read(fixtures().join("rgb.png")).unwrap();
    assert!(matches!(fault(&png[..60]), PictureFault::Truncated { .. } | PictureFault::Damaged { .. }));
}

#[test]
fn one_broken_picture_is_named_and_the_others_follow() {
    let files = [("a.png", png(4, 4, 1)), ("b/c.png", b"text".to_vec()), ("d.png", png(4, 4, 2))];
    let folder = folder(&files);
    let at = folder.path().join("t.zip");
    fs::write(&at, zip(&files, CompressionMethod::Deflated)).unwrap();
    for (path, place) in [(folder.path().to_path_buf(), "b/c.png"), (at, "t.zip/b/c.png")] {
        let source =
            PictureSource::open(&path, &PictureOptions { colour: contractive_pictures::Colour::Grey, ..keep() });
        let source = source.unwrap();
        let read: Vec<_> = source.stream(vec![0, 1, 2], 2).collect();
        let text = read[1].as_ref().unwrap_err().to_string();
        assert!(text.contains(&format!("{place} is no picture: it begins with the text \"text\"")), "{text}");
        assert_eq!((read[0].as_ref().unwrap().0, read[2].as_ref().unwrap().0), (0, 2));
        // Looked at for its colour or its size it is met at once.
        assert!(matches!(refused(&path, &keep()), PictureError::Broken { .. }));
        assert!(matches!(refused(&path, &PictureOptions::default()), PictureError::Broken { .. }));
        let options = PictureOptions { skip_broken: true, ..PictureOptions::default() };
        let source = PictureSource::open(&path, &options).unwrap();
        let read: Vec<u32> = source.stream(vec![2, 1, 0, 1], 2).map(|read| read.unwrap().0).collect();
        assert_eq!(read, [2, 0]);
        let skipped = source.skipped();
        assert_eq!((skipped.len(), &*skipped[0].0), (1, "b/c.png"));
        assert!(skipped[0].1.starts_with("is no picture"), "{skipped:?}");
    }
    let all = crate::support::folder(&[("a.png", vec![])]);
    let options = PictureOptions { skip_broken: true, ..PictureOptions::default() };
    assert!(matches!(refused(all.path(), &options), PictureError::Broken { fault: PictureFault::Empty, .. }));
    // Where only their pixels are missing, once they were read; a part of them may be empty.
    let half = png(9, 9, 1)[..60].to_vec();
    let all = crate::support::folder(&[("a.png", half.clone()), ("b.png", half)]);
    let source = PictureSource::open(all.path(), &options).unwrap();
    assert_eq!(source.stream(vec![0], 1).count(), 0);
    for _ in 0..2 {
        let [Err(error)] = &source.stream(vec![0, 1], 2).collect::<Vec<_>>()[..] else { panic!("one error") };
        let text = error.to_string();
        assert!(
            text.contains("all 2 pictures in") && text.contains("a.png is a PNG picture that is cut off"),
            "{text}"
        );
    }
}

#[test]
fn names_lead_no_terminal_astray() {
    let name = "a\n\u{1b}[31mok\u{202e}.png";
    let folder = folder(&[(name, b"x".to_vec())]);
    let source = PictureSource::open(folder.path(), &PictureOptions { skip_broken: true, ..keep() }).unwrap();
    let text = source.read(0).unwrap_err().to_string();
    assert!(text.contains("a\\n\\u{1b}[31mok\\u{202e}.png is no picture"), "{text}");
    assert!(!text.chars().any(char::is_control));
    assert_eq!(source.name(0), name);
}

#[test]
fn archives_that_are_cut_off_are_refused() {
    let files = [("a.png", png(40, 40, 1)), ("b.png", png(40, 40, 2)), ("c.png", png(40, 40, 3))];
    let names = ["t.zip", "t.tar", "t.tar.gz", "t.npz"];
    let npz = zip(&[("X.npy", npy("|u1", "(2, 3, 4)", &[9; 24]))], CompressionMethod::Deflated);
    let archives = [zip(&files, CompressionMethod::Stored), tar(&files), gzip(&tar(&files)), npz];
    for (name, bytes) in names.iter().zip(archives) {
        let folder = folder(&[]);
        let path = folder.path().join(name);
        // A .tar ends in two blocks of zeros, of which one is enough.
        let last = if *name == "t.tar" { bytes.len() - 512 } else { bytes.len() };
        for n in (0..last).step_by(7).chain([last - 1]) {
            fs::write(&path, &bytes[..n]).unwrap();
            let outcome = PictureSource::open(&path, &keep());
            let Err(error) = outcome else { panic!("{name} opens with {n} of {} bytes", bytes.len()) };
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn entries_of_archives_that_lie_are_named() {
    let files = [("a.png", png(4, 4, 1)), ("b.png", png(4, 4, 2))];
    let mut bytes = zip(&files, CompressionMethod::Stored);
    let folder = folder(&[]);
    let path = folder.path().join("t.zip");
    // A byte of the second picture is another: its checksum tells, before the picture's own does.
    let at = bytes.windows(4).rposition(|window| window == b"IDAT").unwrap();
    bytes[at + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let source = PictureSource::open(&path, &PictureOptions { skip_broken: true, ..keep() }).unwrap();
    assert!(source.read(0).is_ok());
    let error = source.read(1).unwrap_err();
    assert!(matches!(error, PictureError::Broken { fault: PictureFault::Entry { .. }, .. }), "{error:?}");
    // Another way of packing.
    let mut bytes = zip(&files, CompressionMethod::Stored);
    for magic in [b"PK\x01\x02", b"PK\x03\x04"] {
        let at = bytes.windows(4).rposition(|window| window == magic).unwrap();
        bytes[at + if magic[2] == 1 { 10 } else { 8 }] = 99;
    }
    fs::write(&path, &bytes).unwrap();
    let source = PictureSource::open(&path, &PictureOptions { skip_broken: true, ..keep() }).unwrap();
    let error = source.read(1).unwrap_err();
    assert!(matches!(error, PictureError::Broken { fault: PictureFault::Packing { .. }, .. }), "{error:?}");
}

#[test]
fn a_file_that_changes_its_size_is_named() {
    let folder = folder(&[("a.png", png(4, 4, 1)), ("b.png", png(4, 4, 1))]);
    let source = PictureSource::open(folder.path(), &PictureOptions::default()).unwrap();
    fs::write(folder.path().join("b.png"), png(5, 4, 1)).unwrap();
    let error = source.read(1).unwrap_err();
    assert!(matches!(error, PictureError::Broken { fault: PictureFault::Changed { .. }, .. }), "{error}");
    assert!(matches!(source.read(2), Err(PictureError::NoSuchPicture { index: 2, n: 2, .. })));
}
