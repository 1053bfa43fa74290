//! Files of AnnData and 10x Genomics, written by `fixtures/matrices/generate.py`, sound and damaged.

use std::path::{Path, PathBuf};

use contractive_table::{FrameReader, ReadOptions, TableError, is_sparse};

/// Five cells of four genes.
const COUNTS: [f64; 20] = [0., 3., 0., 1., 2., 0., 0., 0., 0., 0., 0., 0., 0., 1., 4., 0., 5., 0., 0., 7.];
const CELLS: [&str; 5] = ["AAAC-1", "AAAG-1", "AACA-1", "AACC-1", "AATT-1"];
/// The second of one name is told apart.
const GENES: [&str; 4] = ["CD3E", "MALAT1", "été", "CD3E-1"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/matrices").join(name)
}

/// A matrix read whole, two rows at a time; its frames must say the same.
struct Read {
    values: Vec<f64>,
    columns: Vec<String>,
    rows: Option<Vec<String>>,
    notes: Vec<String>,
}

fn read(path: &Path, array: Option<&str>, transpose: bool) -> Result<Read, TableError> {
    assert!(is_sparse(path, array));
    let options = ReadOptions { array: array.map(str::to_owned), transpose, chunk_rows: 2, ..ReadOptions::default() };
    let mut reader = FrameReader::open(path, &options)?;
    let columns = reader.fields().iter().map(|field| field.name.clone()).collect();
    let (rows, notes) = (reader.row_names().map(<[String]>::to_vec), reader.notes().to_vec());
    let mut values = Vec::new();
    while reader.next_rows(&mut values)? {}
    let mut framed = Vec::new();
    for frame in FrameReader::open(path, &options)? {
        let frame = frame?;
        for i in 0..frame.n_rows() {
            framed.extend(frame.columns.iter().map(|column| column.values.to_numbers().unwrap()[i]));
        }
    }
    assert_eq!(values, framed);
    Ok(Read { values, columns, rows, notes })
}

fn turned(values: &[f64]) -> Vec<f64> {
    (0..4).flat_map(|gene| (0..5).map(move |cell| values[cell * 4 + gene])).collect()
}

#[test]
fn every_matrix_of_an_anndata_file_is_read_with_its_names() {
    let path = fixture("cells.h5ad");
    let half = COUNTS.map(|count| count * 0.5);
    let all = [(None, COUNTS), (Some("X"), COUNTS), (Some("raw"), COUNTS), (Some("raw/X"), COUNTS)];
    for (array, expected) in all.into_iter().chain([(Some("layers/half"), half), (Some("layers/dense"), COUNTS)]) {
        let got = read(&path, array, false).unwrap();
        assert_eq!(got.values, expected, "{array:?}");
        assert_eq!(
            (got.columns, got.rows.unwrap()),
            (GENES.map(str::to_owned).to_vec(), CELLS.map(str::to_owned).to_vec())
        );
        assert_eq!(got.notes, ["cells.h5ad: 1 feature has a name that another has; `-1`, `-2`, … was added"]);
        let got = read(&path, array, true).unwrap();
        assert_eq!(got.values, turned(&expected), "{array:?}");
        assert_eq!(got.columns, CELLS);
        assert_eq!(got.rows.unwrap(), ["CD3E", "MALAT1", "été", "CD3E"]);
    }
    let got = read(&path, Some("obsm/X_pca"), false).unwrap();
    assert_eq!(got.values, [0., 1.5, 1., 0., 0., 0., 0., 0.5, 2.5, 0.]);
    assert_eq!((got.columns, got.rows.unwrap().len()), (vec!["1".to_owned(), "2".into()], 5));
}

#[test]
fn counts_of_10x_have_cells_as_rows() {
    let path = fixture("cells.h5");
    let got = read(&path, None, false).unwrap();
    assert_eq!(got.values, COUNTS);
    assert_eq!(
        (got.columns, got.rows.unwrap()),
        (GENES.map(str::to_owned).to_vec(), CELLS.map(str::to_owned).to_vec())
    );
    assert_eq!(read(&path, None, true).unwrap().values, turned(&COUNTS));
}

