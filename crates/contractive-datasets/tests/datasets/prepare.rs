//! Configurations with their data.

use std::sync::atomic::AtomicBool;

use contractive::config::Layer;
use contractive::train::TrainError;
use contractive::{EpochRecord, TrainConfig, recipe, train};
use contractive_datasets::{DataSpec, DatasetError, Source, prepare};

fn config(base: &TrainConfig, text: &str) -> TrainConfig {
    TrainConfig::layered(base, &[Layer::from_text("test", text).unwrap()]).unwrap()
}

#[test]
fn the_default_recipe_learns_strokes() {
    let base = recipe::find(recipe::DEFAULT).unwrap().config;
    let config = config(&base, "data.rows = 1000\ntraining.epochs = 6\ntraining.threads = 1");
    let prepared = prepare(&config, &Source::default()).unwrap();
    assert!(prepared.test().is_some_and(|test| test.len() == 2_000));
    let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false)).unwrap();
    let totals: Vec<f64> = outcome.history.iter().map(EpochRecord::watched).collect();
    assert!(totals[5] < 0.8 * totals[0], "{totals:?}");
    assert_eq!(outcome.model.image_shape(), Some((28, 28)));
}

#[test]
fn the_data_of_every_recipe_are_registered() {
    for recipe in recipe::all().unwrap() {
        let spec: DataSpec = recipe.config.data.spec.parse().unwrap();
        assert!(spec.registered().is_some(), "{}", recipe.name);
    }
}

#[test]
fn registered_sets_are_no_streams() {
    let config = config(&TrainConfig::default(), "data.stream = true");
    let error = prepare(&config, &Source::default()).unwrap_err();
    assert!(matches!(error, DatasetError::Train(TrainError::NotAStream { .. })), "{error:?}");
}
