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

/// A grey JPEG in colour of 64 by 16 pixels, whose channels have these factors, and whose scans have these channels.
fn sampled(frame: u8, factors: [u8; 3], scans: &[&[u8]]) -> Vec<u8> {
    let code = |class: u8| segment(0xc4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    let table = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let channel = |i: usize| [i as u8 + 1, factors[i], 0];
    let frame = segment(frame, &[&[8, 0, 16, 0, 64, 3][..], &channel(0), &channel(1), &channel(2)].concat());
    let last = if frame[1] == 0xc2 { 0 } else { 63 };
    // Two bits a block, of which a progressive scan has the first.
    let (across, down) = factors.iter().fold((1, 1), |(h, v), factor| (h.max(factor >> 4), v.max(factor & 15)));
    let blocks = |channel: u8| {
        let factor = factors[usize::from(channel) - 1];
        8 * usize::from(factor >> 4) / usize::from(across) * 2 * usize::from(factor & 15) / usize::from(down)
    };
    let scan = |channels: &&[u8]| {
        let named: Vec<u8> = channels.iter().flat_map(|&channel| [channel, 0]).collect();
        let head = segment(0xda, &[&[channels.len() as u8][..], &named, &[0, last, 0]].concat());
        let bits = channels.iter().map(|&channel| blocks(channel)).sum::<usize>() * if last == 0 { 1 } else { 2 };
        [head, vec![0; bits.div_ceil(8)]].concat()
    };
    let scans = scans.iter().flat_map(scan).collect();
    [vec![0xff, 0xd8], table, code(0), code(0x10), frame, scans, vec![0xff, 0xd9]].concat()
}

const EACH: &[&[u8]] = &[&[1], &[2], &[3]];
const ALL: &[&[u8]] = &[&[1, 2, 3]];

fn is_read(bytes: &[u8]) {
    assert!(read(bytes).unwrap().pixels == [128; 64 * 16]);
}

fn unsupported(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    let PictureError::Broken { fault: PictureFault::Unsupported { reason, .. }, .. } = error else { panic!("{error}") };
    reason
}

#[test]
fn a_baseline_jpeg_has_one_scan_and_then_its_end() {
    let factors = [[0x11; 3], [0x21, 0x11, 0x11], [0x22, 0x11, 0x11], [0x12, 0x11, 0x11]];
    for factors in factors {
        is_read(&sampled(0xc0, factors, ALL));
        // A progressive one has its channels apart, whatever their factors.
        is_read(&sampled(0xc2, factors, EACH));
        for scans in [EACH, &[&[1], &[2, 3]], &[&[1, 2], &[3]], &[&[3], &[1], &[2]], &[&[1, 2, 3], &[1]]] {
            let reason = unsupported(&sampled(0xc0, factors, scans));
            assert!(reason.contains("save it as one scan"), "{factors:02x?} {scans:?}: {reason}");
        }
        let mut noted = sampled(0xc0, factors, ALL);
        noted.splice(noted.len() - 2.., [segment(0xfe, b"a note"), vec![0xff, 0xd9]].concat());
        assert!(unsupported(&noted).contains("marker FE"));
    }
}

#[test]
fn channels_that_are_finer_than_the_first_are_refused_as_such() {
    for frame in [0xc0, 0xc2] {
        for factors in [[0x11, 0x11, 0x21], [0x11, 0x12, 0x12], [0x21, 0x12, 0x11]] {
            let reason = unsupported(&sampled(frame, factors, ALL));
            assert!(reason.contains("finer than its first"), "{factors:02x?}: {reason}");
        }
    }
}

#[test]
fn every_channel_has_a_scan() {
    for frame in [0xc0, 0xc2] {
        for scans in [&[&[1][..]][..], &[&[1, 2]], &[&[3, 1]]] {
            let error = read(&sampled(frame, [0x11; 3], scans)).unwrap_err();
            let PictureError::Broken { fault: PictureFault::Damaged { reason, .. }, .. } = error else {
                panic!("{error}")
            };
            assert!(reason.contains("no scan"), "{reason}");
        }
        // Those that have the number of another have none by themselves.
        let mut twice = sampled(frame, [0x11; 3], &[&[1]]);
        let at = twice.windows(3).position(|channel| channel == [2, 0x11, 0]).unwrap();
        (twice[at], twice[at + 3]) = (1, 1);
        let text = read(&twice).unwrap_err().to_string();
        assert!(text.contains("have one number"), "{text}");
    }
}

#[test]
fn a_jpeg_has_no_more_scans_than_any_picture_needs() {
    let picture = read(&jpeg(0xc2, 100)).unwrap();
    assert!(picture.pixels == [128; 64 * 8]);
    for frame in [0xc0, 0xc2] {
        let error = read(&jpeg(frame, 101)).unwrap_err();
        let PictureError::Broken { fault: PictureFault::Damaged { reason, .. }, .. } = error else { panic!("{error}") };
        assert!(reason.contains("101 scans"), "{reason}");
    }
    // What follows the end of the picture are scans of others.
    let one = sampled(0xc0, [0x11; 3], ALL);
    let two = [&one[..], &jpeg(0xc2, 12)].concat();
    assert!(read(&two).unwrap() == read(&one).unwrap());
}
