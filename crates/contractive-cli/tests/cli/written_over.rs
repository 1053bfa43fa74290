//! No command writes over what it reads.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Desk;

/// A run, a detector of its table, a detector of series, and other names of their files.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.trained();
    desk.cae("train --detector --data table.csv --ensemble 2 --steps 20 --out detector -q").assert().success();
    fs::create_dir(desk.path("several")).unwrap();
    desk.table("several/one.csv", 40, 3);
    desk.table("several/two.csv", 40, 3);
    let series = "train --detector --data several --time none --window 6 --ensemble 2 --steps 20 --out series -q";
    desk.cae(series).assert().success();
    fs::hard_link(desk.path("table.csv"), desk.path("hard.csv")).unwrap();
    symlink("table.csv", desk.path("link.csv")).unwrap();
    for name in ["link.html", "link.png", "link.npz", "link.txt"] {
        symlink("table.csv", desk.path(name)).unwrap();
    }
    symlink("run/model/model.safetensors", desk.path("link.onnx")).unwrap();
    desk
}

#[test]
fn an_output_that_is_an_input_is_refused_before_work() {
    let desk = desk();
    let read = [
        "table.csv",
        "several/one.csv",
        "several/two.csv",
        "run/metrics.jsonl",
        "run/config.toml",
        "run/model/config.json",
        "run/model/model.safetensors",
        "detector/config.json",
    ];
    let before = read.map(|name| desk.read(name));
    for words in [
        "encode run --data table.csv -o table.csv",
        "encode run --data ./table.csv -o hard.csv",
        "encode run --data table.csv -o link.csv",
        "encode run --data link.csv -o table.csv",
        "encode run -o table.csv",
        "encode run --data table.csv -o run/metrics.jsonl",
        "encode run/model --data table.csv -o run/metrics.jsonl",
        "reconstruct run --data table.csv -o table.csv",
        "reconstruct run -o table.csv",
        "reconstruct run --data table.csv --image link.png",
        "evaluate run -o run/model/config.json",
        "evaluate run --data table.csv -o link.txt",
        "evaluate run --data table.csv --per-row table.csv",
        "evaluate run --per-row table.csv",
        "evaluate detector --data table.csv --labels a -o detector/config.json",
        "inspect run --data table.csv --per-row table.csv",
        "inspect run --data table.csv --tangents link.npz",
        "detect detector --data table.csv -o hard.csv",
        "detect detector --data table.csv -o detector/config.jsonl --report link.html",
        "detect series --data several -o several/two.csv",
        "detect series --data several/one.csv --score error --reference several/two.csv -o several/two.csv",
        "report run -o link.html",
        "report run/model --data table.csv -o link.html",
        "export run -o link.onnx",
    ] {
        let error = desk.refused(words, 2);
        assert!(error.contains("another name"), "{words}: {error}");
        for (name, before) in read.iter().zip(&before) {
            assert!(desk.read(name) == *before, "{words} wrote over {name}");
        }
    }
    // A model takes the place of another, and so of its weights.
    let words = "import run/model/model.safetensors --activation tanh --code-activation tanh -o run/model";
    assert!(desk.refused(words, 2).contains("another name"));
    assert!(desk.read("run/model/model.safetensors") == before[6]);
    // Beside the files of a detector there is room.
    desk.cae("detect detector --data table.csv -o detector/scores.csv -q").assert().success();
    desk.cae("detect detector --data table.csv -o detector/scores.csv -q").assert().success();
}

#[test]
fn a_file_of_several_is_not_written_over() {
    let desk = Desk::new();
    desk.trained();
    for name in ["part-1.csv", "part-2.csv"] {
        desk.table(name, 30, 6);
    }
    let before = desk.read("part-2.csv");
    assert!(desk.refused("encode run --data part-*.csv -o part-2.csv", 2).contains("another name"));
    assert!(desk.read("part-2.csv") == before);
}
