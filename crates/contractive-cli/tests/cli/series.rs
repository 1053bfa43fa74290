//! Time series: `cae train --detector --time`, `cae detect` of a whole and of a growing file, `cae evaluate`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::support::Desk;

/// `rows` rows of a wave, one every five minutes from 2014-02-14 14:30, a spike in row 150 (from 1), labelled in `odd`.
fn series(rows: usize) -> String {
    let mut text = String::from("timestamp,load,odd\n");
    for i in 0..rows {
        let minutes = 14 * 60 + 30 + 5 * i;
        let (day, hour, minute) = (14 + minutes / 1440, minutes / 60 % 24, minutes % 60);
        let t = 0.31 * i as f64;
        let away = if i == 149 { 5.0 } else { 0.0 };
        let value = t.sin() + 0.05 * (13.7 * t).sin() + away;
        text += &format!("2014-02-{day} {hour:02}:{minute:02}:00,{value:.5},{}\n", u8::from(i == 149));
    }
    text
}

/// A desk with a trained detector `d`.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("train.csv", series(140));
    desk.write("new.csv", series(200));
    let words =
        "train --detector --data train.csv --time timestamp --label-column odd --window 12 --ensemble 2 --steps 80";
    desk.cae(&format!("{words} --out d --quiet")).assert().success().stdout("");
    desk
}

#[test]
fn every_timestamp_is_scored_and_the_spike_is_found() {
    let desk = desk();
    let text = desk.stdout("detect d --data new.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "timestamp,load,score,probability,label");
    assert_eq!(lines.len(), 201, "no end is lost");
    assert!(lines[1].starts_with("2014-02-14 14:30:00,") && lines[150].ends_with(",true"), "{}", lines[150]);
    let score = |line: &str| line.split(',').nth(2).unwrap().parse::<f64>().unwrap();
    assert!(lines[1..].iter().all(|line| score(line) <= score(lines[150])));
    desk.cae("detect d --data new.csv -o scores.csv -q --threads 1").assert().success().stdout("").stderr("");
    assert_eq!(desk.text("scores.csv"), text);
    let objects = desk.stdout("detect d --data new.csv --json");
    let first: serde_json::Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!((&first["row"], &first["timestamp"]), (&1.into(), &"2014-02-14 14:30:00".into()));
    let output = desk.cae("detect d --data new.csv -o again.csv").assert().success().get_output().clone();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(" at 2014-02-15 02:55:00\n"), "the range, with its highest score at the spike: {told}");
    let numbers = desk.json("evaluate d --data new.csv --labels odd --json");
    assert_eq!((&numbers["rows"], &numbers["anomaly_ranges"]), (&200.into(), &1.into()));
    assert_eq!(numbers["auroc"]["value"], 1.0);
    assert!(numbers["vus_pr"].as_f64().unwrap() > 0.0 && numbers["range_recall"] == 1.0, "{numbers}");
    let words = desk.stdout("evaluate d --data new.csv --labels odd");
    assert!(words.contains("vus_pr") && words.contains("buffers 0 to 12"), "{words}");
}

#[test]
fn a_row_takes_the_whole_score_of_its_windows_or_its_own_part() {
    let desk = desk();
    let words = "train --detector --data train.csv --time timestamp --window 12 --ensemble 2 --steps 80 --out p -q";
    desk.cae(&format!("{words} --label-column odd --credit part")).assert().success();
    assert!(desk.text("d/config.json").contains("\"credit\":\"both\""), "the default");
    assert!(desk.text("p/config.json").contains("\"credit\":\"part\""));
    desk.cae(&format!("{} --label-column odd --credit window", words.replace("--out p", "--out w"))).assert().success();
    // How far the spike's row stands out of those beside it.
    let above = |detector: &str| {
        let text = desk.stdout(&format!("detect {detector} --data new.csv"));
        let score = |n: usize| text.lines().nth(n).unwrap().split(',').nth(2).unwrap().parse::<f64>().unwrap();
        score(150) / score(147).max(score(153))
    };
    let (part, both, window) = (above("p"), above("d"), above("w"));
    assert!(part > 2.0 * both && both > window, "{part} {both} {window}");
}

