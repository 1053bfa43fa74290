//! Numbers that 32 bits do not hold: no NaN, inf or null for a result, and runs that diverge go on.

use crate::support::Desk;

/// A model of three columns, and tables whose row 4 has these cells in a and b.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.table("t.csv", 60, 3);
    let flags = "--hidden 4,2 --activation relu --code-activation identity --scale none --epochs 2 --quiet";
    desk.cae(&format!("train --data t.csv {flags} --out run")).assert().success();
    for (name, a, b) in [("one.csv", "3e38", "0.5"), ("both.csv", "3.4e38", "-3.4e38")] {
        let lines: Vec<String> = desk.text("t.csv").lines().map(str::to_owned).collect();
        let mut changed = lines.clone();
        changed[5] = format!("{a},{b},0.1");
        desk.write(name, changed.join("\n") + "\n");
    }
    desk
}

#[test]
fn a_cell_of_3e38_gives_finite_numbers_or_an_error_that_names_its_row() {
    let desk = desk();
    let judged = desk.json("evaluate run --data one.csv --json");
    for key in ["mse", "sse", "total", "penalty", "jacobian_norm", "trained_penalty_value"] {
        assert!(judged[key].as_f64().is_some_and(f64::is_finite), "{key}: {judged}");
    }
    assert!(judged["sse"].as_f64().unwrap() > 1e70, "{judged}");
    for words in [
        "encode run",
        "reconstruct run",
        "inspect run --verify",
        "inspect run --per-row s.csv",
        "evaluate run --per-row e.csv",
    ] {
        let mut told = desk.stdout(&format!("{words} --data one.csv"));
        for file in ["s.csv", "e.csv"] {
            told += &if desk.path(file).exists() { desk.text(file) } else { String::new() };
        }
        let words_of = told.split(|c: char| !c.is_alphanumeric() && c != '-');
        let wrong: Vec<&str> = words_of.filter(|word| ["inf", "-inf", "nan", "NaN", "null"].contains(word)).collect();
        assert!(wrong.is_empty(), "{words}: {wrong:?} in {told}");
    }
    let error = desk.refused("evaluate run --data both.csv --json", 3);
    assert!(error.contains("both.csv row 4 (from 0): the loss `mse` must be finite"), "{error}");
    desk.refused("evaluate run --data both.csv --per-row r.csv", 3);
    assert!(!desk.path("r.csv").exists());
}

#[test]
fn a_run_that_diverged_goes_on_with_a_lower_rate() {
    let desk = desk();
    let error = desk.refused("resume run --epochs 4 --learning-rate 1e30 --quiet", 4);
    for text in ["diverged in epoch 3, step ", "the last good checkpoint is ", "cae resume"] {
        assert!(error.contains(text), "{text} in {error}");
    }
    assert_eq!(desk.text("run/metrics.jsonl").lines().count(), 2);
    assert!(desk.path("run/divergence.json").exists());
    desk.cae("resume run --learning-rate 1e-3 --clip 10 --quiet").assert().success();
    assert_eq!(desk.text("run/metrics.jsonl").lines().count(), 4);
    assert!(!desk.path("run/divergence.json").exists());
    desk.json("evaluate run --data t.csv --json");
    assert!(desk.refused("resume run --learning-rate -1", 2).contains("learning_rate"));
}
