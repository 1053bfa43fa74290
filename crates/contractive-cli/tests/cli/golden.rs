//! What earlier versions left on the disk, read by this one: it gives what it gave, to the bit of the portable instructions.
//!
//! `fixtures/golden` holds one of every kind and format, written by `scripts/golden.sh` at the commit that `made-by` names,
//! with what it gave then; it is never written again. Two older ones, of detectors of formats 1 and 2, are read by the
//! tests of contractive-anomaly.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Desk, names_in};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names_in(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => copy(&from, &to),
            false => assert!(fs::copy(from, to).is_ok()),
        }
    }
}

/// A desk with a copy, so that nothing is written where it lies.
fn desk_with(name: &str) -> Desk {
    let desk = Desk::new();
    copy(&golden(name), &desk.path(""));
    desk
}

fn succeeds(desk: &Desk, words: &str) -> String {
    let output = desk.cae(words).env("CONTRACTIVE_INSTRUCTIONS", "portable").assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

/// What `words` write into `again.csv` is what `stored` holds.
fn gives(desk: &Desk, words: &str, stored: &str) {
    succeeds(desk, &format!("{words} -o again.csv -q"));
    assert_eq!(desk.text("again.csv"), desk.text(stored), "{words}");
    fs::remove_file(desk.path("again.csv")).unwrap();
}

/// The numbers that were known then are as they were.
fn evaluates_as_it_did(desk: &Desk, model: &str, data: &str) {
    let now: Value = serde_json::from_str(&succeeds(desk, &format!("evaluate {model} --data {data} --json"))).unwrap();
    let then: Value = serde_json::from_str(&desk.text("evaluated.json")).unwrap();
    for (key, value) in then.as_object().unwrap() {
        assert_eq!(&now[key], value, "{key}");
    }
}

#[test]
fn a_checkpoint_of_format_1_is_resumed_to_the_bits_of_its_day() {
    for name in ["run-1", "run-1-checksum"] {
        let desk = desk_with(name);
        succeeds(&desk, "resume saved --epochs 4 --no-report -q");
        assert!(desk.read("saved/model/model.safetensors") == desk.read("resumed.safetensors"), "other weights");
        assert_eq!(desk.text("saved/metrics.jsonl").lines().count(), 4);
        gives(&desk, "encode saved --data rows.csv", "codes.csv");
        gives(&desk, "reconstruct saved --data rows.csv", "restored.csv");
        evaluates_as_it_did(&desk, "saved", "rows.csv");
    }
}

#[test]
fn a_model_of_format_1_gives_what_it_gave() {
    let desk = desk_with("model-1-counts");
    gives(&desk, "encode saved --data rows.csv", "codes.csv");
    gives(&desk, "reconstruct saved --data rows.csv", "restored.csv");
    evaluates_as_it_did(&desk, "saved", "rows.csv");
}

#[test]
fn a_model_of_pictures_of_format_1_takes_pictures_as_it_did() {
    let desk = desk_with("model-1-pictures");
    let config: Value = serde_json::from_str(&desk.text("saved/config.json")).unwrap();
    let expected = ["14x14", "keep", "13x14"];
    assert_eq!(["image_size", "fit", "median_size"].map(|key| config[key].as_str().unwrap().to_owned()), expected);
    gives(&desk, "encode saved --data rows", "codes.csv");
    gives(&desk, "reconstruct saved --data rows", "restored.csv");
    evaluates_as_it_did(&desk, "saved", "rows");
}

#[test]
fn detectors_of_every_format_give_the_scores_they_gave() {
    for name in ["detector-2-orders", "detector-2-clean", "series-1-windows-3"] {
        let desk = desk_with(name);
        gives(&desk, "detect saved --data rows.csv", "scores.csv");
    }
}

#[test]
fn detectors_of_pictures_of_format_1_give_the_scores_they_gave() {
    for name in ["images-1", "images-1-whole"] {
        gives(&desk_with(name), "detect saved --data rows", "scores.csv");
    }
}

#[test]
fn a_folder_of_runs_of_format_1_is_whole() {
    let desk = desk_with("sweep-1");
    let before = (desk.text("saved/table.csv"), desk.text("saved/runs.csv"));
    succeeds(&desk, "resume saved --no-report -q");
    assert_eq!((desk.text("saved/table.csv"), desk.text("saved/runs.csv")), before);
}

/// Every folder of `fixtures/golden` is read by one of these tests.
#[test]
fn nothing_golden_is_left_out() {
    let known = [
        "detector-2-clean",
        "detector-2-orders",
        "images-1",
        "images-1-whole",
        "model-1-counts",
        "model-1-pictures",
        "run-1",
        "run-1-checksum",
        "series-1-windows-3",
        "sweep-1",
    ];
    assert_eq!(names_in(&golden("")), known);
    for name in known {
        assert!(fs::read_to_string(golden(name).join("made-by")).unwrap().contains("commit"));
    }
}
