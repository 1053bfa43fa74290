//! `cae detect` and `cae threshold`, and training on tables with trouble in them.

use crate::support::Desk;

/// Orders: a wide integer key, a time, a category, numbers with holes, a constant; the price follows items and city.
fn orders(rows: usize, has_holes: bool) -> String {
    let mut text = String::from("order,when,city,items,price,weight,currency\n");
    for i in 0..rows {
        let city = ["Lyon", "Oslo", "Porto", "Oslo"][i * 7 % 4];
        let items = 1 + i * 31 % 9;
        let price = items as f64 * if city == "Oslo" { 35.0 } else { 15.0 } * (1.0 + 0.05 * (i as f64).sin());
        let weight = if has_holes && i % 11 == 5 { String::new() } else { format!("{:.2}", 0.8 * items as f64) };
        let order = 9_007_199_254_740_993_u64 + i as u64;
        text += &format!("{order},2024-01-{:02}T00:00,{city},{items},{price:.2},{weight},1\n", 1 + i % 28);
    }
    text
}

const TRAIN: &str =
    "train --detector --data orders.csv --key order,when --missing mask --ensemble 2 --steps 120 --quiet --out d";

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("orders.csv", orders(400, true));
    desk.cae(TRAIN).assert().success().stdout("");
    desk
}

#[test]
fn a_table_with_trouble_in_it_is_scored_with_its_keys() {
    let desk = trained();
    let new = orders(30, false).replacen(",Oslo,", ",Atlantis,", 1).replacen(",1\n", ",2\n", 1);
    desk.write("new.csv", new.replace("9007199254740996,", "9007199254740996x,"));
    let output =
        desk.cae("detect d --data new.csv -o scores.csv --explain-all").assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("30 rows:") && said.contains("1 cell: a category's value"), "{said}");
    assert!(said.contains("1 cell: another value in a column that was constant"), "{said}");
    let scores = desk.text("scores.csv");
    let mut lines = scores.lines();
    let header = "order,when,row,score,probability,label,feature_1,share_1,feature_2,share_2,feature_3,share_3";
    assert_eq!(lines.next(), Some(header));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 30);
    assert_eq!(lines[0][..3], ["9007199254740993", "2024-01-01T00:00", "0"]);
    assert_eq!(lines[3][0], "9007199254740996x");
    let strange = lines.iter().find(|cells| cells[6] == "city" && cells[5] == "true");
    assert!(strange.is_some(), "a city never seen is an anomaly for its city: {scores}");
    for cells in &lines {
        let shares: Vec<f64> = cells[7..].iter().step_by(2).filter_map(|c| c.parse().ok()).collect();
        assert!(shares.is_sorted_by(|a, b| a >= b) && shares.iter().sum::<f64>() < 1.0 + 1e-9, "{cells:?}");
    }
}

#[test]
fn shards_streams_formats_and_threads_give_the_same_rows() {
    let desk = trained();
    desk.write("new.csv", orders(17_000, true));
    desk.cae("detect d --data new.csv -o whole.csv -q --threads 2").assert().success();
    let whole = desk.text("whole.csv");
    let mut rows: Vec<String> = Vec::new();
    for part in 1..=3 {
        let name = format!("part{part}.csv");
        desk.cae(&format!("detect d --data new.csv -o {name} -q --shard {part}/3 --threads 1")).assert().success();
        rows.extend(desk.text(&name).lines().skip(1).map(str::to_owned));
    }
    rows.sort_by_key(|line| line.split(',').nth(2).unwrap().parse::<u64>().unwrap());
    assert!(rows.iter().map(String::as_str).eq(whole.lines().skip(1)), "the shards together are the whole");
    let piped = desk.cae("detect d --data - -o - -q").write_stdin(orders(17_000, true)).assert().success();
    assert!(piped.get_output().stdout == whole.as_bytes());
    // A binary table goes round: scores of Parquet as input carried as keys.
    desk.cae("detect d --data new.csv -o scores.parquet -q --explain 0").assert().success();
    assert_eq!(&desk.read("scores.parquet")[..4], b"PAR1");
    let only = desk.stdout("detect d --data new.csv -o - -q --anomalies-only");
    let flagged = whole.lines().filter(|line| line.contains(",true,"));
    assert!(only.lines().skip(1).eq(flagged));
}

