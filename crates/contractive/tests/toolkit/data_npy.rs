//! NPY and NPZ arrays: what is read, and every way one can be wrong. Good files are written as numpy writes them.

use std::io::{Cursor, Write};

use crate::data_support::*;
use contractive::data::{Dataset, FileOptions, Storage, TableError};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

/// The order in which an array's values lie.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    C,
    Fortran,
}

/// A type of number, as numpy names it and lays it down.
trait Number: Copy {
    const DESCR: &'static str;
    fn bytes(self) -> Vec<u8>;
}

macro_rules! numbers {
    ($($number:ty: $descr:literal),*) => {$(
        impl Number for $number {
            const DESCR: &'static str = $descr;
            fn bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }
    )*};
}
numbers!(f32: "<f4", f64: "<f8", i8: "|i1", i16: "<i2", i32: "<i4", i64: "<i8", u8: "|u1", u16: "<u2", u32: "<u4", u64: "<u8");

impl Number for bool {
    const DESCR: &'static str = "|b1";
    fn bytes(self) -> Vec<u8> {
        vec![u8::from(self)]
    }
}

fn npy<T: Number>(shape: &[u64], order: Order, values: &[T]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let fortran = if order == Order::Fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{}', 'fortran_order': {fortran}, 'shape': ({sizes}), }}\n", T::DESCR);
    raw(&header, &values.iter().flat_map(|value| value.bytes()).collect::<Vec<u8>>())
}

/// An array with a header of one's own.
fn raw(header: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn described(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    raw(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), values)
}

