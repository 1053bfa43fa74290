//! `cae detect --shard` and `cae threshold --merge`: one threshold of scores that lie in several files.

use serde_json::Value;

use crate::support::Desk;

/// Rows of four columns, a key first; one in 500 is far from the others.
fn rows(n: usize) -> String {
    let mut text = String::from("key,a,b,c\n");
    for i in 0..n {
        let x = i as f64 * 0.37;
        let far = if i % 500 == 77 { 5.0 } else { 0.0 };
        text += &format!("{i:05}x,{:.4},{:.4},{:.4}\n", x.sin() + far, (x * 1.7).cos(), x.sin() * 0.5 + far);
    }
    text
}

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("train.csv", rows(300));
    train(&desk, "d", 0);
    desk
}

fn train(desk: &Desk, out: &str, seed: u64) {
    let words = "train --detector --data train.csv --key key --missing mask --ensemble 1 --steps 60 -q";
    desk.cae(&format!("{words} --seed {seed} --out {out}")).assert().success();
}

/// The threshold that a detector has.
fn threshold(desk: &Desk, detector: &str) -> f64 {
    desk.json(&format!("threshold {detector} --json"))["old"]["threshold"].as_f64().unwrap()
}

const PARTS: [&str; 4] = ["part-1.csv", "part-2.parquet", "part-3.arrow", "part-4.jsonl"];

/// `n` rows with a score and one without, whole and in four shards. 26,001 rows are a block for each.
fn scored(n: usize) -> Desk {
    let desk = trained();
    desk.write("new.csv", rows(n).replacen("00003x,", "00003x,,,\n#", 1).replace('#', "00003y,"));
    desk.cae("detect d --data new.csv --explain 0 -q -o whole.csv").assert().success();
    for (i, part) in PARTS.iter().enumerate() {
        desk.cae(&format!("detect d --data new.csv --explain 0 -q --shard {}/4 -o {part}", i + 1)).assert().success();
    }
    desk
}

#[test]
fn shards_in_four_formats_give_the_threshold_of_the_whole() {
    let desk = scored(26_000);
    let parts = PARTS.join(" ");
    let turned = PARTS.iter().rev().copied().collect::<Vec<_>>().join(" ");
    for rule in ["contamination:0.02", "quantile:0.731", "sigma:2.5", "pot:0.001", "value:1.25"] {
        let merged = |files: &str| desk.json(&format!("threshold d {rule} --merge {files} --dry-run --json"));
        let whole = merged("whole.csv");
        let [one, other] = [&parts, &turned].map(|files| merged(files));
        for key in ["threshold", "rows_above", "scores", "rows_without_score", "rule"] {
            assert_eq!(whole["merged"][key], one["merged"][key], "{rule}: {key}");
            assert_eq!(whole["merged"][key], other["merged"][key], "{rule}: {key}");
        }
        let bits = |json: &Value| json["merged"]["threshold"].as_f64().unwrap().to_bits();
        assert_eq!(bits(&whole), bits(&one), "{rule}");
        assert_eq!((&whole["merged"]["scores"], &whole["merged"]["rows_without_score"]), (&26_000.into(), &1.into()));
        assert_eq!(whole["new"]["threshold"], whole["merged"]["threshold"]);
        assert_eq!(one["saved"], false);
    }
    // The quantile of the scores in whole.csv by its definition, with numpy's words: a[k] + (a[k + 1] − a[k])·fraction.
    let text = desk.text("whole.csv");
    let cell = |line: &str| line.split(',').nth(2).unwrap().parse::<f64>().ok();
    let mut scores: Vec<f64> = text.lines().skip(1).filter_map(cell).collect();
    scores.sort_by(f64::total_cmp);
    let at = 0.98 * (scores.len() - 1) as f64;
    let k = at.floor() as usize;
    let by_hand = scores[k] + (scores[k + 1] - scores[k]) * at.fract();
    let found = desk.json(&format!("threshold d contamination:0.02 --merge {parts} -o e --json"));
    let found = found["merged"].clone();
    assert_eq!(found["threshold"].as_f64().unwrap().to_bits(), by_hand.to_bits());
    assert_eq!(found["rows_above"], scores.iter().filter(|score| **score > by_hand).count());
    assert_eq!((&found["rows_above"], &found["files"][1]["shard"]), (&520.into(), &"2/4".into()));
    assert_eq!((&found["files"][0]["scores"], &found["files"][0].get("shard")), (&8_191.into(), &None));
    // The copy has it, to the bit, and flags those rows; the detector itself stays as it was.
    assert_eq!(threshold(&desk, "e").to_bits(), by_hand.to_bits());
    assert!(threshold(&desk, "d").to_bits() != by_hand.to_bits());
    let part = desk.text("part-1.csv");
    let above = part.lines().skip(1).filter_map(cell).filter(|score| *score > by_hand).count();
    assert_eq!(desk.json("detect e --data new.csv --shard 1/4 -o s.csv --json")["anomalies"], above);
    assert!(desk.stdout("inspect e").contains("value:"));
}

