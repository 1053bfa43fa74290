//! Folders that this toolkit writes.

use std::fs;
use std::path::{Path, PathBuf};

use contractive::data::Dataset;
use contractive::tensor_file::{Expected, write_tensors};
use contractive::{TrainConfig, Trainer};
use contractive_anomaly::Detector;
use contractive_anomaly::detector::TrainOptions;

use crate::folders::{DETECTOR_FILES, IMAGE_FILES, RUN_FILES};
use crate::input::joined;
use crate::panics::begin;
use crate::{scratch, trained};

/// The files of a folder, empty where there is none of a name.
fn files(folder: &Path, names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| fs::read(folder.join(name)).unwrap_or_default()).collect()
}

fn rows() -> Dataset {
    let values = (0..72).map(|i| (i as f32 * 0.7).sin()).collect();
    Dataset::from_f32("waves", 3, values).expect("rows are rows")
}

/// Runs of two epochs, each with another optimiser and layers, in folders of this thread's.
fn runs() -> Vec<PathBuf> {
    let settings = [
        "model.hidden = [2]",
        "model.hidden = [3, 2]\nmodel.tied = true\ntraining.optimiser.kind = \"sgd\"",
        "model.hidden = [2]\nobjective.noise = { kind = \"gaussian\", sigma = 0.1 }\ndata.scale = \"minmax\"",
    ];
    let run = |(i, text): (usize, &str)| {
        let path = scratch::emptied(&format!("run-{i}"));
        let text = format!("training.epochs = 2\ntraining.threads = 1\n{text}");
        let config = TrainConfig::from_toml("a seed", &text).unwrap_or_else(|e| panic!("{text}: {e}"));
        Trainer::new(config).run_directory(&path).fit(&rows()).expect("a run can be trained");
        path
    };
    settings.into_iter().enumerate().map(run).collect()
}

pub(super) fn model() -> Vec<Vec<u8>> {
    begin();
    let names = ["config.json", "model.safetensors"];
    runs().iter().map(|run| joined(&[], &files(&run.join("model"), &names))).collect()
}

pub(super) fn checkpoint() -> Vec<Vec<u8>> {
    begin();
    let of = |run: &PathBuf| ["last", "best"].map(|name| run.join(format!("checkpoints/{name}.safetensors")));
    let runs = runs();
    let files = runs.iter().flat_map(of).map(|path| fs::read(path).expect("a run has checkpoints"));
    files.flat_map(|file| [without_sum(&file), file]).collect()
}

