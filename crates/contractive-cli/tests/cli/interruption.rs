//! A run that is stopped or killed goes on to the same bits as one that never was.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

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
    let mut command = Command::new(env!("CARGO_BIN_EXE_cae"));
    command.args(TRAIN.split_whitespace()).arg(out);
    reported(desk, command, epoch)
}

fn reported(desk: &Desk, mut command: Command, epoch: usize) -> (Child, BufReader<std::process::ChildStderr>) {
    command.current_dir(desk.path("")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    wait_for(&mut lines, &format!("{epoch}/120"));
    (child, lines)
}

fn wait_for(lines: &mut impl BufRead, beginning: &str) {
    let mut line = String::new();
    while !line.trim_start().starts_with(beginning) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before {beginning}");
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
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
    send("INT", &child);
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

/// `cae` with SIGHUP as it is by default: the tests themselves may run under `nohup`.
fn heeding_hangups() -> Command {
    let cae = env!("CARGO_BIN_EXE_cae");
    let mut command = Command::new(if cfg!(target_os = "linux") { "env" } else { cae });
    if cfg!(target_os = "linux") {
        command.args(["--default-signal=HUP", cae]);
    }
    command
}

#[test]
fn a_request_to_end_is_as_ctrl_c_and_one_that_is_ignored_is_none() {
    let desk = desk();
    for signal in ["TERM", "HUP"] {
        let mut command = heeding_hangups();
        command.args(TRAIN.split_whitespace()).arg(signal);
        let (mut child, mut lines) = reported(&desk, command, 3);
        send(signal, &child);
        let mut said = String::new();
        lines.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}: {said}");
        assert!(said.contains(&format!("cae resume {signal}")), "{said}");
    }
    // As under `nohup`.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cae")]);
    shell.args(TRAIN.split_whitespace()).arg("nohup");
    let (mut child, mut lines) = reported(&desk, shell, 3);
    send("HUP", &child);
    wait_for(&mut lines, "20/120");
    send("TERM", &child);
    lines.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_run_whose_reader_died_of_the_same_ctrl_c_is_saved() {
    let desk = desk();
    let (mut child, lines) = started(&desk, "tee", 3);
    drop(lines);
    send("INT", &child);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    assert!(desk.path("tee/checkpoints/last.safetensors").exists());
    let of_run = "resume tee --epochs";
    let done = desk.text("tee/metrics.jsonl").lines().count();
    desk.cae(&format!("{of_run} {} -q", done + 1)).assert().success();
    assert_eq!(desk.text("tee/metrics.jsonl").lines().count(), done + 1);
}

#[test]
fn a_second_request_ends_at_once_even_a_run_that_hangs() {
    let desk = desk();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(["train", "--data", "table.csv", "--hidden", "2", "--epochs", "100000"]);
    // Nobody reads what it says: it waits when the pipe is full.
    command.args(["--out", "run", "--json", "--threads", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let length = || std::fs::metadata(desk.path("run/metrics.jsonl")).map_or(0, |of| of.len());
    let mut before = 0;
    while before == 0 || length() > before {
        before = length();
        sleep(Duration::from_millis(700));
    }
    send("INT", &child);
    wait_for(&mut lines, "stopping");
    sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[cfg(target_os = "linux")]
fn catches_hup(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0
}

#[cfg(target_os = "linux")]
#[test]
fn detectors_series_and_sweeps_end_as_runs_do() {
    let desk = desk();
    desk.table("narrow.csv", 600, 3);
    for (i, words) in [
        "train --detector --data table.csv --ensemble 8 --steps 1000000 --out",
        "train --detector --data narrow.csv --time none --window 8 --ensemble 8 --steps 1000000 --out",
        "train --data table.csv --hidden 4 --epochs 100000 --seeds 2 --jobs 1 --out",
        "train --data table.csv --hidden 4 --epochs 100000 --stream --out",
    ]
    .iter()
    .enumerate()
    {
        for signal in ["TERM", "HUP"] {
            let mut command = heeding_hangups();
            command.args(words.split_whitespace()).arg(format!("{signal}{i}")).current_dir(desk.path(""));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap());
            while !catches_hup(&child) {
                assert!(child.try_wait().unwrap().is_none(), "{words}");
                sleep(Duration::from_millis(20));
            }
            sleep(Duration::from_millis(200));
            send(signal, &child);
            let mut said = String::new();
            lines.read_to_string(&mut said).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}: {words}: {said}");
            assert!(said.contains("stopped") || said.contains("stopping"), "{said}");
        }
    }
}
