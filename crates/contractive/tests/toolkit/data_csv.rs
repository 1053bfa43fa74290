//! Text tables: what is read, and every way one can be wrong.

use crate::data_support::*;
use contractive::data::{Dataset, FileOptions, TableError};
use contractive_table::Place;
use proptest::prelude::*;

fn with_labels(text: &str, column: &str) -> Result<Dataset, TableError> {
    let path_owner = Folder::new();
    let path = path_owner.write("table.csv", text.as_bytes());
    load_with(&path, &FileOptions { label_column: Some(column.into()), ..FileOptions::default() })
}

#[test]
fn a_table_with_header_keeps_its_names() {
    let text = b"\xef\xbb\xbfheight, width,\"a, b\"\r\n1,2.5,-3e2\r\n\r\n 4 ,\"5\",6\r\n";
    for (name, bytes) in [("table.csv", text.to_vec()), ("table.csv.gz", gzip(text))] {
        let data = load_bytes(name, &bytes).unwrap();
        assert_eq!(data.to_vec(), [1.0, 2.5, -300.0, 4.0, 5.0, 6.0]);
        assert_eq!(data.feature_names().unwrap(), ["height", "width", "a, b"]);
        assert_eq!((data.len(), data.n_features(), data.image_shape()), (2, 3, None));
        assert_eq!((data.name(), data.sha256().unwrap().len(), data.notes().len()), (name, 64, 0));
    }
}

#[test]
fn tabs_and_semicolons_are_recognised() {
    assert_eq!(load_bytes("table.tsv", b"a\tb\n1\t2\n").unwrap().to_vec(), [1.0, 2.0]);
    assert_eq!(load_bytes("table.csv", b"a;b\n1;2\n").unwrap().feature_names().unwrap(), ["a", "b"]);
}

#[test]
fn a_file_without_header_is_read_and_said_so() {
    let data = load_bytes("table.csv", b"1,2\n3,4\n").unwrap();
    assert_eq!((data.len(), data.feature_names()), (2, None));
    assert!(data.notes()[0].contains("no header line"), "{:?}", data.notes());
    // pandas numbers the columns of a frame without names
    let data = load_bytes("table.csv", b"0,1\n3,4\n").unwrap();
    assert_eq!((data.len(), data.feature_names().unwrap()), (1, &["0".to_string(), "1".to_string()][..]));
    let data = load_bytes("table.csv", b",a\n0,4\n").unwrap();
    assert!(data.notes()[0].contains("row index"), "{:?}", data.notes());
    assert_eq!((data.n_features(), data.to_vec()), (1, vec![4.0]));
}

#[test]
fn a_first_row_with_a_hole_is_not_taken_for_a_header() {
    for (table, line, column) in [
        ("1,,3\n4,5,6\n", 1, 2),
        ("nan,2\n3,4\n5,6\n", 1, 1),
        ("1,inf\n3,4\n", 1, 2),
        ("\n\n1,NA\n3,4\n", 3, 2),
        ("nan\n3\n4\n", 1, 1),
        ("1,,x\n3,4,5\n", 1, 2),
    ] {
        let message = bad_bytes("table.csv", table.as_bytes()).to_string();
        assert!(
            message.contains(&format!("table.csv line {line} may be a row or the columns' names"))
                && message.contains(&format!("column {column} is ")),
            "{message}"
        );
    }
    let error = with_labels("1,,x\n3,4,5\n", "x").unwrap_err();
    assert!(matches!(error, TableError::FirstLine { is_hole: true, .. }), "{error}");
    // A slip among the numbers of the first row would lose it as well.
    let message = bad_bytes("table.csv", b"1,x,3\n4,5,6\n").to_string();
    assert!(message.contains("line 1 may be a row") && message.contains("column 2 is `x`"), "{message}");
    // Headers that are clear all the same.
    for (header, row) in [("label,0,1,2", "1,2,3,4"), ("0,1,label", "2,3,4"), (",0,1", "0,3,4"), (",0", "0,4")] {
        let data = load_bytes("table.csv", format!("{header}\n{row}\n").as_bytes()).unwrap();
        // A row index, which has no name, is left out.
        assert_eq!((data.len(), data.feature_names().unwrap().join(",").as_str()), (1, header.trim_start_matches(',')));
    }
    let data = with_labels("country,1990,1991\nNorway,1,2\nPeru,3,4\n", "country").unwrap();
    assert_eq!((data.len(), data.feature_names().unwrap()[0].as_str()), (2, "1990"));
    assert_eq!(load_bytes("table.csv", b"a,,nan\n1,2,3\n").unwrap().len(), 1);
}

