//! The page of a run, and of several.

mod support;

use support::{Desk, names_in};

#[test]
fn reports_are_made_at_the_end_and_again_and_compare() {
    let desk = Desk::new();
    desk.cae("train --rows 200 --epochs 1 --hidden 8 --out a --quiet").assert().success().stdout("");
    desk.cae("train --rows 200 --epochs 1 --hidden 6 --out b --quiet --no-report").assert().success();
    assert!(!names_in(&desk.path("b")).contains(&"report.html".to_owned()));
    let at_the_end = desk.text("a/report.html");
    assert!(at_the_end.contains("<h1>a</h1>") && at_the_end.contains("784 → 8"));

    // Made again from the disk, and with other threads, it is the same page.
    assert_eq!(desk.stdout("report a --threads 1 -o again.html"), "again.html\n");
    assert!(desk.text("again.html") == at_the_end);
    assert_eq!(desk.stdout("report b"), "b/report.html\n");
    desk.cae("report a b --quiet").assert().success().stdout("");
    let comparison = desk.text("report.html");
    assert!(comparison.contains("2 runs") && comparison.contains("model.hidden"));

    // Training on makes a new one.
    desk.cae("resume a --epochs 2 --quiet").assert().success();
    let longer = desk.text("a/report.html");
    assert!(longer.contains("2 epochs") && longer != at_the_end);
    let end = desk.stdout("train --rows 100 --epochs 1 --hidden 4 --out c --json");
    let end: serde_json::Value = serde_json::from_str(end.lines().last().unwrap()).unwrap();
    assert_eq!(end["report"], "c/report.html");
}

#[test]
fn what_cannot_be_reported_is_refused() {
    let desk = Desk::new();
    desk.cae("train --rows 100 --epochs 1 --hidden 4 --out run --quiet --no-report").assert().success();
    for (command, code, text) in [
        ("report", 2, "RUN"),
        ("report nowhere", 2, "nowhere"),
        ("report run -o run.txt", 2, ".html"),
        ("report run -o absent/run.html", 1, "absent"),
        ("report run --data absent.csv", 1, "absent.csv"),
    ] {
        let output = desk.cae(command).assert().code(code).get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(text), "{command}: {said}");
    }
    assert!(!names_in(&desk.path("run")).contains(&"report.html".to_owned()));
}
