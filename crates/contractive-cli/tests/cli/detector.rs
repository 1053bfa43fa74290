//! `cae train --detector`, and `cae evaluate` of what it leaves.

use crate::support::Desk;

/// A table of 6 columns on a curve, `rows` rows; every tenth row is moved away and labelled 1 in the column `odd`.
fn labelled(desk: &Desk, name: &str, rows: usize, labels: [&str; 2]) {
    let mut text = String::from("a,b,c,d,e,f,odd\n");
    for i in 0..rows {
        let t = 0.37 * i as f64;
        let is_odd = i % 10 == 3;
        for j in 0..6 {
            let wobble = 0.05 * (13.7 * t + 5.0 * j as f64).sin();
            let away = if is_odd && j == i % 6 { 5.0 } else { 0.0 };
            text += &format!("{:.5},", (t + j as f64).sin() + wobble + away);
        }
        text += &format!("{}\n", labels[usize::from(is_odd)]);
    }
    desk.write(name, text);
}

#[test]
fn a_detector_is_trained_judged_and_repeats_to_the_byte() {
    let desk = Desk::new();
    labelled(&desk, "table.csv", 200, ["0", "1"]);
    let words = "train --detector --data table.csv --label-column odd --ensemble 2 --steps 150 --out";
    let lines: Vec<String> =
        desk.stdout(&format!("{words} one --json --threads 1")).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "two networks and the end: {lines:?}");
    assert!(lines[2].contains("\"event\":\"end\"") && lines[2].contains("contamination:0.1"), "{lines:?}");
    desk.cae(&format!("{words} two --quiet --threads 2")).assert().success().stdout("");
    for file in ["config.json", "rows.safetensors", "member-0/model.safetensors", "member-1/model.safetensors"] {
        assert!(desk.read(&format!("one/{file}")) == desk.read(&format!("two/{file}")), "{file}");
    }
    let numbers = desk.json("evaluate one --data table.csv --labels odd --json");
    assert_eq!((&numbers["rows"], &numbers["anomalies"]), (&200.into(), &20.into()));
    let auroc = numbers["auroc"]["value"].as_f64().unwrap();
    assert!(auroc > 0.9, "{auroc}");
    let text = desk.stdout("evaluate one --data table.csv --labels odd");
    assert!(text.contains("auroc") && text.contains("jacobian"), "{text}");
    // A member is a model like any other.
    desk.cae("encode one/member-1 --data table.csv --label-column odd -o codes.npy").assert().success();
}

#[test]
fn the_choices_are_explained() {
    let desk = Desk::new();
    labelled(&desk, "table.csv", 80, ["0", "1"]);
    let words = "train --detector --data table.csv --label-column odd --ensemble 1 --time-budget 10s --out d";
    let output = desk.cae(words).assert().success().get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    for word in ["network 6-16-3", "at most 200 steps", "held out", "arsinh"] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

/// Orders of which one in ten goes through the store, with another shipping, and one in a hundred has a wrong amount.
fn orders(desk: &Desk) {
    let mut text = String::from("order,quantity,amount,shipping,channel,odd\n");
    for i in 0..2000 {
        let turn = 0.37 * f64::from(i);
        let (quantity, is_store, is_odd) = (1 + i * i % 7, i % 10 == 4, i % 100 == 77);
        let price = 20.0 + 3.0 * turn.sin();
        let amount = f64::from(quantity) * price * if is_odd { 4.0 } else { 1.0 } * if is_store { 0.9 } else { 1.0 };
        let shipping = if is_store { 0.0 } else { 3.0 + 0.8 * f64::from(quantity) + 0.1 * (5.1 * turn).cos() };
        let channel = if is_store { "store" } else { ["web", "app"][i as usize / 2 % 2] };
        text += &format!("{i},{quantity},{amount:.2},{shipping:.2},{channel},{}\n", u8::from(is_odd));
    }
    desk.write("orders.csv", text);
}

#[test]
fn a_level_that_one_row_in_ten_has_is_ordinary() {
    let desk = Desk::new();
    orders(&desk);
    for (mode, most) in [("", 100), ("--clean", 20)] {
        let train = "train --detector --data orders.csv --key order --label-column odd --contamination 0.1 --out d";
        desk.cae(&format!("{train} {mode} -q")).assert().success();
        let scores = desk.stdout("detect d --data orders.csv --key channel --anomalies-only -o -");
        let store = scores.lines().filter(|line| line.contains("store")).count();
        assert!(store <= most, "{mode}: {store} of 200 flagged are of the store");
        let judged = desk.json("evaluate d --data orders.csv --labels odd --json");
        let found = judged["average_precision"]["value"].as_f64().unwrap();
        assert!(found > 0.95, "{mode}: average precision {found}");
        std::fs::remove_dir_all(desk.path("d")).unwrap();
    }
}

#[test]
fn what_is_known_of_the_rows_is_said_and_kept() {
    let desk = Desk::new();
    labelled(&desk, "table.csv", 80, ["0", "1"]);
    for (flag, purity, words) in [
        ("", "mixed", "a group of 3.5 % of the rows, at least 42, counts as ordinary"),
        ("--clean", "clean", "as odd as it is unlike all of them"),
        ("--contaminated", "contaminated", "groups of them too"),
    ] {
        let train = format!("train --detector --data table.csv --label-column odd --ensemble 1 --steps 20 {flag}");
        let output = desk.cae(&format!("{train} --out {purity}")).assert().success().get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(words), "{text}");
        let record = desk.json(&format!("inspect {purity} --json"));
        assert_eq!(record["purity"], purity);
        let weights = record["weights"].as_object().unwrap();
        assert_eq!(weights.contains_key("scaled_error"), purity != "clean", "{weights:?}");
    }
    desk.refused("train --detector --data table.csv --clean --contaminated", 2);
    desk.refused("train --data table.csv --clean", 2);
    desk.refused("train --detector --data table.csv --time none --clean", 2);
}

