//! Folders, archives and arrays: the same pictures wherever they lie.

use std::fs;

use contractive_pictures::{Picture, PictureError, PictureFault, PictureOptions, PictureSource, is_pictures};
use image::ImageFormat;
use zip::CompressionMethod;

use crate::support::{drawn, file, folder, gzip, keep, npy, png, refused, tar, zip};

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let colour = |n: usize| file(ImageFormat::Png, 6, 5, &drawn(6 * 5 * 3 + n)[n..]);
    vec![
        ("good/b.png", colour(1)),
        ("good/B.png", colour(2)),
        ("bad/deep/a.png", colour(3)),
        ("README.txt", b"about".to_vec()),
        ("labels.csv", b"a,b".to_vec()),
        (".hidden.png", b"no".to_vec()),
        (".git/x.png", b"no".to_vec()),
        ("__MACOSX/good/._b.png", b"no".to_vec()),
    ]
}

fn all(source: &PictureSource) -> Vec<Picture> {
    (0..source.len()).map(|i| source.read(i).unwrap()).collect()
}

#[test]
fn archives_and_arrays_hold_what_the_folder_holds() {
    let (files, options) = (files(), PictureOptions::default());
    let folder = folder(&files);
    let source = PictureSource::open(folder.path(), &options).unwrap();
    assert_eq!(source.names().collect::<Vec<_>>(), ["bad/deep/a.png", "good/B.png", "good/b.png"]);
    assert_eq!(source.labels().unwrap(), (vec![0, 1, 1], vec!["bad/deep".to_owned(), "good".to_owned()]));
    let (pictures, place) = (all(&source), tempfile::tempdir().unwrap());
    let wrapped: Vec<(String, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (format!("./own/{name}"), bytes.clone())).collect();
    let wrapped: Vec<(&str, Vec<u8>)> = wrapped.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    for (name, bytes) in [
        ("a.zip", zip(&files, CompressionMethod::Deflated)),
        ("stored.zip", zip(&files, CompressionMethod::Stored)),
        ("own.zip", zip(&wrapped, CompressionMethod::Stored)),
        ("a.tar", tar(&files)),
        ("own.tar", tar(&wrapped)),
        ("a.tar.gz", gzip(&tar(&files))),
        ("own.tgz", gzip(&tar(&wrapped))),
        ("called-otherwise.bin", tar(&files)),
    ] {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        let archive = PictureSource::open(&path, &options).unwrap();
        assert!(archive.names().eq(source.names()), "{name}: {:?}", archive.names().collect::<Vec<_>>());
        assert_eq!(all(&archive), pictures, "{name}");
        assert_eq!((archive.labels(), archive.fingerprint()), (source.labels(), source.fingerprint()));
        assert!(is_pictures(&path), "{name}");
    }
    let bytes: Vec<u8> = pictures.iter().flat_map(|picture| picture.pixels.clone()).collect();
    let floats: Vec<u8> = bytes.iter().flat_map(|&byte| (f32::from(byte) / 255.0).to_le_bytes()).collect();
    let opaque: Vec<u8> = bytes.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let y = npy("<i8", "(3,)", &[7_i64, -1, 7].map(i64::to_le_bytes).concat());
    let array = npy("|u1", "(3, 5, 6, 3)", &bytes);
    let both = [("X.npy", array.clone()), ("y.npy", y)];
    for (name, bytes) in [
        ("a.npy", array.clone()),
        ("f.npy", npy("<f4", "(3, 5, 6, 3)", &floats)),
        ("alpha.npy", npy("|u1", "(3, 5, 6, 4)", &opaque)),
        ("a.npy.gz", gzip(&array)),
        ("a.npz", zip(&both, CompressionMethod::Stored)),
        ("deflated.npz", zip(&both, CompressionMethod::Deflated)),
    ] {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        let source = PictureSource::open(&path, &options).unwrap();
        assert_eq!(all(&source), pictures, "{name}");
        let labels = name.ends_with(".npz").then(|| (vec![1, 0, 1], vec!["-1".to_owned(), "7".to_owned()]));
        assert_eq!(source.labels(), labels, "{name}");
        assert_eq!(is_pictures(&path), !name.ends_with(".gz"), "{name}");
    }
}

