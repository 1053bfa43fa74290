//! Columns without number, and without width.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, DictionaryArray};
use contractive::encoding::{Admission, EncodingOptions, TableDiagnosis, TrainingTable};
use contractive_table::{FrameReader, ReadOptions, TextOptions};

use crate::columnar::{arrow, batch_of};
use crate::judge::{FRAMES, Judge, Reader, TEXT, TURNED, gzip_of};

#[test]
fn more_columns_than_a_file_of_its_size_may_have_are_refused() {
    let judge = Judge::new();
    let line = |cell: &str, n: usize| format!("{}\n", vec![cell; n].join(","));
    for cell in ["", "1", "x"] {
        judge.refused("wide.csv.gz", &gzip_of(&[(line(cell, 1_000_000).as_bytes(), 3)]), &TEXT, "Corrupt");
        judge.refused("wide.csv", line(cell, 1_000_000).repeat(2).as_bytes(), &TEXT, "Corrupt");
    }
    judge.refused("wide.csv", line("1", 1_048_577).repeat(12).as_bytes(), &[FRAMES], "Corrupt");
}

#[test]
fn the_widest_table_that_is_begun_is_refused_within_bounds() {
    let judge = Judge::new();
    let names = |n: usize, width: usize| {
        let names = (0..n).map(|i| format!("{i:0width$}")).collect::<Vec<_>>();
        format!("c{}\n", names.join(",c"))
    };
    // The last one goes beyond the lines that decide on kinds.
    for (n, width, rows) in [(65_000, 60, 3), (65_000, 5, 60)] {
        let row = format!("1{}\n", ",1".repeat(n - 1));
        let bytes = gzip_of(&[(names(n, width).as_bytes(), 1), (row.as_bytes(), rows), (b"1,2\n", 1)]);
        judge.refused("wide.csv.gz", &bytes, if rows == 3 { &TEXT } else { &TEXT[..1] }, "Ragged");
    }
    let bytes = [names(200_000, 27), format!("1{}\n", ",1".repeat(199_999)).repeat(2), "1,2\n".into()].concat();
    judge.refused("wide.csv", bytes.as_bytes(), &TEXT[..1], "Ragged");
}

#[test]
fn no_columns_and_no_rows_are_refused() {
    let judge = Judge::new();
    for bytes in ["", "\n", "\n\n\n", "\u{feff}", "sep=;", "sep=;\n", "\"", "a,b\n"] {
        judge.refused("none.csv", bytes.as_bytes(), &TEXT, "Empty|NoRows|NoFeatures|Shape|Corrupt");
    }
    for bytes in [",,,\n,,,\n", "a,a\n1,2\n", ",\n1,2\n3\n"] {
        judge.refused("odd.csv", bytes.as_bytes(), &[FRAMES, TURNED], "SameColumn|Ragged|Cell|FirstLine|ColumnKind");
    }
}

/// A table of `n` named columns, by every list of names that a user or an encoding can give, as long as the table is wide; the
/// seconds that it takes.
fn seconds_of(judge: &Judge, n: usize) -> f64 {
    let name = |i: usize| format!("a_column_with_a_name_{i:06}");
    let names: Vec<String> = (0..n).map(name).collect();
    let row = |row: usize| (0..n).map(|i| ((i + row) % 10).to_string()).collect::<Vec<_>>().join(",");
    let path = judge.at("names.csv");
    std::fs::write(&path, format!("{}\n{}\n{}\n{}\n", names.join(","), row(0), row(1), row(2))).unwrap();
    let began = Instant::now();
    assert_eq!(TableDiagnosis::of(&path, TextOptions::default()).unwrap().columns.len(), n);
    let options = ReadOptions {
        columns: Some(names.clone()),
        as_text: names[..n / 2].to_vec(),
        as_numbers: names[n / 2..].to_vec(),
        as_digits: names.clone(),
        kept: names.clone(),
        ..ReadOptions::default()
    };
    assert_eq!(FrameReader::open(&path, &options).unwrap().next().unwrap().unwrap().columns.len(), n);
    let others = names.iter().map(|name| format!("{name}x")).collect();
    assert!(FrameReader::open(&path, &ReadOptions { columns: Some(others), ..ReadOptions::default() }).is_err());
    let (keys, features, carried) = (&names[..n / 2], &names[n / 2..3 * n / 4], &names[3 * n / 4..]);
    let options =
        EncodingOptions { columns: Some(features.to_vec()), keys: keys.to_vec(), ..EncodingOptions::default() };
    let table = TrainingTable::read(&path, &options).unwrap();
    let admission = Admission { carried: carried.to_vec(), ..Admission::default() };
    let reader = FrameReader::open(&path, &table.encoding.read_options(&path, &admission)).unwrap();
    table.encoding.check(&path, reader.fields(), &admission).unwrap();
    began.elapsed().as_secs_f64()
}

/// Ten times the names may take ten times the time, and not a hundred, as a search for each among all would.
#[test]
fn many_names_take_time_by_their_number() {
    let judge = Judge::new();
    let (few, many) = (seconds_of(&judge, 10_000), seconds_of(&judge, 100_000));
    println!("{few:.2} s and {many:.2} s");
    assert!(many < 40.0 * few, "{few} s and {many} s");
}

/// Nor may it where each column has a dictionary of its own, as categories of pandas are written: the seconds that reading
/// three rows of `n` of them takes.
fn seconds_of_dictionaries(judge: &Judge, n: usize) -> f64 {
    let column = || Arc::new(DictionaryArray::<Int8Type>::from_iter(["a", "b", "a"])) as ArrayRef;
    let path = judge.at("dictionaries.arrow");
    std::fs::write(&path, arrow(&[batch_of((0..n).map(|_| column()).collect())], false)).unwrap();
    let began = Instant::now();
    let frame = FrameReader::open(&path, &ReadOptions::default()).unwrap().next().unwrap().unwrap();
    let took = began.elapsed().as_secs_f64();
    assert_eq!((frame.n_rows(), frame.columns.len()), (3, n));
    took
}

#[test]
fn many_dictionaries_take_time_by_their_number() {
    let judge = Judge::new();
    let (few, many) = (seconds_of_dictionaries(&judge, 800), seconds_of_dictionaries(&judge, 8_000));
    println!("{few:.2} s and {many:.2} s");
    assert!(many < 40.0 * few, "{few} s and {many} s");
}

/// Not a bad input: a table of as many columns as its size allows is read whole.
#[test]
fn a_wide_table_that_is_sound_is_read() {
    let judge = Judge::new();
    let n = 100_000;
    let line = |of: &dyn Fn(usize) -> String| (0..n).map(of).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..6).map(|row| line(&|i| format!("{}", (i + row) % 7))).collect();
    let text = format!("{}\n{}\n", line(&|i| format!("gene_{i}")), rows.join("\n"));
    std::fs::write(judge.at("sound.csv"), text).unwrap();
    let Reader(_, read) = FRAMES;
    read(&judge.at("sound.csv")).unwrap();
}