#[test]
fn a_detector_of_an_earlier_version_scores_as_it_did() {
    let desk = Desk::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/detector-1");
    let scores = desk.stdout(&format!("detect {fixture}/detector --data {fixture}/rows.csv --explain 0 -o -"));
    assert_eq!(scores, std::fs::read_to_string(format!("{fixture}/scores.csv")).unwrap());
    let error = desk.refused(&format!("detect {fixture}/detector --data {fixture}/rows.csv --score nearest"), 2);
    assert!(error.contains("no score `nearest`") && error.contains("train it anew"), "{error}");
}

#[test]
fn labels_can_be_words() {
    let desk = Desk::new();
    labelled(&desk, "table.csv", 80, ["fine", "broken"]);
    desk.cae("train --detector --data table.csv --label-column odd --ensemble 1 --steps 20 --out d -q")
        .assert()
        .success();
    let numbers = desk.json("evaluate d --data table.csv --labels odd --anomaly broken --json");
    assert_eq!(numbers["anomalies"], 8);
    let error = desk.refused("evaluate d --data table.csv --labels odd", 2);
    assert!(error.contains("--anomaly") && error.contains("broken, fine"), "{error}");
}

#[test]
fn wrong_words_are_refused_before_work() {
    let desk = Desk::new();
    labelled(&desk, "table.csv", 40, ["0", "1"]);
    desk.refused("train --detector", 2);
    let error = desk.refused("train --detector --data table.csv --epochs 3", 2);
    assert!(error.contains("training.epochs"), "{error}");
    let error = desk.refused("train --detector --data table.csv --trim 0.7", 2);
    assert!(error.contains("`trim` must be at least 0 and at most 0.5, got 0.7"), "{error}");
    desk.refused("train --detector --data table.csv --threshold quantile:2", 2);
    desk.refused("train --detector --data table.csv --time-budget soon", 2);
    desk.refused("train strokes --detector", 2);
    desk.cae("train --ensemble 3 --data table.csv").assert().code(2);
    desk.write("few.csv", "a,b\n1,2\n3,4\n");
    let error = desk.refused("train --detector --data few.csv", 3);
    assert!(error.contains("at least 10 rows"), "{error}");
    desk.cae("train --detector --data table.csv --label-column odd --ensemble 1 --steps 9 --out d -q")
        .assert()
        .success();
    let error = desk.refused("train --detector --data table.csv --out d", 2);
    assert!(error.contains("`--out`") && !error.contains("resume"), "a detector is not trained on: {error}");
    desk.refused("evaluate d", 2);
    let error = desk.refused("evaluate d --data few.csv --labels b", 2);
    assert!(error.contains("columns"), "{error}");
    // The column of labels is remembered.
    desk.cae("evaluate d --data table.csv").assert().success();
}