#[test]
fn anomalies_can_be_told_by_the_exit_code_and_thresholds_changed() {
    let desk = trained();
    desk.cae("detect d --data orders.csv -o s.csv -q --fail-on-anomaly").assert().code(5);
    let shown = desk.json("threshold d --json");
    assert_eq!((&shown["old"]["rows_above"], &shown["training_rows"]), (&40.into(), &400.into()));
    assert_eq!(shown["saved"], false);
    let before = desk.read("d/config.json");
    let dry = desk.json("threshold d quantile:0.5 --dry-run --json");
    assert!(dry["new"]["rows_above"].as_u64().unwrap() > 100 && desk.read("d/config.json") == before);
    let text = desk.stdout("threshold d value:1e9");
    assert!(text.contains("old") && text.contains("(value:1000000000): 0 of 400"), "{text}");
    desk.cae("detect d --data orders.csv -o s.csv -q --fail-on-anomaly").assert().success();
    let summary = desk.json("detect d --data orders.csv -o s.csv --json");
    assert_eq!((&summary["rows"], &summary["anomalies"]), (&400.into(), &0.into()));
    assert_eq!(summary["missing_cells"], 36);
    desk.refused("threshold d quantile:2", 2);
    desk.refused("threshold nothing", 2);
}

#[test]
fn another_score_and_another_rule_need_no_training_and_change_nothing() {
    let desk = trained();
    let before = desk.read("d/config.json");
    let words = "detect d --data orders.csv --explain 0 -q -o";
    desk.cae(&format!("{words} own.csv")).assert().success();
    desk.cae(&format!("{words} other.csv --score scaled_error --threshold contamination:0.05")).assert().success();
    desk.cae("train --detector --data orders.csv --key order,when --missing mask --ensemble 2 --steps 120 -q --out e --score scaled_error --threshold contamination:0.05").assert().success();
    desk.cae("detect e --data orders.csv --explain 0 -q -o trained.csv").assert().success();
    assert_eq!(desk.text("other.csv"), desk.text("trained.csv"), "as if it had been trained so");
    assert_ne!(desk.text("other.csv"), desk.text("own.csv"));
    assert_eq!(desk.text("other.csv").matches(",true").count(), 20);
    assert_eq!(desk.read("d/config.json"), before);
    assert!(desk.refused("detect d --data orders.csv -o x.csv --score nothing", 2).contains("scaled_error"));
    desk.refused("detect d --data orders.csv -o x.csv --threshold quantile:2", 2);
    let summary = desk.json("detect d --data orders.csv -o s.csv --json --score density --threshold sigma:3");
    assert_eq!((&summary["score"], &summary["rule"]), (&"density".into(), &"sigma:3".into()));
    // A fixed value is one of the score it was chosen for.
    desk.cae("threshold d value:3 -q").assert().success();
    let said = desk.refused("detect d --data orders.csv -o x.csv --score density", 2);
    assert!(said.contains("the value 3") && said.contains("--threshold"), "{said}");
    desk.cae("detect d --data orders.csv -o x.csv -q --score density --threshold value:9").assert().success();
}

