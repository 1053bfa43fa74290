//! `cae detect --report` of tables: the page, what stands on it, and where it is refused.

use std::path::Path;

use crate::support::Desk;

/// Parts: a key, two sizes that go together, a material. Every 13th weight is missing.
fn parts(rows: usize) -> String {
    let mut text = String::from("serial,length,weight,material\n");
    for i in 0..rows {
        let length = 10.0 + (i * 7 % 50) as f64 / 10.0;
        let weight = if i % 13 == 5 { String::new() } else { format!("{:.3}", 2.0 * length + (i as f64).sin() / 10.0) };
        text += &format!("S{i:04},{length},{weight},{}\n", ["steel", "brass", "steel"][i % 3]);
    }
    text
}

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("parts.csv", parts(300));
    desk.cae("train --detector --data parts.csv --key serial --missing mask --ensemble 2 --steps 120 -q --contamination 0.01 --out d").assert().success();
    let planted = parts(60).replacen("S0030,11,", "S0030,55.5,", 1);
    desk.write("new.csv", planted.replacen(",steel\n", ",<b>tin</b>\n", 1));
    desk
}

#[test]
fn the_page_names_the_planted_row_its_column_and_what_is_usual() {
    let desk = trained();
    let said = desk.cae("detect d --data new.csv --report page.html").assert().success().stdout("");
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("written to page.html") && said.contains("60 rows:"), "{said}");
    let page = desk.text("page.html");
    let row = page.split("<tr>").find(|row| row.contains("S0030")).expect("the planted row");
    assert!(row.contains("<b>length</b>") && row.contains(">55.5</span>"), "{row}");
    assert!(row.contains("above the usual 10.2 to 14.7"), "{row}");
    assert!(page.contains("&#60;b&#62;tin") && !page.contains("<b>tin"), "cells stay text");
    assert!(page.contains("never seen in training; usual: steel 67 %, brass 33 %"));
    for words in ["<h2>Columns at fault</h2>", "<h2>Drift since training</h2>", "5 cells: missing"] {
        assert!(page.contains(words), "{words}");
    }
    // The same bytes beside rows, which are what they are without a page; for any number of threads.
    desk.cae("detect d --data new.csv -o plain.csv -q").assert().success();
    let summary = desk.json("detect d --data new.csv -o s.csv --report again.html --json --threads 1");
    assert_eq!((&summary["report"], &summary["output"]), (&"again.html".into(), &"s.csv".into()));
    assert!(desk.text("again.html") == page && desk.text("s.csv") == desk.text("plain.csv"));
    let alone = desk.json("detect d --data new.csv --report again.html --json");
    assert!(alone.get("output").is_none() && alone["anomalies"] == summary["anomalies"]);
    let piped = desk.stdout("detect d --data new.csv -o - --report again.html -q --explain 0");
    assert!(piped.starts_with("serial,row,score,probability,label\n") && desk.text("again.html") == page);
}

#[test]
fn shards_keys_scores_and_thresholds_of_their_own_are_shown() {
    let desk = trained();
    desk.write("many.csv", parts(9000));
    desk.cae("detect d --data many.csv --report p.html --shard 2/2 -q").assert().success();
    let page = desk.text("p.html");
    assert!(page.contains("many.csv, part 2/2") && page.contains("808 <small>"), "its own rows alone");
    let words = "--key weight --reorder --score density --threshold quantile:0.9 --anomalies-only -o s.csv";
    desk.write("turned.csv", "material,weight,length,serial\nsteel,25,12.5,a\nbrass,25,12.5,b\nbrass,99,1,c\n");
    desk.cae(&format!("detect d --data turned.csv --report p.html -q {words}")).assert().success();
    let page = desk.text("p.html");
    assert!(page.contains("quantile:0.9, of the score density") && page.contains("data-name=\"weight\""), "{page}");
    desk.cae("detect d --data new.csv --report p.html -q --threshold value:1e9").assert().success();
    assert!(desk.text("p.html").contains("No row is above the threshold"));
    desk.write("one.csv", "serial,length,weight,material\nA,12.5,25,steel\n");
    desk.cae("detect d --data one.csv --report p.html -q").assert().success();
    desk.write("bare.csv", "serial,length,weight,material\nA,,,\n");
    desk.cae("detect d --data bare.csv --report p.html -q").assert().success();
    desk.cae("detect d --data - --report p.html -q --fail-on-anomaly").write_stdin(parts(9)).assert().success();
    assert!(desk.text("p.html").contains("<h1>standard input</h1>"));
}

#[test]
fn pages_that_cannot_be_written_are_refused_before_work() {
    let desk = trained();
    std::fs::create_dir(desk.path("folder")).unwrap();
    for (words, code, what) in [
        ("--report new.csv", 2, "give --report another name"),
        ("--report s.csv -o s.csv", 2, "both the rows and the page"),
        ("--report ./s.csv -o s.csv", 2, "both the rows and the page"),
        ("--report -", 2, "--report FILE.html"),
        ("--report folder", 1, "folder"),
        ("--report absent/p.html", 1, "absent"),
        ("--report p.html --labels serial", 2, "--labels is for detectors of time series"),
    ] {
        let error = desk.refused(&format!("detect d --data new.csv {words}"), code);
        assert!(error.contains(what), "{words}: {error}");
    }
    desk.write("bad.csv", parts(60).replacen(",brass", ",brass,1", 1));
    desk.refused("detect d --data bad.csv --report p.html -o s.csv", 3);
    assert!(!desk.path("p.html").exists() && !desk.path("s.csv").exists());
    assert_eq!(desk.text("new.csv").lines().count(), 61);
}

#[test]
fn detectors_of_earlier_versions_say_what_they_do_not_know() {
    let desk = Desk::new();
    let old = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/detector-1"));
    let words = |detector: &str, data: &str| format!("detect {detector} --data {data} --report p.html -q");
    let rows = old.join("rows.csv").display().to_string();
    desk.cae(&words(&old.join("detector").display().to_string(), &rows)).assert().success();
    assert!(desk.text("p.html").contains("usual") && !desk.text("p.html").contains("earlier version"));
    // Before distributions of numbers were kept.
    let desk = trained();
    let mut encoding: serde_json::Value = serde_json::from_slice(&desk.read("d/encoding.json")).unwrap();
    for column in encoding["columns"].as_array_mut().unwrap() {
        column["role"].as_object_mut().unwrap().remove("usual");
    }
    desk.write("d/encoding.json", encoding.to_string());
    desk.cae(&words("d", "new.csv")).assert().success();
    let page = desk.text("p.html");
    assert!(page.contains("saved by an earlier version") && page.contains("S0030") && page.contains("55.5"), "{page}");
}
