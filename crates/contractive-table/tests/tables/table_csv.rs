//! CSV by frames: kinds, holes, and cells that break them.

use std::path::PathBuf;

use crate::table_support::{frames, whole};
use contractive_table::TableError;
use contractive_table::{Frame, FrameReader, Kind, ReadOptions, TextOptions, Values};

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn kinds_are_those_of_the_cells_and_keys_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "id,key,x,time\n9007199254740993,007a, 1.50 ,2024-02-29\n-1,\" b\",NA,\n,NA,null,x\n");
    let frame = whole(&path);
    let text = |cells: &[Option<&str>]| Values::Text(cells.iter().map(|cell| cell.map(str::to_owned)).collect());
    assert_eq!(frame.column("id").unwrap().values, Values::Integers(vec![Some(9_007_199_254_740_993), Some(-1), None]));
    assert_eq!(frame.column("key").unwrap().values, text(&[Some("007a"), Some(" b"), Some("NA")]));
    assert_eq!(frame.column("time").unwrap().values, text(&[Some("2024-02-29"), None, Some("x")]));
    let x = frame.column("x").unwrap().values.to_numbers().unwrap();
    assert!(x[0] == 1.5 && x[1].is_nan() && x[2].is_nan());

    // Zeros in front: numbers, unless text is asked for.
    let path = file(&folder, "key\n007\n010\n");
    assert_eq!(whole(&path).columns[0].values, Values::Numbers(vec![7.0, 10.0]));
    let options = ReadOptions { as_text: vec!["key".into()], ..ReadOptions::default() };
    assert_eq!(frames(&path, &options).unwrap()[0].columns[0].values, text(&[Some("007"), Some("010")]));
}

#[test]
fn a_later_cell_that_breaks_its_column_is_named_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &format!("a,b\n{}5,oops\n", "1,2\n".repeat(1500)));
    let error = frames(&path, &ReadOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 1502, column `b`: every cell must be a number"), "{text}");
    assert!(text.contains("as in the first 1000 lines, got `oops`"), "{text}");
    let options = ReadOptions { as_text: vec!["b".into()], ..ReadOptions::default() };
    assert_eq!(frames(&path, &options).unwrap().iter().map(|frame| frame.n_rows()).sum::<usize>(), 1501);

    let path = file(&folder, &format!("a\n{}9007199254740993\n", "1\n".repeat(1500)));
    let text = frames(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("line 1502") && text.contains("lose digits"), "{text}");

    let path = file(&folder, &format!("a,b\n{}5\n", "1,2\n".repeat(1500)));
    assert!(matches!(frames(&path, &ReadOptions::default()), Err(TableError::Ragged { line: 1502, .. })));
}

#[test]
fn a_reader_ends_after_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a,b\n1,2\n3\n");
    assert!(FrameReader::open(&path, &ReadOptions::default()).is_err(), "within the prefix, at once");
    let path = file(&folder, &format!("a,b\n{}3\n", "1,2\n".repeat(2000)));
    let mut reader = FrameReader::open(&path, &ReadOptions { chunk_rows: 1500, ..ReadOptions::default() }).unwrap();
    assert!(reader.next().unwrap().is_ok() && reader.next().unwrap().is_err() && reader.next().is_none());
}

#[test]
fn headers_and_their_absence_are_told_apart_as_by_load() {
    let folder = tempfile::tempdir().unwrap();
    let open = |text: &str| FrameReader::open(file(&folder, text), &ReadOptions::default());
    let reader = open("1,2\n3,4\n").unwrap();
    assert!(!reader.has_names());
    assert_eq!(reader.fields()[1].name, "2");
    assert_eq!(reader.map(|frame| frame.unwrap().n_rows()).sum::<usize>(), 2);
    assert!(matches!(open("1,x\n3,4\n"), Err(TableError::FirstLine { .. })));
    assert!(matches!(open("a,a\n3,4\n"), Err(TableError::SameColumn { .. })));
    assert!(matches!(open(""), Err(TableError::Empty { .. })));
    assert!(matches!(open("a,b\n").unwrap().next(), Some(Err(TableError::NoRows { .. }))));
    assert_eq!(open("a;b\n1;2\n").unwrap().fields()[1].kind, Kind::Number);
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let mut text = String::from("a,b\n1,\"x");
    text.push_str(&"1,2\n".repeat(17 << 20));
    std::fs::write(&path, text).unwrap();
    let error = FrameReader::open(&path, &ReadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("never closed"), "{error}");
}

