//! Scans of a JPEG, each of which goes through the blocks of the picture again.

use contractive_pictures::{PictureError, PictureFault};

use crate::support::read;

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
}

/// A grey JPEG in colour of 64 by 8 pixels, whose channels have a scan of a byte each, one after the other: `n` of them.
fn jpeg(frame: u8, n: usize) -> Vec<u8> {
    // A code of one bit for "no difference" and for "the block's end".
    let code = |class: u8| segment(0xc4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    let table = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let frame = segment(frame, &[8, 0, 8, 0, 64, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    let last = if frame[1] == 0xc2 { 0 } else { 63 };
    let scan = |channel: u8| [segment(0xda, &[1, channel, 0, 0, last, 0]), vec![0; 2]].concat();
    let scans = (0..n).flat_map(|i| scan(1 + (i % 3) as u8)).collect();
    [vec![0xff, 0xd8], table, code(0), code(0x10), frame, scans, vec![0xff, 0xd9]].concat()
}

#[test]
fn a_jpeg_has_no_more_scans_than_its_channels_need() {
    for (frame, most) in [(0xc0, 3), (0xc2, 100)] {
        let picture = read(&jpeg(frame, most)).unwrap();
        assert!(picture.pixels == [128; 64 * 8]);
        let error = read(&jpeg(frame, most + 1)).unwrap_err();
        let PictureError::Broken { fault: PictureFault::Damaged { reason, .. }, .. } = error else { panic!("{error}") };
        assert!(reason.contains(&format!("{} scans", most + 1)), "{reason}");
    }
    // What follows the end of the picture are scans of others.
    let two = [jpeg(0xc0, 3), jpeg(0xc2, 12)].concat();
    assert!(read(&two).unwrap() == read(&jpeg(0xc0, 3)).unwrap());
}
