use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::{FrameReader, ReadOptions, is_sparse};

/// An NPY array of one dimension, as numpy saves it.
fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((header.len() as u16).to_le_bytes());
    array.extend(header.bytes());
    array.extend(bytes);
    array
}

fn integers(values: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", values.len()), &bytes)
}

fn floats(values: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f8", &format!("({},)", values.len()), &bytes)
}

/// An archive as `scipy.sparse.save_npz` writes it.
#[cfg(feature = "npz")]
fn archive(folder: &Path, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = folder.join("m.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    path
}

#[cfg(feature = "npz")]
fn compressed(folder: &Path, order: &[u8], shape: &[i64], starts: &[i64], places: &[i64], values: &[f64]) -> PathBuf {
    archive(
        folder,
        &[
            ("indices", integers(places)),
            ("indptr", integers(starts)),
            ("format", npy("|S3", "()", order)),
            ("shape", integers(shape)),
            ("data", floats(values)),
        ],
    )
}

fn market(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("m.mtx");
    std::fs::write(&path, text).unwrap();
    path
}

fn rows(path: &Path, transpose: bool) -> Result<Vec<f64>, TableError> {
    assert!(is_sparse(path, None), "{}", path.display());
    let options = ReadOptions { transpose, chunk_rows: 2, ..ReadOptions::default() };
    let mut reader = FrameReader::open(path, &options)?;
    let mut values = Vec::new();
    while reader.next_rows(&mut values)? {}
    // Frames say the same.
    let mut framed = Vec::new();
    for frame in FrameReader::open(path, &options)? {
        let frame = frame?;
        for i in 0..frame.n_rows() {
            framed.extend(frame.columns.iter().map(|column| column.values.to_numbers().unwrap()[i]));
        }
    }
    assert_eq!(values, framed);
    Ok(values)
}

const MATRIX: [f64; 12] = [1.0, 0.0, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 4.0];

/// [`MATRIX`] as 3 × 4, and turned round as 4 × 3.
fn turned() -> Vec<f64> {
    (0..4).flat_map(|column| (0..3).map(move |row| MATRIX[row * 4 + column])).collect()
}

#[cfg(feature = "npz")]
#[test]
fn scipy_archives_of_every_order_are_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let values = [1.0, 2.5, 3.0, 4.0];
    let csr = compressed(folder.path(), b"csr", &[3, 4], &[0, 2, 2, 4], &[0, 2, 0, 3], &values);
    assert_eq!(rows(&csr, false).unwrap(), MATRIX);
    assert_eq!(rows(&csr, true).unwrap(), turned());
    let csc = compressed(folder.path(), b"csc", &[3, 4], &[0, 2, 2, 3, 4], &[0, 2, 0, 2], &[1.0, 3.0, 2.5, 4.0]);
    assert_eq!(rows(&csc, false).unwrap(), MATRIX);
    assert_eq!(rows(&csc, true).unwrap(), turned());
    let coo = archive(
        folder.path(),
        &[
            ("row", integers(&[2, 0, 0, 2, 2])),
            ("col", integers(&[3, 2, 0, 0, 0])),
            ("format", npy("|S3", "()", b"coo")),
            ("shape", integers(&[3, 4])),
            ("data", floats(&[4.0, 2.5, 1.0, 1.0, 2.0])), // an entry twice is a sum
        ],
    );
    assert_eq!(rows(&coo, false).unwrap(), MATRIX);
    assert_eq!(rows(&coo, true).unwrap(), turned());
}

#[cfg(feature = "npz")]
#[test]
fn what_an_archive_claims_wrongly_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |order: &[u8], shape: &[i64], starts: &[i64], places: &[i64], values: &[f64]| {
        let path = compressed(folder.path(), order, shape, starts, places, values);
        let mut messages = [false, true].map(|transpose| rows(&path, transpose).unwrap_err().to_string());
        messages.sort();
        messages.join(" / ")
    };
    for order in [b"csr", b"csc"] {
        let says = |expected: &str, got: String| assert!(got.contains(expected), "{got}");
        says("must ascend", refusal(order, &[2, 2], &[0, 2, 1], &[0, 1], &[1.0, 2.0]));
        says("must ascend", refusal(order, &[2, 2], &[0, 1, 9], &[0, 1], &[1.0, 2.0]));
        says("must ascend", refusal(order, &[2, 2], &[-1, 1, 2], &[0, 1], &[1.0, 2.0]));
        says("must have 3 entries", refusal(order, &[2, 2], &[0, 2], &[0, 1], &[1.0, 2.0]));
        says("must be from 0 to 1, got 2", refusal(order, &[2, 2], &[0, 1, 2], &[0, 2], &[1.0, 2.0]));
        says("got -1", refusal(order, &[2, 2], &[0, 1, 2], &[0, -1], &[1.0, 2.0]));
        says("of one length", refusal(order, &[2, 2], &[0, 1, 2], &[0], &[1.0, 2.0]));
        says("two sizes", refusal(order, &[2, 2, 2], &[0, 1, 2], &[0, 1], &[1.0, 2.0]));
        says("finite", refusal(order, &[2, 2], &[0, 1, 2], &[0, 1], &[1.0, f64::NAN]));
        refusal(order, &[1 << 40, 1 << 40], &[0, 1, 2], &[0, 1], &[1.0, 2.0]);
        refusal(order, &[i64::MAX, 2], &[0, 1, 2], &[0, 1], &[1.0, 2.0]);
        refusal(order, &[2, i64::MAX], &[0, 1, 2], &[0, 1], &[1.0, 2.0]);
        refusal(order, &[0, 0], &[0], &[], &[]);
    }
    let message = refusal(b"bsr", &[2, 2], &[0, 1, 2], &[0, 1], &[1.0, 2.0]);
    assert!(message.contains("BSR order") && message.contains("tocsr"), "{message}");
}

