//! What `cae` says of tables with something wrong in them: the file, the line, the column and the way out; and what it
//! leaves alone.

use crate::support::{self, Desk};

/// Rows of a key, two numbers that go together and a category, below a header; a note in two lines in the first row.
fn rows(n: usize) -> String {
    let mut text = String::from("id,note,a,b,kind\n");
    for i in 0..n {
        let a = (0.7 * i as f64).sin();
        let note = if i == 0 { "\"two\nlines\"" } else { "-" };
        let kind = if a > 0.0 { "up" } else { "down" };
        text += &format!("{i:04},{note},{a:.4},{:.4},{kind}\n", 3.0 * a + 0.1 * (2.3 * i as f64).cos());
    }
    text
}

const TRAIN: &str = "train --detector --key id,note --ensemble 1 --steps 60 --quiet --out d --data";

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("table.csv", rows(200));
    desk.cae(&format!("{TRAIN} table.csv")).assert().success();
    desk
}

/// `text` with cell `column` of row `row` replaced.
fn with_cell(text: &str, row: usize, column: usize, cell: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = &mut lines[row + 2];
    let mut cells: Vec<&str> = line.split(',').collect();
    cells[column] = cell;
    *line = cells.join(",");
    lines.join("\n") + "\n"
}

#[test]
fn cells_at_fault_are_named_by_the_line_of_the_file() {
    let desk = trained();
    // Row 7 from 0 stands in line 10: the header and a quoted line break come before it.
    for (cell, words) in [("", "line 10, column `b`: the cell is missing"), ("inf", "line 10, column `b`: every cell")]
    {
        desk.write("bad.csv", with_cell(&rows(20), 7, 3, cell));
        let error = desk.refused("detect d --data bad.csv -o out.csv", 3);
        assert!(error.contains(words) && !error.contains("from 0"), "{error}");
        let error = desk.refused("train --detector --data bad.csv --key id,note --out e", 3);
        assert!(error.contains(words), "{error}");
    }
    let text = rows(20);
    let holes = text.lines().map(|line| if line.starts_with("0007") { "0007,-,,," } else { line });
    desk.write("empty-row.csv", holes.collect::<Vec<_>>().join("\r\n") + "\r\n");
    let error = desk.refused("train --detector --data empty-row.csv --key id,note --missing mask --out e", 3);
    assert!(error.contains("empty-row.csv line 10: every cell is missing"), "{error}");
    // What cannot be read again is counted in rows.
    let output =
        desk.cae("detect d --data - -o out.csv").write_stdin(with_cell(&rows(20), 7, 3, "inf")).assert().code(3);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(error.contains("standard input row 7 (from 0), column `b`"), "{error}");
    desk.write(
        "labels.csv",
        with_cell(
            &rows(20).replace(",kind", ",kind,y").replace("up\n", "up,0\n").replace("down\n", "down,1\n"),
            7,
            5,
            "maybe",
        ),
    );
    let error = desk.refused("evaluate d --data labels.csv --labels y", 2);
    assert!(error.contains("labels.csv line 10, column `y`"), "{error}");
}

#[test]
fn a_word_among_numbers_is_named_in_training() {
    let desk = Desk::new();
    desk.write("word.csv", with_cell(&rows(200), 7, 3, "oops"));
    let error = desk.refused(&format!("{TRAIN} word.csv"), 3);
    assert!(error.contains("line 10, column `b`") && error.contains("`oops`") && error.contains("199"), "{error}");
    // Of few values it could be meant: it is a category, and that is said.
    let grades = |i: usize| if i == 7 { "three".to_owned() } else { (i % 5).to_string() };
    let lines: Vec<String> = rows(200)
        .lines()
        .enumerate()
        .map(|(i, line)| match i {
            0 => format!("{line},grade"),
            1 => line.to_owned(),
            _ => format!("{line},{}", grades(i - 2)),
        })
        .collect();
    desk.write("few.csv", lines.join("\n") + "\n");
    let output = desk.cae(&format!("{TRAIN} few.csv").replace("--quiet ", "")).assert().success();
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("`grade` is taken as a category") && said.contains("line 10 holds `three`"), "{said}");
}

