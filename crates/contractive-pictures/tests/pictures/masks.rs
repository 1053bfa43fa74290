//! Masks beside pictures, as MVTec AD has them.

use contractive_pictures::{Fit, PictureError, PictureOptions, PictureSource, Size, masks};

use crate::support::{file, folder, keep, png};

fn mask(width: usize, height: usize, marked: &[usize], value: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height).map(|i| if marked.contains(&i) { value } else { 0 }).collect();
    file(image::ImageFormat::Png, width, height, &pixels)
}

#[test]
fn masks_are_found_by_name_and_brought_to_the_size() {
    let data = folder(&[
        ("test/good/000.png", png(4, 2, 9)),
        ("test/scratch/000.png", png(4, 2, 9)),
        ("test/scratch/001.jpg", png(4, 2, 9)),
        ("test/spot/000.png", png(4, 2, 9)),
        ("ground_truth/scratch/000_mask.png", mask(4, 2, &[0, 1, 4, 5], 255)),
        ("ground_truth/scratch/001.png", mask(4, 2, &[7], 1)),
        ("ground_truth/spot/000_mask.bmp", mask(2, 4, &[0], 255)),
    ]);
    let test = data.path().join("test");
    let truth = masks::beside(&test).unwrap();
    assert_eq!(truth, data.path().join("ground_truth"));
    let source = PictureSource::open(&test, &keep()).unwrap();
    let found = masks::find(&truth, &source).unwrap();
    assert_eq!(found.n_found(), 3);
    assert_eq!((found.file(0), found.read(0).unwrap()), (None, None));
    let (yes, no) = (true, false);
    assert_eq!(found.read(1).unwrap().unwrap(), [yes, yes, no, no, yes, yes, no, no]);
    assert_eq!(found.read(2).unwrap().unwrap(), [no, no, no, no, no, no, no, yes]);
    let error = found.read(3).unwrap_err();
    assert!(matches!(error, PictureError::MaskSize { expected: (4, 2), got: (2, 4), .. }), "{error}");
    for (fit, size, wanted) in [
        (Fit::Stretch, (2, 2), vec![yes, no, yes, no]),
        (Fit::Crop, (2, 2), vec![yes, no, yes, no]),
        (Fit::Keep, (2, 2), vec![yes, no]),
        (Fit::Pad, (4, 4), vec![no, no, no, no, yes, yes, no, no, yes, yes, no, no, no, no, no, no]),
    ] {
        let size = Some(Size { width: size.0, height: size.1 });
        let source = PictureSource::open(&test, &PictureOptions { size, fit, ..PictureOptions::default() }).unwrap();
        let found = masks::find(&truth, &source).unwrap().read(1).unwrap().unwrap();
        assert_eq!(found, wanted, "{fit:?}");
        assert_eq!(found.len(), source.read(1).unwrap().shape.n_pixels());
    }
}

#[test]
fn a_folder_without_masks_of_these_pictures_is_refused() {
    let data = folder(&[("p/a.png", png(1, 1, 0)), ("m/b_mask.png", png(1, 1, 0))]);
    let source = PictureSource::open(data.path().join("p"), &keep()).unwrap();
    let error = masks::find(data.path().join("m"), &source).unwrap_err();
    let PictureError::NoMasks { name, looked_for, .. } = &error else { panic!("{error}") };
    assert_eq!((&**name, &looked_for[..]), ("a.png", &["a_mask.png".to_owned(), "a.png".to_owned()][..]));
    assert_eq!(masks::beside(data.path().join("p")), None);
}