#[test]
fn the_detector_itself_is_changed_where_no_other_folder_is_named() {
    let desk = scored(9_000);
    let parts = PARTS.join(" ");
    let before = desk.read("d/config.json");
    let output = desk.cae(&format!("threshold d contamination:0.01 --merge {parts} --dry-run")).assert().success();
    assert_eq!(desk.read("d/config.json"), before);
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("1 row without a score"), "{said}");
    let text = desk.stdout(&format!("threshold d contamination:0.01 --merge {parts}"));
    assert!(text.contains("in 4 files): 90 of 9,000 rows above it, 1.0 %") && text.contains("new "), "{text}");
    assert_eq!(desk.json("detect d --data new.csv -o s.csv --json")["anomalies"], 90);
    desk.cae(&format!("threshold d contamination:0.03 --merge {parts} -q")).assert().success().stdout("").stderr("");
    // Parts stay good: what they were labelled by is no part of them.
    let again = desk.json(&format!("threshold d contamination:0.01 --merge {parts} --json"));
    assert_eq!((&again["merged"]["rows_above"], &again["saved"]), (&90.into(), &true.into()));
    // Without parts, a copy with a rule of the training scores.
    desk.cae("threshold d quantile:0.5 -o f -q").assert().success();
    assert_eq!(desk.json("threshold f --json")["old"]["rule"], "quantile:0.5");
    assert!(desk.json("threshold d --json")["old"]["rule"].as_str().unwrap().starts_with("value:"));
}

#[test]
fn more_shards_than_blocks_and_a_folder_of_them_are_fine() {
    let desk = trained();
    desk.write("new.csv", rows(9_000));
    std::fs::create_dir(desk.path("parts")).unwrap();
    for i in 1..=3 {
        let name = ["a.parquet", "b.csv.gz", "c.feather"][i - 1];
        desk.cae(&format!("detect d --data new.csv -q --shard {i}/3 -o parts/{name}")).assert().success();
    }
    desk.write("parts/_SUCCESS", "");
    let found = desk.json("threshold d quantile:0.9 --merge parts --dry-run --json");
    let counts: Vec<u64> =
        found["merged"]["files"].as_array().unwrap().iter().map(|file| file["scores"].as_u64().unwrap()).collect();
    assert_eq!(counts, [8192, 808, 0]);
    desk.cae("detect d --data new.csv -q -o whole.npy --explain 0").assert().code(2);
    assert!(desk.refused("threshold d quantile:0.9 --merge parts/c.feather", 3).contains("part 1/3"));
}

#[test]
fn parts_of_another_detector_score_or_rows_are_refused() {
    let desk = scored(300);
    let before = desk.read("d/config.json");
    train(&desk, "other", 1);
    let score = |name: &str, words: &str| {
        desk.cae(&format!("detect {words} --data train.csv --explain 0 -q -o {name}")).assert().success();
    };
    score("other.parquet", "other");
    score("kind.arrow", "d --score density");
    score("some.parquet", "d --anomalies-only");
    score("own.parquet", "d");
    score("some.csv", "d --anomalies-only");
    let refused = |files: &str, code: i32, words: &str| {
        let error = desk.refused(&format!("threshold d contamination:0.1 --merge {files} -o e"), code);
        assert!(error.contains(words), "{error}");
        assert!(!desk.path("e").exists());
        error
    };
    refused("own.parquet other.parquet", 3, "other.parquet was scored by another detector");
    refused("kind.arrow", 3, "`density`");
    refused("some.parquet", 3, "without --anomalies-only");
    refused("part-2.parquet part-3.arrow part-4.jsonl", 3, "part 1/4").contains("--shard 1/4").then_some(()).unwrap();
    refused("part-2.parquet part-1.csv part-2.parquet", 2, "given twice; each part counts once; leave one out");
    std::fs::copy(desk.path("part-1.csv"), desk.path("copy.csv")).unwrap();
    refused("part-1.csv copy.csv", 3, "part-1.csv and copy.csv hold the same scores");
    std::fs::copy(desk.path("part-2.parquet"), desk.path("copy.parquet")).unwrap();
    refused("part-2.parquet part-1.csv part-3.arrow part-4.jsonl copy.parquet", 3, "part 2/4");
    refused("train.csv", 3, "lacks the column `score`; its columns are key, a, b, c");
    refused("absent.parquet", 1, "absent.parquet");
    refused("new.npy", 1, "new.npy");
    desk.cae("detect d --data train.csv --explain 0 -q -o scores.jsonl").assert().success();
    desk.write("broken.jsonl", "{\"score\":1}\n{\"score\":");
    refused("scores.jsonl broken.jsonl", 3, "broken.jsonl line 2");
    desk.write("words.csv", "row,score\n0,1\n1,much\n");
    refused("words.csv", 3, "words.csv");
    desk.write("none.csv", "row,score\n0,\n1,\n");
    refused("none.csv", 3, "2 rows, and none with a score");
    desk.write("few.csv", "row,score\n0,3\n1,4\n");
    let few = desk.refused("threshold d pot:0.01 --merge few.csv", 2);
    assert!(few.contains("at least 100 reference scores, got 2"), "{few}");
    // Of text files nothing is known but the scores: that they may be anomalies alone is said.
    let output = desk.cae("threshold d contamination:0.1 --merge some.csv --dry-run").assert().success();
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("every score lies above the threshold that was"), "{said}");
    assert_eq!(desk.read("d/config.json"), before, "nothing was changed");
}

