//! What a user has stays: files beside a detector, a detector whose replacement fails, a training whose result has no place.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::{Desk, names_in};

const DETECTOR: &str = "train --detector --data table.csv --ensemble 2 --steps 20 -q --out";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.table("table.csv", 300, 3);
    desk
}

fn with_detector() -> Desk {
    let desk = desk();
    desk.cae(&format!("{DETECTOR} d")).assert().success();
    desk
}

fn spawned(desk: &Desk, words: &str) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(words.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until `is_so`, for a minute at most.
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it has not come to that within a minute");
}

#[test]
fn another_threshold_changes_the_configuration_and_nothing_else() {
    let desk = with_detector();
    desk.cae("detect d --data table.csv -o d/scores.csv").assert().success();
    let (names, weights) = (names_in(&desk.path("d")), desk.read("d/member-0/model.safetensors"));
    symlink("d", desk.path("newest")).unwrap();
    desk.cae("threshold newest contamination:0.05 -q").assert().success();
    assert!(fs::symlink_metadata(desk.path("newest")).unwrap().is_symlink());
    assert_eq!((names_in(&desk.path("d")), desk.read("d/member-0/model.safetensors")), (names, weights));
    assert!(desk.text("d/config.json").contains("\"share\":0.05"), "{}", desk.text("d/config.json"));
    // A detector trained anew in its place takes the place of the detector alone; a copy goes without the user's files.
    desk.cae("threshold d contamination:0.1 -q -o copy").assert().success();
    desk.cae("threshold d contamination:0.2 -q -o copy").assert().success();
    assert!(!desk.path("copy/scores.csv").exists());
    fs::write(desk.path("copy/mine.txt"), "mine").unwrap();
    desk.cae("threshold d contamination:0.3 -q -o copy").assert().success();
    assert_eq!(desk.text("copy/mine.txt"), "mine");
}

#[test]
fn a_detector_goes_where_a_folder_is_already_and_what_has_no_place_is_refused_before_training() {
    let desk = desk();
    fs::create_dir(desk.path("here")).unwrap();
    let table = desk.path("table.csv");
    let train = format!("train --detector --data {} --ensemble 2 --steps 20 -q --out .", table.display());
    desk.cae(&train).current_dir(desk.path("here")).assert().success();
    desk.cae("detect here --data table.csv -o scores.csv").assert().success();
    // What is there cannot be replaced by `cae train`; a link to an empty folder stands for it.
    fs::create_dir(desk.path("empty")).unwrap();
    symlink("empty", desk.path("link")).unwrap();
    desk.cae(&format!("{DETECTOR} link")).assert().success();
    assert!(desk.path("empty/config.json").exists());
    let told = desk.refused("train --detector --data table.csv --out table.csv/d", 1);
    assert!(told.contains("table.csv"), "{told}");
    assert_eq!(names_in(&desk.path("")), ["empty", "here", "link", "scores.csv", "table.csv"]);
}

