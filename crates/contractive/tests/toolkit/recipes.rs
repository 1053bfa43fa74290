//! Every recipe trains, on rows made up in memory; what the published one says about an epoch's last step.

use std::sync::atomic::AtomicBool;

use contractive::config::Layer;
use contractive::data::Dataset;
use contractive::{End, Prepared, RunDirectory, TrainConfig, recipe, train};
use contractive_core::Penalty;

/// `rows` images of 28 x 28 pixels: soft spots that wander.
fn spots(rows: usize) -> Dataset {
    let pixel = |row: usize, i: usize| {
        let (y, x, t) = ((i / 28) as f64, (i % 28) as f64, row as f64);
        let (up, left) = (14.0 + 8.0 * (0.7 * t).sin(), 14.0 + 8.0 * (1.1 * t).cos());
        (255.0 * (-((y - up).powi(2) + (x - left).powi(2)) / 18.0).exp()) as u8
    };
    let bytes = (0..rows).flat_map(|row| (0..784).map(move |i| pixel(row, i))).collect();
    Dataset::from_u8_images("spots", 28, 28, bytes).unwrap()
}

fn shortened(name: &str, overrides: &str) -> Prepared {
    let layer = Layer::from_text("test", overrides).unwrap();
    let config = TrainConfig::layered(&recipe::find(name).unwrap().config, &[layer]).unwrap();
    Prepared::new(&config, spots(70), None).unwrap()
}

#[test]
fn every_recipe_trains_an_epoch_and_what_it_prints_adds_up() {
    for name in recipe::names() {
        let prepared = shortened(name, "training.epochs = 1");
        let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!((outcome.end, outcome.history.len()), (End::Finished, 1), "{name}");
        let terms = outcome.history[0].train;
        let sum = terms.reconstruction + prepared.config().objective.contraction * terms.penalty;
        assert!((terms.total - sum).abs() <= 1e-9 * sum.abs(), "{name}: {terms:?}");
        assert!(terms.penalty > 0.0, "{name} is contractive");
    }
}

/// The figure of the article: what the last batch gave, summed over its rows. With one batch an epoch it is N times the
/// mean; in file order the last batch is the last rows.
#[test]
fn the_published_recipe_reports_the_sum_of_the_last_short_batch() {
    let one = shortened("fashion-64-32-16-published", "training.epochs = 1");
    let record = train(&one, None, None, &mut (), &AtomicBool::new(false)).unwrap().history[0];
    assert_eq!(one.train_rows().len(), 70);
    assert!((record.last_batch_sum.unwrap() - 70.0 * record.train.total).abs() < 1e-9 * record.train.total);

    // Batches of 64 and 6 rows: the two sums are that of the epoch.
    let two = shortened("fashion-64-32-16-published", "training = { epochs = 1, batch_size = 64 }");
    let whole = train(&two, None, None, &mut (), &AtomicBool::new(false)).unwrap().history[0];
    let layer = "training = { epochs = 1, batch_size = 64, keep_last_partial_batch = false }";
    let first = train(&shortened("fashion-64-32-16-published", layer), None, None, &mut (), &AtomicBool::new(false));
    let first = first.unwrap().history[0].train.total * 64.0;
    let last = whole.last_batch_sum.unwrap();
    assert!((first + last - 70.0 * whole.train.total).abs() < 1e-9 * first, "{first} + {last}");
}

#[test]
fn the_published_recipe_is_as_printed() {
    let config = recipe::find("fashion-64-32-16-published").unwrap().config;
    assert_eq!(config.objective.penalty, Some(Penalty::LogisticLast { hold_weights: true }));
    assert_eq!((config.objective.contraction, config.data.validation), (100.0, 0.0));
    assert_eq!((config.training.epochs, config.training.batch_size, config.training.shuffle), (Some(200), 128, false));
    assert_eq!(config.model.hidden, [64, 32, 16]);
}

#[test]
fn a_run_leaves_one_event_file_that_a_resumed_run_adds_to() {
    let folder = tempfile::tempdir().unwrap();
    let short = shortened("strokes", "training.epochs = 1");
    let run = RunDirectory::create(folder.path().join("run"), short.config()).unwrap();
    let events = || {
        let names = std::fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = names.filter(|path| path.to_string_lossy().contains("tfevents")).collect();
        assert_eq!(found.len(), 1);
        std::fs::read(found.remove(0)).unwrap()
    };
    train(&short, Some(&run), None, &mut (), &AtomicBool::new(false)).unwrap();
    let before = events();
    let long = shortened("strokes", "training.epochs = 3");
    train(&long, Some(&run), run.resume().unwrap(), &mut (), &AtomicBool::new(false)).unwrap();
    let after = events();
    assert!(after.starts_with(&before) && after.len() > 2 * before.len() - 100);
}
