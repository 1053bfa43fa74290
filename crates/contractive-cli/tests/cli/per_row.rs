//! `--per-row`: the numbers of each row, of which `cae evaluate` and `cae inspect` print the means.

use std::collections::BTreeMap;

use contractive::data::{FileOptions, load};
use serde_json::Value;

use crate::support::{Desk, names_in, table_text};

/// The columns of a CSV file by name, as text.
fn columns(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<String>>());
    let names = lines.next().unwrap();
    let rows: Vec<Vec<String>> = lines.collect();
    names.into_iter().enumerate().map(|(j, name)| (name, rows.iter().map(|row| row[j].clone()).collect())).collect()
}

fn mean(cells: &[String]) -> f64 {
    cells.iter().map(|cell| cell.parse::<f64>().unwrap()).sum::<f64>() / cells.len() as f64
}

/// 300 labelled rows, more than a batch, and a model of them.
fn labelled(desk: &Desk) {
    let text = table_text(300, 6);
    let labelled: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(i, line)| format!("{line},{}", if i == 0 { "kind" } else { ["cat", "dog"][i % 2] }))
        .collect();
    desk.write("pets.csv", labelled.join("\n"));
    let train = "train --data pets.csv --label-column kind --hidden 5,3 --epochs 3 --out run --quiet --no-report";
    desk.cae(train).assert().success();
}

#[test]
fn the_means_of_the_columns_are_what_is_printed() {
    let desk = Desk::new();
    labelled(&desk);
    let numbers = desk.json("evaluate run --data pets.csv --json --per-row rows.csv");
    let rows = columns(&desk.text("rows.csv"));
    assert_eq!(rows["row"], (0..300).map(|row| row.to_string()).collect::<Vec<_>>());
    assert_eq!(rows["label"][..3], ["dog", "cat", "dog"]);
    for name in ["mse", "trained_penalty_value", "penalty", "jacobian_norm"] {
        let (got, printed) = (mean(&rows[name]), numbers[name].as_f64().unwrap());
        assert!((got - printed).abs() <= 1e-9 * printed, "{name}: {got} and {printed}");
        assert!(rows[name].iter().any(|cell| *cell != rows[name][0]), "{name} differs from row to row");
    }
    assert_eq!(rows.len(), 6);

    let inside = desk.json("inspect run --data pets.csv --json --per-row spectra.csv");
    let geometry = &inside["geometry"];
    let spectra = columns(&desk.text("spectra.csv"));
    assert_eq!((spectra["row"].len(), &geometry["rows"]), (300, &300.into()), "all rows, not the first 200");
    let near = |got: f64, printed: &Value| {
        let printed = printed.as_f64().unwrap();
        assert!((got - printed).abs() <= 1e-6 * printed, "{got} and {printed}");
    };
    near(mean(&spectra["local_dimension"]), &geometry["local_dimension"]);
    near(mean(&spectra["jacobian_norm"]), &numbers["jacobian_norm"]);
    for j in 0..3 {
        near(mean(&spectra[&format!("sv_{}", j + 1)]), &geometry["singular_values"][j]);
    }
    for (a, b) in spectra["jacobian_norm"].iter().zip(&rows["jacobian_norm"]) {
        let (a, b) = (a.parse::<f64>().unwrap(), b.parse::<f64>().unwrap());
        assert!((a - b).abs() <= 1e-5 * b, "{a} and {b}: the same rows");
    }
    assert!(!spectra.contains_key("sv_4") && spectra["label"] == rows["label"]);
}

#[test]
fn every_format_is_written_and_few_singular_values_on_request() {
    let desk = Desk::new();
    desk.trained();
    for name in ["rows.parquet", "rows.npy", "rows.jsonl"] {
        let words = format!("inspect run --data table.csv --per-row {name} --singular-values 2");
        let output = desk.cae(&words).assert().success().get_output().clone();
        assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("wrote 60 rows to {name}")));
    }
    let of = |name: &str| load(desk.path(name), &FileOptions::default()).unwrap();
    assert_eq!(
        of("rows.parquet").feature_names().unwrap(),
        ["row", "jacobian_norm", "local_dimension", "sv_1", "sv_2"]
    );
    assert_eq!((of("rows.npy").to_vec(), of("rows.npy").len()), (of("rows.parquet").to_vec(), 60));
    desk.cae("evaluate run --data table.csv --rows 7 --per-row few.tsv").assert().success();
    assert_eq!(desk.text("few.tsv").lines().count(), 8);
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    labelled(&desk);
    let before = names_in(&desk.path(""));
    for (words, text) in [
        ("evaluate run --data pets.csv --per-row rows.xlsx", ".parquet"),
        ("evaluate run --data pets.csv --per-row -", "--per-row takes the name of a file"),
        ("evaluate run --data pets.csv --per-row pets.csv", "is the table that is read; give --per-row another name"),
        ("evaluate run --data pets.csv --per-row rows.npy", "column `label` is text"),
        ("inspect run --data pets.csv --per-row pets.csv", "--per-row another name"),
        ("inspect run --data pets.csv --per-row rows.npy", "column `label` is text"),
        ("inspect run --per-row rows.csv", "--data"),
        ("inspect run --data pets.csv --per-row rows.csv --singular-values 0", "1.."),
    ] {
        let error = desk.refused(words, 2);
        assert!(error.contains(text), "{words}: {error}");
    }
    desk.table("other.csv", 20, 4);
    desk.refused("evaluate run --data other.csv --per-row rows.csv", 3);
    desk.refused("inspect run --data other.csv --per-row rows.csv", 3);
    std::fs::remove_file(desk.path("other.csv")).unwrap();
    assert_eq!(names_in(&desk.path("")), before);
}
