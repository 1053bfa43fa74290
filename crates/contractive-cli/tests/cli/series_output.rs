//! What `cae detect` says of time series: columns at fault, ranges, keys, folders of series, gaps.

use crate::support::Desk;

/// A row every minute of day `day`: a wave in `load` and `heat`, and a `shift` by name; `load` jumps in row `spike`.
fn series(day: usize, rows: usize, spike: Option<usize>) -> String {
    (0..rows).fold("time,load,heat,shift\n".to_owned(), |text, i| {
        let t = 0.3 * i as f64;
        let away = if Some(i) == spike { 4.0 } else { 0.0 };
        let (load, heat) = (t.sin() + 0.05 * (13.7 * t).sin() + away, (0.5 * t).cos());
        let shift = if i % 40 < 20 { "early" } else { "late" };
        text + &format!("2024-03-{day:02} {:02}:{:02}:00,{load:.4},{heat:.4},{shift}\n", i / 60, i % 60)
    })
}

const TRAIN: &str = "train --detector --time time --values load,heat --window 12 --ensemble 2 --steps 80 -q";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("train.csv", series(1, 240, None));
    desk.write("new.csv", series(2, 240, Some(150)));
    desk.cae(&format!("{TRAIN} --data train.csv --out d")).assert().success();
    desk
}

#[test]
fn the_column_at_fault_is_named_in_every_output() {
    let desk = desk();
    let text = desk.stdout("detect d --data new.csv -q");
    let header = "time,load,heat,score,probability,label,feature_1,share_1,feature_2,share_2";
    assert_eq!(text.lines().next(), Some(header));
    let spike = text.lines().find(|line| line.contains(" 02:30:00,")).unwrap();
    assert!(spike.contains(",true,load,0."), "{spike}");
    let ordinary = text.lines().nth(1).unwrap();
    assert!(ordinary.ends_with(",false,,,,"), "{ordinary}");
    assert!(
        desk.stdout("detect d --data new.csv -q --explain 0").starts_with("time,load,heat,score,probability,label\n")
    );
    let all = desk.stdout("detect d --data new.csv -q --explain 1 --explain-all");
    assert!(all.lines().skip(1).all(|line| line.contains(",load,0.") || line.contains(",heat,0.")), "{all}");
    let output = desk.cae("detect d --data new.csv -o s.csv").assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("at 2024-03-02 02:30:00; load "), "{said}");
    let lines = desk.stdout("detect d --data new.csv --json --anomalies-only -q");
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&line["label"], &line["columns"][0]["name"]), (&true.into(), &"load".into()));
    let followed = desk.stdout("detect d --data new.csv --follow --idle 0.1 --poll 0.05 --json -q");
    let flagged: Vec<&str> = followed.lines().filter(|line| line.contains("\"label\":true")).collect();
    assert_eq!(flagged, lines.lines().collect::<Vec<_>>(), "the same lines as of the whole");
}

#[test]
fn the_summary_tells_ranges_with_start_end_peak_and_columns() {
    let desk = desk();
    let summary = desk.json("detect d --data new.csv -o s.csv --json");
    assert_eq!((&summary["timestamps"], &summary["timestamps_without_score"]), (&240.into(), &0.into()));
    let range = &summary["ranges"][0];
    assert_eq!((&range["peak"], &range["columns"][0]["name"]), (&"2024-03-02 02:30:00".into(), &"load".into()));
    let (start, end) = (range["start"].as_str().unwrap(), range["end"].as_str().unwrap());
    assert!(start <= "2024-03-02 02:30:00" && end >= "2024-03-02 02:30:00", "{range}");
    assert_eq!(desk.text("s.csv").lines().count(), 241);
    assert!(desk.refused("detect d --data new.csv -o - --json", 2).contains("--json"));
}

#[test]
fn keys_are_carried_and_anomalies_written_alone() {
    let desk = desk();
    let text = desk.stdout("detect d --data new.csv --key shift,load -q");
    assert!(text.starts_with("shift,time,load,heat,score,"), "a column that is written already is not written twice");
    assert!(text.lines().nth(1).unwrap().starts_with("early,2024-03-02 00:00:00,"));
    let few = desk.stdout("detect d --data new.csv --key shift --anomalies-only -q");
    let flagged: Vec<&str> = text.lines().filter(|line| line.contains(",true,")).collect();
    assert!(!flagged.is_empty() && few.lines().skip(1).eq(flagged), "{few}");
    assert!(desk.refused("detect d --data new.csv --key nowhere", 2).contains("nowhere"));
    assert!(desk.refused("detect d --data new.csv --follow --key shift", 2).contains("--follow"));
}

