//! Places that cannot be written, and mounted volumes: refused before the work, and what is in them stays.
#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use crate::support::{Desk, names_in};

const DETECTOR: &str = "train --detector --data table.csv --ensemble 2 -q";
/// Hours of work: what has no place must be found before it.
const LONG: [&str; 3] = [
    "train --detector --data table.csv --steps 100000000 -q --out",
    "train --data table.csv --hidden 2 --epochs 100000000 -q --out",
    "train --data table.csv --hidden 2 --contraction 0,0.1 --epochs 100000000 -q --out",
];

fn with_detector() -> Desk {
    let desk = Desk::new();
    desk.table("table.csv", 300, 3);
    desk.cae(&format!("{DETECTOR} --steps 20 --out d")).assert().success();
    desk
}

/// What goes before a command for permissions to count: root is above them but for two rights, which `setpriv` takes away.
/// None where that cannot be done.
fn bound_by_permissions(desk: &Desk) -> Option<&'static [&'static str]> {
    let without_rights: &[&str] = &["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let is_bound = |prefix: &[&str]| {
        let words = [prefix, &["test", "-w", "locked"]].concat();
        let tested = Command::new(words[0]).args(&words[1..]).current_dir(desk.path("")).status();
        tested.is_ok_and(|status| status.code() == Some(1))
    };
    [&[], without_rights].into_iter().find(|prefix| is_bound(prefix))
}

/// Runs `cae` behind `prefix`, for a minute at most; its exit code and what it said.
fn told(desk: &Desk, prefix: &[&str], words: &str) -> (Option<i32>, String) {
    let words = [prefix, &[env!("CARGO_BIN_EXE_cae")], &words.split_whitespace().collect::<Vec<_>>()].concat();
    let mut command = assert_cmd::Command::new(words[0]);
    command.args(&words[1..]).current_dir(desk.path("")).timeout(Duration::from_secs(60));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_place_without_the_right_to_write_is_refused_before_the_work() {
    let desk = with_detector();
    desk.cae(&format!("{DETECTOR} --steps 20 --out locked/d")).assert().success();
    fs::set_permissions(desk.path("locked"), Permissions::from_mode(0o555)).unwrap();
    let Some(prefix) = bound_by_permissions(&desk) else {
        return println!(
            "skipped: permissions do not bind root here, and setpriv is not there or cannot take its rights"
        );
    };
    for train in LONG {
        let (code, said) = told(&desk, prefix, &format!("{train} locked/new"));
        assert_eq!(code, Some(1), "{train}: {said}");
        assert_eq!(said, "error: cannot write locked/new: Permission denied (os error 13)\n");
    }
    let unwritable = [
        ("detect d --data table.csv -o locked/s.csv", "error: cannot write locked/s.csv: Permission denied"),
        ("export d -o locked/d.onnx", "error: cannot write locked/d.onnx: Permission denied"),
        ("threshold d contamination:0.2 -q -o locked/d", "a new one cannot be written beside it: Permission denied"),
    ];
    for (words, expected) in unwritable {
        let (code, said) = told(&desk, prefix, words);
        assert!(code == Some(1) && said.contains(expected), "{words}: {code:?}, {said}");
    }
    // What is within can be changed where its own folder can be written.
    assert_eq!(told(&desk, prefix, "threshold locked/d contamination:0.2 -q"), (Some(0), String::new()));
    let before = desk.read("locked/d/config.json");
    fs::set_permissions(desk.path("locked/d"), Permissions::from_mode(0o555)).unwrap();
    let (code, said) = told(&desk, prefix, "threshold locked/d contamination:0.3 -q");
    assert!(code == Some(1) && said.contains("locked/d/config.json: Permission denied"), "{code:?}, {said}");
    assert_eq!(desk.read("locked/d/config.json"), before);
    assert_eq!(names_in(&desk.path("locked")), ["d"]);
    for folder in ["locked", "locked/d"] {
        fs::set_permissions(desk.path(folder), Permissions::from_mode(0o755)).unwrap();
    }
}

/// Runs a script of the shell in which `volume` is a mounted file system, which nobody else sees; None where a user may not.
fn with_volume(desk: &Desk, script: &str) -> Option<(Option<i32>, String)> {
    fs::create_dir_all(desk.path("volume")).unwrap();
    let mounted = "mount -t tmpfs none volume || exit 99";
    let mut command = assert_cmd::Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &format!("{mounted}\n{script}")]);
    command.current_dir(desk.path("")).env("CAE", env!("CARGO_BIN_EXE_cae")).timeout(Duration::from_secs(60));
    let output = command.output().ok()?;
    let said = String::from_utf8(output.stderr).unwrap();
    let is_allowed = output.status.code() != Some(99) && !said.starts_with("unshare:");
    is_allowed.then(|| (output.status.code(), String::from_utf8(output.stdout).unwrap() + &said))
}

#[test]
fn a_mounted_volume_is_filled_and_not_replaced() {
    let desk = with_detector();
    let filled =
        format!("$CAE {DETECTOR} --steps 20 --out volume && $CAE threshold volume contamination:0.3 -q && ls volume");
    let Some((code, said)) = with_volume(&desk, &filled) else {
        return println!(
            "skipped: this user may not mount a file system of their own (unshare --mount --map-root-user)"
        );
    };
    assert_eq!((code, said.split_whitespace().next()), (Some(0), Some("config.json")), "{said}");

    // A single step cannot take its place: what is there stays, and it is said before the work.
    let replaced = "$CAE threshold d contamination:0.2 -q -o volume; cp -r d/. volume; echo mine > volume/mine
        $CAE threshold d contamination:0.2 -q -o volume; ls volume; cmp d/config.json volume/config.json";
    let (code, said) = with_volume(&desk, replaced).unwrap();
    let refusal = "error: cannot write the model volume: it is not empty, and a mounted volume cannot be replaced by a new folder";
    assert_eq!((code, said.matches(refusal).count()), (Some(0), 1), "{said}");
    assert!(said.contains("member-0\nmember-1\nmine\n"), "{said}");
    for train in LONG {
        let taken = format!("echo mine > volume/mine; $CAE {train} volume; code=$?; cat volume/mine; exit $code");
        let (code, said) = with_volume(&desk, &taken).unwrap();
        assert!(
            code == Some(2) && said.starts_with("mine\nerror: ") && said.contains("volume exists and is not empty"),
            "{code:?}, {said}"
        );
    }
    // One that is mounted for reading alone.
    for train in LONG {
        let locked = format!("mount -o remount,ro volume; $CAE {train} volume/new");
        let (code, said) = with_volume(&desk, &locked).unwrap();
        assert_eq!(
            (code, said.as_str()),
            (Some(1), "error: cannot write volume/new: Read-only file system (os error 30)\n")
        );
    }
    assert!(names_in(&desk.path("volume")).is_empty());
}