#[test]
fn windows_take_whole_periods_unless_told_otherwise() {
    let desk = Desk::new();
    let rows: String =
        (0..1000).map(|i| format!("{}\n", (std::f64::consts::TAU * f64::from(i) / 24.0).sin())).collect();
    desk.write("wave.csv", format!("load\n{rows}"));
    let train = "train --detector --data wave.csv --time none --ensemble 1 --steps 20";
    let said = |words: &str| String::from_utf8(desk.cae(words).assert().success().get_output().stderr.clone()).unwrap();
    let text = said(&format!("{train} --out a"));
    assert!(text.contains("windows of 96 rows: 4 periods of 24 rows (autocorrelation 1.00)"), "{text}");
    let text = said(&format!("{train} --window auto --train-until 300 --out b"));
    assert!(text.contains("300 timestamps of load; 277 windows of 24 rows"), "{text}");
    assert!(text.contains("trained on 300 of 1,000 timestamps, up to 300"), "{text}");
    let text = said(&format!("{train} --window 40 --out c"));
    assert!(text.contains("961 windows of 40 rows") && !text.contains("period"), "{text}");
    let error = desk.refused(&format!("{train} --window soon --out e"), 2);
    assert!(error.contains("a number of rows, or `auto`"), "{error}");
    let error = desk.refused(&format!("{train} --train-until 2024-01-01 --out e"), 2);
    assert!(error.contains("must be a number of rows, got 2024-01-01"), "{error}");
}

#[test]
fn the_report_shows_the_series() {
    let desk = desk();
    desk.cae("detect d --data new.csv --labels odd --report r.html -q").assert().success().stdout("");
    let page = desk.text("r.html");
    assert!(page.contains("four fifths of the window’s whole score and a fifth of its own part"), "the default credit");
    assert!(page.contains("<title>new.csv</title>") && page.contains("<h1>new.csv</h1>"), "the name of the file");
    assert!(page.contains("id=\"range-1\"") && page.contains("at 2014-02-15 02:55:00</figcaption>"), "seen closely");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("anomaly score"));
    assert_eq!(page.matches("<td>yes</td>").count(), 1, "one range holds the labelled spike");
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org").count());
    desk.cae("detect d --data new.csv --labels odd --report s.html -q").assert().success();
    assert_eq!(page, desk.text("s.html"), "the same numbers give the same bytes");
}

#[test]
fn the_report_shows_gaps_and_the_columns_at_fault() {
    let desk = Desk::new();
    let rows = |rows: std::ops::Range<usize>, spike: usize| -> String {
        let row = |i: usize| {
            let (t, away) = (0.31 * i as f64, if i == spike { 6.0 } else { 0.0 });
            format!("2014-02-{:02} {:02}:00:00,{:.4},{:.4}\n", 1 + i / 24, i % 24, t.sin(), t.cos() + away)
        };
        rows.map(row).collect()
    };
    desk.write("train.csv", format!("timestamp,load,flow\n{}", rows(0..200, 999)));
    desk.write("new.csv", format!("timestamp,load,flow\n{}{}", rows(0..60, 999), rows(90..260, 150)));
    let words = "train --detector --data train.csv --time timestamp --window 12 --ensemble 2 --steps 80 --out d -q";
    desk.cae(words).assert().success();
    desk.cae("detect d --data new.csv --report r.html -q").assert().success().stdout("");
    let page = desk.text("r.html");
    assert!(page.contains("no rows between 2014-02-03 11:00:00 and 2014-02-04 18:00:00: 30 steps missing"));
    assert!(page.contains("<td>2014-02-04 18:00:00</td><td>30</td>"), "the gap is listed");
    assert!(page.contains("<title id=\"zoom-1-t\">") && page.contains("at 2014-02-07 06:00:00; flow "));
    let zoom = page.split("id=\"range-1\"").nth(1).unwrap().split("</figure>").next().unwrap();
    assert!(zoom.contains("\nflow\n") && !zoom.contains("\nload\n"), "the column at fault alone");
}

