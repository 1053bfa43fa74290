//! Readers that go away and disks that are full: nothing that was trained is lost with what is told of it.
#![cfg(unix)]

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use crate::support::Desk;

/// Trainings of each kind, with the file that says that they are whole.
const TRAININGS: [(&str, &str); 4] = [
    ("train --data table.csv --hidden 4 --epochs 2 --out OUT", "model/model.safetensors"),
    ("train --detector --data table.csv --ensemble 2 --steps 20 --out OUT", "config.json"),
    ("train --detector --data table.csv --time none --window 6 --ensemble 2 --steps 20 --out OUT", "config.json"),
    ("train --data table.csv --hidden 4 --epochs 2 --seeds 2 --out OUT", "results.json"),
];

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn ended(desk: &Desk, words: &str, stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args(words.split_whitespace()).env("XDG_CACHE_HOME", desk.path("cache"));
    let output = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).output().unwrap();
    assert_eq!(output.status.signal(), None, "{words}");
    output
}

#[test]
fn a_training_that_nobody_hears_of_is_saved() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 3);
    let stream = |what| if what == "closed" { closed() } else { full() };
    for (i, (words, whole)) in TRAININGS.iter().enumerate() {
        for what in ["closed", "full"] {
            let out = format!("{what}-{i}");
            let words = words.replace("OUT", &out);
            assert_eq!(ended(&desk, &words, Stdio::null(), stream(what)).status.code(), Some(0), "{what}: {words}");
            assert!(desk.path(&format!("{out}/{whole}")).exists(), "{what}: {words}");
        }
    }
}

#[test]
fn results_that_nobody_reads_are_no_failure_and_those_that_cannot_be_written_are_one() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 3);
    for (i, (words, whole)) in TRAININGS.iter().enumerate() {
        let words = words.replace("OUT", &format!("read-{i}"));
        let output = ended(&desk, &format!("{words} --json"), closed(), Stdio::piped());
        assert_eq!(output.status.code(), Some(0), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(desk.path(&format!("read-{i}/{whole}")).exists(), "{words}");
    }
    let words = TRAININGS[0].0.replace("OUT", "full");
    let output = ended(&desk, &format!("{words} --json"), full(), Stdio::piped());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("No space left"), "{said}");
    assert!(desk.path("full/model/model.safetensors").exists());
    for words in ["encode full", "evaluate full --json", "data list", "inspect full"] {
        assert_eq!(ended(&desk, words, closed(), Stdio::piped()).status.code(), Some(0), "{words}");
        assert_eq!(ended(&desk, words, full(), Stdio::piped()).status.code(), Some(1), "{words}");
        assert_eq!(ended(&desk, words, full(), full()).status.code(), Some(1), "{words}");
    }
    // How a command ends does not hang on whether it is heard.
    let words = "drift read-1 --data far.csv --fail-on-drift";
    desk.write("far.csv", desk.text("table.csv").replace("0.", "9."));
    assert_eq!(ended(&desk, words, closed(), Stdio::piped()).status.code(), Some(5));
}