#[test]
fn a_detector_is_inspected_and_has_no_report_of_training() {
    let desk = trained();
    let text = desk.stdout("inspect d");
    for part in
        ["of the rows of a table", "400 rows of", "city, items, price, weight", "order, when", "currency", "2 of"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let record = desk.json("inspect d --json");
    assert_eq!((&record["kind"], &record["score"]), (&"detector".into(), &"combined".into()));
    assert_eq!(record["columns"]["keys"], serde_json::json!(["order", "when"]));
    assert!(desk.refused("inspect d --data orders.csv", 2).contains("cae detect d --data FILE"));
    assert!(desk.refused("report d", 2).contains("cae inspect d"));
}

#[test]
fn rules_to_choose_from_are_shown_on_the_training_scores() {
    let desk = trained();
    let shown = desk.json("threshold d --json");
    let rules = shown["rules"].as_array().unwrap();
    let named = |rule: &str| rules.iter().find(|at| at["rule"] == rule).unwrap()["rows_above"].as_u64().unwrap();
    assert_eq!((named("contamination:0.1"), named("contamination:0.01")), (40, 4));
    let text = desk.stdout("threshold d");
    assert!(text.contains("training rows above") && text.contains("contamination:0.05"), "{text}");
    assert_eq!(desk.json("threshold d --json")["old"], shown["old"], "showing changes nothing");
}

#[test]
fn tables_that_do_not_fit_are_refused_and_leave_no_file() {
    let desk = trained();
    let good = orders(20, false);
    for (name, text, code, words) in [
        ("order", good.replace("city,items", "items,city"), 3, "--reorder"),
        ("lacking", good.replace(",weight", ",mass"), 2, "missing: weight; unknown: mass"),
        ("infinite", good.replacen(",0.80,", ",inf,", 1), 3, "column `weight`"),
        ("word", good.replacen(",0.80,", ",light,", 1), 3, "line 2, column `weight`"),
        ("ragged", good.clone() + "1,2\n", 3, "line 22"),
        ("empty", String::new(), 3, "is empty"),
        ("header", good.lines().next().unwrap().to_owned() + "\n", 3, "no rows below it"),
    ] {
        desk.write(&format!("{name}.csv"), text);
        let error = desk.refused(&format!("detect d --data {name}.csv -o out.csv"), code);
        assert!(error.contains(words) && error.contains(&format!("{name}.csv")), "{error}");
        assert!(!desk.path("out.csv").exists());
    }
    desk.refused("detect d --data orders.csv -o out.txt", 2);
    desk.refused("detect d --data orders.csv --json -o -", 2);
    desk.refused("detect d --data absent.csv -o out.csv", 1);
    desk.refused("detect . --data orders.csv -o out.csv", 2);
    desk.cae("detect d --data orders.csv -o out.csv --shard 4/3").assert().code(2);
}

#[test]
fn training_names_the_trouble_and_the_way_out() {
    let desk = Desk::new();
    desk.write("orders.csv", orders(400, true));
    let error = desk.refused("train --detector --data orders.csv --key order,when --out d", 3);
    assert!(error.contains("line 7, column `weight`") && error.contains("--missing"), "{error}");
    let error = desk.refused("train --detector --data orders.csv --missing mean --key nothing --out d", 2);
    assert!(error.contains("lacks nothing"), "{error}");
    let error = desk.refused("train --detector --data strokes --missing mean --out d", 2);
    assert!(error.contains("no table with columns"), "{error}");
    assert!(!desk.path("d").exists());
}

#[test]
fn an_integer_column_that_counts_the_rows_is_named_in_training() {
    let desk = Desk::new();
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", 7000 + i, i * 7 % 11, (i as f64).sin())).collect();
    desk.write("orders.csv", format!("serial,items,price\n{rows}"));
    let words = "train --detector --data orders.csv --ensemble 1 --steps 5 --out d";
    let output = desk.cae(words).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`serial` looks like an identifier"), "{said}");
}

/// Memory stays bounded, whatever the size of the table.
#[test]
#[cfg(target_os = "linux")]
fn a_table_larger_than_the_memory_allowed_is_scored() {
    use std::io::Write;
    const LIMIT: usize = 140_000; // KiB of address space
    let desk = trained();
    desk.cae("threshold d value:1e9 -q").assert().success();
    let mut file = std::io::BufWriter::new(std::fs::File::create(desk.path("large.csv")).unwrap());
    let text = orders(100, false);
    let (header, rows) = text.split_once('\n').unwrap();
    // Long notes make the file large without many rows to score.
    let padded: String = rows.lines().map(|line| format!("{line},{}\n", "x".repeat(2000))).collect();
    writeln!(file, "{header},note").unwrap();
    (0..750).for_each(|_| file.write_all(padded.as_bytes()).unwrap());
    file.flush().unwrap();
    drop(file);
    assert!(desk.path("large.csv").metadata().unwrap().len() > 1024 * LIMIT as u64);
    let cae = env!("CARGO_BIN_EXE_cae");
    let line = format!(
        "ulimit -v {LIMIT} && exec {cae} detect d --data large.csv --key note --explain 0 -o - -q --threads 2 --anomalies-only"
    );
    let mut shell = std::process::Command::new("sh");
    let output = shell.arg("-c").arg(line).current_dir(desk.path("")).env("MALLOC_ARENA_MAX", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}
