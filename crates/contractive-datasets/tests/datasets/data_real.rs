//! The published data sets, where this machine has them: `$CONTRACTIVE_DATA_DIR`, or `shared/data` beside the
//! repository.

use std::path::{Path, PathBuf};

use contractive::data::{Dataset, Storage};
use contractive_datasets::registry::{self, FileState};
use contractive_datasets::{self as datasets, DataSpec, LoadOptions, Part, Source};

fn folder() -> Option<PathBuf> {
    let beside = || {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2).take(2); // the repository and the folder it is in
        above.map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir())
    };
    let folder = std::env::var_os("CONTRACTIVE_DATA_DIR").map(PathBuf::from).or_else(beside);
    if folder.is_none() {
        println!(
            "skipped: no real data ($CONTRACTIVE_DATA_DIR is not set, and no shared/data lies beside the repository)"
        );
    }
    folder
}

fn source(folder: &Path) -> Source {
    Source { data_dir: Some(folder.into()), offline: true }
}

fn options(folder: &Path) -> LoadOptions {
    LoadOptions { source: source(folder), ..LoadOptions::default() }
}

/// Loads a set if the folder has it.
fn set(folder: &Path, text: &str) -> Option<Dataset> {
    let spec: DataSpec = text.parse().unwrap();
    let name = spec.registered().unwrap().name;
    if !folder.join(name).is_dir() {
        println!("skipped: no {name} in {}", folder.display());
        return None;
    }
    Some(datasets::load(&spec, Part::Train, &options(folder)).unwrap())
}

fn class_counts(data: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; data.class_names().unwrap().len()];
    data.labels().unwrap().iter().for_each(|&label| counts[label as usize] += 1);
    counts
}

#[test]
fn real_image_sets_have_their_published_sizes_and_classes() {
    let Some(folder) = folder() else { return };
    let mnist_train = vec![5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    let mnist_test = vec![980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
    let cifar_test = vec![1000, 1000, 1000, 1000, 1000, 1000, 1000, 999, 978, 1000];
    for (spec, rows, side, counts) in [
        ("fashion-mnist", 60_000, 28, Some(vec![6000; 10])),
        ("fashion-mnist:test", 10_000, 28, Some(vec![1000; 10])),
        ("mnist", 60_000, 28, Some(mnist_train)),
        ("mnist:test", 10_000, 28, Some(mnist_test)),
        ("cifar10-gray", 29_973, 32, None),
        ("cifar10-gray:test", 9_977, 32, Some(cifar_test)),
    ] {
        let Some(data) = set(&folder, spec) else { continue };
        assert_eq!((data.len(), data.image_shape()), (rows, Some((side, side))), "{spec}");
        assert!(counts.is_none_or(|counts| class_counts(&data) == counts), "{spec}");
        assert!(matches!(data.storage(), Storage::U8(pixels) if pixels.len() == rows * side * side));
        assert!(data.sha256().is_some() && data.range() == (0.0, 1.0));
    }
}

#[test]
fn real_pixels_are_where_they_should_be() {
    let Some(folder) = folder() else { return };
    let Some(data) = set(&folder, "mnist") else { return };
    // The well-known mean and deviation of MNIST's training pixels.
    let Storage::U8(pixels) = data.storage() else { panic!("images must stay bytes") };
    let n = pixels.len() as f64;
    let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / n / 255.0;
    let square = pixels.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / n / (255.0 * 255.0);
    assert!((mean - 0.1307).abs() < 5e-5 && ((square - mean * mean).sqrt() - 0.3081).abs() < 5e-5, "{mean}");
}

#[test]
fn real_files_verify() {
    let Some(folder) = folder() else { return };
    for set in registry::all().iter().filter(|set| !set.is_built_in() && folder.join(set.name).is_dir()) {
        let statuses = registry::verify(set.name, &source(&folder)).unwrap();
        assert!(statuses.iter().all(|status| status.state == FileState::Sound), "{statuses:?}");
        assert!(statuses.iter().all(|s| s.path.as_ref().unwrap().metadata().unwrap().len() == s.file.size));
    }
}

#[test]
fn real_archives_of_adbench_load() {
    let Some(folder) = folder() else { return };
    let Ok(files) = folder.join("adbench").read_dir() else {
        println!("skipped: no adbench in {}", folder.display());
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        // The larger ones take long in a debug build and show nothing more.
        if path.metadata().unwrap().len() < 600_000 {
            let data = datasets::load(&DataSpec::file(&path), Part::Train, &LoadOptions::default()).unwrap();
            let labels = data.labels().expect("every file has y");
            assert!(labels.iter().all(|label| [0, 1].contains(label)), "{}", path.display());
        }
    }
    let wine = DataSpec::file(folder.join("adbench/45_wine.npz"));
    if wine.path().unwrap().exists() {
        let wine = datasets::load(&wine, Part::Train, &LoadOptions::default()).unwrap();
        assert_eq!((wine.len(), wine.n_features(), wine.labels().unwrap().iter().sum::<i64>()), (129, 13, 10));
    }
}
