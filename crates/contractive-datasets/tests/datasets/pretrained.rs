//! The models that come with the repository give the numbers that docs/reproduction.md states.

use std::path::{Path, PathBuf};

use contractive::{Evaluation, Model, evaluate};
use contractive_datasets::{DataSpec, LoadOptions, Part, Source, load};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The number in the row of `model` on the page, in bold.
fn stated(model: &str) -> f64 {
    let page = std::fs::read_to_string(repository().join("docs/reproduction.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `models/{model}` |"))).unwrap();
    row.split("**").nth(1).unwrap().parse().unwrap()
}

fn evaluated(model: &str, spec: &str, data_dir: Option<PathBuf>) -> Evaluation {
    let model = Model::load(repository().join("models").join(model)).unwrap();
    let spec: DataSpec = spec.parse().unwrap();
    let options = LoadOptions { source: Source { data_dir, offline: true }, ..LoadOptions::default() };
    let data = load(&spec, Part::Test, &options).unwrap();
    evaluate(&model, &data, 1).unwrap()
}

fn assert_stated(model: &str, got: f64) {
    let want = stated(model);
    assert!((got - want).abs() <= 1e-4 * want, "models/{model} gives {got}, docs/reproduction.md states {want}");
}

#[test]
fn the_strokes_model_gives_its_number() {
    let numbers = evaluated("strokes", "strokes:test", None);
    assert_stated("strokes", numbers.total);
}

#[test]
fn the_mnist_model_gives_its_number_and_keeps_below_the_published_loss() {
    let above = repository();
    let beside = [above.join("../shared/data"), above.join("shared/data")].into_iter().find(|folder| folder.is_dir());
    let folder = std::env::var_os("CONTRACTIVE_DATA_DIR").map(PathBuf::from).or(beside);
    let Some(folder) = folder.filter(|folder| folder.join("mnist").is_dir()) else {
        println!("skipped: no MNIST ($CONTRACTIVE_DATA_DIR is not set, or holds none, and no shared/data lies near)");
        return;
    };
    let numbers = evaluated("mnist-bce", "mnist:test", Some(folder));
    assert_stated("mnist-bce", numbers.total);
    assert!(numbers.total <= 0.0662, "the published test loss is 0.0662, ours with the penalty is {}", numbers.total);
}

#[test]
fn models_are_small_enough_for_a_repository() {
    for model in ["strokes", "mnist-bce"] {
        let files = std::fs::read_dir(repository().join("models").join(model)).unwrap();
        let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 4_000_000, "models/{model} takes {bytes} bytes");
    }
}