/// Whose arrays have other shapes than those of the orders that are read.
#[cfg(feature = "npz")]
#[test]
fn an_order_that_is_not_read_is_named_whatever_its_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = npy("<f8", "(1, 2, 2)", &[0; 32]);
    for order in ["bsr", "dia"] {
        let format = npy("|S3", "()", order.as_bytes());
        let path =
            archive(folder.path(), &[("format", format), ("shape", integers(&[2, 2])), ("data", blocks.clone())]);
        let message = rows(&path, false).unwrap_err().to_string();
        assert!(message.contains(&format!("{} order", order.to_uppercase())), "{message}");
    }
}

#[cfg(feature = "npz")]
#[test]
fn a_cut_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = compressed(folder.path(), b"csr", &[3, 4], &[0, 2, 2, 4], &[0, 2, 0, 3], &[1.0, 2.5, 3.0, 4.0]);
    let whole = std::fs::read(&path).unwrap();
    for n in 0..whole.len() {
        std::fs::write(&path, &whole[..n]).unwrap();
        assert!(FrameReader::open(&path, &ReadOptions::default()).is_err(), "{n}");
    }
}

#[test]
fn matrix_market_files_are_rows() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str, transpose| rows(&market(folder.path(), text), transpose).unwrap();
    let coordinates =
        "%%MatrixMarket matrix coordinate real general\n% made by hand\n\n3 4 4\n3 4 4\n1 3 2.5\n1 1 1\n3 1 3e0\n";
    assert_eq!(read(coordinates, false), MATRIX);
    assert_eq!(read(coordinates, true), turned());
    let pattern = "%%matrixmarket MATRIX coordinate pattern general\n2 3 2\n1 2\n2 3";
    assert_eq!(read(pattern, false), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let symmetric = "%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n1 1 5\n2 1 7\n";
    assert_eq!(read(symmetric, false), [5.0, 7.0, 7.0, 0.0]);
    let skew = "%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 7\n";
    assert_eq!(read(skew, false), [0.0, -7.0, 7.0, 0.0]);
    let array = "%%MatrixMarket matrix array real general\n2 3\n1\n2\n3\n4\n5\n6\n";
    assert_eq!(read(array, false), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    let array = "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n";
    assert_eq!(read(array, false), [1.0, 2.0, 2.0, 3.0]);
}

#[test]
fn a_gzip_matrix_market_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.mtx.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
    packed.write_all(b"%%MatrixMarket matrix coordinate integer general\n2 2 1\n2 2 3\n").unwrap();
    packed.finish().unwrap();
    assert_eq!(rows(&path, false).unwrap(), [0.0, 0.0, 0.0, 3.0]);
}

#[test]
fn a_wrong_matrix_market_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |text: &str| rows(&market(folder.path(), text), false).unwrap_err().to_string();
    let real = |rest: &str| refusal(&format!("%%MatrixMarket matrix coordinate real general\n{rest}"));
    for (rest, expected) in [
        ("", "line 2: the sizes must be 3 whole numbers"),
        ("2 2\n", "line 2: the sizes must be 3 whole numbers"),
        ("2 2 -1\n", "the sizes must be"),
        ("2 2 1\n3 1 1\n", "line 3: an entry must be a row from 1 to 2"),
        ("2 2 1\n0 1 1\n", "line 3"),
        ("2 2 1\n1 1\n", "line 3"),
        ("2 2 1\n1 1 x\n", "line 3"),
        ("2 2 1\n1 1 1 1\n", "line 3"),
        ("2 2 2\n1 1 1\n", "promises 2 entries, and ends after 1"),
        ("2 2 1\n1 1 1\n2 2 2\n", "must end after 1 entries"),
        ("2 2 18446744073709551615\n1 1 1\n", "ends after 1"),
        ("4000000000 1000000 1\n1 1 1\n", "claims 4000000000 rows"),
        ("1 99999999 1\n1 1 1\n", "at most 1048576"),
        ("18446744073709551615 1 1\n1 1 1\n", "its sizes must be at most"),
        ("0 5 0\n", "empty"),
        ("2 2 1\n1 1 inf\n", "finite"),
    ] {
        let message = real(rest);
        assert!(message.contains(expected), "{rest:?}: {message}");
    }
    assert!(
        refusal("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 1\n").contains("must be a `matrix`")
    );
    assert!(refusal("%%MatrixMarket matrix coordinate real symmetric\n1 2 1\n1 1 1\n").contains("as many rows"));
    assert!(refusal("a,b\n1,2\n").contains("must begin with"));
    let long = format!("%%MatrixMarket matrix coordinate real general\n%{}\n1 1 1\n1 1 1\n", "x".repeat(70_000));
    assert!(refusal(&long).contains("at most 65536 bytes"));
    assert!(refusal("%%MatrixMarket matrix array real general\n4000000000 4000000000\n1\n").contains("truncated"));
}