#[test]
fn two_processes_do_not_write_one_place() {
    let desk = desk();
    let long = "--data table.csv -q --out two";
    let mut first = spawned(&desk, &format!("train --detector --ensemble 8 --steps 1000000 {long}"));
    wait_until(|| desk.path("two").exists());
    let told = desk.refused(&format!("{DETECTOR} two"), 1);
    assert!(told.contains("another process is writing there"), "{told}");
    first.kill().unwrap();
    first.wait().unwrap();
    // Whoever held it is gone, and its hold with it.
    desk.cae(&format!("{DETECTOR} two")).assert().success();

    let mut first = spawned(&desk, "train --data table.csv --hidden 2 --epochs 1000000 -q --out run");
    wait_until(|| desk.path("run/checkpoints/last.safetensors").exists());
    let told = desk.refused("resume run", 1);
    assert!(told.contains("is being trained by another process"), "{told}");
    first.kill().unwrap();
    first.wait().unwrap();
    // One that is resumed is not resumed a second time.
    let metrics = || fs::metadata(desk.path("run/metrics.jsonl")).unwrap().len();
    let of_first = metrics();
    let mut second = spawned(&desk, "resume run -q");
    wait_until(|| metrics() > of_first);
    let told = desk.refused("resume run --epochs 2000000", 1);
    assert!(told.contains("is being trained by another process"), "{told}");
    assert_eq!(second.try_wait().unwrap(), None);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn a_finished_run_that_is_resumed_keeps_what_lies_beside_it() {
    let desk = desk();
    desk.cae("train --data table.csv --hidden 2 --epochs 2 -q --out run").assert().success();
    let kept = ["run/mine.txt", "run/model/mine.txt", "run/checkpoints/mine.txt"];
    kept.iter().for_each(|name| desk.write(name, name));
    symlink("run", desk.path("newest")).unwrap();
    let model = desk.read("run/model/model.safetensors");
    for (words, is_as_it_was) in [("resume newest -q", true), ("resume newest --epochs 3 -q", false)] {
        desk.cae(words).assert().success();
        kept.iter().for_each(|name| assert_eq!(desk.text(name), *name));
        assert!(fs::symlink_metadata(desk.path("newest")).unwrap().is_symlink());
        assert_eq!(desk.read("run/model/model.safetensors") == model, is_as_it_was);
    }
    assert_eq!(desk.text("run/metrics.jsonl").lines().count(), 3);
}

#[test]
fn a_directory_that_is_removed_under_a_run_ends_it_with_an_error() {
    let desk = desk();
    let run = spawned(&desk, "train --data table.csv --hidden 2 --epochs 1000000 -q --out run");
    wait_until(|| desk.path("run/checkpoints/last.safetensors").exists());
    while fs::remove_dir_all(desk.path("run")).is_err() {}
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("error: cannot write run"), "{told}");
    assert!(!desk.path("run").exists());
}

#[test]
fn a_run_killed_before_it_began_is_begun_again() {
    let desk = desk();
    fs::create_dir_all(desk.path("run/checkpoints")).unwrap();
    let told = desk.refused("resume run", 2);
    assert!(told.contains("killed before its config.toml was written; begin it again"), "{told}");
    desk.cae("train --data table.csv --hidden 2 --epochs 1 -q --out run").assert().success();
}

#[test]
fn a_flipped_bit_in_a_checkpoint_is_found() {
    let desk = desk();
    desk.cae("train --data table.csv --hidden 2 --epochs 1 -q --out run").assert().success();
    let path = desk.path("run/checkpoints/last.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let told = desk.refused("resume run --epochs 2", 3);
    assert!(told.contains("is damaged: its SHA-256 must be"), "{told}");
}

#[test]
fn a_stopped_training_leaves_no_folder() {
    let desk = desk();
    let mut training = spawned(&desk, "train --detector --data table.csv --steps 1000000 --out d");
    wait_until(|| desk.path("d").exists());
    let kill = std::process::Command::new("kill").args(["-INT", &training.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(training.wait().unwrap().code(), Some(130));
    assert_eq!(names_in(Path::new(&desk.path(""))), ["table.csv"]);
}

#[test]
fn a_picture_that_cannot_be_written_is_a_warning_and_its_cause_is_said_once() {
    let desk = desk();
    desk.cae("train --data table.csv --hidden 2 --epochs 1 -q --out run").assert().success();
    fs::remove_file(desk.path("run/images/loss.svg")).unwrap();
    fs::create_dir(desk.path("run/images/loss.svg")).unwrap();
    let told = desk.cae("resume run --epochs 2 -q").assert().success();
    let told = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
    assert!(
        told.starts_with("warning: a picture could not be drawn: loss.svg: cannot write run/images/loss.svg: "),
        "{told}"
    );
    assert_eq!(told.matches("(os error ").count(), 1, "{told}");
    assert!(desk.path("run/model/config.json").exists());
}
