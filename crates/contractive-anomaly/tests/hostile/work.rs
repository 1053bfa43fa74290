//! Work in proportion to the file: how many bytes of it are read in all, over and over, however many rows, columns and cells
//! at fault it has.
#![cfg(target_os = "linux")] // which counts the bytes that a process reads

use contractive::encoding::{EncodingOptions, MissingRule, TableDiagnosis, TrainingTable};
use contractive_table::TextOptions;

use crate::judge::Judge;

/// A file may be read so many times over: to know its columns, to see what is sound, to take it, to find what is told.
const MOST_PASSES: f64 = 8.0;

/// Bytes that this process has read so far: the judge's turn keeps others from reading.
fn read_so_far() -> f64 {
    let told = std::fs::read_to_string("/proc/self/io").unwrap();
    told.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// Writes `text` and holds `work` on it, whose error comes back, to the passes that it may take.
fn error_in_passes(name: &str, text: &str, work: impl FnOnce(&std::path::Path) -> Option<String>) -> Option<String> {
    let judge = Judge::new();
    let path = judge.at(name);
    std::fs::write(&path, text).unwrap();
    let before = read_so_far();
    let error = work(&path);
    let passes = (read_so_far() - before) / text.len() as f64;
    println!("{name} of {} bytes: {passes:.1} passes", text.len());
    assert!(passes < MOST_PASSES, "{name} of {} bytes was read {passes:.1} times over", text.len());
    error
}

/// As [`error_in_passes`], of training on the table.
fn training(name: &str, text: &str, missing: MissingRule) -> Option<String> {
    let options = EncodingOptions { missing, ..EncodingOptions::default() };
    error_in_passes(name, text, |path| TrainingTable::read(path, &options).err().map(|e| e.to_string()))
}

/// `n` named columns and `rows` rows of numbers, but for the cells at which `odd` gives another.
fn wide(n: usize, rows: usize, separator: &str, odd: impl Fn(usize, usize) -> Option<String>) -> String {
    let line = |cell: &dyn Fn(usize) -> String| (0..n).map(cell).collect::<Vec<_>>().join(separator) + "\n";
    let row = |row: usize| line(&|i| odd(row, i).unwrap_or_else(|| ((i + row) % 7).to_string()));
    line(&|i| format!("c{i}")) + &(0..rows).map(row).collect::<String>()
}

#[test]
fn frames_of_a_training_table_are_read_once() {
    let text = format!("a,b\n{}", "1,2\n3,5\n".repeat(100_000));
    assert_eq!(training("long.csv", &text, MissingRule::Refuse), None);
}

#[test]
fn numbers_spelled_otherwise_in_every_column_are_found_in_a_few_passes() {
    let text = wide(500, 49, "\t", |row, _| (row == 48).then(|| "1,5".into()));
    let error = error_in_passes("spelled.tsv", &text, |path| {
        TableDiagnosis::of(path, TextOptions::default()).err().map(|e| e.to_string())
    });
    assert!(error.unwrap().contains("spelled.tsv line 50, column `c0`"));
}

#[test]
fn missing_cells_in_every_column_are_found_in_a_few_passes() {
    let of_one_row = wide(500, 49, ",", |row, _| (row == 48).then(String::new));
    let of_many = wide(300, 300, ",", |row, i| (row == i).then(String::new));
    for (text, places) in [
        (of_one_row, ["line 50, column `c0`", "line 50, column `c1`"]),
        (of_many, ["line 2, column `c0`", "line 3, column `c1`"]),
    ] {
        let error = training("holes.csv", &text, MissingRule::Refuse).unwrap();
        let n = text.lines().next().unwrap().split(',').count();
        assert!(error.contains(&format!("{n} columns")), "{error}");
        assert!(places.iter().all(|place| error.contains(place)), "{error}");
    }
}

#[test]
fn words_among_numbers_in_every_column_are_found_in_a_few_passes() {
    let text = wide(300, 300, ",", |row, i| (row == i).then(|| "word".into()));
    assert_eq!(training("slips.csv", &text, MissingRule::Median), None);
}
