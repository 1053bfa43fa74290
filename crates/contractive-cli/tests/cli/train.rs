//! One run of the built-in data, and every command that a user gives after it.

use crate::support::{self, Desk, names_in};
use serde_json::Value;

#[test]
fn a_run_and_every_command_after_it() {
    let desk = Desk::new();
    let output = desk.cae("train --rows 300 --epochs 2 --hidden 16 --out run").assert().success().get_output().clone();
    let (said, shown) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for text in [
        "train, validation and test are the objective, loss its ",
        "784-16-784",
        "270 to train on, 30 for validation, 2,000 to test on",
        "closed form",
        "1/2",
        "2/2",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    for text in [
        "cae evaluate run",
        "cae reconstruct run",
        "cae inspect run",
        "cae resume run",
        "reconstructions.png",
        "run/report.html",
    ] {
        assert!(said.contains(text), "{text} in {said}");
    }
    let (events, names): (Vec<_>, Vec<_>) =
        names_in(&desk.path("run")).into_iter().partition(|name| name.starts_with("events.out.tfevents."));
    assert_eq!(names, ["checkpoints", "config.toml", "images", "metrics.jsonl", "model", "report.html"]);
    assert_eq!(events.len(), 1);
    assert_eq!(names_in(&desk.path("run/model")), ["config.json", "model.safetensors"]);
    let pictures = ["filters.png", "loss.png", "loss.svg", "reconstructions.png"];
    assert_eq!(names_in(&desk.path("run/images")), pictures);
    for name in pictures.iter().filter(|name| name.ends_with("png")) {
        assert!(desk.read(&format!("run/images/{name}")).starts_with(b"\x89PNG"), "{name}");
    }
    let metrics: Vec<Value> =
        desk.text("run/metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total = |i: usize| metrics[i]["train"]["total"].as_f64().unwrap();
    assert!(metrics.len() == 2 && total(1) < total(0), "the loss falls: {metrics:?}");

    evaluation_says_what_it_should(&desk);
    rows_go_in_and_out(&desk);
    inspection_looks_inside(&desk);
    training_goes_on(&desk);
}

fn evaluation_says_what_it_should(desk: &Desk) {
    let numbers = desk.json("evaluate run --json");
    assert_eq!((&numbers["rows"], &numbers["features"], &numbers["code"]), (&2000.into(), &784.into(), &16.into()));
    for key in [
        "mse",
        "sse",
        "bce",
        "cross_entropy",
        "penalty",
        "jacobian_norm",
        "jacobian_mean_square",
        "jacobian_to_code_variance",
        "trained_penalty_value",
    ] {
        assert!(numbers[key].as_f64().is_some_and(|v| v >= 0.0), "{key} in {numbers}");
    }
    assert!(numbers["saturation"].is_null(), "no unit of ReLU layers has a bound");
    let (mse, sse) = (numbers["mse"].as_f64().unwrap(), numbers["sse"].as_f64().unwrap());
    assert!((sse / 784.0 - mse).abs() < 1e-9 * mse);
    // The last epoch measured the same rows, and was the best.
    let last =
        desk.text("run/metrics.jsonl").lines().last().map(|l| serde_json::from_str::<Value>(l).unwrap()).unwrap();
    let (then, now) = (last["test"]["total"].as_f64().unwrap(), numbers["total"].as_f64().unwrap());
    assert!((then - now).abs() < 1e-6 * now, "{then} while training, {now} afterwards");
    assert!(desk.stdout("evaluate run --data strokes:test --rows 10").contains("strokes:test, 10 rows"));
    desk.cae("evaluate run/model --rows 20 -o numbers.json").assert().success().stdout("");
    let written: Value = serde_json::from_str(&desk.text("numbers.json")).unwrap();
    assert_eq!(written["rows"], 20);
}

fn rows_go_in_and_out(desk: &Desk) {
    desk.cae("encode run --data strokes:test --rows 5 -o codes.npy").assert().success().stdout("");
    let npy = desk.read("codes.npy");
    assert!(npy.starts_with(b"\x93NUMPY") && String::from_utf8_lossy(&npy[..128]).contains("(5, 16"));
    let csv = desk.stdout("encode run --rows 5");
    assert_eq!(csv.lines().count(), 6);
    let first = csv.lines().nth(1).unwrap().split(',').next().unwrap().parse::<f32>().unwrap();
    assert_eq!(first.to_le_bytes(), npy[npy.len() - 5 * 16 * 4..][..4], "text and NumPy hold the same numbers");
    let piped = desk.cae("encode run --rows 5 --format npy").assert().success().get_output().stdout.clone();
    assert_eq!(piped, npy);
    desk.cae("reconstruct run --rows 12 -o restored.csv --image rows.png").assert().success().stdout("");
    assert_eq!(desk.text("restored.csv").lines().count(), 13);
    assert!(desk.read("rows.png").starts_with(b"\x89PNG"));
}

fn inspection_looks_inside(desk: &Desk) {
    let inside = desk.json("inspect run --data strokes:test --rows 20 --json");
    let values: Vec<f64> =
        inside["geometry"]["singular_values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(values.len() == 16 && values.is_sorted_by(|a, b| a >= b));
    let dimension = inside["geometry"]["local_dimension"].as_f64().unwrap();
    assert!((1.0..=16.0).contains(&dimension), "{dimension}");
    assert!(inside["geometry"]["jacobian_to_code_variance"].as_f64().is_some_and(|ratio| ratio > 0.0));
    assert_eq!(inside["parameters"], 784 * 16 * 2 + 16 + 784);
    assert_eq!(inside["provenance"]["recipe"], "strokes");
    let words = desk.stdout("inspect run");
    assert!(words.contains("encoder.0") && words.contains("25,888 parameters"), "{words}");
}

fn training_goes_on(desk: &Desk) {
    let first_epochs = desk.text("run/metrics.jsonl");
    let lines = desk.stdout("resume run --epochs 3 --json");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[0]["event"], &events[0]["epoch"]), (2, &"epoch".into(), &3.into()));
    assert_eq!((&events[1]["event"], &events[1]["end"]), (&"end".into(), &"finished".into()));
    assert!(desk.text("run/metrics.jsonl").starts_with(&first_epochs));
    assert!(desk.refused("resume run --epochs 2", 2).contains("at least the 3 already done"));
    // A finished run has nothing left to do, and says so without an error.
    desk.cae("resume run --quiet").assert().success().stdout("").stderr("");
}

#[test]
fn a_table_with_labels_gets_its_own_pictures() {
    let desk = Desk::new();
    let text = support::table_text(80, 5);
    let labelled: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(i, line)| format!("{line},{}", if i == 0 { "kind" } else { ["cat", "dog"][i % 2] }))
        .collect();
    desk.write("pets.csv", labelled.join("\n"));
    let words = "train --data pets.csv --label-column kind --hidden 8,2 --epochs 2 --name trial";
    let shown = String::from_utf8(desk.cae(words).assert().success().get_output().stderr.clone()).unwrap();
    for text in [
        "5 features, each feature scaled to mean 0 and deviation 1 (standard)",
        "column kind, 2 classes; not trained on",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(!shown.contains("the same in every"), "{shown}");
    let runs = names_in(&desk.path("runs"));
    assert!(runs.len() == 1 && runs[0].starts_with("trial-"), "{runs:?}");
    let run = format!("runs/{}", runs[0]);
    assert_eq!(names_in(&desk.path(&format!("{run}/images"))), ["loss.png", "loss.svg", "profiles.png", "weights.png"]);
    // The label column is left out again, whether the rows have it or not.
    assert_eq!(desk.json(&format!("evaluate {run} --json"))["features"], 5);
    desk.write("unlabelled.csv", &text);
    let restored = desk.stdout(&format!("reconstruct {run} --data unlabelled.csv"));
    assert!(restored.starts_with("a,b,c,d,e\n"), "{restored}");
}

#[test]
fn columns_that_never_change_are_named() {
    let desk = Desk::new();
    let rows: String = (0..60).map(|i| format!("{},3,{},7\n", i % 13, (i * i) % 7)).collect();
    desk.write("sites.csv", format!("age,site,dose,\"ward, floor\"\n{rows}"));
    let words = "train --data sites.csv --hidden 2 --epochs 1 --out run";
    let shown = String::from_utf8(desk.cae(words).assert().success().get_output().stderr.clone()).unwrap();
    assert!(shown.contains("site, ward, floor: the same in every training row"), "{shown}");
    desk.write("bare.npy", support::npy(4, &[1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 4.0, 5.0]));
    let words = "train --data bare.npy --hidden 1 --epochs 1 --out bare";
    let shown = String::from_utf8(desk.cae(words).assert().success().get_output().stderr.clone()).unwrap();
    assert!(shown.contains("column 1 (from 0): the same in every training row"), "{shown}");
}

#[test]
fn a_run_that_stopped_early_trains_on_when_asked_to() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    // No gain can be that large: each wait ends after two epochs.
    let flags = "--patience 2 --set training.early_stopping.min_delta=1e9 --epochs 40 --out run";
    let said = desk.stdout(&format!("train --data table.csv --hidden 3 {flags}"));
    assert!(said.contains("stopped early") && said.contains("cae resume run --epochs 80"), "{said}");
    let epochs = || desk.text("run/metrics.jsonl").lines().count();
    assert_eq!(epochs(), 3);
    desk.cae("resume run --quiet").assert().success();
    assert_eq!(epochs(), 3, "without --epochs the rule still holds");
    assert!(desk.stdout("resume run --epochs 80").contains("stopped early"));
    assert_eq!(epochs(), 5);
}