/// A line of dense rows with some beside it, in a wide cloud, and forty alike far away; `is_odd` without, only the cloud.
fn cloud(is_odd: bool) -> String {
    let mut state = 5_u64;
    let mut uniform = move |low: f64, high: f64| {
        state = state * 48_271 % 2_147_483_647;
        low + (high - low) * state as f64 / 2_147_483_647.0
    };
    let mut text = String::from("a,b,c\n");
    let mut add = |row: [f64; 3]| text += &format!("{:.4},{:.4},{:.4}\n", row[0], row[1], row[2]);
    for i in 0..if is_odd { 1530 } else { 0 } {
        let (t, off) = (uniform(0.0, 1.0), if i % 51 == 0 { 0.04 } else { 0.0 });
        let [e, f, g] = [(); 3].map(|()| uniform(-0.003, 0.003));
        add([t + off + e, 1.0 - t + off + f, t * t - off + g]);
    }
    for _ in 0..if is_odd { 40 } else { 0 } {
        add([(); 3].map(|()| uniform(11.997, 12.003)));
    }
    for _ in 0..1000 {
        add([(); 3].map(|()| uniform(-3.0, 4.0)));
    }
    text
}

#[test]
fn scores_that_name_different_rows_are_told_after_training() {
    let desk = Desk::new();
    desk.write("odd.csv", cloud(true));
    desk.write("even.csv", cloud(false));
    let words = "train --detector --ensemble 1 --steps 20 --score remote --threads 1 --data";
    let output = desk.cae(&format!("{words} odd.csv --out d")).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    let note = "note: the scores `remote` and `local` name different rows as the most anomalous (0 of the highest 26 are \
                shared): look at both, with `cae detect --score local`";
    assert!(said.contains(note), "{said}");
    let end = |name: &str| {
        let text = desk.stdout(&format!("{words} {name}.csv --json --out {name}"));
        serde_json::from_str::<serde_json::Value>(text.lines().last().unwrap()).unwrap()
    };
    let apart = end("odd")["scores_apart"].clone();
    assert!(
        apart.as_array().unwrap().contains(&serde_json::json!({"score": "local", "shared": 0, "of": 26})),
        "{apart}"
    );
    assert_eq!(end("even")["scores_apart"], serde_json::json!([]));
    let output = desk.cae(&format!("{words} even.csv --out again")).assert().success().get_output().clone();
    assert!(!String::from_utf8(output.stderr).unwrap().contains("most anomalous"));
}

/// 800,000 rows in some kilobytes, of which scores and labels would be 65 megabytes.
#[test]
#[cfg(target_os = "linux")]
fn scores_are_not_kept_of_a_table_that_is_wrong_at_its_end() {
    use std::io::Write;
    const LIMIT: usize = 140_000; // KiB of address space
    let desk = Desk::new();
    labelled(&desk, "table.csv", 80, ["0", "1"]);
    desk.cae("train --detector --data table.csv --label-column odd --ensemble 1 --steps 20 --out d -q")
        .assert()
        .success();
    for (last, code, said) in
        [("0,0,0,0,0,0,perhaps", 2, "`perhaps`"), ("0,0,0", 3, "7 cells"), ("0,0,,0,0,0,1", 3, "missing")]
    {
        let file = std::fs::File::create(desk.path("large.csv.gz")).unwrap();
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        let rows = "0,0,0,0,0,0,0\n0,1,0,1,0,1,1\n".repeat(400_000);
        file.write_all(format!("a,b,c,d,e,f,odd\n{rows}{last}\n").as_bytes()).unwrap();
        file.finish().unwrap();
        let cae = env!("CARGO_BIN_EXE_cae");
        let line =
            format!("ulimit -v {LIMIT} && exec {cae} evaluate d --data large.csv.gz --labels odd --json --threads 2");
        let mut shell = std::process::Command::new("sh");
        let shell = shell.arg("-c").arg(line).current_dir(desk.path("")).env("MALLOC_ARENA_MAX", "1");
        let output = shell.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{last}: {text}");
        assert!(text.contains(said) && text.contains("large.csv.gz"), "{last}: {text}");
    }
}
