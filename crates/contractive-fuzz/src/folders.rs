//! Models, detectors, checkpoints and runs: what this toolkit writes itself, and reads with suspicion.

use std::path::Path;

use contractive::checkpoint::Checkpoint;
use contractive::data::Dataset;
use contractive::import::{ImportOptions, import};
use contractive::{Model, RunDirectory};
use contractive_anomaly::detector::{ScoreFiles, ScoreOptions};
use contractive_anomaly::{Detector, ImageDetector, SeriesDetector};
use contractive_core::Activation;
use contractive_core::patches::PictureShape;
use contractive_pictures::Picture;

use crate::input::Input;
use crate::panics::begin;
use crate::refusal::refused;
use crate::scratch;

/// Files of a detector's folder, in the order in which an input has them. A second member is the first one again.
pub(crate) const DETECTOR_FILES: [&str; 6] = [
    "config.json",
    "encoding.json",
    "rows.safetensors",
    "planes.safetensors",
    "member-0/config.json",
    "member-0/model.safetensors",
];

/// Files of a run's folder.
pub(crate) const RUN_FILES: [&str; 4] =
    ["config.toml", "metrics.jsonl", "divergence.json", "checkpoints/last.safetensors"];

/// Writes what was read and reads it again: the same bytes.
fn rewritten<T, E: std::error::Error>(
    first: &T,
    save: impl Fn(&T, &Path) -> Result<(), E>,
    load: impl Fn(&Path) -> Result<T, E>,
) {
    let bytes = |one: &T| {
        let path = scratch::emptied("written");
        match save(one, &path) {
            Ok(()) => Some(scratch::files_of(&path)),
            Err(error) => {
                refused(&error);
                None
            }
        }
    };
    let Some(written) = bytes(first) else { return };
    let again = load(&scratch::path("written")).unwrap_or_else(|e| panic!("what was written must be read: {e}"));
    assert_eq!(Some(written), bytes(&again), "what was written must be the same after reading");
}

/// A model directory.
pub fn model(bytes: &[u8]) {
    begin();
    let files = Input::new(bytes).files(2);
    let named: Vec<(&str, &[u8])> = ["config.json", "model.safetensors"].into_iter().zip(files).collect();
    let model = match Model::load(scratch::folder_of("model", &named)) {
        Ok(model) => model,
        Err(error) => return refused(&error),
    };
    let d = model.architecture().input_size();
    let row = vec![0.5_f32; d];
    match model.encode((&row[..], [1, d]), 1) {
        Ok(code) => assert_eq!(code.len(), model.architecture().code_size()),
        Err(error) => refused(&error),
    }
    if let Err(error) = model.reconstruct((&row[..], [1, d]), 1) {
        refused(&error);
    }
    rewritten(&model, |model, path| model.save(path), |path| Model::load(path));
}

fn detector_files<'a>(files: &[&'a [u8]], inside: &str) -> Vec<(String, &'a [u8])> {
    let mut named = Vec::new();
    for (name, bytes) in DETECTOR_FILES.iter().zip(files) {
        // An empty one is not there: plain detectors lack some.
        if !bytes.is_empty() {
            named.push((format!("{inside}{name}"), *bytes));
            if let Some(rest) = name.strip_prefix("member-0") {
                named.push((format!("{inside}member-1{rest}"), *bytes));
            }
        }
    }
    named
}

fn folder(name: &str, files: &[(String, &[u8])]) -> std::path::PathBuf {
    let named: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    scratch::folder_of(name, &named)
}

/// The directory of a detector of tables.
pub fn detector(bytes: &[u8]) {
    begin();
    let files = Input::new(bytes).files(DETECTOR_FILES.len());
    let detector = match Detector::load(folder("detector", &detector_files(&files, ""))) {
        Ok(detector) => detector,
        Err(error) => return refused(&error),
    };
    let d = detector.n_features();
    assert!(detector.threshold().is_finite(), "a threshold must be finite");
    if let Ok(rows) = Dataset::from_f32("rows", d, (0..2 * d).map(|i| i as f32 / 4.0).collect()) {
        let options = ScoreOptions { contributions: true, threads: 1 };
        match detector.score(&rows, &options) {
            Ok(scores) => assert_eq!(scores.len(), 2, "one score a row"),
            Err(error) => refused(&error),
        }
    }
    rewritten(&detector, |detector, path| detector.save(path), |path| Detector::load(path));
}

/// The directory of a detector of time series.
pub fn series_detector(bytes: &[u8]) {
    begin();
    let files = Input::new(bytes).files(DETECTOR_FILES.len() + 1);
    let Some((config, files)) = files.split_first() else { return };
    let mut named = detector_files(files, "detector/");
    named.push(("config.json".into(), config));
    let detector = match SeriesDetector::load(folder("series", &named)) {
        Ok(detector) => detector,
        Err(error) => return refused(&error),
    };
    assert!(detector.threshold().is_finite(), "a threshold must be finite");
    detector.probability(0.5);
    detector.share_above(0.5);
    rewritten(&detector, |detector, path| detector.save(path), |path| SeriesDetector::load(path));
}

/// Files of a detector of pictures of one scale and one network.
pub(crate) const IMAGE_FILES: [&str; 4] = [
    "config.json",
    "scale-1/patches.safetensors",
    "scale-1/member-0/config.json",
    "scale-1/member-0/model.safetensors",
];