/// A checkpoint without its checksum, as older ones are: in the place of it there are spaces. A sum would end most mutations.
fn without_sum(checkpoint: &[u8]) -> Vec<u8> {
    let sum = br#"\"sha256\":\""#;
    let at = checkpoint.windows(sum.len()).position(|window| window == sum).expect("a checkpoint has a checksum");
    let mut file = checkpoint.to_vec();
    file[at..at + sum.len() + 64 + br#"\","#.len()].fill(b' ');
    file
}

pub(super) fn run() -> Vec<Vec<u8>> {
    begin();
    let of = |run: &PathBuf| {
        let mut files = files(run, &RUN_FILES);
        files[3] = without_sum(&files[3]);
        joined(&[], &files)
    };
    let runs = runs();
    let mut seeds: Vec<Vec<u8>> = runs.iter().map(of).collect();
    let mut diverged = files(&runs[0], &RUN_FILES);
    diverged[2] = br#"{"epoch":1,"step":3,"term":"total"}"#.to_vec();
    diverged[3].clear();
    seeds.push(joined(&[], &diverged));
    seeds
}

fn saved(name: &str, detector: &Detector) -> PathBuf {
    let path = scratch::emptied(name);
    detector.save(&path).expect("a detector can be saved");
    path
}

pub(super) fn detector() -> Vec<Vec<u8>> {
    begin();
    let of_table = saved("seed-of-table", trained::detector());
    let mut seeds = vec![joined(&[], &files(&of_table, &DETECTOR_FILES))];
    for ensemble in [1, 2] {
        let settings = contractive_anomaly::detector::DetectorSettings { ensemble, ..trained::small() };
        let options = TrainOptions { threads: 1, ..TrainOptions::default() };
        let plain = Detector::train_with(&rows(), &settings, &options).expect("a detector can be trained");
        seeds.push(joined(&[], &files(&saved("seed-plain", &plain), &DETECTOR_FILES)));
    }
    let of_windows = scratch::emptied("seed-of-series");
    trained::series_detector().save(&of_windows).expect("a detector can be saved");
    seeds.push(joined(&[], &files(&of_windows.join("detector"), &DETECTOR_FILES)));
    seeds
}

pub(super) fn series_detector() -> Vec<Vec<u8>> {
    begin();
    let folder = scratch::emptied("seed-of-series");
    trained::series_detector().save(&folder).expect("a detector can be saved");
    let mut all = files(&folder, &["config.json"]);
    all.extend(files(&folder.join("detector"), &DETECTOR_FILES));
    vec![joined(&[], &all)]
}

pub(super) fn image_detector() -> Vec<Vec<u8>> {
    begin();
    let folder = scratch::emptied("seed-of-images");
    trained::image_detector().save(&folder).expect("a detector can be saved");
    vec![joined(&[], &files(&folder, &IMAGE_FILES))]
}

/// Weights of `layers`, each a name with (out, in), for kernels (in, out).
fn safetensors(layers: &[(&str, [usize; 2])], weight: &str) -> Vec<u8> {
    let mut tensors = Vec::new();
    for (name, shape) in layers {
        let numbers = |n: usize| -> Vec<f32> { (0..n).map(|i| i as f32 / 8.0 - 0.5).collect() };
        let named = |part: &str, shape: Vec<usize>| Expected { name: format!("{name}{part}"), shape };
        tensors.push((named(weight, shape.to_vec()), numbers(shape[0] * shape[1])));
        let gives = shape[usize::from(weight == "/kernel")];
        tensors.push((named(".bias", vec![gives]), numbers(gives)));
    }
    let tensors: Vec<(Expected, &[f32])> = tensors
        .iter()
        .map(|(e, numbers)| (Expected { name: e.name.clone(), shape: e.shape.clone() }, &numbers[..]))
        .collect();
    let path = scratch::path("seed.safetensors");
    write_tensors(&path, &tensors, ("format", "pt".into())).expect("weights can be written");
    fs::read(path).expect("what was written can be read")
}

pub(super) fn weights() -> Vec<Vec<u8>> {
    begin();
    let both = [("encoder.0", [3, 4]), ("encoder.2", [2, 3]), ("decoder.0", [3, 2]), ("decoder.2", [4, 3])];
    let numbered = [("0", [2, 4]), ("2", [4, 2])];
    let files = [
        safetensors(&both, ".weight"),
        safetensors(&both[..2], ".weight"),
        safetensors(&numbered, ".weight"),
        safetensors(&[("dense", [4, 2]), ("dense_1", [2, 4])], "/kernel"),
    ];
    let mut seeds = Vec::new();
    for (i, file) in files.iter().enumerate() {
        for choice in [[3, 3, 0, 0, 0, 0], [3, 3, 0, 0, 1, 0], [0, 3, 1, 0, 1, 0], [1, 3, 0, 2, 0, 0]] {
            seeds.push(joined(&choice, std::slice::from_ref(file)));
        }
        seeds.push(joined(&[3, 3, 0, 0, 0, [1, 2, 3, 5][i]], std::slice::from_ref(file)));
    }
    seeds.push(joined(&[3, 3, 0, 0, 0, 1], &[b"PK\x03\x04archive/data.pkl\x80\x02}q\x00.".to_vec()]));
    seeds.push(joined(&[3, 3, 0, 0, 0, 2], &[b"\x80\x02}q\x00.".to_vec()]));
    seeds
}
