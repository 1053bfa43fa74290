//! What a training that ended is warned of: a code that says nothing about a row.

use crate::support::Desk;
use serde_json::Value;

/// The warnings of the end event, which standard error and the report repeat in words.
fn warnings(desk: &Desk, words: &str, in_report: &str) -> Vec<Value> {
    let command = format!("train --data table.csv --hidden 4 --seed 1 --json {words}");
    let output = desk.cae(&command).assert().success().get_output().clone();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let end: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let warnings = end["warnings"].as_array().unwrap().clone();
    assert_eq!(shown.matches("warning:").count(), warnings.len(), "{shown}");
    for warning in &warnings {
        assert!(shown.contains(warning["message"].as_str().unwrap()), "{shown}");
    }
    let page = desk.text(&format!("{}/report.html", end["run"].as_str().unwrap()));
    let advice = page.split("<ul class=\"advice\">").nth(1).map_or("", |rest| rest.split("</ul>").next().unwrap());
    assert_eq!(advice.contains(in_report), !warnings.is_empty(), "{advice}");
    assert!(!advice.contains("--"), "the page names settings, not flags: {advice}");
    warnings
}

#[test]
fn a_dead_code_is_warned_of() {
    let desk = Desk::new();
    desk.table("table.csv", 200, 6);
    // Steps so large that every unit falls below 0 at every row.
    let words = "--code-activation relu --learning-rate 10 --contraction 1 --epochs 30 --out dead";
    let found = warnings(&desk, words, "the code is dead");
    assert_eq!((found.len(), &found[0]["kind"], &found[0]["units"]), (1, &"dead_code".into(), &4.into()), "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains("--learning-rate"), "{found:?}");
    // Nothing but errors.
    desk.cae(&format!("train --data table.csv --hidden 4 --seed 1 {words}2 --quiet")).assert().success().stderr("");
}

#[test]
fn a_contraction_so_large_that_the_code_is_constant_is_warned_of() {
    let desk = Desk::new();
    desk.table("table.csv", 200, 6);
    for (activation, contraction) in [("tanh", "1e2"), ("sigmoid", "1e4")] {
        let settings = format!("--code-activation {activation} --contraction {contraction} --out {activation}");
        let words = format!("{settings} --epochs 100 --batch-size 16 --learning-rate 0.01");
        let found = warnings(&desk, &words, "is all but constant");
        assert_eq!((found.len(), &found[0]["kind"]), (1, &"constant_code".into()), "{found:?}");
        assert!(found[0]["code_deviation"].as_f64() < found[0]["rows_deviation"].as_f64());
        assert!(found[0]["message"].as_str().unwrap().contains("lower --contraction"), "{found:?}");
    }
}

#[test]
fn a_reconstruction_no_better_than_the_mean_row_is_warned_of() {
    let desk = Desk::new();
    desk.table("table.csv", 200, 6);
    let words = "--scale none --epochs 1 --learning-rate 1e-9 --out lazy";
    let found = warnings(&desk, words, "no better than the mean row");
    assert_eq!((found.len(), &found[0]["kind"]), (1, &"worse_than_mean".into()), "{found:?}");
    assert!(found[0]["mse"].as_f64() >= found[0]["variance"].as_f64());
}

#[test]
fn a_healthy_run_has_no_warning() {
    let desk = Desk::new();
    desk.table("table.csv", 200, 6);
    assert!(warnings(&desk, "--epochs 20 --learning-rate 0.01 --out sound", "mean row").is_empty());
}

#[test]
fn many_dead_and_saturated_units_are_warned_of_with_what_to_change() {
    let desk = Desk::new();
    desk.table("table.csv", 200, 6);
    for (name, settings, kind, page, remedies) in [
        (
            "some",
            "--hidden 8 --code-activation relu --learning-rate 0.5",
            "dead_units",
            "<code>model.hidden</code>",
            ["--hidden", "leaky_relu"],
        ),
        (
            "bounds",
            "--hidden 8 --code-activation sigmoid --learning-rate 3 --contraction 0",
            "saturated",
            "data.scale",
            ["--scale standard", "--learning-rate"],
        ),
    ] {
        let output =
            desk.stdout(&format!("train --data table.csv --seed 1 --epochs 30 --json --out {name} {settings}"));
        let end: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        let warnings = end["warnings"].as_array().unwrap();
        assert_eq!((warnings.len(), &warnings[0]["kind"]), (1, &kind.into()), "{warnings:?}");
        let message = warnings[0]["message"].as_str().unwrap();
        assert!(remedies.iter().all(|remedy| message.contains(remedy)), "{message}");
        let html = desk.text(&format!("{name}/report.html"));
        let advice = html.split("<ul class=\"advice\">").nth(1).unwrap().split("</ul>").next().unwrap();
        assert!(advice.contains(page) && advice.contains("<code>training.learning_rate</code>"), "{advice}");
        assert!(!advice.contains("--"), "settings on the page: {advice}");
    }
}
