//! Tables that pyarrow and numpy wrote, read by frames.

use crate::table_support::{assert_same, fixture, frames, joined, whole};
use contractive_table::{Column, Frame, FrameReader, FrameWriter, Kind, ReadOptions, TableError, Unit, Values};

/// What fixtures/tables/generate.py puts into a column.
fn expected(column: &str, n: usize) -> Values {
    let each = |cell: &dyn Fn(i64) -> Option<i64>| (0..n as i64).map(cell).collect::<Vec<_>>();
    match column {
        "id" => Values::Integers(each(&|i| Some(9_007_199_254_740_993 + i))),
        "hash" => Values::Unsigned((0..n as u64).map(|i| Some(u64::MAX - i)).collect()),
        "x" => Values::Numbers((0..n).map(|i| if i % 7 == 3 { f64::NAN } else { i as f64 / 8.0 }).collect()),
        "y" => Values::Numbers((0..n).map(|i| i as f64 * 0.5).collect()),
        "small" => Values::Integers(each(&|i| Some(i % 5 - 2))),
        "flag" => Values::Booleans((0..n).map(|i| (i != 5).then_some(i % 2 == 0)).collect()),
        "key" => Values::Text((0..n).map(|i| (i != 1).then(|| format!("{i:05}é"))).collect()),
        "category" => {
            Values::Text((0..n).map(|i| [Some("red"), Some("green"), None][i % 3].map(str::to_owned)).collect())
        }
        "day" => Values::Times { values: each(&|i| Some(19_781 + i)), unit: Unit::Day, zone: None },
        "time" => {
            let values = each(&|i| Some(1_709_208_000_000_007 + i * 1_000_000));
            Values::Times { values, unit: Unit::Microsecond, zone: Some("UTC".into()) }
        }
        "local" => {
            let values = each(&|i| Some(946_684_800_000 + i * 3_600_000));
            Values::Times { values, unit: Unit::Millisecond, zone: None }
        }
        "nothing" => Values::Numbers(vec![f64::NAN; n]),
        other => panic!("no column {other}"),
    }
}

fn assert_expected(file: &str, n: usize, n_columns: usize) {
    let frame = whole(&fixture(file));
    assert_eq!((frame.n_rows(), frame.columns.len()), (n, n_columns), "{file}");
    let mut columns = frame.columns.clone();
    columns.iter_mut().for_each(|column| column.values = expected(&column.name, n));
    assert_same(&frame, &Frame { first_row: 0, columns });
}

#[test]
fn parquet_is_read_exactly_whatever_it_is_packed_with() {
    assert_expected("kinds.parquet", 120, 12);
    for codec in ["none", "snappy", "zstd", "gzip", "lz4"] {
        assert_expected(&format!("packed-{codec}.parquet"), 60, 3);
    }
    assert_expected("encodings.parquet", 60, 3);
}

#[test]
fn arrow_is_read_exactly_from_files_and_streams() {
    for file in ["kinds.arrow", "stream.arrow", "kinds-lz4.feather", "kinds-zstd.feather", "polars.arrow"] {
        assert_expected(file, 30, 12);
    }
    assert_expected("zstd.feather", 60, 2);
    assert_expected("polars-zstd.arrow", 30, 12);
}

#[test]
fn frames_have_the_rows_asked_for_and_the_columns_in_the_order_asked_for() {
    for file in ["kinds.parquet", "kinds.arrow", "numbers.csv", "rows.npy", "rows.npy.gz", "stored.npz", "deflated.npz"]
    {
        let all = whole(&fixture(file));
        for chunk_rows in [1, 7, 64] {
            let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
            let parts = frames(&fixture(file), &options).unwrap();
            assert!(parts.iter().all(|part| (1..=chunk_rows).contains(&part.n_rows())), "{file}");
            assert_same(&joined(parts), &all);
        }
        let names: Vec<String> = all.columns.iter().rev().take(2).map(|column| column.name.clone()).collect();
        let options = ReadOptions { columns: Some(names.clone()), ..ReadOptions::default() };
        let some = joined(frames(&fixture(file), &options).unwrap());
        assert_eq!(some.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), names);
        assert_same(
            &some,
            &contractive_table::Frame {
                first_row: 0,
                columns: names.iter().map(|name| all.column(name).unwrap().clone()).collect(),
            },
        );
    }
}