#[test]
fn a_matrix_that_is_not_there_is_refused_with_those_that_are() {
    let message = read(&fixture("cells.h5ad"), Some("layers/twice"), false).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("holds no array `layers/twice`"), "{message}");
    assert!(
        message.ends_with("its arrays are `X`, `raw/X`, `layers/half`, `layers/dense`, `obsm/X_pca`")
            || message.ends_with("its arrays are `X`, `raw/X`, `layers/dense`, `layers/half`, `obsm/X_pca`"),
        "{message}"
    );
    let message = read(&fixture("cells.h5"), Some("X"), false).map(|_| ()).unwrap_err().to_string();
    assert!(message.ends_with("holds no array `X`; its arrays are none"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.h5ad");
    std::fs::write(&path, "a,b\n1,2\n").unwrap();
    assert!(read(&path, None, false).map(|_| ()).unwrap_err().to_string().contains("the signature of HDF5"));
}

#[test]
fn claims_beyond_the_size_of_the_file_are_refused() {
    let path = fixture("claims.h5ad");
    for array in ["X", "layers/chunk"] {
        let error = read(&path, Some(array), false).map(|_| ()).unwrap_err();
        assert!(matches!(error, TableError::Oversized { .. }), "{error}");
    }
    // Zeros that were never written are zeros.
    assert_eq!(read(&path, Some("layers/zeros"), false).unwrap().values, vec![0.0; 3_000_000]);
}

#[test]
fn the_newest_form_is_read_with_many_attributes_and_names_padded_with_spaces() {
    let path = fixture("latest.h5ad");
    let got = read(&path, None, false).unwrap();
    // The first column has no name, and is none of a row index: its file is no table that pandas wrote.
    assert_eq!((got.values, got.columns), (COUNTS.to_vec(), ["", "g 2", "g3", "g4"].map(str::to_owned).to_vec()));
    assert_eq!(got.rows.unwrap(), CELLS);
    assert_eq!(read(&path, None, true).unwrap().values, turned(&COUNTS));
}

#[test]
fn arrays_whose_numbers_lie_elsewhere_are_refused_as_what_they_are() {
    for (array, what) in [(None, "virtual arrays"), (Some("layers/external"), "numbers in other files")] {
        let error = read(&fixture("virtual.h5ad"), array, false).map(|_| ()).unwrap_err();
        assert!(matches!(error, TableError::Codec { .. }) && error.to_string().contains(what), "{error}");
    }
}

/// Reads all that a damaged file still gives. Whatever it is, it must end, and without a panic that comes through.
fn survives(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    for (array, transpose) in [(None, false), (None, true), (Some("raw"), false), (Some("layers/half"), false)] {
        let options = ReadOptions { array: array.map(str::to_owned), transpose, ..ReadOptions::default() };
        let mut values = Vec::new();
        if let Ok(mut reader) = FrameReader::open(path, &options) {
            while let Ok(true) = reader.next_rows(&mut values) {
                assert!(values.len() < 1 << 22, "a small file gives {} values", values.len());
            }
        }
    }
}

#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cells.h5ad", "cells.h5", "latest.h5ad"] {
        let path = folder.path().join(name);
        let whole = std::fs::read(fixture(name)).unwrap();
        for n in (0..whole.len()).step_by(64) {
            survives(&path, &whole[..n]);
        }
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        // Most bytes are zeros between structures: those that say something are changed, one or several at a time.
        let said: Vec<usize> = (0..whole.len()).filter(|i| whole[*i] != 0).collect();
        for round in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..=round % 4 {
                let place = said[random() % said.len()];
                bytes[place] = [bytes[place] ^ 1 << (random() % 8), 0xff, 0, random() as u8][random() % 4];
            }
            survives(&path, &bytes);
        }
    }
}