#[test]
fn a_folder_of_series_is_one_series_a_file() {
    let desk = desk();
    std::fs::create_dir(desk.path("week")).unwrap();
    for day in [3, 4, 5] {
        desk.write(&format!("week/day-{day}.csv"), series(day, 240, (day == 4).then_some(100)));
    }
    desk.write("week/notes.txt", "not a table");
    desk.cae(&format!("{TRAIN} --data week --out w")).assert().success();
    let inspected = desk.stdout("inspect w");
    assert!(inspected.contains("720"), "{inspected}");
    let text = desk.stdout("detect d --data week -q");
    assert!(text.starts_with("file,time,load,"), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("day-3.csv,2024-03-03 00:00:00,"));
    let alone = desk.stdout("detect d --data week/day-4.csv -q");
    let within: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("day-4.csv,")).collect();
    assert!(alone.lines().skip(1).eq(within), "the scores of the file alone");
    let summary = desk.json("detect d --data week -o s.parquet --json");
    assert_eq!((&summary["ranges"][0]["file"], &summary["timestamps"]), (&"day-4.csv".into(), &720.into()));
    assert!(desk.refused("detect d --data week --report r.html", 2).contains("one series"));
    desk.write("week/day-6.csv", "time,load\n2024-03-06 00:00:00,x\n");
    assert!(desk.refused("detect d --data week", 2).contains("day-6.csv"));
}

#[test]
fn windows_do_not_reach_over_gaps_unless_told() {
    let desk = desk();
    let whole = series(1, 240, None);
    let lines: Vec<&str> = whole.lines().collect();
    desk.write("gap.csv", [&lines[..80], &lines[140..]].concat().join("\n") + "\n");
    let said = |words: &str| {
        let output = desk.cae(words).assert().success().get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    };
    let train = TRAIN.replace(" -q", "");
    let text = said(&format!("{train} --data gap.csv --out a"));
    assert!(
        text.contains("158 windows of 12 rows") && text.contains("do not reach over gaps of more than 1 step"),
        "{text}"
    );
    let text = said(&format!("{train} --data gap.csv --out b --gaps span"));
    assert!(text.contains("169 windows of 12 rows") && !text.contains("do not reach"), "{text}");
    let summary = desk.json("detect a --data gap.csv -o s.csv --json");
    assert_eq!((&summary["timestamps"], &summary["timestamps_without_score"]), (&180.into(), &0.into()));
    let uneven = (0..240).fold("time,load,heat\n".to_owned(), |text, i| {
        text + &format!("{},{},1\n", 1_700_000_000 + 60 * i + i * i % 50, (0.3 * f64::from(i)).sin())
    });
    desk.write("uneven.csv", uneven);
    let text = said(&format!("{train} --data uneven.csv --out c"));
    assert!(text.contains("rows come unevenly in time"), "{text}");
    assert!(desk.text("c/config.json").contains("\"gaps\":\"span\""));
}

#[test]
fn another_kind_of_score_is_that_of_a_detector_trained_with_it() {
    let desk = desk();
    desk.cae(&format!("{TRAIN} --data train.csv --out e --score scaled_error")).assert().success();
    let trained = desk.stdout("detect e --data new.csv -q");
    let told = desk.stdout("detect d --data new.csv -q --score scaled_error --reference train.csv");
    assert_eq!(told, trained);
    assert_ne!(told, desk.stdout("detect d --data new.csv -q"));
    assert!(desk.refused("detect d --data new.csv --score error", 2).contains("--reference FILE"));
    assert!(desk.refused("detect d --data new.csv --reference train.csv", 2).contains("--score"));
    desk.cae("threshold d value:2").assert().success();
    let refused = desk.refused("detect d --data new.csv --score error --reference train.csv", 2);
    assert!(refused.contains("--threshold"), "{refused}");
}
