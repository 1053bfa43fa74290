//! Detectors on data as people have them: large offsets, slips, labels of every kind, several series in one file.

use std::io::Write;

use crate::support::{Desk, idx, npy_of};

const QUICK: &str = "--threads 1 -q --ensemble 1 --steps 60";

/// What of a table's text is wanted: the line, from 1 below the header, with the largest number in column `j`.
fn highest(text: &str, j: usize) -> usize {
    let score = |line: &str| line.split(',').nth(j).and_then(|cell| cell.parse::<f64>().ok()).unwrap_or(f64::NAN);
    let lines: Vec<f64> = text.lines().skip(1).map(score).collect();
    assert!(lines.iter().any(|score| *score != lines[0]), "all are scored the same");
    1 + (0..lines.len()).max_by(|a, b| lines[*a].total_cmp(&lines[*b])).unwrap()
}

/// A wave of `rows` rows on a large offset, with a spike in row `spike`, from 1.
fn meter(rows: usize, spike: usize) -> String {
    let value = |i: usize| 1.7e9 + 5.0 * (i as f64 / 15.0).sin() + if i + 1 == spike { 30.0 } else { 0.0 };
    (0..rows).fold("time,kwh\n".to_owned(), |text, i| text + &format!("{},{}\n", 60 * i, value(i)))
}

