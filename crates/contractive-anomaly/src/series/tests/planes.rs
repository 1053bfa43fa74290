//! Laws of the planes in detectors of time series.

use super::*;
use crate::detector::Detector;

fn detector() -> &'static SeriesDetector {
    let detector = &trained()[2];
    assert_eq!((detector.spec().window, detector.spec().credit), (9, Credit::Both));
    detector
}

#[test]
fn training_is_the_same_of_any_number_of_threads() {
    let series = series(160, None);
    let trained = |threads| {
        SeriesDetector::train(&series, detector().spec(), &quick(), &TrainOptions { threads, ..Default::default() })
    };
    let (one, three) = (trained(1).unwrap(), trained(3).unwrap());
    assert_eq!(one, three);
    // That one remembers another path of its file.
    assert_eq!(one.score(&series, 3).unwrap(), detector().score(&series, 1).unwrap());
}

#[test]
fn either_way_of_parting_the_planes_adds_up_to_what_they_give() {
    let detector = detector();
    let spec = detector.spec();
    let mut numbers = Vec::new();
    let series = series(60, Some(7));
    window_into(&series.values[..spec.n_features()], 2, spec.normalise, &detector.scales, &mut numbers);
    let data = Dataset::from_f64("w", spec.n_features(), numbers).unwrap();
    let scores = detector.windows().score(&data, &ScoreOptions { contributions: true, threads: 1 }).unwrap();
    let (own, by_spans) = scores.of_planes(0).unwrap();
    let given: f64 = own.iter().sum();
    assert!(given > 1.0 && (by_spans.iter().sum::<f64>() - given).abs() < 1e-9 * given);
    let all = scores.contributions_of(0).unwrap();
    assert!((all.iter().sum::<f64>() - scores.score[0]).abs() < 1e-9 * scores.score[0]);
    // The spike in `load` at row 7: by spans the rows beside it have nearly as much, and `load` the most of it.
    assert!(own[14] > 0.6 * given, "{own:?}");
    let rows: Vec<f64> = by_spans.chunks_exact(2).map(|row| row.iter().sum()).collect();
    assert!(rows.iter().all(|row| *row > 0.08 * given) && rows[7] > rows[0], "{rows:?} {given}");
    assert!(by_spans[12] > 10.0 * by_spans[13], "{by_spans:?}");
    // A score of one kind has no planes in it.
    let mut other = detector.windows().clone();
    other.set_score(crate::detector::ScoreKind::Nearest).unwrap();
    assert_eq!(other.score(&data, &ScoreOptions { contributions: true, threads: 1 }).unwrap().planes, None);
}

#[test]
fn saved_planes_are_the_same_and_hostile_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series");
    let detector = detector();
    detector.save(&path).unwrap();
    let again = SeriesDetector::load(&path).unwrap();
    assert_eq!(&again, detector);
    let series = series(90, Some(50));
    assert_eq!(again.score(&series, 2).unwrap().score, detector.score(&series, 1).unwrap().score);
    let windows = path.join("detector");
    let config = windows.join("config.json");
    let whole = std::fs::read_to_string(&config).unwrap();
    assert!(whole.contains("\"format_version\":3,"));
    let refused = |pointer: &str, value: serde_json::Value, word: &str| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&config, json.to_string()).unwrap();
        let error = Detector::load(&windows).unwrap_err().to_string();
        assert!(error.contains(word), "{word} in {error}");
    };
    use serde_json::json;
    refused("/format_version", json!(2), "format 3");
    refused("/planes", json!(null), "format 3");
    refused("/planes/window", json!(0), "18 features");
    refused("/planes/window", json!(6), "18 features");
    refused("/planes/window", json!(1_u64 << 62), "18 features");
    refused("/planes/columns", json!(u64::MAX), "18 features");
    refused("/planes/directions/0", json!(7), "18 features");
    refused("/planes/directions/1", json!(65), "18 features");
    refused("/planes/medians/1", json!(0.0), "18 features");
    refused("/planes/medians", json!([1.0]), "length 2");
    refused("/weights", json!([0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]), "weights of planes");
    // Rows and columns of a window, the other way round.
    refused("/planes", json!({"window": 2, "columns": 9, "directions": [0, 0], "medians": [1.0, 1.0]}), "planes");
    std::fs::write(&config, &whole).unwrap();
    std::fs::remove_file(windows.join("planes.safetensors")).unwrap();
    assert!(Detector::load(&windows).unwrap_err().to_string().contains("planes.safetensors"));
}
