//! Many pictures: in order, with the same pixels for any number of threads.

use contractive_pictures::{Fit, PictureOptions, PictureSource, Size};
use image::ImageFormat;

use crate::support::{drawn, file, folder, keep};

fn source(n: usize, options: &PictureOptions) -> (tempfile::TempDir, PictureSource) {
    let pixels = drawn(20 * 20 * 3 + n);
    let picture = |i: usize| {
        let (width, height) = (8 + i % 12, 8 + i % 7);
        let format = if i.is_multiple_of(3) { ImageFormat::Jpeg } else { ImageFormat::Png };
        (format!("{:03}.png", i), file(format, width, height, &pixels[i..i + width * height * 3]))
    };
    let files: Vec<(String, Vec<u8>)> = (0..n).map(picture).collect();
    let named: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    let folder = folder(&named);
    let source = PictureSource::open(folder.path(), options).unwrap();
    (folder, source)
}

#[test]
fn threads_change_neither_pixels_nor_order() {
    let size = Some(Size { width: 9, height: 9 });
    let (_folder, source) = source(60, &PictureOptions { size, fit: Fit::Crop, ..PictureOptions::default() });
    let order: Vec<u32> = (0..60).map(|i| i * 37 % 60).chain([5, 5, 0]).collect();
    let given = |threads| source.stream(order.clone(), threads).map(Result::unwrap).collect::<Vec<_>>();
    let one = given(1);
    assert!(one.iter().map(|(index, _)| *index).eq(order.iter().copied()));
    assert!(one.iter().all(|(index, picture)| *picture == source.read(*index as usize).unwrap()));
    for threads in [0, 3, 5, 100] {
        assert_eq!(given(threads), one, "{threads} threads");
    }
}

#[test]
fn a_stream_that_is_dropped_ends_its_threads() {
    let (_folder, source) = source(40, &keep());
    for taken in [0, 1, 7] {
        let mut stream = source.stream((0..40).collect(), 3);
        assert_eq!(stream.by_ref().take(taken).count(), taken);
        drop(stream);
    }
    assert_eq!(source.stream(Vec::new(), 3).count(), 0);
    let mut ended = source.stream(vec![1], 3);
    assert!(ended.next().is_some() && ended.next().is_none() && ended.next().is_none());
}

#[test]
fn numbers_that_no_picture_has_are_errors() {
    let (_folder, source) = source(3, &keep());
    let read: Vec<bool> = source.stream(vec![2, 3, 0], 2).map(|read| read.is_ok()).collect();
    assert_eq!(read, [true, false, true]);
}
