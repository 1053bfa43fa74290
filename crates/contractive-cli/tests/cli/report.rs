//! The page of a run, and of several.

use crate::support::{Desk, names_in};

#[test]
fn reports_are_made_at_the_end_and_again_and_compare() {
    let desk = Desk::new();
    desk.cae("train --rows 200 --epochs 1 --hidden 8 --out a --quiet").assert().success().stdout("");
    desk.cae("train --rows 200 --epochs 1 --hidden 6 --out b --quiet --no-report").assert().success();
    assert!(!names_in(&desk.path("b")).contains(&"report.html".to_owned()));
    let at_the_end = desk.text("a/report.html");
    assert!(at_the_end.contains("<h1>a</h1>") && at_the_end.contains("784 → 8"));

    // Made again from the disk, and with other threads, it is the same page.
    assert_eq!(desk.stdout("report a --threads 1 -o again.html"), "again.html\n");
    assert!(desk.text("again.html") == at_the_end);
    assert_eq!(desk.stdout("report b"), "b/report.html\n");
    desk.cae("report a b --quiet").assert().success().stdout("");
    let comparison = desk.text("report.html");
    assert!(comparison.contains("2 runs") && comparison.contains("model.hidden"));

    // Training on makes a new one.
    desk.cae("resume a --epochs 2 --quiet").assert().success();
    let longer = desk.text("a/report.html");
    assert!(longer.contains("2 epochs") && longer != at_the_end);
    let end = desk.stdout("train --rows 100 --epochs 1 --hidden 4 --out c --json");
    let end: serde_json::Value = serde_json::from_str(end.lines().last().unwrap()).unwrap();
    assert_eq!(end["report"], "c/report.html");
}

#[test]
fn what_cannot_be_reported_is_refused() {
    let desk = Desk::new();
    desk.cae("train --rows 100 --epochs 1 --hidden 4 --out run --quiet --no-report").assert().success();
    for (command, code, text) in [
        ("report", 2, "RUN"),
        ("report nowhere", 2, "nowhere"),
        ("report run -o run.txt", 2, ".html"),
        ("report run -o absent/run.html", 1, "absent"),
        ("report run --data absent.csv", 1, "absent.csv"),
    ] {
        let output = desk.cae(command).assert().code(code).get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(text), "{command}: {said}");
    }
    assert!(!names_in(&desk.path("run")).contains(&"report.html".to_owned()));
}

#[test]
fn a_run_that_diverged_is_reported_up_to_there() {
    let desk = Desk::new();
    desk.table("table.csv", 60, 6);
    // One step an epoch, each with a gradient larger than the last, until a number is no longer finite.
    let flags = "--data table.csv --hidden 4 --activation relu --code-activation relu --scale none --batch-size 54";
    let train = format!("train {flags} --optimiser sgd --contraction 0 --epochs 200 --learning-rate 30 --out run");
    let said = desk.refused(&train, 4);
    assert!(said.contains("run/report.html"), "{said}");
    let divergence: serde_json::Value = serde_json::from_str(&desk.text("run/divergence.json")).unwrap();
    let epochs = desk.text("run/metrics.jsonl").lines().count();
    assert!(epochs >= 1 && divergence["epoch"] == epochs + 1 && !desk.path("run/model").exists(), "{divergence}");
    let page = desk.text("run/report.html");
    let at = format!("diverged in epoch {}, step {}", divergence["epoch"], divergence["step"]);
    assert!(page.contains(&at) && said.contains(&at), "{at}: {said}");
    // The same page again, from the disk; and a comparison.
    assert_eq!(desk.stdout("report run -o again.html"), "again.html\n");
    assert!(desk.text("again.html") == page);
    desk.cae("report run run --quiet").assert().success();
    assert!(desk.text("report.html").contains("then diverged"));
    desk.table("other.csv", 70, 6);
    assert!(desk.refused("report run --data other.csv", 2).contains("not those of the run"));

    // At the very first step there is nothing to show.
    let said = desk.refused(&format!("train {flags} --learning-rate 1e39 --optimiser sgd --out none"), 4);
    assert!(!said.contains("report.html") && !desk.path("none/report.html").exists(), "{said}");
    assert!(desk.refused("report none", 2).contains("before its first checkpoint"));
}

#[cfg(unix)]
#[test]
fn a_page_is_opened_in_the_browser() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.trained();
    let bin = desk.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let with_browser = |words: &str, script: Option<&str>| {
        let _ = std::fs::remove_file(bin.join(opener));
        if let Some(script) = script {
            desk.write(&format!("bin/{opener}"), script);
            std::fs::set_permissions(bin.join(opener), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let output = desk.cae(words).env("PATH", &bin).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let script = format!("#!/bin/sh\necho \"$1\" > {}\n", desk.path("opened").display());
    assert_eq!(with_browser("report run --open --quiet", Some(&script)), (Some(0), String::new()));
    let opened = desk.text("opened");
    assert_eq!(opened.trim_end(), desk.path("run/report.html").canonicalize().unwrap().to_string_lossy());

    let (code, said) = with_browser("report run --open --quiet", Some("#!/bin/sh\nexit 3\n"));
    assert!(code == Some(1) && said.contains("found no browser") && said.contains("run/report.html"), "{said}");
    let (code, said) = with_browser("report run --open --quiet", None);
    assert!(code == Some(1) && said.contains(opener) && said.contains("on the PATH"), "{said}");
    // A model that is trained is trained, browser or not.
    let train = "train --data table.csv --hidden 4 --epochs 1 --quiet --open";
    let (code, said) = with_browser(&format!("{train} --out other"), None);
    assert!(code == Some(0) && said.starts_with("warning: cannot open a browser"), "{said}");
    assert_eq!(with_browser(&format!("{train} --no-report --out third"), None).0, Some(2));
}
