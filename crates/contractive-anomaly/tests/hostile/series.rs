//! Time series and scores that cost more than their files account for.

use std::path::Path;

use contractive_anomaly::detector::{ScoreFiles, ScoreOrigin, ThresholdRule};
use contractive_anomaly::series::{Growing, Series, SeriesColumns, SeriesDetector};

use crate::judge::{Judge, Outcome, Reader, copy, fixture, gzip_of};

fn series_of(path: &Path, key: &[&str]) -> Outcome {
    let series_key = key.iter().map(|name| (*name).to_owned()).collect();
    let columns = SeriesColumns { time: Some("t".into()), series_key, ..SeriesColumns::default() };
    Ok(Series::read(path, &columns).map(drop)?)
}

fn grow(path: &Path, detector: &Path) -> Outcome {
    let mut growing = Growing::open(path, &SeriesDetector::load(detector)?)?;
    while growing.poll()?.has_more {}
    Ok(())
}

/// The series of a table.
const ONE: Reader = Reader("series", |path| series_of(path, &[]));
/// Those that the column `k` tells apart.
const KEYED: Reader = Reader("series by key", |path| series_of(path, &["k"]));
/// A file that grows.
const GROWING: Reader = Reader("growing", |path| grow(path, &fixture("series-2/detector")));
/// The same, for the detector that lies beside it.
const COUNTED: Reader = Reader("growing by count", |path| grow(path, &path.with_file_name("detector")));
/// Scores to be merged.
const SCORES: Reader = Reader("scores", |path| {
    let origin = ScoreOrigin::new(String::new(), "local");
    ScoreFiles::open(&[path], &origin)?.threshold(ThresholdRule::Contamination { share: 0.1 })?;
    Ok(())
});

#[test]
fn rows_of_series_are_not_kept_of_a_table_that_is_wrong_at_its_end() {
    let judge = Judge::new();
    for (last, kind) in [("0,\n", "Value"), ("0\n", "Ragged")] {
        let bytes = gzip_of(&[(b"t,x\n", 1), (&b"0,1\n".repeat(1 << 16), 12), (last.as_bytes(), 1)]);
        judge.refused("packed.csv.gz", &bytes, &[ONE], kind);
    }
    let plain = [b"t,x\n".to_vec(), b"0,1\n".repeat(1_200_000), b"x,1\n".to_vec()].concat();
    judge.refused("plain.csv", &plain, &[ONE], "Timestamp");
    let keys = (0..350_000).map(|i| format!("0,a{i},1\n")).collect::<String>();
    judge.refused("keys.csv", format!("t,k,x\n{keys}x,a,1\n").as_bytes(), &[KEYED], "Timestamp");
}

#[test]
fn rows_of_series_that_repetition_makes_small_are_counted() {
    let bytes = gzip_of(&[(b"t,x\n", 1), (&b"0,1\n".repeat(1 << 18), 17)]);
    Judge::new().refused("packed.csv.gz", &bytes, &[ONE], "Corrupt");
}

/// Every column may tell two series apart, by what is remembered of each cell.
#[test]
fn columns_that_may_tell_series_apart_are_remembered_within_bounds() {
    let names: String = (0..60).map(|i| format!(",c{i}")).collect();
    let row = |i: usize| format!("{}{}\n", i / 2, format!(",{}", i % 2).repeat(60));
    let text = format!("t{names}\n{}", (0..40_000).map(row).collect::<String>());
    Judge::new().refused("several.csv", text.as_bytes(), &[ONE], "SeveralSeries");
}

#[test]
fn a_growing_file_of_endless_columns_is_refused() {
    let judge = Judge::new();
    for (n, kind) in [(6_000_000, "Line"), (1_000_000, "Corrupt"), (60_000, "MissingColumns")] {
        judge.refused("wide.csv", format!("a{}\n", ",".repeat(n)).as_bytes(), &[GROWING], kind);
    }
    judge.refused("wide.csv", format!("1{}\n", ",1".repeat(1_000_000)).as_bytes(), &[GROWING], "Corrupt");
    judge.refused("wide.csv", format!("t,x\n1,2\n3{}\n", ",1".repeat(1_000_000)).as_bytes(), &[GROWING], "Line");
}

/// Rows of two bytes each, of which a number, a moment and a timestamp are made.
#[test]
fn rows_of_a_growing_file_are_taken_a_few_at_a_time() {
    let judge = Judge::new();
    copy(&fixture("series-2/detector"), &judge.at("detector"));
    let config = judge.at("detector/config.json");
    let with_times = std::fs::read_to_string(&config).unwrap();
    let counted = with_times.replace("\"time\":\"t\"", "\"time\":null");
    assert_ne!(counted, with_times);
    std::fs::write(&config, counted).unwrap();
    judge.refused("rows.csv", format!("x\n{}x\n", "1\n".repeat(2_000_000)).as_bytes(), &[COUNTED], "Line");
}

#[test]
fn a_score_that_is_a_long_list_is_not_kept() {
    let judge = Judge::new();
    let list = format!("{{\"score\":[{}0]}}\n", "0,".repeat(5 << 20));
    judge.refused("scores.jsonl", list.as_bytes(), &[SCORES], "Line");
}
