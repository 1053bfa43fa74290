//! Names and values are anybody's: none gives a terminal orders, passes for a message, or fills the screen.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::Desk;

/// Clears the screen, in both ways, goes back on the line, writes from right to left, and begins a line of its own.
const HOSTILE: &str = "x\u{1b}[2J\u{9b}2J\r\u{202e}\nerror: all is well";

/// What a command says, on both streams, must be of characters that a terminal shows.
fn said(desk: &Desk, words: &[&OsStr]) -> String {
    let output = desk.cae("").args(words).output().unwrap();
    assert_ne!(output.status.code(), None, "{words:?}");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let is_order = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}".contains(c);
    assert!(!text.contains("panicked") && !text.contains(is_order), "{words:?}: {text:?}");
    assert!(!text.contains("\nerror: all is well"), "{words:?}: {text}");
    text
}

fn parted(words: &str) -> Vec<&OsStr> {
    words.split_whitespace().map(OsStr::new).collect()
}

#[test]
fn columns_and_values_are_shown_and_not_obeyed() {
    let desk = Desk::new();
    let quoted = format!("\"{HOSTILE}\"");
    let rows: String = (0..60).map(|i| format!("{}.5,{},{}\n", i % 7, i * i % 11, ["a", &quoted][i % 2])).collect();
    desk.write("t.csv", format!("{quoted},b,kind\n{rows}"));
    desk.write("other.csv", "b,kind\n1,a\n2,a\n");
    desk.write("word.csv", format!("{quoted},b,kind\n1,{quoted},a\n"));
    for words in [
        "data info t.csv",
        "data info t.csv --json",
        "train --data t.csv --hidden 2 --epochs 2 --out run",
        "train --data t.csv --hidden 2 --epochs 2 --out other --json",
        "train --detector --data t.csv --ensemble 2 --steps 20 --out d",
        "inspect run",
        "inspect run --data t.csv",
        "inspect d",
        "inspect d --json",
        "evaluate run --data t.csv",
        "drift d --data t.csv",
        "drift d --data t.csv --json",
        "encode run --data other.csv -o codes.csv",
        "encode run --data word.csv -o codes.csv",
        "detect d --data other.csv -o scores.csv",
        "detect d --data t.csv --key absent -o scores.csv",
        "detect d --data t.csv -o scores.csv --report page.html",
        "detect d --data t.csv -o scores.npy",
        "export d -o d.onnx",
        "report run -o run.html",
    ] {
        let told = said(&desk, &parted(words));
        if words == "data info t.csv" {
            assert!(told.contains("\\u{1b}[2J"), "{told}");
        }
    }
    assert!(desk.path("run/model/model.safetensors").exists() && desk.path("d/config.json").exists());
    // Rows go out as they came in.
    desk.cae("encode run --data t.csv -o codes.csv -q").assert().success();
    let output = desk.stdout("detect d --data t.csv --key kind");
    assert!(output.contains(HOSTILE), "{output:?}");
}

#[test]
fn files_and_words_are_shown_and_not_obeyed() {
    let desk = Desk::new();
    desk.trained();
    let name = format!("{}.csv", HOSTILE.replace('/', ""));
    for (to, text) in [(name.clone(), desk.text("table.csv")), (format!("bad-{name}"), "a,b\n1,2\n1\n".to_owned())] {
        fs::write(desk.path(&to), text).unwrap();
    }
    for words in [
        vec!["encode", "run", "-o", "codes.csv", "--data", &name],
        vec!["encode", "run", "-o", "codes.csv", "--data", &format!("bad-{name}")],
        vec!["encode", "run", "-o", &name],
        vec!["data", "info", &name],
        vec!["evaluate", &name],
        vec!["evaluate", "run", &name],
        vec!["train", &name],
        vec![&name],
        vec!["train", "--data", &name, "--epochs", "1", "--hidden", "2", "--out", &format!("out-{name}")],
    ] {
        said(&desk, &words.iter().map(OsStr::new).collect::<Vec<_>>());
    }
    let unreadable = [b"not-\xff-utf8".as_slice(), HOSTILE.as_bytes()].concat();
    let unreadable = OsStr::from_bytes(&unreadable);
    for words in [
        vec![OsStr::new("evaluate"), unreadable],
        vec![OsStr::new("data"), OsStr::new("info"), unreadable],
        vec![OsStr::new("detect"), unreadable, OsStr::new("--data"), unreadable],
    ] {
        said(&desk, &words);
    }
}

#[test]
fn a_long_value_makes_no_long_message() {
    let desk = Desk::new();
    let long = "ab".repeat(1 << 17);
    desk.table("t.csv", 30, 3);
    desk.trained();
    let rows: String = (0..1500).map(|i| format!("{i},{}\n", i % 7)).collect();
    desk.write("cell.csv", format!("a,b\n{rows}1,{long}\n"));
    desk.write("name.csv", format!("{long},b\n{rows}"));
    desk.write("long.toml", format!("{long} = 1\n"));
    desk.write("value.toml", format!("objective.penalty = \"{long}\"\n"));
    for words in [
        "train --data cell.csv --epochs 1 --out x",
        "data info cell.csv",
        "data info name.csv",
        "encode run --data name.csv -o x.csv",
        "train --data t.csv --config long.toml --out x",
        "train --data t.csv --config value.toml --out x",
        "train --detector --data name.csv --key absent --out x",
    ] {
        let told = said(&desk, &parted(words));
        assert!(told.len() < 40_000, "{words}: {} bytes", told.len());
    }
}