#[test]
fn columns_become_text_or_numbers_where_asked() {
    for file in ["kinds.parquet", "kinds.arrow"] {
        let options = ReadOptions {
            as_text: vec!["id".into(), "time".into()],
            as_numbers: vec!["small".into()],
            ..ReadOptions::default()
        };
        let frame = joined(frames(&fixture(file), &options).unwrap());
        assert_eq!(frame.column("id").unwrap().values.text(0).unwrap(), "9007199254740993");
        assert_eq!(frame.column("time").unwrap().values.text(1).unwrap(), "2024-02-29T12:00:01.000007Z");
        assert_eq!(frame.column("small").unwrap().values.kind(), Kind::Number);
        let options = ReadOptions { as_numbers: vec!["key".into()], ..ReadOptions::default() };
        let error = frames(&fixture(file), &options).unwrap_err();
        assert!(matches!(error, TableError::ColumnKind { .. }), "{error}");
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let refusal = |file: &str| FrameReader::open(fixture(file), &ReadOptions::default()).err().map(|e| e.to_string());
    assert!(refusal("brotli.parquet").unwrap().contains("is packed with BROTLI; only SNAPPY, ZSTD"));
    assert!(refusal("nested.parquet").unwrap().contains("column `nested` must be a number"));
    // Beside a column that is not read, others are.
    let options = ReadOptions { columns: Some(vec!["a".into()]), ..ReadOptions::default() };
    assert_eq!(joined(frames(&fixture("nested.parquet"), &options).unwrap()).n_rows(), 2);
    let options = ReadOptions { columns: Some(vec!["b".into()]), ..ReadOptions::default() };
    let error = frames(&fixture("nested.parquet"), &options).unwrap_err();
    assert!(
        matches!(error, TableError::MissingColumns { .. })
            && error.to_string().contains("lacks b; its columns are a, nested"),
        "{error}"
    );
}

#[test]
fn a_group_without_rows_is_passed_over_and_a_table_without_rows_is_empty() {
    assert_expected("empty-group.parquet", 60, 3);
    for name in ["no-rows.parquet", "no-rows.arrow"] {
        let error = frames(&fixture(name), &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, TableError::Empty { .. }) && error.to_string().contains(name), "{error}");
    }
}

#[test]
fn parquet_and_arrow_keep_what_a_file_says_of_itself_and_other_formats_do_without() {
    let folder = tempfile::tempdir().unwrap();
    let values = Values::Numbers(vec![0.5, f64::NAN]);
    let frame = Frame { first_row: 0, columns: vec![Column { name: "x".into(), values }] };
    for (name, is_kept) in [("t.parquet", true), ("t.arrow", true), ("t.csv", false), ("t.npy", false)] {
        let path = folder.path().join(name);
        let write = || {
            let mut writer = FrameWriter::saying(&path, &frame.fields(), "who", "{\"a\": \"ü\"}").unwrap();
            writer.write(&frame).unwrap();
            writer.finish().unwrap();
            std::fs::read(&path).unwrap()
        };
        assert_eq!(write(), write(), "{name}: the same rows give the same bytes");
        let reader = FrameReader::open(&path, &ReadOptions::default()).unwrap();
        assert_eq!(reader.metadata("who"), is_kept.then_some("{\"a\": \"ü\"}"), "{name}");
        assert_eq!(reader.metadata("whom"), None);
        assert_eq!(reader.map(|frame| frame.unwrap().n_rows()).sum::<usize>(), 2, "{name}");
    }
}
