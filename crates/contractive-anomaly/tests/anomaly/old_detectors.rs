//! Detectors saved by earlier versions load, and score as they did.

use std::path::Path;

use contractive_anomaly::Detector;
use contractive_anomaly::detector::{FrameScorer, ScoreKind, ScoreOptions, ThresholdRule};
use contractive_anomaly::series::{Series, SeriesDetector};

/// Trained and scored by version 0.1.0 at commit 2a555c9, before training rows were kept.
fn fixture() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/detector-1"))
}

fn scores(detector: &Detector) -> Vec<f64> {
    let (scorer, frames) = FrameScorer::open(detector, &fixture().join("rows.csv"), &Default::default(), None).unwrap();
    let options = ScoreOptions { contributions: true, threads: 1 };
    frames.flat_map(|frame| scorer.score(&frame.unwrap(), &options).unwrap().scores.score).collect()
}

#[test]
fn a_detector_of_format_1_gives_the_scores_it_gave() {
    let mut detector = Detector::load(fixture().join("detector")).unwrap();
    let text = std::fs::read_to_string(fixture().join("scores.csv")).unwrap();
    let stored: Vec<f64> = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(scores(&detector), stored);
    assert_eq!(detector.kinds().len(), 7);
    let error = detector.set_score(ScoreKind::Nearest).unwrap_err().to_string();
    assert!(error.contains("no score `nearest`"), "{error}");
    detector.set_score(ScoreKind::Density).unwrap();
    detector.set_score(ScoreKind::Combined).unwrap();
    detector.set_threshold(ThresholdRule::Contamination { share: 0.05 }).unwrap();
    // Saved again it stays of its format.
    let folder = tempfile::tempdir().unwrap();
    detector.save(folder.path().join("again")).unwrap();
    let config = std::fs::read_to_string(folder.path().join("again/config.json")).unwrap();
    assert!(config.contains("\"format_version\":1,") && !folder.path().join("again/rows.safetensors").exists());
    // Versions of that format refuse what they do not know.
    let keys = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let of = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
        (of(&json), of(&json["settings"]), json["weights"].as_array().unwrap().len())
    };
    assert_eq!(keys(&config), keys(&std::fs::read_to_string(fixture().join("detector/config.json")).unwrap()));
    let again = Detector::load(folder.path().join("again")).unwrap();
    assert_eq!(again, detector);
    assert_eq!(scores(&again), stored);
}

/// A time series, trained on and scored at commit a470e97, before windows had planes.
#[test]
fn a_detector_of_windows_of_format_2_gives_the_scores_it_gave() {
    let fixture = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/series-2"));
    let detector = SeriesDetector::load(fixture.join("detector")).unwrap();
    let text = std::fs::read_to_string(fixture.join("scores.csv")).unwrap();
    let stored: Vec<f64> = text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect();
    let series = Series::read(&fixture.join("series.csv"), &detector.columns(None)).unwrap();
    assert_eq!(detector.score(&series, 2).unwrap().score, stored);
    assert_eq!(detector.windows().weights()[7..], [0.0, 0.0]);
    let folder = tempfile::tempdir().unwrap();
    detector.save(folder.path().join("again")).unwrap();
    let config = std::fs::read_to_string(folder.path().join("again/detector/config.json")).unwrap();
    assert!(config.contains("\"format_version\":2,") && !config.contains("plane"), "{config:.200}");
    assert!(!folder.path().join("again/detector/planes.safetensors").exists());
    assert_eq!(SeriesDetector::load(folder.path().join("again")).unwrap(), detector);
}