#[test]
fn labels_of_an_array_are_one_whole_number_a_picture() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.npz");
    let array = npy("|u1", "(2, 1, 1, 3)", &[0, 90, 0, 0, 0, 90]);
    for (descr, shape, values, classes) in [
        ("|i1", "(2, 1)", vec![255, 3], Some(["-1", "3"])),
        ("|i1", "(3,)", vec![255, 3, 3], None),
        ("|i1", "(2, 2)", vec![0, 1, 2, 3], None),
        ("<f4", "(2,)", [1.5_f32, 2.0].map(f32::to_le_bytes).concat(), None),
    ] {
        let files = [("X.npy", array.clone()), ("y.npy", npy(descr, shape, &values))];
        fs::write(&path, zip(&files, CompressionMethod::Deflated)).unwrap();
        let source = PictureSource::open(&path, &keep()).unwrap();
        let wanted = classes.map(|names| (vec![0, 1], names.map(str::to_owned).to_vec()));
        assert_eq!(source.labels(), wanted, "{descr} {shape}");
    }
}

#[test]
fn labels_of_an_array_that_are_damaged_are_not_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.npz");
    let archive = |y: Vec<u8>| {
        let files = [("X.npy", npy("|u1", "(2, 1, 1, 3)", &[0, 90, 0, 0, 0, 90])), ("y.npy", y)];
        zip(&files, CompressionMethod::Stored)
    };
    let refused = |bytes: Vec<u8>, reason: &str| {
        fs::write(&path, bytes).unwrap();
        let error = PictureSource::open(&path, &keep()).unwrap_err().to_string();
        assert!(error.contains("y.npy") && error.contains(reason), "{error}");
    };
    refused(archive(npy("|i1", "(2,)", &[1])), "failed to fill whole buffer");
    // Bytes that are others than were written: of labels that are read, and of some that are not.
    for (descr, values) in [("|i1", vec![44, 55]), ("|S1", vec![44, 55])] {
        let mut bytes = archive(npy(descr, "(2,)", &values));
        let at = bytes.windows(2).rposition(|window| window == [44, 55]).unwrap();
        bytes[at] = 45;
        refused(bytes, "Invalid checksum");
    }
}

#[test]
fn grey_arrays_and_truth_values() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.npy");
    fs::write(&path, npy("|b1", "(2, 1, 2)", &[0, 1, 1, 0])).unwrap();
    let source = PictureSource::open(&path, &PictureOptions::default()).unwrap();
    assert_eq!((source.channels(), source.read(1).unwrap().pixels), (1, vec![255, 0]));
    assert!(!is_pictures(&path));
}

#[test]
fn arrays_that_are_no_pictures_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.npy");
    let opened = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        refused(&path, &PictureOptions::default())
    };
    for shape in ["(4,)", "(2, 2)", "(1, 2, 2, 2)", "(0, 2, 2)", "(1, 0, 2)", "(1, 1, 2, 2, 1)"] {
        assert!(matches!(opened(&npy("|u1", shape, &[0; 4])), PictureError::ArrayShape { .. }), "{shape}");
    }
    assert!(matches!(opened(&npy("<i4", "(1, 1, 1)", &[0; 4])), PictureError::ArrayType { .. }));
    for n in [3, 5] {
        assert!(matches!(opened(&npy("|u1", "(1, 2, 2)", &vec![0; n])), PictureError::Array(_)), "{n}");
    }
    for value in [1.5_f32, -0.25, f32::NAN] {
        let values = [0.5, value].map(f32::to_le_bytes).concat();
        fs::write(&path, npy("<f4", "(1, 1, 2)", &values)).unwrap();
        let source = PictureSource::open(&path, &PictureOptions::default()).unwrap();
        let error = source.read(0).unwrap_err();
        let PictureError::Broken { fault: PictureFault::Value { row: 0, column: 1, .. }, .. } = error else {
            panic!("{error}")
        };
    }
}

#[test]
fn what_is_no_picture_is_passed_over_and_a_folder_of_it_is_refused() {
    let empty = folder(&[]);
    assert!(refused(empty.path(), &keep()).to_string().ends_with("there is no file at all"));
    let files = [("a.csv", vec![1]), ("b/c.csv", vec![1]), ("Makefile", vec![1]), (".x.png", vec![1])];
    let other = folder(&files);
    let error = refused(other.path(), &keep());
    let PictureError::NoPictures { found, .. } = &error else { panic!("{error}") };
    assert_eq!(found, &[("csv".to_owned(), 2), (String::new(), 1)]);
    assert!(error.to_string().ends_with("there are 2 .csv, 1 without an ending"), "{error}");
    assert!(!is_pictures(other.path()) && !is_pictures(empty.path()) && !is_pictures(empty.path().join("none")));
    let place = other.path().join("t.zip");
    fs::write(&place, zip(&files, CompressionMethod::Stored)).unwrap();
    assert!(matches!(refused(&place, &keep()), PictureError::NoPictures { .. }));
    assert!(!is_pictures(&place));
    fs::write(&place, "a,b\n1,2\n").unwrap();
    assert!(matches!(refused(&place, &keep()), PictureError::Source { .. }));
    assert!(matches!(refused(&empty.path().join("none"), &keep()), PictureError::Io { .. }));
}