#[test]
fn gaps_are_reported_and_wrong_words_refused() {
    let desk = desk();
    let whole = series(200);
    let lines: Vec<&str> = whole.lines().collect();
    let with_gap: Vec<&str> = [&lines[..50], &lines[60..]].concat();
    desk.write("gap.csv", with_gap.join("\n") + "\n");
    let output = desk.cae("detect d --data gap.csv -o s.csv").assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 gap (10 steps missing) at row 50"), "{said}");
    let back: Vec<&str> = [&lines[..1], &lines[100..], &lines[1..100]].concat();
    desk.write("back.csv", back.join("\n") + "\n");
    let error = desk.refused("detect d --data back.csv", 3);
    assert!(error.contains("line 103") && error.contains("sort its rows by time"), "{error}");
    desk.write("hole.csv", "timestamp,load\n2014-02-14 00:00:00,1\n2014-02-14 00:05:00,\n");
    assert!(desk.refused("detect d --data hole.csv", 3).contains("line 3, column `load`"));
    desk.write("short.csv", lines[..6].join("\n") + "\n");
    assert!(desk.refused("detect d --data short.csv", 3).contains("12 rows long"));
    desk.refused("detect d --data new.csv --follow -o x.csv", 2);
    desk.refused("detect nowhere --data new.csv", 2);
    desk.refused("train --detector --data train.csv --time timestamp --stride 40", 2);
    desk.refused("train --detector --data train.csv --time timestamp --credit half", 2);
    desk.refused("train --detector --data train.csv --time when", 2);
    desk.refused("train --data train.csv --time timestamp", 2);
    desk.refused("evaluate d --data new.csv", 2);
    let error = desk.refused("evaluate d --data new.csv --labels load", 2);
    assert!(error.contains("none of the value columns, got `load`"), "{error}");
}

#[test]
fn a_growing_file_is_followed_to_the_scores_of_the_whole() {
    let desk = desk();
    let whole = series(200);
    let (head, tail) = whole.split_at(whole.len() / 3);
    desk.write("growing.csv", head);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args("detect d --data growing.csv --follow --poll 0.05 --idle 60".split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut got = vec![lines.next().unwrap()];
    assert_eq!(got[0], "timestamp,score,probability,label");
    // The file is known to be followed once its first scores are there.
    got.push(lines.next().unwrap());
    let mut file = std::fs::File::options().append(true).open(desk.path("growing.csv")).unwrap();
    for piece in tail.as_bytes().chunks(701) {
        file.write_all(piece).unwrap();
    }
    // Rows whose windows are all whole: all but the last 11.
    got.extend(lines.by_ref().take(200 - 11 - 1));
    #[cfg(unix)]
    {
        let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(signal.success());
    }
    #[cfg(not(unix))]
    return child.kill().unwrap();
    got.extend(lines);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    let without_values = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..]].concat().join(",")
    };
    let batch: Vec<String> = desk.stdout("detect d --data new.csv").lines().map(without_values).collect();
    assert_eq!(got, batch);
}

