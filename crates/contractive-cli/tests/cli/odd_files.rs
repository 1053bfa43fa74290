//! Files that are none, links, text that is no text, and limits.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Desk, names_in};

#[test]
fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
    let desk = Desk::new();
    desk.trained();
    for name in ["pipe.csv", "pipe.npy", "pipe.toml", "pipe.safetensors"] {
        assert!(Command::new("mkfifo").arg(desk.path(name)).status().unwrap().success());
    }
    fs::create_dir(desk.path("model")).unwrap();
    fs::rename(desk.path("pipe.safetensors"), desk.path("model/model.safetensors")).unwrap();
    fs::copy(desk.path("run/model/config.json"), desk.path("model/config.json")).unwrap();
    for (words, code) in [
        ("data info pipe.csv", 3),
        ("data info pipe.npy", 3),
        ("train --data pipe.csv --out x", 3),
        ("train --data pipe.csv --stream --out x", 3),
        ("train --detector --data pipe.csv --out x", 3),
        ("train --config pipe.toml --data table.csv --out x", 1),
        ("encode run --data pipe.csv -o x.csv", 3),
        ("encode model --data table.csv -o x.csv", 1),
        ("import model/model.safetensors --activation tanh --code-activation tanh -o x", 1),
        // Its reader would wait for ever.
        ("encode run -o pipe.csv", 1),
    ] {
        let output = desk.cae(words).timeout(Duration::from_secs(60)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words}: {said}");
        assert!(said.contains("file"), "{words}: {said}");
    }
}

#[test]
fn what_a_shell_pipes_is_read() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 3);
    let train = "train --config /dev/stdin --data table.csv --hidden 2 --out run --quiet";
    desk.cae(train).write_stdin("training.epochs = 3\n").assert().success();
    assert_eq!(desk.text("run/metrics.jsonl").lines().count(), 3);
    desk.cae("train --detector --data table.csv --ensemble 2 --steps 20 --out d -q").assert().success();
    let whole = desk.stdout("detect d --data table.csv");
    desk.cae("detect d --data -").write_stdin(desk.text("table.csv")).assert().success().stdout(whole);
}

#[test]
fn a_link_is_kept_and_what_it_leads_to_is_written() {
    let desk = Desk::new();
    desk.trained();
    fs::create_dir(desk.path("volume")).unwrap();
    for (link, words) in [
        ("codes.csv", "encode run -o"),
        ("codes.npy", "encode run -o"),
        ("codes.parquet", "encode run -o"),
        ("numbers.json", "evaluate run -o"),
        ("page.html", "report run -o"),
        ("model.onnx", "export run -o"),
    ] {
        let target = Path::new("volume").join(link);
        symlink(&target, desk.path(link)).unwrap();
        for _ in 0..2 {
            desk.cae(&format!("{words} {link}")).assert().success();
            assert_eq!(fs::read_link(desk.path(link)).unwrap(), target);
            assert!(fs::metadata(desk.path(&format!("volume/{link}"))).unwrap().len() > 0, "{link}");
        }
    }
    symlink("absent/x.csv", desk.path("dangling.csv")).unwrap();
    assert!(desk.refused("encode run --data absent.csv -o dangling.csv", 1).contains("cannot write"));
}

#[test]
fn what_is_no_text_is_wrong_as_other_text_is() {
    let desk = Desk::new();
    desk.trained();
    desk.write("bad.toml", b"training.epochs = 3 # \xff\n");
    assert!(desk.refused("train --data table.csv --config bad.toml --out x", 2).contains("UTF-8"));
    let metrics = desk.read("run/metrics.jsonl");
    desk.write("run/metrics.jsonl", [metrics.as_slice(), b"\xff\xfe"].concat());
    assert!(desk.refused("report run", 3).contains("metrics.jsonl"));
    assert!(desk.refused("inspect run", 3).contains("metrics.jsonl"));
    desk.write("run/config.toml", b"\xff\xfe");
    assert!(desk.refused("resume run", 2).contains("config.toml"));
}

#[test]
fn the_limit_of_a_files_size_is_an_error_and_no_death() {
    let desk = Desk::new();
    desk.trained();
    desk.table("long.csv", 5000, 6);
    let before = names_in(&desk.path(""));
    let limited = |words: &str| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -f 8; exec \"$0\" {words}")).arg(env!("CARGO_BIN_EXE_cae"));
        shell.current_dir(desk.path("")).stdout(Stdio::null()).output().unwrap()
    };
    for words in ["encode run --data long.csv -o codes.csv", "encode run --data long.csv -o codes.parquet"] {
        let output = limited(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}: {:?} {said}", output.status);
        assert!(said.contains("too large"), "{said}");
    }
    assert_eq!(names_in(&desk.path("")), before, "nothing is left of them");
}