#[test]
fn one_picture_is_a_source_of_one() {
    let folder = folder(&[("scan", png(3, 2, 9)), ("b.jpg", b"text".to_vec())]);
    let source = PictureSource::open(folder.path().join("scan"), &keep()).unwrap();
    assert_eq!((source.len(), &*source.name(0), source.labels()), (1, "scan", None));
    assert_eq!(source.read(0).unwrap().pixels, [9; 6]);
    assert!(is_pictures(folder.path().join("scan")));
    let error = refused(&folder.path().join("b.jpg"), &keep());
    assert!(error.to_string().contains("b.jpg is no picture: it begins with the text \"text\""), "{error}");
}

#[test]
fn labels_are_folders_and_the_top_is_one() {
    let top = folder(&[("a.png", png(1, 1, 0)), ("b.png", png(1, 1, 0))]);
    assert_eq!(PictureSource::open(top.path(), &keep()).unwrap().labels(), None);
    let mixed = folder(&[("z.png", png(1, 1, 0)), ("b/c.png", png(1, 1, 0)), ("a/d.png", png(1, 1, 0))]);
    let (labels, classes) = PictureSource::open(mixed.path(), &keep()).unwrap().labels().unwrap();
    assert_eq!((labels, classes), (vec![1, 2, 0], vec![".".into(), "a".into(), "b".into()]));
}

#[test]
fn the_fingerprint_is_of_names_and_sizes() {
    let of = |files: &[(&str, Vec<u8>)]| {
        PictureSource::open(folder(files).path(), &keep()).map(|source| source.fingerprint()).unwrap()
    };
    let one = of(&[("a.png", png(1, 1, 0))]);
    assert_eq!((one.len(), &one), (64, &of(&[("a.png", png(1, 1, 0))])));
    assert_ne!(one, of(&[("b.png", png(1, 1, 0))]));
    assert_ne!(one, of(&[("a.png", png(9, 9, 3))]));
}

#[test]
#[cfg(unix)]
fn links_are_followed_and_circles_and_pipes_are_not() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("far/x.png", png(2, 2, 5)), ("y.png", png(2, 2, 6))]);
    let inside = folder(&[("a/own.png", png(2, 2, 1))]);
    let at = |name: &str| inside.path().join(name);
    symlink(outside.path().join("y.png"), at("linked.png")).unwrap();
    symlink(outside.path().join("far"), at("folder")).unwrap();
    symlink(inside.path(), at("a/circle")).unwrap();
    symlink(at("a"), at("0-twice")).unwrap();
    let source = PictureSource::open(inside.path(), &keep()).unwrap();
    assert_eq!(source.names().collect::<Vec<_>>(), ["a/own.png", "folder/x.png", "linked.png"]);
    assert_eq!(all(&source).iter().map(|picture| picture.pixels[0]).collect::<Vec<_>>(), [1, 5, 6]);
    // What cannot be opened has a picture's name all the same.
    assert!(std::process::Command::new("mkfifo").arg(at("pipe.png")).status().unwrap().success());
    symlink("nowhere.png", at("dangling.png")).unwrap();
    fs::create_dir(at("folder.png")).unwrap();
    let options = PictureOptions { skip_broken: true, ..keep() };
    let source = PictureSource::open(inside.path(), &options).unwrap();
    assert_eq!(source.stream((0..source.len() as u32).collect(), 2).map(Result::unwrap).count(), 3);
    let skipped: Vec<String> = source.skipped().into_iter().map(|(name, reason)| format!("{name} {reason}")).collect();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped[0].starts_with("dangling.png cannot be read"), "{skipped:?}");
    assert!(skipped[1].ends_with("it must be a file, and it is a pipe"), "{skipped:?}");
}

#[test]
fn hard_links_in_an_archive_are_their_files() {
    let mut archive = tar::Builder::new(tar(&[]));
    archive.get_mut().clear();
    let bytes = png(2, 2, 8);
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, "a.png", bytes.as_slice()).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Link);
    header.set_size(0);
    archive.append_link(&mut header, "b.png", "a.png").unwrap();
    let folder = folder(&[("t.tar", archive.into_inner().unwrap())]);
    let source = PictureSource::open(folder.path().join("t.tar"), &keep()).unwrap();
    assert_eq!(source.names().collect::<Vec<_>>(), ["a.png", "b.png"]);
    assert_eq!(source.read(0).unwrap(), source.read(1).unwrap());
}