#[test]
fn a_table_written_anew_while_it_is_followed_ends_with_a_message() {
    let desk = desk();
    desk.write("growing.csv", series(100));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command
        .current_dir(desk.path(""))
        .args("detect d --data growing.csv --follow --json --early --poll 0.05".split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["is_final"], true);
    desk.write("growing.csv", series(3));
    // The output is read to its end first, so that the command is never held up.
    assert!(lines.all(|line| line.is_ok()));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{said}");
    assert!(said.contains("would be scored twice") && said.contains("--follow"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_rotated_is_followed_to_the_scores_of_the_whole() {
    let desk = desk();
    let whole = series(200);
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let of = |rows: std::ops::Range<usize>| lines[rows.start + 1..rows.end + 1].concat();
    desk.write("growing.csv", lines[0].to_owned() + &of(0..60));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cae"));
    command.current_dir(desk.path("")).args("detect d --data growing.csv --follow --poll 0.02 --idle 60".split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let append = |text: String| {
        let mut file = std::fs::File::options().append(true).open(desk.path("growing.csv")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    // Rows whose windows are all whole have scores: all but the last 11.
    let mut got: Vec<String> = out.by_ref().take(1 + 60 - 11).collect();
    append(of(60..80));
    std::fs::rename(desk.path("growing.csv"), desk.path("growing.csv.1")).unwrap();
    desk.write("growing.csv", lines[0].to_owned() + &of(80..120));
    got.extend(out.by_ref().take(60));
    std::fs::File::options().write(true).open(desk.path("growing.csv")).unwrap().set_len(0).unwrap();
    append(of(120..160));
    got.extend(out.by_ref().take(40));
    std::fs::remove_file(desk.path("growing.csv")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    desk.write("growing.csv", of(160..200));
    got.extend(out.by_ref().take(40));
    let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signal.success());
    got.extend(out);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    for told in ["another file has that name", "it was cut short", "no file has that name any more"] {
        assert!(said.contains(told), "{said}");
    }
    let without_values = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..]].concat().join(",")
    };
    let batch: Vec<String> = desk.stdout("detect d --data new.csv").lines().map(without_values).collect();
    assert_eq!(got, batch);
}

#[test]
fn anomalies_in_a_followed_file_are_told_by_the_exit_code() {
    let desk = desk();
    let words = "detect d --data new.csv --follow --idle 0.2 --poll 0.05 --fail-on-anomaly -q";
    desk.cae(words).assert().code(5);
    desk.cae("threshold d value:1e9 -q").assert().success();
    desk.cae(words).assert().success();
}

#[test]
fn the_threshold_of_a_series_is_shown_and_changed() {
    let desk = desk();
    let shown = desk.json("threshold d --json");
    assert_eq!((&shown["training_rows"], &shown["old"]["rule"]), (&140.into(), &"contamination:0.01".into()));
    assert!((1..=2).contains(&shown["old"]["rows_above"].as_u64().unwrap()), "{shown}");
    let before = desk.stdout("detect d --data new.csv -q");
    let told = |text: &str| text.lines().filter(|line| line.ends_with(",true")).count();
    let inspected = desk.stdout("inspect d");
    assert!(
        inspected.contains("timestamps of a time series") && inspected.contains("time in `timestamp`"),
        "{inspected}"
    );
    let once = desk.stdout("detect d --data new.csv -q --threshold quantile:0.5");
    assert!(told(&once) > told(&before) + 40, "a rule for once");
    assert!(desk.refused("detect d --data new.csv -q --score error", 2).contains("--score"));
    let dry = desk.json("threshold d quantile:0.5 --dry-run --json");
    assert!(dry["new"]["rows_above"] == 70 && desk.stdout("detect d --data new.csv -q") == before, "{dry}");
    assert!(desk.stdout("threshold d quantile:0.5").contains("70 of 140"));
    assert!(told(&desk.stdout("detect d --data new.csv -q")) > told(&before) + 40);
}

#[test]
fn faults_of_a_series_are_named_by_line_and_nothing_is_written_over() {
    let desk = desk();
    let whole = series(200);
    desk.write("word.csv", whole.replacen("2014-02-14 14:40:00,", "2014-02-14 14:40:00,x", 1));
    let error = desk.refused("train --detector --data word.csv --time timestamp --label-column odd", 3);
    assert!(error.contains("line 4, column `load`: `x"), "{error}");
    let error = desk.refused("detect d --data new.csv -o new.csv", 2);
    assert!(error.contains("is the table that is read") && desk.text("new.csv") == whole, "{error}");
    let error = desk.refused("detect d --data new.csv --reorder", 2);
    assert!(error.contains("--reorder"), "{error}");
    desk.write("other.csv", "timestamp,y\n2014-02-14 14:40:00,1\n");
    assert!(desk.refused("detect d --data other.csv", 2).contains("lacks load;"));
}
