//! Rows that are hardly rows for a detector: all alike, one that differs, numbers at f32's ends. Refused by name, or scored with
//! finite numbers.

use contractive::data::Dataset;
use contractive_anomaly::detector::{Detector, DetectorSettings, ScoreOptions};

fn settings() -> DetectorSettings {
    DetectorSettings { ensemble: 2, steps: Some(20), ..Default::default() }
}

fn scores(data: &Dataset) -> Vec<f64> {
    let detector = Detector::train(data, &settings()).unwrap_or_else(|e| panic!("{}: {e}", data.name()));
    let scores = detector.score(data, &ScoreOptions { contributions: true, threads: 2 }).unwrap();
    let all = scores.score.iter().chain(&scores.probability).chain(scores.contributions.iter().flatten());
    let kinds = scores.kinds.iter().flatten();
    assert!(all.chain(kinds).all(|number| number.is_finite()), "{}", data.name());
    scores.score
}

fn table(name: &str, columns: usize, values: Vec<f32>) -> Dataset {
    Dataset::from_f32(name, columns, values).unwrap()
}

#[test]
fn rows_all_alike_are_scored_alike_or_refused() {
    let data = table("all alike", 3, [1.0, 2.0, 3.0].repeat(40));
    match Detector::train(&data, &settings()) {
        Err(e) => assert!(!e.to_string().contains("NaN"), "{e}"),
        Ok(_) => {
            let scores = scores(&data);
            assert!(scores.iter().all(|score| *score == scores[0]), "{scores:?}");
        }
    }
}

#[test]
fn the_one_row_that_differs_is_the_highest() {
    let mut values = [1.0, 2.0, 3.0].repeat(100);
    values[297..].copy_from_slice(&[9.0, 9.0, 9.0]);
    let scores = scores(&table("one differs", 3, values));
    assert!(scores[..99].iter().all(|score| *score < scores[99]), "{scores:?}");
}

#[test]
fn numbers_at_the_ends_of_f32_and_columns_that_never_move_give_finite_scores() {
    let ends = [f32::MAX, f32::MIN, 1e-45, -1e-45, f32::MIN_POSITIVE, 0.0, 1.0];
    let at = |i: usize| ends[(i * 5 + i / 7) % 7];
    scores(&table("ends", 2, (0..200).map(|i| if i % 2 == 0 { at(i / 2) } else { (i as f32).sin() }).collect()));
    scores(&table("subnormal", 2, (0..200).map(|i| 1e-44 * (i as f32 * 0.7).sin()).collect()));
    scores(&table("one column", 1, (0..100).map(|i| (i as f32).sin()).collect()));
    scores(&table(
        "a column that never moves",
        2,
        (0..200).map(|i| if i % 2 == 0 { 5.0 } else { (i as f32).sin() }).collect(),
    ));
}
