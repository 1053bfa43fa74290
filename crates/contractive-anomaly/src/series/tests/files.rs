//! Detectors of time series, saved and read again.

use std::path::Path;

use super::*;

#[test]
fn a_saved_detector_scores_to_the_same_bits_and_hostile_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series");
    let detector = &trained()[1];
    detector.save(&path).unwrap();
    assert!(is_series_detector(&path) && !crate::detector::is_detector(&path));
    assert_eq!(&SeriesDetector::load(&path).unwrap(), detector);
    detector.save(&path).unwrap();
    std::fs::write(folder.path().join("else"), "x").unwrap();
    assert!(detector.save(folder.path()).is_err(), "a folder with other things is not replaced");
    let config = path.join("config.json");
    let whole = std::fs::read_to_string(&config).unwrap();
    let refused = |pointer: &str, value: serde_json::Value, word: &str| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&config, json.to_string()).unwrap();
        let error = SeriesDetector::load(&path).unwrap_err().to_string();
        assert!(error.contains(word), "{word} in {error}");
    };
    use serde_json::json;
    refused("/kind", json!("detector"), "kind");
    refused("/format_version", json!(7), "7");
    refused("/spec/window", json!(8), "numbers");
    refused("/spec/window", json!(1), "window");
    refused("/spec/window", json!(1_u64 << 62), "window");
    refused("/spec/stride", json!(0), "stride");
    refused("/spec/values", json!(["load"]), "value column");
    refused("/scales/0", json!(-1.0), "scales");
    refused("/step_nanoseconds", json!(0), "step");
    refused("/threshold", json!(null), "null");
    refused("/reference", json!([]), "reference");
    refused("/reference", json!([2.0, 1.0]), "ascending");
    refused("/rule", json!({"rule": "quantile", "p": 3}), "quantile");
    std::fs::write(&config, whole.replacen("\"kind\"", "\"extra\":1,\"kind\"", 1)).unwrap();
    assert!(SeriesDetector::load(&path).unwrap_err().to_string().contains("extra"));
    // One saved before there was a choice took parts.
    assert_eq!(detector.spec().credit, Credit::Window);
    std::fs::write(&config, whole.replacen(",\"credit\":\"window\"", "", 1)).unwrap();
    assert_eq!(SeriesDetector::load(&path).unwrap().spec().credit, Credit::Part);
    // One saved before gaps parted windows took rows as they came.
    std::fs::write(&config, whole.replacen(",\"gaps\":\"part\"", "", 1)).unwrap();
    assert_eq!((detector.spec().gaps, SeriesDetector::load(&path).unwrap().spec().gaps), (Gaps::Part, Gaps::Span));
    // One saved before several series could be trained on did not count its rows.
    std::fs::write(&config, whole.replacen(",\"training_rows\":160", "", 1)).unwrap();
    assert!(whole.contains("training_rows") && !whole.contains("series_key"));
    assert_eq!(SeriesDetector::load(&path).unwrap().n_training_rows(), 160);
    assert!(SeriesDetector::load(Path::new("nowhere")).is_err());
}