#[test]
fn a_table_without_rows_is_refused_alike_in_every_format() {
    let desk = trained();
    desk.write("header.csv", "id,note,a,b,kind\n");
    let error = desk.refused("detect d --data header.csv -o out.csv", 3);
    assert!(error.contains("header.csv has a line of column names and no rows below it"), "{error}");
    let error = desk.refused("train --detector --data header.csv --out e", 3);
    assert!(error.contains("no rows below it"), "{error}");
    desk.write("empty.csv", "");
    assert!(desk.refused("detect d --data empty.csv -o out.csv", 3).contains("empty.csv is empty"));
    // Without anomalies nothing is written, which makes tables of no rows.
    desk.cae("threshold d value:1e9 -q").assert().success();
    for ending in ["parquet", "arrow"] {
        let none = format!("none.{ending}");
        desk.cae(&format!("detect d --data table.csv -o {none} -q --anomalies-only --key a,b,kind")).assert().success();
        let error = desk.refused(&format!("train --detector --data {none} --out e"), 3);
        assert!(error.contains(&format!("{none} is empty")), "{error}");
    }
    assert!(!desk.path("out.csv").exists() && !desk.path("e").exists());
}

#[test]
fn a_column_trained_on_can_be_carried_too() {
    let desk = trained();
    let text = desk.stdout("detect d --data table.csv -o - -q --key b,kind --explain 0");
    assert_eq!(text.lines().next(), Some("id,note,b,kind,row,score,probability,label"));
    let line = text.lines().nth(9).unwrap();
    assert!(line.starts_with("0007,-,-3.0398,down,7,"), "{line}");
    let without = desk.stdout("detect d --data table.csv -o - -q --explain 0");
    let scores = |text: &str| -> Vec<String> {
        text.lines().skip(1).filter_map(|line| line.rsplit(',').nth(2).map(str::to_owned)).collect()
    };
    assert_eq!(scores(&text), scores(&without));
}

#[test]
fn the_table_itself_is_never_written_over() {
    let desk = trained();
    let before = desk.read("table.csv");
    for place in ["table.csv", "./table.csv", "d/../table.csv"] {
        let error = desk.refused(&format!("detect d --data table.csv -o {place}"), 2);
        assert!(error.contains("is the table that is read") && desk.read("table.csv") == before, "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(desk.path("table.csv"), desk.path("link.csv")).unwrap();
        desk.refused("detect d --data link.csv -o table.csv", 2);
        assert!(desk.read("table.csv") == before);
    }
    // Any other file is.
    desk.write("scores.csv", "old");
    desk.cae("detect d --data table.csv -o scores.csv -q").assert().success();
    assert!(desk.text("scores.csv").starts_with("id,note,row"));
}

#[test]
fn messages_name_columns_in_the_tables_order_and_the_way_out() {
    let desk = trained();
    desk.write("other.csv", "x\u{7},y\n1,2\n");
    let error = desk.refused("detect d --data other.csv -o out.csv", 2);
    assert!(error.contains("missing: id, note, a, b, kind; unknown: x\\u{7}, y"), "{error}");
    desk.write("word.csv", with_cell(&rows(20), 7, 3, "1;5"));
    let error = desk.refused("detect d --data word.csv -o out.csv", 3);
    assert!(error.contains("line 10, column `b`: every cell must be a number, got `1;5`"), "{error}");
    desk.write("latin.csv", [b"id,note,a,b,kind\n1,-,0,0,".as_slice(), b"gr\xfcn\n"].concat());
    let error = desk.refused("detect d --data latin.csv -o out.csv", 3);
    assert!(error.contains("line 2, column `kind`: text must be UTF-8"), "{error}");
    desk.write("quote.csv", "id,note,a,b,kind\n1,\"-,0,0,up\n2,-,0,0,up\n");
    let error = desk.refused("detect d --data quote.csv -o out.csv", 3);
    assert!(error.contains("line 2 opens a quote that is never closed"), "{error}");
    let error = desk.refused("detect d --data table.csv -o out.npy", 2);
    assert!(error.contains("NPY holds numbers alone") && error.contains(".parquet"), "{error}");
    let error = desk.refused(&format!("{TRAIN} table.csv --stream").replace("--out d", "--out e"), 2);
    assert!(error.contains("--stream") && error.contains("--rows"), "{error}");
    let error = desk.refused(&format!("{TRAIN} table.csv --rows 0").replace("--out d", "--out e"), 2);
    assert!(error.contains("rows"), "{error}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_nothing_behind() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let desk = trained();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args("detect d --data - -o out.csv".split(' '));
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = rows(4000);
    input.write_all(text.as_bytes()).unwrap();
    let rows = text.split_once("lines\",").unwrap().1.split_once('\n').unwrap().1;
    let names = || support::names_in(&desk.path(""));
    while names().iter().all(|name| !name.starts_with(".writing-")) {
        input.write_all(rows.as_bytes()).unwrap();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    // It reads on until it looks up, and then the pipe breaks.
    while input.write_all(rows.as_bytes()).is_ok() {}
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("out.csv was not written"), "{said}");
    assert!(names().iter().all(|name| !name.starts_with(".writing-") && name != "out.csv"), "{:?}", names());
}