#[test]
fn a_column_of_text_is_told_from_a_slip_and_may_be_the_labels() {
    let table = b"a,species,b\n1,setosa,2\n3,virginica,4\n";
    let error = bad_bytes("table.csv", table).to_string();
    for text in ["table.csv, column `species` must be numbers", "`setosa` in line 2"] {
        assert!(error.contains(text), "{text} in {error}");
    }
    // Labels are taken already: the other column of text cannot be them.
    let error = with_labels("kind,a,species\nx,1,setosa\n", "kind").unwrap_err().to_string();
    assert!(error.contains("column `species`"), "{error}");
    // A header of numbers is more likely a row.
    let error = bad_bytes("table.csv", b"5.1,3.5,setosa\n4.9,3.0,setosa\n").to_string();
    for text in ["table.csv line 1 may be a row", "column 3 is `setosa`"] {
        assert!(error.contains(text), "{text} in {error}");
    }
    // Among numbers, text is a slip in one cell.
    let error = bad_bytes("table.csv", b"a,b\n1,2\n3,x\n").to_string();
    assert!(error.contains("line 3, column `b`"), "{error}");
    for hole in ["NA", "nan", "inf", "?", "1e999"] {
        let error = bad_bytes("table.csv", format!("a,b\n1,{hole}\n3,4\n").as_bytes()).to_string();
        assert!(error.contains("line 2, column `b`"), "{hole}: {error}");
    }
}

#[test]
fn every_cell_must_be_a_finite_number() {
    for text in ["", "abc", "nan", "NaN", "inf", "-Infinity", "1e999", "1,5,3", "0x10", "1 2", "é"] {
        let quoted = format!("a,b\n1,2\n\n3,\"{text}\"\n5,6\n");
        let error = bad_bytes("table.csv", quoted.as_bytes());
        let shown = match text {
            "" | "nan" | "NaN" => "a missing value".to_string(),
            "-Infinity" => "`-inf`".to_string(),
            "1e999" => "`inf`".to_string(),
            text => format!("`{text}`"),
        };
        let message = error.to_string();
        assert!(
            message.contains(&format!("line 4, column `b`: every cell must be a finite number, got {shown}")),
            "{message}"
        );
    }
    let error = bad_bytes("table.csv", b"1,2\n3,x\n");
    assert!(error.to_string().contains("line 2, column `2`"), "{error}");
    let error = bad_bytes("table.csv", b"a,b\n1,2\n3,\"1,5\"\n");
    assert!(matches!(error, TableError::Spelled { .. }) && error.to_string().contains("line 3, column `b`"), "{error}");
}

#[test]
fn the_line_is_right_whatever_the_line_breaks() {
    let cases: [(&[u8], u64); 5] = [
        (b"\"a\nname\",b\n1,2\n3,?\n", 4),
        (b"a,b\r\n1,2\r\n3,?", 3),
        (b"\xef\xbb\xbfa,b\n\n\n1,2\n3,?\n", 5),
        (b"a,b\r\n\r\n\"?\n\",2\r\n1,2\r\n", 3),
        (b"1,2\n?,3", 2),
    ];
    for (bytes, expected) in cases {
        let error = bad_bytes("table.csv", bytes);
        assert!(
            matches!(error, TableError::Cell { place: Place::Line(line), .. } if line == expected),
            "{expected}: {error:?}"
        );
        let error = bad_bytes("table.csv.gz", &gzip(bytes));
        assert!(matches!(error, TableError::Cell { place: Place::Line(line), .. } if line == expected), "{error:?}");
    }
}

#[test]
fn a_long_cell_is_cut_in_the_message() {
    let error = bad_bytes("table.csv", format!("a\n{}\n", "x".repeat(100_000)).as_bytes());
    assert!(error.to_string().len() < 400);
}

#[test]
fn ragged_lines_are_refused_by_line() {
    let error = bad_bytes("table.csv", b"a,b\n1,2\n3\n");
    assert!(matches!(error, TableError::Ragged { line: 3, expected: 2, got: 1, .. }), "{error:?}");
    assert!(matches!(bad_bytes("table.csv", b"a,b\n1,2,3\n"), TableError::Ragged { line: 2, got: 3, .. }));
}