fn npz(members: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn stored(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    npz(members, zip::CompressionMethod::Stored)
}

fn load_array(bytes: &[u8], array: &str) -> Result<Dataset, TableError> {
    let folder = Folder::new();
    let options = FileOptions { array: Some(array.into()), ..FileOptions::default() };
    load_with(&folder.write("file.npz", bytes), &options)
}

#[test]
fn tables_of_every_type_are_read() {
    fn check<T: Number>(values: [T; 6], expected: [f32; 6]) {
        let bytes = npy(&[2, 3], Order::C, &values);
        for (name, bytes) in [("table.npy", bytes.clone()), ("table.npy.gz", gzip(&bytes))] {
            let data = load_bytes(name, &bytes).unwrap();
            assert_eq!((data.to_vec(), data.n_features(), data.image_shape()), (expected.to_vec(), 3, None));
        }
    }
    check::<f32>([0.5, -1.0, 3e38, 1e-40, 0.0, 7.0], [0.5, -1.0, 3e38, 1e-40, 0.0, 7.0]);
    check::<f64>([0.5, -1.0, 3e38, 0.1, 0.0, 7.0], [0.5, -1.0, 3e38, 0.1, 0.0, 7.0]);
    check::<i8>([0, -1, 127, -128, 5, 6], [0.0, -1.0, 127.0, -128.0, 5.0, 6.0]);
    check::<i16>([0, -1, 300, -300, 5, 6], [0.0, -1.0, 300.0, -300.0, 5.0, 6.0]);
    check::<i32>([0, -1, 70_000, -70_000, 5, 6], [0.0, -1.0, 70_000.0, -70_000.0, 5.0, 6.0]);
    check::<i64>([0, -1, 1 << 40, -(1 << 40), 5, 6], [0.0, -1.0, 2f32.powi(40), -(2f32.powi(40)), 5.0, 6.0]);
    check::<u8>([0, 1, 2, 255, 5, 6], [0.0, 1.0, 2.0, 255.0, 5.0, 6.0]);
    check::<u16>([0, 1, 2, 65535, 5, 6], [0.0, 1.0, 2.0, 65535.0, 5.0, 6.0]);
    check::<u32>([0, 1, 2, 1 << 31, 5, 6], [0.0, 1.0, 2.0, 2f32.powi(31), 5.0, 6.0]);
    check::<u64>([0, 1, 2, 1 << 63, 5, 6], [0.0, 1.0, 2.0, 2f32.powi(63), 5.0, 6.0]);
    check::<bool>([false, true, true, false, true, true], [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn big_endian_and_half_precision_are_read() {
    let data = load_bytes("a.npy", &described(">f4", "(1, 2)", &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0])).unwrap();
    assert_eq!(data.to_vec(), [1.0, -2.0]);
    let data = load_bytes("a.npy", &described(">i2", "(1, 2)", &[1, 0, 255, 255])).unwrap();
    assert_eq!(data.to_vec(), [256.0, -1.0]);
    // np.array([[1, -2, 65504, 2**-24, 0.1, -0.0]], dtype='<f2')
    let halves: [u16; 6] = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x2e66, 0x8000];
    let bytes: Vec<u8> = halves.iter().flat_map(|v| v.to_le_bytes()).collect();
    let data = load_bytes("a.npy", &described("<f2", "(1, 6)", &bytes)).unwrap();
    assert_eq!(data.to_vec(), [1.0, -2.0, 65504.0, 2f32.powi(-24), 0.099_975_586, 0.0]);
}

#[test]
fn fortran_order_is_turned_into_rows() {
    let data = load_bytes("a.npy", &npy(&[2, 3], Order::Fortran, &[1f32, 4.0, 2.0, 5.0, 3.0, 6.0])).unwrap();
    assert_eq!(data.to_vec(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    // np.arange(24).reshape(2, 3, 4), in Fortran order
    let values: Vec<u8> = (0..24).map(|i| (i % 2 * 12 + i / 2 % 3 * 4 + i / 6) as u8).collect();
    let data = load_bytes("a.npy", &npy(&[2, 3, 4], Order::Fortran, &values)).unwrap();
    assert_eq!(data.storage(), &Storage::U8((0..24).collect()));
}

#[test]
fn byte_images_stay_bytes() {
    let pixels: Vec<u8> = (0..24).collect();
    for shape in [&[2, 3, 4][..], &[2, 3, 4, 1], &[2, 1, 3, 4]] {
        let data = load_bytes("a.npy", &npy(shape, Order::C, &pixels)).unwrap();
        assert_eq!((data.image_shape(), data.storage()), (Some((3, 4)), &Storage::U8(pixels.clone())));
    }
    let data = load_bytes("a.npy", &npy(&[2, 784], Order::C, &[9u8; 1568])).unwrap();
    assert!(data.image_shape() == Some((28, 28)) && data.notes()[0].contains("784 columns"));
    let data = load_bytes("a.npy", &npy(&[2, 2, 2], Order::C, &[0.5f32; 8])).unwrap();
    assert!(data.image_shape() == Some((2, 2)) && matches!(data.storage(), Storage::F32(_)));
}

#[test]
fn values_that_are_not_finite_are_named_by_row_and_column() {
    for (bytes, value) in [
        (npy(&[2, 3], Order::C, &[0f32, 0.0, 0.0, 0.0, f32::NAN, 0.0]), "NaN"),
        (npy(&[2, 3], Order::C, &[0f64, 0.0, 0.0, 0.0, f64::INFINITY, 0.0]), "inf"),
        (npy(&[2, 3], Order::Fortran, &[0f64, 0.0, 0.0, f64::NEG_INFINITY, 0.0, 0.0]), "-inf"),
        (described("<f2", "(2, 3)", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7e, 0, 0]), "NaN"),
    ] {
        let error = bad_bytes("a.npy", &bytes);
        assert!(matches!(error, TableError::NonFinite { row: 1, column: 1, .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("row 1, column 1") && message.contains(&format!("got {value}")), "{message}");
    }
}

#[test]
fn objects_texts_and_structures_are_refused_by_name() {
    for descr in ["|O", "<U5", "|S3", "<c8", "<M8[ns]", "f4", "<f16", "", "é"] {
        let error = bad_bytes("a.npy", &described(descr, "(1, 1)", &[0; 16]));
        assert!(matches!(&error, TableError::Type { got, .. } if *got == format!("`{descr}`")), "{error:?}");
    }
    let structured = raw("{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (3,), }", &[0; 24]);
    assert!(matches!(bad_bytes("a.npy", &structured), TableError::Type { .. }));
}

#[test]
fn truncated_and_overlong_arrays_are_refused() {
    let bytes = npy(&[2, 3], Order::C, &[1f32; 6]);
    let error = bad_bytes("a.npy", &bytes[..bytes.len() - 1]);
    assert!(matches!(error, TableError::Truncated { expected: 24, got: 23, .. }), "{error:?}");
    assert!(matches!(bad_bytes("a.npy.gz", &gzip(&bytes[..bytes.len() - 4])), TableError::Truncated { got: 20, .. }));
    let packed = gzip(&bytes);
    assert!(matches!(bad_bytes("a.npy.gz", &packed[..packed.len() - 12]), TableError::Truncated { .. }));
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(bad_bytes("a.npy", &longer), TableError::Trailing { expected: 24, .. }));
    for n in 0..bytes.len() - 24 {
        assert!(matches!(bad_bytes("a.npy", &bytes[..n]), TableError::Corrupt { .. }), "{n} bytes");
    }
    assert!(matches!(bad_bytes("a.npy", b"PK\x03\x04 not an array"), TableError::Magic { .. }));
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_memory_is_taken() {
    let most = u64::MAX;
    for shape in [format!("({most}, {most})"), "(4294967296, 4294967296, 4294967296)".into(), "(1000000, 1000)".into()]
    {
        let bytes = described("<f8", &shape, &[0; 64]);
        assert!(matches!(bad_bytes("a.npy", &bytes), TableError::Oversized { .. }), "{shape}");
        assert!(matches!(bad_bytes("a.npy.gz", &gzip(&bytes)), TableError::Oversized { .. }), "{shape}");
        let archive = npz(&[("X.npy", bytes)], zip::CompressionMethod::Deflated);
        assert!(matches!(bad_bytes("a.npz", &archive), TableError::Oversized { .. }), "{shape}");
    }
    let mut long_header = b"\x93NUMPY\x02\x00".to_vec();
    long_header.extend(u32::MAX.to_le_bytes());
    assert!(matches!(bad_bytes("a.npy", &long_header), TableError::Corrupt { .. }));
    long_header[6] = 9;
    assert!(bad_bytes("a.npy", &long_header).to_string().contains("version 9"));
}

#[test]
fn headers_that_are_no_such_dictionary_are_refused() {
    for header in [
        "",
        "{}",
        "[]",
        "{'descr': '<f4', 'shape': (1, 1)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, -1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1, 1]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), 'more': 1}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1, 1)}",
        "{'descr': ('<f4', 'fortran_order': False, 'shape': (1, 1)}",
        &"(".repeat(60_000),
        &format!("{{'descr': {}", "[".repeat(60_000)),
    ] {
        let error = bad_bytes("a.npy", &raw(header, &[0; 4]));
        assert!(matches!(error, TableError::Corrupt { .. }), "{header:.60}: {error:?}");
        assert!(error.to_string().len() < 600);
    }
    let any_order = raw("{\"shape\":(1,1),'fortran_order':True,'descr':'<f4'}", &[0, 0, 128, 63]);
    assert_eq!(load_bytes("a.npy", &any_order).unwrap().to_vec(), [1.0]);
}

#[test]
fn shapes_that_are_no_rows_are_refused() {
    assert!(matches!(bad_bytes("a.npy", &npy(&[6], Order::C, &[1f32; 6])), TableError::Shape { .. }));
    assert!(matches!(bad_bytes("a.npy", &npy(&[], Order::C, &[1f32])), TableError::Shape { .. }));
    assert!(matches!(bad_bytes("a.npy", &npy(&[1, 2, 2, 2], Order::C, &[1f32; 8])), TableError::Shape { .. }));
    // Channels come last.
    assert!(matches!(bad_bytes("a.npy", &npy(&[1, 3, 2, 2], Order::C, &[1f32; 12])), TableError::Shape { .. }));
    for shape in [&[0, 3][..], &[3, 0], &[0, 28, 28], &[3, 0, 0]] {
        for order in [Order::C, Order::Fortran] {
            assert!(matches!(bad_bytes("a.npy", &npy::<u8>(shape, order, &[])), TableError::Empty { .. }));
            assert!(matches!(bad_bytes("a.npy", &npy::<f32>(shape, order, &[])), TableError::Empty { .. }));
        }
    }
}

#[test]
fn four_dimensions_are_pictures_in_colour() {
    let bytes: Vec<u8> = (0..36).collect();
    let data = load_bytes("a.npy", &npy(&[2, 3, 2, 3], Order::C, &bytes)).unwrap();
    let shape = contractive_core::patches::PictureShape { height: 3, width: 2, channels: 3 };
    assert_eq!((data.len(), data.picture_shape(), data.image_shape()), (2, Some(shape), None));
    assert_eq!(data.storage(), &Storage::U8(bytes));
}

#[test]
fn an_archive_gives_x_and_y() {
    let members = [
        ("other.npy", npy(&[9, 9], Order::C, &[0f32; 81])),
        ("y.npy", npy(&[2], Order::C, &[1i64, 0])),
        ("X.npy", npy(&[2, 2], Order::C, &[1f64, 2.0, 3.0, 4.0])),
    ];
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let data = load_bytes("a.npz", &npz(&members, method)).unwrap();
        assert_eq!((data.to_vec(), data.labels()), (vec![1.0, 2.0, 3.0, 4.0], Some(&[1, 0][..])));
    }
    // Another array of the archive is held to the same labels.
    let error = load_array(&stored(&members[..2]), "other").unwrap_err();
    assert!(error.to_string().contains("file.npz/y.npy must be 9, one a row"), "{error}");
    // Read for itself, as labels are, it has none.
    let folder = Folder::new();
    let path = folder.write("file.npz", &stored(&members[..2]));
    let alone = contractive_table::array::read_alone(path, Some("other")).unwrap();
    assert_eq!(alone.shape(), [9, 9]);
}

#[test]
fn without_x_the_only_table_is_read() {
    let members = [
        ("scale.npy", npy(&[2], Order::C, &[1f32; 2])),
        ("table.npy", npy(&[1, 2], Order::C, &[1f32, 2.0])),
        ("readme.txt", b"hello".to_vec()),
    ];
    let data = load_bytes("a.npz", &stored(&members)).unwrap();
    assert_eq!((data.to_vec(), data.labels()), (vec![1.0, 2.0], None));
}

#[test]
fn several_tables_need_a_choice_and_the_error_lists_them() {
    let members = [
        ("x_train.npy", npy(&[2, 2, 2], Order::C, &[7u8; 8])),
        ("y_train.npy", npy(&[2, 1], Order::C, &[5u8, 6])),
        ("x_test.npy", npy(&[1, 2, 2], Order::C, &[9u8; 4])),
    ];
    let archive = stored(&members);
    let error = load_bytes("a.npz", &archive).unwrap_err();
    assert!(matches!(error, TableError::NoSuchArray { .. }), "{error:?}");
    assert!(error.to_string().contains("`x_test` (1, 2, 2), `x_train` (2, 2, 2), `y_train` (2, 1)"), "{error}");
    let data = load_array(&archive, "x_train").unwrap();
    assert_eq!((data.image_shape(), data.labels()), (Some((2, 2)), Some(&[5, 6][..])));
    assert_eq!(load_array(&archive, "x_test").unwrap().labels(), None);
    assert!(load_array(&archive, "nothing").unwrap_err().to_string().contains("no array `nothing`"));
}

#[test]
fn labels_that_are_none_are_left_out_with_a_note() {
    let x = npy(&[2, 1], Order::C, &[1f32, 2.0]);
    let data = load_bytes("a.npz", &stored(&[("X.npy", x.clone()), ("y.npy", npy(&[2], Order::C, &[0.5f32, 1.0]))]));
    let data = data.unwrap();
    assert!(data.labels().is_none() && data.notes()[0].contains("no labels"), "{:?}", data.notes());
    let wrong = stored(&[("X.npy", x), ("y.npy", npy(&[3], Order::C, &[0u8; 3]))]);
    assert!(matches!(bad_bytes("a.npz", &wrong), TableError::Shape { .. }));
}

#[test]
fn damaged_archives_are_refused() {
    for bytes in [&b""[..], b"PK", b"no archive at all", &[0; 500]] {
        assert!(matches!(bad_bytes("a.npz", bytes), TableError::Corrupt { .. }));
    }
    let whole = npz(&[("X.npy", npy(&[50, 4], Order::C, &[1.5f32; 200]))], zip::CompressionMethod::Deflated);
    for n in 0..whole.len() {
        assert!(load_bytes("a.npz", &whole[..n]).is_err(), "{n} bytes");
    }
    // A changed value is caught by the archive's own sum.
    let mut changed = stored(&[("X.npy", npy(&[5, 4], Order::C, &[1.5f32; 20]))]);
    let at = changed.windows(4).position(|four| four == 1.5f32.to_le_bytes()).unwrap();
    changed[at] ^= 1;
    assert!(matches!(bad_bytes("a.npz", &changed), TableError::Corrupt { .. }));
    let object = stored(&[("X.npy", described("|O", "(1, 1)", b"cos\nsystem\n(S'true'\ntR."))]);
    assert!(matches!(bad_bytes("a.npz", &object), TableError::Type { .. }));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = load_bytes("a.npy", &bytes);
        let _ = load_bytes("a.npz", &bytes);
    }

    #[test]
    fn random_headers_never_panic(
        header in "\\{?('descr'|'shape'|'fortran_order'|:|,| |\\(|\\)|\\[|\\]|[0-9]|True|False|'<f4'|'\\|u1'|é){0,20}\\}?",
        values in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let _ = load_bytes("a.npy", &raw(&header, &values));
    }

    #[test]
    fn damaged_archives_never_panic(at in 0usize..1000, byte: u8) {
        let x = npy(&[3, 2], Order::C, &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut bytes = npz(&[("X.npy", x)], zip::CompressionMethod::Deflated);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = load_bytes("a.npz", &bytes);
    }

    #[test]
    fn tables_round_trip_exactly(
        columns in 1usize..6,
        is_fortran: bool,
        values in prop::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 6..60),
    ) {
        let rows = values.len() / columns;
        let values = &values[..rows * columns];
        let (order, kept) = if is_fortran {
            let turned = (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect();
            (Order::Fortran, turned)
        } else {
            (Order::C, values.to_vec())
        };
        let data = load_bytes("a.npy", &npy(&[rows as u64, columns as u64], order, &kept)).unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&data.to_vec()), bits(values));
    }
}
