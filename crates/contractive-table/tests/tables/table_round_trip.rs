//! What is written reads back the same, in every format, bit by bit.

use crate::table_support::{assert_same, frames, joined, whole};
use contractive_table::{Column, Field, Frame, FrameWriter, Kind, ReadOptions, Unit, Values};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn write(path: &std::path::Path, frame: &Frame) {
    let mut writer = FrameWriter::create(path, &frame.fields()).unwrap();
    for start in (0..frame.n_rows()).step_by(3) {
        let rows = start..frame.n_rows().min(start + 3);
        let slice = |c: &Column| Column { name: c.name.clone(), values: c.values.slice(rows.clone()) };
        writer.write(&Frame { first_row: start as u64, columns: frame.columns.iter().map(slice).collect() }).unwrap();
    }
    assert_eq!(writer.n_rows(), frame.n_rows() as u64);
    writer.finish().unwrap();
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1e3..1e3, Just(f64::NAN), Just(-0.0)]
}

prop_compose! {
    fn frame()(n in 1usize..40)(
        x in vec(number(), n),
        i in vec(option::of(any::<i64>()), n),
        u in vec(option::of(any::<u64>()), n),
        b in vec(option::of(any::<bool>()), n),
        t in vec(option::of("[a-zé\",\n 0-9]{1,6}"), n),
        s in vec(option::of(any::<i64>()), n),
        d in vec(option::of(any::<i32>()), n),
    ) -> Frame {
        let column = |name: &str, values| Column { name: name.into(), values };
        Frame { first_row: 0, columns: vec![
            column("x", Values::Numbers(x)),
            column("an integer", Values::Integers(i)),
            column("u", Values::Unsigned(u)),
            column("b", Values::Booleans(b)),
            column("t,\"", Values::Text(t)),
            column("s", Values::Times { values: s, unit: Unit::Nanosecond, zone: Some("UTC".into()) }),
            column("d", Values::Times { values: d.into_iter().map(|d| d.map(i64::from)).collect(), unit: Unit::Day, zone: None }),
        ] }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn parquet_and_arrow_keep_every_kind(frame in frame()) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["t.parquet", "t.arrow"] {
            let path = folder.path().join(name);
            write(&path, &frame);
            assert_same(&whole(&path), &frame);
        }
    }

    #[test]
    fn csv_keeps_numbers_and_text(frame in frame()) {
        let folder = tempfile::tempdir().unwrap();
        let columns: Vec<Column> = frame.columns.into_iter().filter(|c| ["x", "t,\""].contains(&c.name.as_str())).collect();
        let frame = Frame { first_row: 0, columns };
        for name in ["t.csv", "t.csv.gz", "t.tsv"] {
            let path = folder.path().join(name);
            write(&path, &frame);
            let options = ReadOptions { as_text: vec!["t,\"".into()], as_numbers: vec!["x".into()], ..ReadOptions::default() };
            assert_same(&joined(frames(&path, &options).unwrap()), &frame);
        }
    }
}

#[test]
fn numpy_gets_numbers_and_refuses_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.npy");
    let columns = vec![
        Column { name: "1".into(), values: Values::Numbers(vec![0.1, f64::NAN, -0.0, 4.0]) },
        Column { name: "2".into(), values: Values::Numbers(vec![1e300, 2.0, 3.0, f64::INFINITY]) },
    ];
    let frame = Frame { first_row: 0, columns };
    write(&path, &frame);
    assert_same(&whole(&path), &frame);
    let error = FrameWriter::create(&path, &[Field { name: "k".into(), kind: Kind::Text }]).err().unwrap().to_string();
    assert!(error.contains("column `k` is text"), "{error}");
}

#[test]
fn json_lines_keep_the_order_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let columns = vec![
        Column { name: "z".into(), values: Values::Numbers(vec![0.5, f64::NAN]) },
        Column { name: "a\"".into(), values: Values::Text(vec![None, Some("é\n".into())]) },
        Column { name: "id".into(), values: Values::Unsigned(vec![Some(u64::MAX), None]) },
    ];
    write(&path, &Frame { first_row: 0, columns });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "{\"z\":0.5,\"a\\\"\":null,\"id\":18446744073709551615}\n{\"z\":null,\"a\\\"\":\"é\\n\",\"id\":null}\n"
    );
}

#[test]
fn a_writer_that_is_not_finished_leaves_nothing_and_other_columns_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let field = Field { name: "a".into(), kind: Kind::Number };
    let frame = |name: &str| Frame {
        first_row: 0,
        columns: vec![Column { name: name.into(), values: Values::Numbers(vec![1.0]) }],
    };
    for name in ["t.csv", "t.csv.gz", "t.parquet", "t.arrow", "t.npy", "t.jsonl"] {
        let mut writer = FrameWriter::create(folder.path().join(name), std::slice::from_ref(&field)).unwrap();
        writer.write(&frame("a")).unwrap();
        assert!(writer.write(&frame("b")).is_err());
        drop(writer);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = FrameWriter::create(folder.path().join("t.txt"), &[field]).err().unwrap();
    assert!(error.to_string().contains(".parquet"), "{error}");
}
