//! A run that is stopped or killed goes on to the same bits as one that never was.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use crate::support::{Desk, untimed};

const TRAIN: &str = "train --data table.csv --hidden 16,4 --batch-size 16 --epochs 120 --noise gaussian:0.1 \
                     --schedule cosine --penalty projection --threads 1 --out";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.table("table.csv", 600, 12);
    desk
}

/// Starts a run and waits until its epoch `epoch` is reported.
fn started(desk: &Desk, out: &str, epoch: usize) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(TRAIN.split_whitespace()).arg(out);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.trim_start().starts_with(&format!("{epoch}/120")) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the run ended before epoch {epoch}");
    }
    (child, lines)
}

fn assert_same_run(desk: &Desk, one: &str, two: &str) {
    let metrics = |run: &str| untimed(&desk.text(&format!("{run}/metrics.jsonl")));
    assert_eq!(metrics(one), metrics(two));
    assert_eq!(metrics(one).len(), 120);
    for file in ["model/model.safetensors", "model/config.json", "images/loss.svg", "images/profiles.png"] {
        assert_eq!(desk.read(&format!("{one}/{file}")), desk.read(&format!("{two}/{file}")), "{file}");
    }
}

#[test]
fn a_run_that_is_stopped_or_killed_goes_on_to_the_same_bits() {
    let desk = desk();
    desk.cae(&format!("{TRAIN} whole --quiet")).assert().success();

    let (mut child, mut lines) = started(&desk, "stopped", 3);
    let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signal.success());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("cae resume stopped"), "{said}");
    desk.cae("resume stopped --quiet").assert().success();
    assert_same_run(&desk, "whole", "stopped");

    let (mut child, _lines) = started(&desk, "killed", 5);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed, not ended");
    assert!(desk.refused("evaluate killed", 2).contains("cae resume killed"));
    desk.cae("resume killed --quiet").assert().success();
    assert_same_run(&desk, "whole", "killed");
}