#[test]
fn salt_and_pepper_on_a_standard_scale_are_explained() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    for (scale, is_said) in [("standard", true), ("minmax", false)] {
        let flags = format!("--scale {scale} --noise salt_pepper:0.2 --hidden 3 --epochs 1 --out {scale}");
        let output = desk.cae(&format!("train --data table.csv {flags}")).assert().success().get_output().clone();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(shown.contains("one standard deviation above"), is_said, "{shown}");
    }
}

#[test]
fn a_picture_that_fails_costs_no_other() {
    let desk = Desk::new();
    desk.trained();
    // A folder of that name cannot be replaced by a file.
    std::fs::remove_file(desk.path("run/images/profiles.png")).unwrap();
    std::fs::create_dir_all(desk.path("run/images/profiles.png/taken")).unwrap();
    for name in ["weights.png", "loss.png", "loss.svg"] {
        std::fs::remove_file(desk.path(&format!("run/images/{name}"))).unwrap();
    }
    let output = desk.cae("resume run --epochs 3 --json").assert().success().get_output().clone();
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(shown.matches("warning:").count() == 1 && shown.contains("profiles.png"), "{shown}");
    assert!(String::from_utf8(output.stdout).unwrap().contains(r#""images":["weights.png","loss.png","loss.svg"]"#));
    for name in ["weights.png", "loss.png", "loss.svg"] {
        assert!(desk.path(&format!("run/images/{name}")).is_file(), "{name}");
    }
}

#[test]
fn quiet_says_nothing_and_json_only_json() {
    let desk = Desk::new();
    desk.table("table.csv", 50, 6);
    desk.cae("train --data table.csv --hidden 3 --epochs 2 --out quiet --quiet")
        .assert()
        .success()
        .stdout("")
        .stderr("");
    let assert =
        desk.cae("train --data table.csv --hidden 3 --epochs 2 --out json --json").assert().success().stderr("");
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 3);
    assert!(events[0]["train"]["reconstruction"].is_number() && events[2]["run"] == "json", "{text}");
}
