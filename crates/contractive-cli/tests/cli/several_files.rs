//! Several files that are one table: patterns, folders and lists.

use std::fs;

use crate::support::Desk;

/// Rows of three columns with a category, in one file and in three.
fn write(desk: &Desk, name: &str, rows: std::ops::Range<usize>) {
    let row = |row: usize| format!("{row:03},{},{:.3},{}\n", ["web", "shop"][row % 2], (row as f64).sin(), row % 7);
    let text: String = std::iter::once("id,channel,x,y\n".to_owned()).chain(rows.map(row)).collect();
    desk.write(name, text);
}

#[test]
fn files_of_a_pattern_are_one_table_to_the_bit() {
    let desk = Desk::new();
    fs::create_dir(desk.path("parts")).unwrap();
    write(&desk, "whole.csv", 0..120);
    for (i, rows) in [0..50, 50..51, 51..120].into_iter().enumerate() {
        write(&desk, &format!("parts/{i}.csv"), rows);
    }
    let flags = "--key id --hidden 4,2 --epochs 3 --batch-size 32 --no-report -q";
    let parameters = |data: &str, out: &str| {
        desk.cae(&format!("train --data {data} {flags} --out {out}")).assert().success();
        fs::read(desk.path(out).join("model/model.safetensors")).unwrap()
    };
    let whole = parameters("whole.csv", "whole");
    for (data, out) in
        [("parts/*.csv", "pattern"), ("parts", "folder"), ("parts/0.csv,parts/1.csv,parts/2.csv", "list")]
    {
        assert_eq!(parameters(data, out), whole, "{data}");
    }
    // What was trained on them is used on them, and goes on with them.
    desk.cae("evaluate pattern --json").assert().success();
    desk.cae("resume pattern --epochs 4 --no-report -q").assert().success();
    let detector = "train --detector --key id --ensemble 1 --steps 20 -q";
    desk.cae(&format!("{detector} --data whole.csv --out one")).assert().success();
    desk.cae(&format!("{detector} --data parts/*.csv --out several")).assert().success();
    let member = |out: &str| fs::read(desk.path(out).join("rows.safetensors")).unwrap();
    assert_eq!(member("one"), member("several"));
}

#[test]
fn faults_name_the_file_and_its_own_line() {
    let desk = Desk::new();
    write(&desk, "a0.csv", 0..20);
    write(&desk, "a1.csv", 20..40);
    let text = fs::read_to_string(desk.path("a1.csv")).unwrap();
    desk.write("a1.csv", text.replacen(",2\n", ",\n", 1));
    let line = text.lines().position(|line| line.ends_with(",2")).unwrap() + 1;
    let error = desk.refused("train --detector --data a*.csv --key id", 3);
    assert!(error.contains(&format!("a1.csv line {line}, column `y`: the cell is missing")), "{error}");
    desk.write("a1.csv", text.replacen("id,channel,x,y", "id,channel,x,z", 1));
    let error = desk.refused("train --data a*.csv --key id", 3);
    assert!(error.contains("a1.csv lacks `y`, and a0.csv has it"), "{error}");
    assert!(desk.refused("train --data b*.csv", 3).contains("no file of a known format in b*.csv"));
}