/// An NPY array of f64.
fn npy64(rows: usize, columns: Option<usize>, values: &[f64]) -> Vec<u8> {
    let shape = columns.map_or(format!("({rows},)"), |columns| format!("({rows}, {columns})"));
    npy_of("<f8", &shape, values.iter().flat_map(|v| v.to_le_bytes()))
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// 120 rows of 3 columns on a curve; every tenth is moved away by `away`.
fn rows(offset: f64, away: f64) -> Vec<f64> {
    let value = |i: usize, j: usize| {
        let t = 0.37 * i as f64;
        (t + j as f64).sin() + 0.05 * (13.7 * t).sin() + if i % 10 == 3 && j == i % 3 { away } else { 0.0 }
    };
    (0..360).map(|at| offset + value(at / 3, at % 3)).collect()
}

/// One label for each of those rows.
fn labels(ordinary: f64, odd: f64) -> Vec<u8> {
    let labels: Vec<f64> = (0..120).map(|i| if i % 10 == 3 { odd } else { ordinary }).collect();
    npy64(120, None, &labels)
}

/// Those rows as a text table, with a column `y` of labels.
fn labelled(ordinary: &str, odd: &str) -> String {
    let values = rows(0.0, 5.0);
    (0..120).fold("a,b,c,y\n".to_owned(), |text, i| {
        let cells: Vec<String> = values[3 * i..][..3].iter().map(f64::to_string).collect();
        text + &format!("{},{}\n", cells.join(","), if i % 10 == 3 { odd } else { ordinary })
    })
}

#[test]
fn a_spike_on_a_large_offset_scores_first_in_a_series() {
    let desk = Desk::new();
    desk.write("kwh.csv", meter(400, 251));
    for normalise in ["none", "mean", "standard"] {
        let words = format!("--detector --data kwh.csv --time time --window 12 --credit part --normalise {normalise}");
        desk.cae(&format!("train {words} --out {normalise} {QUICK}")).assert().success();
        let text = desk.stdout(&format!("detect {normalise} --data kwh.csv --threads 1 -q"));
        assert_eq!(highest(&text, 2), 251, "{normalise}");
    }
    // A file that is followed has the same scores.
    let followed = desk.stdout("detect none --data kwh.csv --follow --idle 0.1 --poll 0.05 --threads 1 -q");
    let whole = desk.stdout("detect none --data kwh.csv --threads 1 -q");
    let score = |text: &str, j: usize| -> Vec<String> {
        text.lines().skip(1).map(|line| line.split(',').nth(j).unwrap().to_owned()).collect()
    };
    assert_eq!(score(&followed, 1), score(&whole, 2));
}

#[test]
fn large_offsets_lose_no_digits_in_tables_and_arrays() {
    let desk = Desk::new();
    // Milliseconds since 1970, every second, one of them off.
    let moment = |i: usize| 1_700_000_000_000 + 1000 * (i * 7919 % 400) + if i == 250 { 4_000_000 } else { 0 };
    let text = (0..400).fold("ms,load\n".to_owned(), |text, i| text + &format!("{},{}\n", moment(i), i % 9));
    desk.write("ms.csv", text);
    for scale in ["robust", "standard", "minmax"] {
        let words = format!("--detector --data ms.csv --scale {scale} --out {scale}");
        desk.cae(&format!("train {words} {QUICK}")).assert().success();
        let scores = desk.stdout(&format!("detect {scale} --data ms.csv -o - --explain 0 --threads 1 -q"));
        assert_eq!(highest(&scores, 1), 251, "{scale}");
    }
    let words = "train --detector --data ms.csv --scale none --out none --threads 1 --ensemble 1 --steps 20";
    let output = desk.cae(words).assert().success().get_output().clone();
    assert!(String::from_utf8(output.stderr).unwrap().contains("note: `ms`: 32 bits do not hold its digits"));
    // An array of 64 bits.
    desk.write("far.npz", npz(&[("X", npy64(120, Some(3), &rows(1e9, 5.0))), ("y", labels(0.0, 1.0))]));
    desk.cae(&format!("train --detector --data far.npz --out far {QUICK}")).assert().success();
    let numbers = desk.json("evaluate far --data far.npz --threads 1 --json");
    assert!(numbers["auroc"]["value"].as_f64().unwrap() > 0.8, "{numbers}");
}

#[test]
fn a_word_in_a_column_of_a_series_is_named_with_its_line() {
    let desk = Desk::new();
    let text = |word: &str, at: usize| {
        (0..1200).fold("time,temp,load,state\n".to_owned(), |text, i| {
            let cell = if i == at { word.to_owned() } else { (i as f64 / 15.0).sin().to_string() };
            text + &format!("{},{cell},{},on\n", 60 * i, i % 7)
        })
    };
    let words = format!("train --detector --data t.csv --time time --window 8 {QUICK}");
    for (word, at) in [("err", 500), ("n.d.", 0), ("offline", 1150)] {
        desk.write("t.csv", text(word, at));
        let error = desk.refused(&format!("{words} --out d"), 3);
        let (place, cell) = (format!("line {}, column `temp`", at + 2), format!("`{word}`"));
        assert!(error.contains(&place) && error.contains(&cell) && !desk.path("d").exists(), "{error}");
    }
    // Holes go by the rule for them.
    for (word, name) in [("", "empty"), ("NA", "na")] {
        desk.write("t.csv", text(word, 500));
        let error = desk.refused(&format!("{words} --out d"), 3);
        assert!(error.contains("line 502, column `temp`") && error.contains("--missing previous"), "{error}");
        desk.cae(&format!("{words} --missing previous --out {name}")).assert().success();
    }
    let config = desk.text("na/config.json");
    assert!(config.contains(r#""values":["temp","load"]"#), "a column of words alone is left out: {config}");
}

#[test]
fn labels_of_arrays_are_found_whatever_the_detector() {
    let desk = Desk::new();
    let x = || npy64(120, Some(3), &rows(0.0, 5.0));
    desk.write("a.npz", npz(&[("X", x()), ("y", labels(0.0, 1.0))]));
    desk.write("minus.npz", npz(&[("X", x()), ("y", labels(1.0, -1.0))]));
    desk.write("parts.npz", npz(&[("x_train", x()), ("x_test", x()), ("y_test", labels(0.0, 1.0))]));
    desk.write("bare.npy", x());
    desk.write("marks.npy", labels(0.0, 1.0));
    for (name, flags) in [("scaled", "--scale robust"), ("masked", "--missing mask"), ("plain", "")] {
        desk.cae(&format!("train --detector --data a.npz {flags} --out {name} {QUICK}")).assert().success();
        for words in [
            "--data a.npz --labels y --anomaly 1",
            "--data a.npz --labels y",
            "--data a.npz",
            "--data minus.npz --anomaly -1",
            "--data parts.npz --array x_test",
            "--data parts.npz --array x_test --labels y_test --anomaly 1.0",
            "--data bare.npy --labels marks.npy",
        ] {
            let numbers = desk.json(&format!("evaluate {name} {words} --threads 1 --json"));
            assert_eq!((&numbers["rows"], &numbers["anomalies"]), (&120.into(), &12.into()), "{name} {words}");
        }
        let error = desk.refused(&format!("evaluate {name} --data minus.npz"), 2);
        assert!(error.contains("got `-1`; the labels are -1, 1; name") && error.contains("--anomaly"), "{error}");
        assert!(desk.refused(&format!("evaluate {name} --data bare.npy"), 2).contains("has no labels"));
        assert!(desk.refused(&format!("evaluate {name} --data a.npz --anomaly 7"), 2).contains("the labels are 0, 1"));
        let few = desk.json(&format!("evaluate {name} --data a.npz --rows 20 --threads 1 --json"));
        assert_eq!((&few["rows"], &few["anomalies"]), (&20.into(), &2.into()));
        assert!(desk.refused(&format!("evaluate {name} --data a.npz --labels z"), 2).contains("no array `z`"));
    }
}

#[test]
fn labels_beside_idx_images_are_found() {
    let desk = Desk::new();
    desk.write("t-images-idx3-ubyte", idx(0x0803, 40));
    let mut labels: Vec<u8> = [0x0801_u32, 40].into_iter().flat_map(u32::to_be_bytes).collect();
    labels.extend((0..40_u8).map(|i| i % 10));
    desk.write("t-labels-idx1-ubyte", labels);
    desk.cae(&format!("train --detector --data t-images-idx3-ubyte --out d {QUICK}")).assert().success();
    for labels in ["", "--labels t-labels-idx1-ubyte"] {
        let words = format!("evaluate d --data t-images-idx3-ubyte {labels} --anomaly 3 --threads 1 --json");
        assert_eq!(desk.json(&words)["anomalies"], 4, "{labels}");
    }
}

#[test]
fn labels_of_text_are_read_in_the_usual_spellings() {
    let desk = Desk::new();
    desk.write("train.csv", labelled("0", "1"));
    desk.cae(&format!("train --detector --data train.csv --label-column y --out d {QUICK}")).assert().success();
    for (ordinary, odd, anomaly) in [
        ("False", "True", ""),
        ("0.0", "1.0", ""),
        ("no", "yes", ""),
        ("FALSE", "TRUE", "--anomaly true"),
        ("1", "-1", "--anomaly -1"),
        ("fine", "-broken-", "--anomaly -broken-"),
    ] {
        desk.write("new.csv", labelled(ordinary, odd));
        let numbers = desk.json(&format!("evaluate d --data new.csv --labels y {anomaly} --threads 1 --json"));
        assert_eq!(numbers["anomalies"], 12, "{odd}");
    }
    let series = labelled("1", "-1").lines().enumerate().fold(String::new(), |text, (i, line)| match i {
        0 => format!("t,{line}\n"),
        i => text + &format!("{},{line}\n", 60 * i),
    });
    desk.write("s.csv", series);
    let words = "--detector --data s.csv --time t --label-column y --window 4 --out s";
    desk.cae(&format!("train {words} {QUICK}")).assert().success();
    let numbers = desk.json("evaluate s --data s.csv --labels y --anomaly -1 --threads 1 --json");
    assert_eq!(numbers["anomalies"], 12);
}

/// The row of a machine at step `i`; machine 1 has a spike at step 80.
fn machine_row(machine: usize, i: usize) -> String {
    let spike = if (machine, i) == (1, 80) { 8.0 } else { 0.0 };
    let value = 10.0 * machine as f64 + (i as f64 / 7.0 + machine as f64).sin() + 0.05 * (3.1 * i as f64).sin() + spike;
    format!("2024-01-01 {:02}:{:02}:00,m{machine},{value:.5}\n", i / 12, i % 12 * 5)
}

/// Several machines, one after the other or row by row in turn.
fn machines(is_stacked: bool, n: usize) -> String {
    let place = |at: usize| if is_stacked { (at / n, at % n) } else { (at % 3, at / 3) };
    (0..3 * n).map(place).fold("time,machine,temp\n".to_owned(), |text, (m, i)| text + &machine_row(m, i))
}

#[test]
fn several_series_in_one_file_are_refused_until_their_key_is_named() {
    let desk = Desk::new();
    let words = format!("train --detector --data s.csv --time time --window 6 {QUICK}");
    // Whole days, and series shorter than a clock may be set back.
    for (n, is_stacked, line) in [(120, true, 122), (120, false, 3), (20, true, 22), (20, false, 3)] {
        desk.write("s.csv", machines(is_stacked, n));
        let error = desk.refused(&format!("{words} --out no"), 3);
        assert!(error.contains(&format!("line {line}:")) && error.contains("--series-key machine"), "{error}");
    }
    // Without a column that tells them apart, and by numbers since 1970.
    let bare =
        |text: &str| text.lines().map(|line| line.replace(",machine", "").replace(",m0", "")).collect::<Vec<_>>();
    let text =
        bare(&machines(true, 40)).iter().map(|l| l.replace(",m1", "").replace(",m2", "") + "\n").collect::<String>();
    desk.write("s.csv", text);
    assert!(desk.refused(&format!("{words} --out no"), 3).contains("--series-key COLUMN"));
    let epoch = (0..120).fold("time,temp\n".to_owned(), |text, i| text + &format!("{},{}\n", 60 * (i % 40), i % 7));
    desk.write("s.csv", epoch);
    assert!(desk.refused(&format!("{words} --out no"), 3).contains("line 42:"));
}

#[test]
fn each_series_of_a_file_is_scored_by_itself() {
    let desk = Desk::new();
    let (stacked, in_turn) = (machines(true, 120), machines(false, 120));
    desk.write("stacked.csv", &stacked);
    desk.write("in-turn.csv", &in_turn);
    let words = "train --detector --data stacked.csv --time time --series-key machine --window 6 --out d";
    desk.cae(&format!("{words} {QUICK}")).assert().success();
    let whole = desk.stdout("detect d --data stacked.csv --threads 1 -q");
    assert!(whole.starts_with("machine,time,temp,score,probability,label\nm0,2024-01-01 00:00:00,"), "{whole}");
    // The order of the file, and however the rows lie, the same scores.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let turns = desk.stdout("detect d --data in-turn.csv --threads 1 -q");
    assert!(turns.lines().nth(2).unwrap().starts_with("m1,2024-01-01 00:00:00,"), "{turns}");
    assert_eq!(sorted(&turns), sorted(&whole));
    let header = "time,machine,temp\n";
    let alone: String = stacked.lines().filter(|line| line.contains("m1")).map(|line| format!("{line}\n")).collect();
    desk.write("m1.csv", header.to_owned() + &alone);
    let one = desk.stdout("detect d --data m1.csv --threads 1 -q");
    assert!(one.lines().skip(1).eq(whole.lines().filter(|line| line.starts_with("m1,"))), "a series alone");
    let spike = 1 + 120 + 80;
    assert!((highest(&whole, 3) as i64 - spike).abs() < 6, "{}", highest(&whole, 3));
    let line = desk.stdout("detect d --data stacked.csv --json --threads 1 -q").lines().nth(130).unwrap().to_owned();
    assert!(line.contains(r#""series":{"machine":"m1"}"#), "{line}");
    // A series shorter than a window has no score, beside others.
    desk.write("short.csv", stacked.clone() + &machine_row(7, 0));
    let output = desk.cae("detect d --data short.csv --threads 1").assert().success().get_output().clone();
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.lines().last().unwrap().ends_with(",,,") && said.contains("machine=m7: fewer rows"), "{out} {said}");
    for (words, code, word) in [
        ("detect d --data stacked.csv --report r.html", 2, "--report shows one series"),
        ("detect d --data stacked.csv --follow", 2, "one series"),
        ("detect d --data kwh.csv", 2, "lacks machine"),
    ] {
        desk.write("kwh.csv", meter(20, 3));
        assert!(desk.refused(words, code).contains(word), "{words}");
    }
}

#[test]
fn a_key_of_several_columns_and_labels_of_several_series() {
    let desk = Desk::new();
    let text = (0..240).fold("site,unit,time,temp,odd\n".to_owned(), |text, at| {
        let (i, site, unit) = (at % 60, at / 120, at / 60 % 2);
        let value = (i as f64 / 5.0).sin() + if at == 100 { 9.0 } else { 0.0 };
        text + &format!("s{site},{unit},{},{value:.4},{}\n", 60 * i, if at == 100 { "True" } else { "False" })
    });
    desk.write("two.csv", text);
    for (name, key) in [("list", "--series-key site,unit"), ("twice", "--series-key site --series-key unit")] {
        let words =
            format!("train --detector --data two.csv --time time --label-column odd {key} --window 5 --out {name}");
        desk.cae(&format!("{words} {QUICK}")).assert().success();
        assert!(desk.text(&format!("{name}/config.json")).contains(r#""series_key":["site","unit"]"#));
        let numbers = desk.json(&format!("evaluate {name} --data two.csv --labels odd --threads 1 --json"));
        assert_eq!((&numbers["rows"], &numbers["series"], &numbers["anomalies"]), (&240.into(), &4.into(), &1.into()));
    }
    // One of two columns is not enough.
    let error = desk.refused("train --detector --data two.csv --time time --series-key site --window 5 --out no -q", 3);
    assert!(error.contains("--series-key"), "{error}");
}

#[test]
fn a_series_that_runs_backwards_is_turned_round() {
    let desk = Desk::new();
    let one: Vec<String> = machines(true, 120).lines().take(121).map(|line| line.replace(",m0", "")).collect();
    let (header, rows) = ("time,temp", &one[1..]);
    desk.write("on.csv", format!("{header}\n{}\n", rows.join("\n")));
    let back: Vec<String> = rows.iter().rev().cloned().collect();
    desk.write("back.csv", format!("{header}\n{}\n", back.join("\n")));
    let words = "--detector --time time --window 6 --ensemble 1 --steps 60 --threads 1";
    desk.cae(&format!("train {words} --data on.csv --out on -q")).assert().success();
    let output = desk.cae(&format!("train {words} --data back.csv --out back")).assert().success().get_output().clone();
    assert!(String::from_utf8(output.stderr).unwrap().contains("note: back.csv: the rows run backwards in time"));
    let on: Vec<String> =
        desk.stdout("detect on --data on.csv --threads 1 -q").lines().skip(1).map(str::to_owned).collect();
    for detector in ["on", "back"] {
        let text = desk.stdout(&format!("detect {detector} --data back.csv --threads 1 -q"));
        assert!(text.lines().skip(1).eq(on.iter().rev()), "the scores of the same rows, in the file's order");
    }
    // Shuffled rows are neither.
    let shuffled: Vec<String> = (0..120).map(|i| rows[i * 77 % 120].clone()).collect();
    desk.write("shuffled.csv", format!("{header}\n{}\n", shuffled.join("\n")));
    assert!(desk.refused("detect on --data shuffled.csv", 3).contains("sort the rows by time"));
}

#[test]
fn a_series_without_timestamps_counts_its_rows() {
    let desk = Desk::new();
    let text = |spike: usize| {
        (1..=200).fold("load\n".to_owned(), |text, i| {
            text + &format!("{:.4}\n", (i as f64 / 6.0).sin() + if i == spike { 7.0 } else { 0.0 })
        })
    };
    desk.write("train.csv", text(0));
    desk.write("new.csv", text(120));
    let words = "train --detector --data train.csv --time none --window 8 --credit part --out d";
    desk.cae(&format!("{words} {QUICK}")).assert().success();
    let scores = desk.stdout("detect d --data new.csv --threads 1");
    assert!(scores.starts_with("row,load,score,") && highest(&scores, 2) == 120, "{scores}");
    desk.cae("detect d --data new.csv --report r.html --threads 1 -q").assert().success();
    let followed = desk.stdout("detect d --data new.csv --follow --idle 0.1 --poll 0.05 --threads 1 -q");
    assert_eq!((followed.lines().next().unwrap(), highest(&followed, 1)), ("row,score,probability,label", 120));
}

#[test]
fn missing_columns_and_folders_end_alike_for_tables_and_series() {
    let desk = Desk::new();
    desk.write("t.csv", labelled("0", "1"));
    desk.write("s.csv", meter(60, 9));
    desk.cae(&format!("train --detector --data t.csv --label-column y --out t {QUICK}")).assert().success();
    desk.cae(&format!("train --detector --data s.csv --time time --window 6 --out s {QUICK}")).assert().success();
    desk.write("other.csv", "a,time\n1,2\n2,3\n");
    std::fs::create_dir(desk.path("folder")).unwrap();
    std::fs::create_dir(desk.path("folder.csv")).unwrap();
    for words in [
        "detect t --data other.csv -o x.csv",
        "detect s --data other.csv",
        "detect s --data other.csv --follow",
        "evaluate t --data other.csv --labels a",
        "train --detector --data t.csv --time when --out no",
        "train --detector --data t.csv --key when --out no",
    ] {
        desk.refused(words, 2);
    }
    for folder in ["folder", "folder.csv"] {
        for words in
            ["detect t -o x.csv", "detect s", "detect s --follow", "evaluate t --labels y", "train --detector --out no"]
        {
            let error = desk.refused(&format!("{words} --data {folder}"), 3);
            assert!(error.contains("folder") && error.contains("file"), "{error}");
        }
    }
}

#[test]
fn what_the_reader_notes_is_told_of_a_series_too() {
    let desk = Desk::new();
    let rows = |header: &str, row: fn(usize, f64) -> String| {
        (0..80).fold(format!("{header}\n"), |text, i| text + &row(i, (i as f64 / 6.0).sin()) + "\n")
    };
    desk.write("numbers.csv", rows("2001,2002", |i, v| format!("{v:.4},{}", u8::from(i == 50))));
    desk.write("index.csv", rows(",time,load,label", |i, v| format!("{i},{},{v:.4},{}", 60 * i, u8::from(i == 50))));
    desk.write("label.csv", rows("time,load,Label", |i, v| format!("{},{v:.4},{}", 60 * i, u8::from(i == 50))));
    let short = "--window 4 --ensemble 1 --steps 20 --threads 1";
    let told = |command: &str, note: &str| {
        let output = desk.cae(command).assert().success().get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(note), "{command}: {text}");
    };
    for (file, columns, note) in [
        ("numbers", "--time none --values 1", "has no header line"),
        ("index", "--time time --label-column label", "row index"),
        ("label", "--time time", "the column `Label` is learnt from like any other"),
    ] {
        told(&format!("train --detector --data {file}.csv {columns} {short} --out {file}"), note);
        let quiet = format!("train --detector --data {file}.csv {columns} {short} --out q-{file} -q");
        assert!(desk.cae(&quiet).unwrap().stderr.is_empty());
        if file == "numbers" {
            told(&format!("detect {file} --data {file}.csv -o s.csv --threads 1"), note);
            told(&format!("evaluate {file} --data {file}.csv --labels 2 --anomaly 1 --threads 1"), note);
        }
    }
    let first = desk.stdout("detect index --data index.csv --threads 1 -q");
    assert!(first.starts_with("time,load,score,"), "{first}");
}