#[test]
fn a_table_without_rows_or_features_is_empty() {
    assert!(matches!(bad_bytes("table.csv", b"a,b\n"), TableError::NoRows { header_has_numbers: false, .. }));
    for bytes in [&b""[..], b"\n\n"] {
        assert!(matches!(bad_bytes("table.csv", bytes), TableError::Empty { .. }));
    }
    assert!(matches!(with_labels("y\n1\n2\n", "y"), Err(TableError::Empty { .. })));
}

#[test]
fn integer_labels_are_taken_out_as_they_are() {
    let data = with_labels("a,class,b\n1,-3,2\n4,7.0,5\n", "class").unwrap();
    assert_eq!(data.labels(), Some(&[-3, 7][..]));
    assert_eq!((data.to_vec(), data.class_names()), (vec![1.0, 2.0, 4.0, 5.0], None));
    assert_eq!(data.feature_names().unwrap(), ["a", "b"]);
}

#[test]
fn text_labels_become_classes_in_sorted_order() {
    let data = with_labels("a,class\n1,virginica\n2,setosa\n3,virginica\n4,10\n", "class").unwrap();
    assert_eq!(data.labels(), Some(&[2, 1, 2, 0][..]));
    assert_eq!(data.class_names().unwrap(), ["10", "setosa", "virginica"]);
}

#[test]
fn a_missing_label_is_refused_and_a_missing_column_is_usage() {
    let error = with_labels("a,class\n1,\n", "class").unwrap_err();
    assert!(
        matches!(error, TableError::Cell { place: Place::Line(2), .. })
            && error.to_string().contains("must be a label"),
        "{error}"
    );
    let error = with_labels("a,b\n1,2\n", "class").unwrap_err();
    assert!(error.to_string().contains("its columns are a, b"), "{error}");
    let error = with_labels("1,2\n3,4\n", "class").unwrap_err();
    assert!(error.to_string().contains("its columns are 1, 2"), "{error}");
}

#[test]
fn options_of_other_formats_are_refused() {
    let folder = Folder::new();
    let path = folder.write("table.csv", b"a\n1\n");
    let error = load_with(&path, &FileOptions { array: Some("X".into()), ..FileOptions::default() }).unwrap_err();
    assert!(matches!(error, TableError::NoSuchArray { .. }), "{error:?}");
    let error = load(&folder.write("table.xls", b"a\n1\n")).unwrap_err();
    assert!(error.to_string().contains(".csv"), "{error}");
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, TableError::Folder { .. }), "{error:?}");
}

#[test]
fn rows_takes_the_first() {
    let folder = Folder::new();
    let path = folder.write("table.csv", b"a\n1\n2\n3\n");
    let take = |rows| load_with(&path, &FileOptions { rows: Some(rows), ..FileOptions::default() });
    assert_eq!(take(2).unwrap().to_vec(), [1.0, 2.0]);
    assert_eq!(take(9).unwrap().len(), 3);
    assert!(matches!(take(0), Err(TableError::Shape { .. })));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = load_bytes("table.csv", &bytes);
    }

    #[test]
    fn random_tables_never_panic(text in "[a0-9.,;\"\n\r -]{0,200}") {
        let _ = load_bytes("table.csv", text.as_bytes());
        let _ = with_labels(&text, "a");
    }

    #[test]
    fn numbers_round_trip_exactly(
        columns in 1usize..6,
        values in prop::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 1..60),
    ) {
        prop_assume!(values.len() >= columns);
        let values = &values[..values.len() / columns * columns];
        let mut text = (0..columns).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",") + "\n";
        for row in values.chunks(columns) {
            text += &(row.iter().map(f32::to_string).collect::<Vec<_>>().join(",") + "\n");
        }
        let data = load_bytes("table.csv", text.as_bytes()).unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&data.to_vec()), bits(values));
    }
}

#[test]
fn integers_beyond_64_bits_are_numbers() {
    // Found by the property above: the column was called whole, and then refused its own cell.
    let data = load_bytes("table.csv", b"a,b\n1,2\n-18085504000000000000,3\n").unwrap();
    assert_eq!(data.to_vec(), [1.0, 2.0, -18_085_504_000_000_000_000.0, 3.0]);
}
