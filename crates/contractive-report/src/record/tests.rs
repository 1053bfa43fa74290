use std::sync::atomic::AtomicBool;

use super::*;
use contractive::data::Dataset;
use contractive::train;

/// A run of two epochs on `n` rows that lie near a plane in five dimensions.
fn run(n: usize, settings: &str, labels: bool) -> (Prepared, Model, Vec<EpochRecord>) {
    let config = TrainConfig::from_toml(
        "test",
        &format!("[model]\nhidden = [4, 2]\n[training]\nepochs = 2\nbatch_size = 16\n{settings}"),
    )
    .unwrap();
    let values = (0..n).flat_map(|i| {
        let (a, b) = ((i as f32 * 0.37).sin(), (i as f32 * 0.11).cos());
        [a, b, a + b, a - b, 0.5 * a]
    });
    let mut data = Dataset::from_f32("plane", 5, values.collect()).unwrap();
    if labels {
        data = data.with_labels((0..n as i64).map(|i| i % 3).collect()).unwrap();
    }
    let prepared = Prepared::new(&config, data, None).unwrap();
    let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap();
    (prepared, outcome.model, outcome.history)
}

#[test]
fn a_record_agrees_with_the_evaluation_and_survives_json() {
    let (prepared, model, history) = run(300, "", true);
    let record = RunRecord::new("here", &prepared, &model, &history).unwrap();
    assert_eq!((record.part, record.evaluation.rows), (JudgedPart::Validation, 30));
    assert_eq!(record.history.len(), 2);
    // The same numbers by two ways: the histograms' means are the evaluation's.
    assert!((record.jacobian_norms.mean / record.evaluation.jacobian_norm - 1.0).abs() < 1e-6);
    assert!((record.errors.mean / record.evaluation.mse - 1.0).abs() < 1e-5);
    let by_features = record.features.iter().map(|f| f.error).sum::<f64>() / 5.0;
    assert!((by_features / record.evaluation.mse - 1.0).abs() < 1e-5);
    let squares: f64 = record.spectrum.mean.iter().map(|s| s * s).sum();
    assert!(squares <= record.evaluation.penalty * 1.0001, "means of values square to less than the mean square");
    // The curve begins at its limit, up to sampling.
    let first = record.contraction.points[0];
    assert!((first.rms / record.contraction.limit - 1.0).abs() < 0.25, "{first:?} {}", record.contraction.limit);
    assert_eq!(record.scatter.labels.as_ref().map(Vec::len), Some(30));
    assert_eq!(record.kept().map(|kept| kept.epoch), Some(record.provenance.epoch));
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
}

#[test]
fn without_held_out_rows_and_labels_the_training_rows_are_shown() {
    let (prepared, model, history) = run(8, "[data]\nvalidation = 0.0", false);
    let record = RunRecord::new("small", &prepared, &model, &history).unwrap();
    assert_eq!((record.part, record.evaluation.rows), (JudgedPart::Training, 8));
    assert!(record.scatter.labels.is_none() && record.examples.rows.len() == 8);
    assert_eq!(record.class_name(3), "3");
}

#[test]
fn threads_do_not_change_a_record() {
    let (prepared, model, history) = run(100, "threads = 1", true);
    let one = RunRecord::new("x", &prepared, &model, &history).unwrap();
    let (prepared, ..) = run(100, "threads = 3", true);
    let mut three = RunRecord::new("x", &prepared, &model, &history).unwrap();
    three.config.training.threads = Some(1);
    assert_eq!(one, three);
}
