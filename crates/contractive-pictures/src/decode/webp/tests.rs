//! What Pillow wrote, whole, cut off and changed, beside what the decoder makes of it.

use std::io::Cursor;
use std::path::Path;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;

use super::*;

/// Bounds within which no tables are: streams are read to their end.
const NONE_FREE: (u64, u64) = (1 << 40, (1 << 40) - 1);

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let at = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    let files = [at("webp"), at("pictures")].into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut all: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "webp"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// The canvas, where the decoder takes the file for a picture of a size that it can have here; and whether it reads it.
fn decoded(bytes: &[u8]) -> Option<((u32, u32), bool)> {
    contractive_table::contain(|| {
        let decoder = WebPDecoder::new(Cursor::new(bytes)).ok()?;
        let (size, n) = (decoder.dimensions(), decoder.total_bytes());
        let mut pixels = (n < 1 << 20).then(|| vec![0; n as usize])?;
        Some((size, decoder.read_image(&mut pixels).is_ok()))
    })
    .unwrap_or_default()
}

fn checked(bytes: &[u8], size: (u32, u32)) -> Result<(), PictureFault> {
    check_tables(bytes, size, NONE_FREE.0, NONE_FREE.1)
}

fn stream<'a>(bytes: &'a [u8], size: (u32, u32)) -> LosslessStream<'a> {
    let found = container::lossless(bytes, size).unwrap();
    match found.of {
        Of::Picture => LosslessStream::of_picture(found.stream, found.size).unwrap(),
        Of::Alpha | Of::FrameAlpha => LosslessStream::of_alpha(found.stream, found.size).unwrap(),
    }
}

fn chunk(name: &[u8; 4], claimed: usize, body: &[u8]) -> Vec<u8> {
    [name, (claimed as u32).to_le_bytes().as_slice(), body].concat()
}

/// Chunks after a head that claims `size` bytes.
fn file(size: usize, chunks: &[Vec<u8>]) -> Vec<u8> {
    [chunk(b"RIFF", size, b"WEBP"), chunks.concat()].concat()
}

/// Where the decoder looks, whatever else a file says.
#[test]
fn the_stream_is_the_one_that_the_decoder_reads() {
    let found = |bytes: &[u8]| container::lossless(bytes, (9, 9)).map(|it| (it.stream.to_vec(), it.size, it.of));
    let (picture, other) = (chunk(b"VP8L", 2, b"ab"), chunk(b"VP8L", 2, b"cd"));
    let head = |flags: u8| chunk(b"VP8X", 10, &[flags, 0, 0, 0, 8, 0, 0, 8, 0, 0]);
    let whole = |chunks: &[Vec<u8>]| file(4 + chunks.concat().len(), chunks);
    let of_picture = Some((b"ab".to_vec(), (9, 9), Of::Picture));
    assert_eq!(found(&whole(&[picture.clone(), other.clone()])), of_picture);
    assert_eq!(found(&whole(&[head(0), chunk(b"odd ", 1, b"xx"), picture.clone(), other.clone()])), of_picture);
    // The head's size says where the next chunk is, and nothing more.
    assert_eq!(found(&whole(&[chunk(b"VP8X", 14, &[0; 14]), picture.clone()])), of_picture);
    let inside = [chunk(b"VP8X", 0, &[0, 0, 0, 0]), 6_u32.to_le_bytes().to_vec(), vec![0; 6], picture.clone()];
    assert_eq!(found(&whole(&inside)), of_picture);
    // What comes after the end that the file's head says is not seen.
    assert_eq!(found(&file(22 - 10, &[head(0), picture.clone()])), None);
    assert_eq!(found(&file(22 - 9, &[head(0), picture.clone()])), of_picture);
    // A frame has a size of its own, within the canvas.
    let frame = |side: u8, chunks: &[u8]| {
        chunk(
            b"ANMF",
            16 + chunks.len(),
            &[&[0; 6], [side - 1, 0, 0, side - 1, 0, 0].as_slice(), &[0; 4], chunks].concat(),
        )
    };
    let of_frame = Some((b"ab".to_vec(), (5, 5), Of::Picture));
    assert_eq!(found(&whole(&[head(2), other.clone(), frame(5, &picture)])), of_frame);
    assert_eq!(found(&whole(&[head(2), frame(10, &picture)])), None);
    assert_eq!(found(&whole(&[head(0), frame(5, &[chunk(b"VP8 ", 0, b""), picture].concat())])), of_picture);
    // Alpha is packed where its flags say so, and read where the head says that there is some.
    let alpha = |flags: u8| [chunk(b"ALPH", 3, &[flags, 7, 8, 0]), chunk(b"VP8 ", 0, b"")].concat();
    assert_eq!(found(&whole(&[head(0x10), alpha(1)])), Some((vec![7, 8], (9, 9), Of::Alpha)));
    assert_eq!(found(&whole(&[head(0x12), frame(9, &alpha(1))])), Some((vec![7, 8], (9, 9), Of::FrameAlpha)));
    assert_eq!((found(&whole(&[head(0), alpha(1)])), found(&whole(&[head(0x10), alpha(4)]))), (None, None));
}

