//! Tables turned round.

use std::path::Path;

use contractive_table::{FrameReader, ReadOptions, TableError, Values};

fn turned(path: &Path) -> Result<FrameReader, TableError> {
    FrameReader::open(path, &ReadOptions { transpose: true, chunk_rows: 2, ..ReadOptions::default() })
}

fn table(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("t.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_column_of_text_names_the_columns_and_the_header_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (text, names, rows) in [
        ("gene,c1,c2,c3\nA,1,2,3\nB,4,5,6\n", ["A", "B"], Some(["c1", "c2", "c3"])),
        (",c1,c2,c3\nA,1,2,3\nB,4,5,6\n", ["A", "B"], Some(["c1", "c2", "c3"])), // pandas' row index
        (",c1,c2,c3\n0,1,2,3\n1,4,5,6\n", ["0", "1"], Some(["c1", "c2", "c3"])),
        ("1,2,3\n4,5,6\n", ["1", "2"], None),
    ] {
        let path = table(folder.path(), text);
        let mut reader = turned(&path).unwrap();
        let fields: Vec<&str> = reader.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(fields, names, "{text:?}");
        assert_eq!(reader.n_rows(), Some(3));
        assert_eq!(reader.row_names().is_some(), rows.is_some());
        if let (Some(got), Some(rows)) = (reader.row_names(), rows) {
            assert_eq!(got, rows);
        }
        let mut values = Vec::new();
        while reader.next_rows(&mut values).unwrap() {}
        assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let frames: Vec<_> = turned(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!((frames.len(), frames[1].first_row), (2, 2));
        assert_eq!(frames[0].columns[1].values, Values::Numbers(vec![4.0, 5.0]));
    }
}

#[test]
fn what_cannot_be_turned_round_is_named_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("gene,c1\nA,1\nA,2\n", "line 3"),
        ("gene,c1\nA,1\n,2\n", "line 3"),
        ("gene,c1\nA,1\nB,\n", "line 3, column c1"),
        ("gene,kind,c1\nA,x,1\nB,y,2\n", "column `kind` must be numbers"),
    ] {
        let Err(error) = turned(&table(folder.path(), text)) else { panic!("{text:?} is taken") };
        assert!(error.to_string().replace("column `c1`", "column c1").contains(expected), "{text:?}: {error}");
    }
}