#[test]
fn flags_that_do_not_go_with_parts_are_refused() {
    let desk = trained();
    desk.cae("detect d --data train.csv -q -o s.parquet").assert().success();
    desk.cae("threshold d --merge s.parquet").assert().code(2);
    desk.cae("threshold d quantile:0.9 --merge").assert().code(2);
    desk.cae("threshold d quantile:0.9 --merge s.parquet --data train.csv").assert().code(2);
    desk.cae("threshold d quantile:0.9 --merge s.parquet --rows 3").assert().code(2);
    desk.cae("threshold d quantile:2 --merge s.parquet").assert().code(2);
    assert!(desk.refused("threshold d -o e", 2).contains("give a RULE"));
    assert!(desk.refused("threshold d quantile:0.9 --data train.csv -o e", 2).contains("--data is for models"));
    desk.write("note.txt", "x");
    desk.refused("threshold d quantile:0.9 --merge s.parquet -o note.txt", 1);
    assert_eq!(desk.text("note.txt"), "x");
    desk.trained();
    assert!(
        desk.refused("threshold run quantile:0.9 --merge s.parquet -o e", 2).contains("is a model and no detector")
    );
    desk.refused("threshold nothing quantile:0.9 --merge s.parquet -o e", 2);
    assert!(!desk.path("e").exists());
    let help = desk.stdout("threshold --help");
    for part in ["--merge <PART>...", "16,777,216", "cae threshold DETECTOR contamination:0.02 --merge part-1.parquet"]
    {
        assert!(help.contains(part), "{part} in {help}");
    }
    let help = desk.stdout("detect --help").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("cae threshold --merge"), "{help}");
}

#[test]
fn scores_of_several_time_series_give_one_threshold() {
    let desk = Desk::new();
    let series = |from: usize| {
        let line =
            |i: usize| format!("2024-01-01T{:02}:{:02},{:.4}\n", i / 60 % 24, i % 60, ((from + i) as f64 * 0.2).sin());
        String::from("time,load\n") + &(0..400).map(line).collect::<String>()
    };
    desk.write("one.csv", series(0));
    desk.write("two.csv", series(1000));
    let words = "train --detector --data one.csv --time time --window 16 --ensemble 1 --steps 40 -q --out";
    desk.cae(&format!("{words} s")).assert().success();
    desk.cae("detect s --data one.csv -q -o one.parquet").assert().success();
    desk.cae("detect s --data two.csv -q -o two.arrow").assert().success();
    let found = desk.json("threshold s contamination:0.05 --merge one.parquet two.arrow --json");
    assert_eq!((&found["merged"]["scores"], &found["merged"]["rows_above"]), (&800.into(), &40.into()));
    let flagged = |data: &str| desk.json(&format!("detect s --data {data} -o x.csv --json"))["anomalies"].as_u64();
    assert_eq!(flagged("one.csv").unwrap() + flagged("two.csv").unwrap(), 40);
    desk.cae(&format!("{words} t --seed 5")).assert().success();
    assert!(desk.refused("threshold t quantile:0.9 --merge one.parquet", 3).contains("another detector"));
}