/// Of a file that was cut or lost a quote, the rows behind it would be one cell.
#[test]
fn a_quote_that_is_open_at_the_end_is_an_error_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let read = |text: &str| -> Result<Vec<Frame>, TableError> {
        std::fs::write(&path, text).unwrap();
        FrameReader::open(&path, &ReadOptions::default())?.collect()
    };
    let many = "1,x\n".repeat(50_000); // beyond the lines that decide on kinds
    for (text, line) in [
        ("a,b\n1,x\n2,\"y\n3,z\n".to_owned(), 3),
        ("a,b\n1,x\n2,\"y".to_owned(), 3),
        ("a,b\r\n\r\n1,\"x\r\ny\"\r\n2,\"y\"\"\r\n".to_owned(), 5),
        ("sep=;\na;b\n1;\"x".to_owned(), 3),
        ("\u{feff}\"a\",b\n1,x\n\"".to_owned(), 3),
        (format!("a,b\n1,\"x,\"\n{many}2,\"y\n{many}"), 50_003),
    ] {
        let error = read(&text).unwrap_err();
        assert!(matches!(error, TableError::Corrupt { .. }), "{error:?}");
        let said = format!("line {line} opens a quote that is never closed");
        assert!(error.to_string().contains(&said), "{said}: {error}");
    }
    for (text, last) in [
        ("a,b\n1,x\n2,\"y\"", "y"),
        ("a,b\r\n1,x\r\n2,\"y\"\r\n", "y"),
        ("a,b\n1,x\n2,\"y\"\"\"", "y\""),
        ("a,b\n1,x\n2,\"\"\"\"\n", "\""),
        ("a,b\n1,x\n2,5\" pipe", "5\" pipe"),
        ("a,b\n1,x\n2,\"y\" \"z", "y \"z"),
        ("a,b\n1,x\n2,y\"", "y\""),
        ("sep=;\na;b\n1;x\n2;\"y;\n\"", "y;\n"),
    ] {
        let frames = read(text).unwrap();
        assert_eq!(frames[0].column("b").unwrap().values.text(1).as_deref(), Some(last), "{text:?}");
    }
}

/// What pandas writes above columns without names may be a row: which it was taken for is told.
#[test]
fn a_first_line_that_counts_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    for (text, header, is_told) in [
        ("0,1\n1,3\n2,5\n", None, true),
        ("0,1\n1,3\n2,5\n", Some(true), false),
        ("0,1\n1,3\n2,5\n", Some(false), false),
        (",0,1\n0,3,4\n", None, false),
        ("label,0,1\n0,3,4\n", None, false),
        ("a,b\n0,3\n", None, false),
    ] {
        std::fs::write(&path, text).unwrap();
        let text_options = TextOptions { header, ..TextOptions::default() };
        let reader = FrameReader::open(&path, &ReadOptions { text: text_options, ..ReadOptions::default() }).unwrap();
        let told =
            reader.notes().iter().any(|note| note.contains("its first line, 0, 1, is taken for the columns' names"));
        assert_eq!(told, is_told, "{text:?} {header:?}: {:?}", reader.notes());
    }
}

/// A cell of a letter takes some fifty times its two bytes: of short texts a frame has fewer rows.
#[test]
fn a_frame_of_short_texts_is_bounded_by_what_they_take() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.csv");
    let names: Vec<String> = (0..128).map(|i| format!("c{i}")).collect();
    let row = format!("a{}\n", ",a".repeat(127));
    std::fs::write(&path, format!("{}\n{}", names.join(","), row.repeat(4000))).unwrap();
    let mut n_rows = 0;
    for frame in FrameReader::open(&path, &ReadOptions::default()).unwrap() {
        let frame = frame.unwrap();
        assert_eq!(frame.first_row, n_rows);
        assert!(frame.bytes() < 9 << 20, "{} bytes", frame.bytes());
        n_rows += frame.n_rows() as u64;
    }
    assert_eq!(n_rows, 4000);
}

/// Block devices and tapes fill their blocks with zeros.
#[test]
fn zeros_behind_a_packed_table_are_passed_over() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("padded.csv.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(b"a,b\n1,2\n").unwrap();
    let packed = [encoder.finish().unwrap(), vec![0; 1000]].concat();
    std::fs::write(&path, &packed).unwrap();
    let frames: Result<Vec<_>, _> = FrameReader::open(&path, &ReadOptions::default()).unwrap().collect();
    assert_eq!(frames.unwrap()[0].n_rows(), 1);
    std::fs::write(&path, [packed, vec![1]].concat()).unwrap();
    assert!(
        FrameReader::open(&path, &ReadOptions::default())
            .and_then(|mut reader| reader.try_for_each(|f| f.map(drop)))
            .is_err()
    );
}