/// The directory of a detector of pictures.
pub fn image_detector(bytes: &[u8]) {
    begin();
    let files = Input::new(bytes).files(IMAGE_FILES.len());
    let named: Vec<(&str, &[u8])> = IMAGE_FILES.into_iter().zip(files).collect();
    let detector = match ImageDetector::load(scratch::folder_of("images", &named)) {
        Ok(detector) => detector,
        Err(error) => return refused(&error),
    };
    assert!(detector.threshold().is_finite(), "a threshold must be finite");
    let shape = PictureShape { height: 12, width: 12, channels: detector.channels() };
    let picture = Picture { shape, pixels: (0..shape.n_values()).map(|i| (i * 37 % 256) as u8).collect() };
    match detector.score(&picture) {
        Ok(scored) => assert_eq!(scored.map.values.len(), shape.n_pixels(), "one score a pixel"),
        Err(error) => refused(&error),
    }
    rewritten(&detector, |detector, path| detector.save(path), |path| ImageDetector::load(path));
}

/// A checkpoint.
pub fn checkpoint(bytes: &[u8]) {
    begin();
    let checkpoint = match Checkpoint::load(scratch::file("checkpoint.safetensors", bytes)) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return refused(&error),
    };
    let path = scratch::path("again.safetensors");
    checkpoint.save(&path).expect("a checkpoint that was read can be written");
    let again = Checkpoint::load(&path).unwrap_or_else(|e| panic!("what was written must be read: {e}"));
    // Compared in words: what is not a number differs from itself.
    assert_eq!(format!("{again:?}"), format!("{checkpoint:?}"), "a checkpoint must be the same after writing");
}

/// A run's directory: its configuration, metrics, divergence and last checkpoint.
pub fn run(bytes: &[u8]) {
    begin();
    let files = Input::new(bytes).files(RUN_FILES.len());
    let named: Vec<(&str, &[u8])> = RUN_FILES.into_iter().zip(files).filter(|(_, bytes)| !bytes.is_empty()).collect();
    let run = match RunDirectory::open(scratch::folder_of("run", &named)) {
        Ok(run) => run,
        Err(error) => return refused(&error),
    };
    match run.config() {
        Ok(config) => drop(config.check()),
        Err(error) => refused(&error),
    }
    match run.metrics() {
        Ok(history) => {
            run.write_metrics(&history).expect("metrics that were read can be written");
            let again = run.metrics().unwrap_or_else(|e| panic!("what was written must be read: {e}"));
            assert_eq!(format!("{again:?}"), format!("{history:?}"), "metrics must be the same after writing");
        }
        Err(error) => refused(&error),
    }
    if let Err(error) = run.divergence() {
        refused(&error);
    }
    if let Err(error) = run.resume() {
        refused(&error);
    }
}

/// Weights of other programs: safetensors, and what is refused by its first bytes.
pub fn weights(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let layers = |choice: u8| match choice % 8 {
        0 => Some(vec!["encoder.0".to_owned()]),
        1 => Some(vec!["0".to_owned(), "2".to_owned()]),
        2 => Some(Vec::new()),
        _ => None,
    };
    let (named, of_decoder) = (layers(input.byte()), layers(input.byte()));
    let (tied, is_turned) = (input.one_of(&[false, true]), input.one_of(&[None, Some(true), Some(false)]));
    let (tanh, relu) = (Some(Activation::Tanh), Some(Activation::Relu));
    let (activation, code_activation) = input.one_of(&[(tanh, tanh), (relu, Some(Activation::Identity)), (None, None)]);
    let options = ImportOptions {
        layers: named,
        decoder_layers: of_decoder,
        tied,
        is_turned,
        activation,
        code_activation,
        ..ImportOptions::default()
    };
    let name = input.one_of(&["w.safetensors", "w.pt", "w.pth", "w.npz", "w.keras", "w"]);
    let imported = match import(scratch::file(name, input.rest()), &options) {
        Ok(imported) => imported,
        Err(error) => return refused(&error),
    };
    assert!(imported.parameters.check_finite().is_ok(), "parameters must be finite");
    assert_eq!(imported.report.sha256.len(), 64);
}

/// Files of scores, merged into one threshold.
pub fn scores(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let rule = input.one_of(&["contamination:0.1", "quantile:0.9", "sigma:3", "pot:0.01", "value:1"]);
    let names = input.one_of(&[
        ["a.csv", "b.csv"],
        ["a.jsonl", "b.jsonl"],
        ["a.parquet", "b.parquet"],
        ["a.arrow", "b.arrow"],
        ["a.tsv.gz", "b.ndjson"],
    ]);
    let named: Vec<(&str, &[u8])> = names.into_iter().zip(input.files(2)).collect();
    let folder = scratch::folder_of("scores", &named);
    let merged = ScoreFiles::open(&[folder], &crate::trained::detector().score_origin());
    let rule = rule.parse().expect("the rule is one");
    match merged.and_then(|files| files.threshold(rule)) {
        Ok(merged) => {
            assert!(merged.threshold.is_finite(), "a threshold must be finite");
            assert!(merged.above <= merged.scores, "no more scores above than there are");
        }
        Err(error) => refused(&error),
    }
}