#[test]
fn what_an_encoder_writes_is_read_to_its_end() {
    for (name, bytes) in fixtures() {
        let (size, is_read) = decoded(&bytes).unwrap();
        assert!(is_read && checked(&bytes, size).is_ok(), "{name}");
        assert_eq!(container::lossless(&bytes, size).is_none(), name == "lossy.webp", "{name}");
    }
}

#[test]
fn groups_are_counted_and_their_tables_bounded() {
    let groups_of = |name: &str| {
        let (_, bytes) = fixtures().into_iter().find(|(other, _)| other == name).unwrap();
        let size = decoded(&bytes).unwrap().0;
        let stream = stream(&bytes, size);
        let tables = stream.tables(u64::MAX).unwrap();
        assert!(tables.bytes < stream.most() && stream.most() <= Tables::most_of(size), "{name}: {tables:?}");
        // A byte less than they take is too little, and then it is the tables that are named.
        let fault = check_tables(&bytes, size, 0, tables.bytes - 1).unwrap_err();
        assert!(matches!(fault, PictureFault::Tables { bytes, most, .. } if bytes == most + 1), "{name}: {fault:?}");
        check_tables(&bytes, size, 0, tables.bytes).unwrap();
        tables.groups
    };
    let names = ["groups.webp", "fast.webp", "palette.webp", "lossless-alpha.webp", "frames.webp", "lossy-alpha.webp"];
    assert_eq!(names.map(groups_of), [3, 2, 2, 2, 1, 1]);
}

#[test]
fn streams_that_are_cut_off_are_told() {
    for (name, bytes) in fixtures() {
        let (size, _) = decoded(&bytes).unwrap();
        let Some(found) = container::lossless(&bytes, size).filter(|found| found.of != Of::FrameAlpha) else {
            continue;
        };
        let end = found.stream.as_ptr() as usize - bytes.as_ptr() as usize + found.stream.len();
        for n in (1..found.stream.len() - 1).step_by(1 + found.stream.len() / 40) {
            let fault = checked(&bytes[..end - n], size).unwrap_err();
            assert!(matches!(fault, PictureFault::Truncated { .. }), "{name} without {n} bytes: {fault:?}");
        }
    }
}

/// Bytes are changed at random: nothing panics, and what the decoder reads is not refused.
#[test]
fn what_the_decoder_reads_is_not_refused() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % n
    };
    let (mut read, mut refused) = (0, 0);
    for (name, bytes) in fixtures() {
        for round in 0..if bytes.len() > 1000 { 12 } else { 60 } {
            let mut other = bytes.clone();
            for _ in 0..1 + below(3) {
                // Half of them where heads are and codes begin.
                let at = below(if round % 2 == 0 { other.len().min(160) } else { other.len() });
                other[at] = if below(2) == 0 { below(256) as u8 } else { other[at] ^ 1 << below(8) };
            }
            let Some((size, is_read)) = decoded(&other) else { continue };
            let outcome = checked(&other, size);
            assert!(outcome.is_ok() || !is_read, "{name}, round {round}: {outcome:?}");
            read += u32::from(is_read);
            refused += u32::from(outcome.is_err());
        }
    }
    assert!(read > 100 && refused > 100, "{read} are read, {refused} refused");
}
