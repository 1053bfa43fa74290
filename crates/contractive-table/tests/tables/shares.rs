//! Shares of a table in files: every row once, in order, whoever reads it.

use std::path::{Path, PathBuf};

use contractive_table::{Column, Frame, FrameReader, FrameWriter, ReadOptions, Share, TableError, Values, files_of};

/// Writes rows `rows` of a table of two columns, row groups of `group` rows.
fn write(path: &Path, rows: std::ops::Range<usize>) {
    let numbers = rows.clone().map(|row| row as f64 / 8.0).collect();
    let columns = vec![
        Column { name: "row".into(), values: Values::Integers(rows.map(|row| Some(row as i64)).collect()) },
        Column { name: "x".into(), values: Values::Numbers(numbers) },
    ];
    let frame = Frame { first_row: 0, columns };
    let mut writer = FrameWriter::create(path, &frame.fields()).unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();
}

/// The rows that each of `size` processes reads.
fn read(files: &[PathBuf], size: usize) -> Vec<Vec<i64>> {
    let of = |rank| {
        let share = Share::of(files.to_vec(), rank, size, None).unwrap();
        let mut rows = Vec::new();
        for frame in FrameReader::share(&share, &ReadOptions::default()).unwrap() {
            match &frame.unwrap().columns[0].values {
                Values::Integers(cells) => rows.extend(cells.iter().map(|cell| cell.unwrap())),
                Values::Numbers(cells) => rows.extend(cells.iter().map(|cell| *cell as i64)),
                other => panic!("{other:?}"),
            }
        }
        rows
    };
    (0..size).map(of).collect()
}

#[test]
fn every_row_is_read_once_and_in_order_by_any_number_of_processes() {
    for ending in ["parquet", "csv", "arrow"] {
        let folder = tempfile::tempdir().unwrap();
        for (i, rows) in [0..10, 10..11, 11..40].into_iter().enumerate() {
            write(&folder.path().join(format!("part-{i}.{ending}")), rows);
        }
        let files = files_of(folder.path().join(format!("part-*.{ending}")).to_str().unwrap()).unwrap();
        for size in 1..=5 {
            let rows = read(&files, size);
            assert_eq!(rows.concat(), (0..40).collect::<Vec<i64>>(), "{ending}, {size} processes");
            assert_eq!(
                rows.iter().filter(|rows| rows.is_empty()).count(),
                size.saturating_sub(3),
                "{ending}: {rows:?}"
            );
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn row_groups_of_one_file_are_shared_out_and_rows_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    // The writer's row groups have 131,072 rows.
    write(&path, 0..300_000);
    let rows = read(std::slice::from_ref(&path), 3);
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [131_072, 131_072, 37_856]);
    assert_eq!(rows.concat(), (0..300_000).collect::<Vec<i64>>());
    let share = Share::of(vec![path.clone()], 1, 3, None).unwrap();
    let mut reader = FrameReader::share(&share, &ReadOptions::default()).unwrap();
    assert_eq!(reader.n_rows(), Some(131_072));
    assert_eq!(reader.next().unwrap().unwrap().first_row, 131_072);
    assert!(share.bytes() < path.metadata().unwrap().len() / 2);
    // Rows beyond those wanted go to nobody.
    let read = |rank| Share::of(vec![path.clone()], rank, 2, Some(10)).unwrap().pieces().len();
    assert_eq!([read(0), read(1)], [1, 0]);
    let note = Share::of(vec![path], 0, 4, None).unwrap().note().unwrap();
    assert!(note.starts_with("1 of the ranks have no rows"), "{note}");
}

#[test]
fn an_empty_share_has_columns_and_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    write(&path, 0..3);
    let share = Share::of(vec![path.clone()], 1, 2, None).unwrap();
    assert!(share.is_empty() && share.summed_files().is_empty());
    let mut reader = FrameReader::share(&share, &ReadOptions::default()).unwrap();
    assert_eq!(reader.fields().len(), 2);
    assert!(reader.next().is_none());
    assert!(!FrameReader::share(&share, &ReadOptions::default()).unwrap().next_rows(&mut Vec::new()).unwrap());
}

#[test]
fn files_with_other_columns_are_refused_by_file_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = |texts: &[&str]| -> Result<usize, TableError> {
        let files: Vec<PathBuf> = (0..texts.len()).map(|i| at(&format!("{i}.csv"))).collect();
        texts.iter().zip(&files).for_each(|(text, file)| std::fs::write(file, text).unwrap());
        let share = Share::of(files, 0, 1, None)?;
        FrameReader::share(&share, &ReadOptions::default())?.map(|frame| Ok(frame?.n_rows())).sum()
    };
    // Columns in another order are put into the first file's.
    assert_eq!(whole(&["a,b\n1,x\n", "b,a\ny,2\nz,3\n"]).unwrap(), 3);
    // Numbers where the first file has text are text.
    assert_eq!(whole(&["a,b\n1,x\n", "a,b\n1,7\n"]).unwrap(), 2);
    for (second, column, words) in [("a\n1\n", "b", "lacks"), ("a,b,c\n1,2,3\n", "c", "has `c`")] {
        let error = whole(&["a,b\n1,x\n", second]).unwrap_err();
        let text = error.to_string();
        assert!(matches!(&error, TableError::OtherColumns { column: c, .. } if c == column), "{text}");
        assert!(text.contains("1.csv") && text.contains("0.csv") && text.contains(words), "{text}");
    }
    // Words where the first file has numbers are the cell's fault, wherever it stands.
    let error = whole(&["a,b\n1,x\n", "a,b\n7,y\nword,z\n"]).unwrap_err();
    assert!(error.to_string().contains("1.csv line 3, column `a`"), "{error}");
    let long: String = (0..1500).map(|i| format!("{i},x\n")).chain(["word,x\n".into()]).collect();
    let error = whole(&["a,b\n1,x\n", &format!("a,b\n{long}")]).unwrap_err();
    assert!(error.to_string().contains("1.csv line 1502, column `a`"), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn typed_files_whose_columns_are_of_other_kinds_are_refused_unless_numbers_hold_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, values: Values| {
        let path = folder.path().join(name);
        let frame = Frame { first_row: 0, columns: vec![Column { name: "y".into(), values }] };
        let mut writer = FrameWriter::create(&path, &frame.fields()).unwrap();
        writer.write(&frame).unwrap();
        writer.finish().unwrap();
        path
    };
    let numbers = file("numbers.parquet", Values::Numbers(vec![0.5]));
    let integers = file("integers.parquet", Values::Integers(vec![Some(7)]));
    let text = file("text.parquet", Values::Text(vec![Some("word".into())]));
    let kinds = |files: [&PathBuf; 2]| -> Result<Vec<Values>, TableError> {
        let share = Share::of(files.map(PathBuf::clone).to_vec(), 0, 1, None)?;
        let frames = FrameReader::share(&share, &ReadOptions::default())?;
        frames.map(|frame| Ok(frame?.columns.remove(0).values)).collect()
    };
    let read = kinds([&numbers, &integers]).unwrap();
    assert_eq!(read, [Values::Numbers(vec![0.5]), Values::Numbers(vec![7.0])]);
    for (files, words) in [
        ([&integers, &numbers], "numbers.parquet has a number in `y`, and"),
        ([&numbers, &text], "text.parquet has text in `y`, and"),
    ] {
        let error = kinds(files).unwrap_err();
        assert!(matches!(error, TableError::OtherColumns { .. }) && error.to_string().contains(words), "{error}");
    }
}
