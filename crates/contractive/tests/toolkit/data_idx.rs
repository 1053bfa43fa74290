//! IDX files: what is read, and every way one can be wrong.

use crate::data_support::*;
use contractive::data::{Storage, TableError};
use proptest::prelude::*;

const NAME: &str = "images-idx3-ubyte";
const NAME_GZ: &str = "images-idx3-ubyte.gz";

fn idx(kind: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn three_images() -> Vec<u8> {
    idx(8, &[3, 2, 4], &(0..24).map(|i| i * 10).collect::<Vec<u8>>())
}

#[test]
fn images_stay_bytes_and_are_scaled_as_they_are_read() {
    for (name, bytes) in [(NAME, three_images()), (NAME_GZ, gzip(&three_images()))] {
        let data = load_bytes(name, &bytes).unwrap();
        assert_eq!((data.len(), data.n_features(), data.image_shape()), (3, 8, Some((2, 4))));
        assert_eq!(data.name(), name);
        assert!(matches!(data.storage(), Storage::U8(pixels) if pixels.len() == 24));
        let mut row = [0.0; 8];
        data.fill(&[1], &mut row);
        assert_eq!(row, [80, 90, 100, 110, 120, 130, 140, 150].map(|v| v as f32 / 255.0));
        assert_eq!(data.labels(), None);
    }
}

#[test]
fn the_sum_is_of_the_bytes_on_disk() {
    let data = load_bytes(NAME, &idx(8, &[1, 1, 1], &[0])).unwrap();
    // printf '\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1\0' | sha256sum
    assert_eq!(data.sha256().unwrap(), "f5663bea8fbcb5b5ea1b6164bf4402940c4a019ab11f6c6aefe6c9d3776e10da");
}

#[test]
fn labels_beside_the_images_are_picked_up() {
    let folder = Folder::new();
    let images = folder.write("t10k-images-idx3-ubyte.gz", &gzip(&three_images()));
    folder.write("t10k-labels-idx1-ubyte", &idx(8, &[3], &[7, 0, 9]));
    assert_eq!(load(&images).unwrap().labels(), Some(&[7, 0, 9][..]));

    folder.write("t10k-labels-idx1-ubyte", &idx(8, &[2], &[7, 0]));
    let error = load(&images).unwrap_err();
    assert!(matches!(error, TableError::Shape { .. }), "{error:?}");
}

#[test]
fn tables_of_every_type_are_read() {
    let float = |values: &[f32]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>();
    let double = |values: &[f64]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>();
    let cases = [
        (0x08, vec![0, 1, 2, 255], [0.0, 1.0, 2.0, 255.0]),
        (0x09, vec![0, 1, 2, 255], [0.0, 1.0, 2.0, -1.0]),
        (0x0B, vec![0, 1, 255, 255, 1, 0, 128, 0], [1.0, -1.0, 256.0, -32768.0]),
        (0x0C, vec![0, 0, 0, 1, 255, 255, 255, 255, 0, 1, 0, 0, 0, 0, 0, 0], [1.0, -1.0, 65536.0, 0.0]),
        (0x0D, float(&[0.5, -1.5, 1e-9, 3e38]), [0.5, -1.5, 1e-9, 3e38]),
        (0x0E, double(&[0.5, -1.5, 1e-9, 3e38]), [0.5, -1.5, 1e-9, 3e38]),
    ];
    for (kind, bytes, values) in cases {
        let data = load_bytes("table.idx", &idx(kind, &[2, 2], &bytes)).unwrap();
        assert_eq!((data.to_vec(), data.n_features()), (values.to_vec(), 2), "type {kind:#04x}");
    }
}

#[test]
fn a_truncated_file_says_what_was_promised_and_what_came() {
    let whole = three_images();
    // A plain file's header is weighed against its size before anything is read.
    assert!(matches!(bad_bytes(NAME, &whole[..whole.len() - 1 - 16]), TableError::Oversized { .. }));
    let error = bad_bytes(NAME, &whole[..whole.len() - 1]);
    assert!(matches!(error, TableError::Truncated { expected: 24, got: 23, .. }), "{error:?}");
    assert!(error.to_string().contains("24 bytes of values, got 23"), "{error}");
    // Cut before compression, and cut after it.
    let error = bad_bytes(NAME_GZ, &gzip(&whole[..whole.len() - 5]));
    assert!(matches!(error, TableError::Truncated { expected: 24, got: 19, .. }), "{error:?}");
    let noisy =
        idx(8, &[40, 10, 10], &(0..4000u32).map(|i| (i.wrapping_mul(2654435761) >> 13) as u8).collect::<Vec<_>>());
    let packed = gzip(&noisy);
    let error = bad_bytes(NAME_GZ, &packed[..packed.len() / 2]);
    assert!(matches!(error, TableError::Truncated { expected: 4000, got: 1.., .. }), "{error:?}");
    assert!(matches!(
        bad_bytes(NAME_GZ, &packed[..packed.len() - 3]),
        TableError::Corrupt { .. } | TableError::Truncated { .. }
    ));
}

#[test]
fn bytes_after_the_values_are_refused() {
    let mut bytes = three_images();
    bytes.push(0);
    assert!(matches!(bad_bytes(NAME, &bytes), TableError::Trailing { expected: 24, .. }));
    assert!(matches!(bad_bytes(NAME_GZ, &gzip(&bytes)), TableError::Trailing { expected: 24, .. }));
    let mut joined = gzip(&three_images());
    joined.extend(gzip(&three_images()));
    assert!(matches!(bad_bytes(NAME_GZ, &joined), TableError::Trailing { expected: 24, .. }));
}

#[test]
fn a_wrong_magic_number_shows_both() {
    for bytes in [&b"\x89PNG\r\n\x1a\n"[..], &[1, 0, 8, 3], &[0, 0, 7, 3], &[0, 0, 8, 0]] {
        let error = bad_bytes(NAME, bytes);
        assert!(matches!(error, TableError::Magic { .. }), "{error:?}");
        assert!(error.to_string().contains("00 00 08 03"), "{error}");
    }
}

#[test]
fn a_short_header_is_refused() {
    for n in 0..16 {
        assert!(matches!(bad_bytes(NAME, &three_images()[..n]), TableError::Corrupt { .. }), "{n} bytes");
    }
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_memory_is_taken() {
    for dims in [[u32::MAX, u32::MAX, u32::MAX], [1 << 20, 1 << 10, 1 << 10], [u32::MAX, 1, 1]] {
        assert!(matches!(bad_bytes(NAME, &idx(8, &dims, &[0; 100])), TableError::Oversized { .. }));
        assert!(matches!(bad_bytes(NAME_GZ, &gzip(&idx(8, &dims, &[0; 100]))), TableError::Oversized { .. }));
    }
    // A bomb: a megabyte of gzip that would be a gigabyte of zeros, with an honest header.
    let mut bomb = gzip(&idx(8, &[1 << 20, 32, 32], &[]));
    bomb.extend(gzip(&[0; 1 << 20]).repeat(1024));
    assert!(matches!(bad_bytes(NAME_GZ, &bomb), TableError::Oversized { .. }));
}

#[test]
fn empty_and_odd_shapes_are_refused() {
    assert!(matches!(bad_bytes(NAME, &idx(8, &[0, 28, 28], &[])), TableError::Empty { .. }));
    assert!(matches!(bad_bytes(NAME, &idx(8, &[5, 0, 28], &[])), TableError::Empty { .. }));
    assert!(matches!(bad_bytes("a-labels-idx1-ubyte", &idx(8, &[2], &[1, 2])), TableError::Shape { .. }));
    assert!(matches!(bad_bytes("four.idx", &idx(8, &[1, 1, 1, 1, 1], &[9])), TableError::Shape { .. }));
    let nan = idx(0x0D, &[1, 2], &[0, 0, 0, 0, 0x7f, 0xc0, 0, 0]);
    assert!(matches!(bad_bytes("nan.idx", &nan), TableError::NonFinite { row: 0, column: 1, .. }));
}

#[test]
fn a_missing_file_is_no_bad_data() {
    let error = load(&Folder::new().path().join(NAME)).unwrap_err();
    assert!(matches!(error, TableError::Io { .. }), "{error:?}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), dims in 0u8..5, zipped: bool) {
        let mut file = vec![0, 0, 8, dims];
        file.extend(bytes);
        let _ = load_bytes(NAME, &if zipped { gzip(&file) } else { file });
    }

    #[test]
    fn damaged_gzip_never_panics(at in 0usize..60, byte: u8) {
        let mut bytes = gzip(&three_images());
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = load_bytes(NAME_GZ, &bytes);
    }

    #[test]
    fn images_round_trip(h in 1usize..6, w in 1usize..6, pixels in prop::collection::vec(any::<u8>(), 1..200)) {
        prop_assume!(pixels.len() >= h * w);
        let n = pixels.len() / (h * w);
        let pixels = &pixels[..n * h * w];
        let data = load_bytes(NAME_GZ, &gzip(&idx(8, &[n as u32, h as u32, w as u32], pixels))).unwrap();
        prop_assert_eq!(data.storage(), &Storage::U8(pixels.to_vec()));
    }
}
