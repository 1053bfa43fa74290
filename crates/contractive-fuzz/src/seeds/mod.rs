//! Small valid inputs of every target, made by our own writers, and the files of `fixtures/` that other programs wrote.

mod folders;
mod pictures;
mod tables;
mod text;

use crate::repository;

/// The seeds of a target, always the same; none of an unknown one.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "arrow" => tables::arrow(),
        "checkpoint" => folders::checkpoint(),
        "csv" => tables::csv(),
        "detector" => folders::detector(),
        "hdf5" => tables::hdf5(),
        "idx" => tables::idx(),
        "market" => tables::market(),
        "model" => folders::model(),
        "npy" => tables::npy(),
        "npz" => tables::npz(),
        "parquet" => tables::parquet(),
        "pictures" => pictures::all(),
        "recipe" => text::recipe(),
        "image_detector" => folders::image_detector(),
        "run" => folders::run(),
        "scores" => tables::scores(),
        "series" => text::series(),
        "series_detector" => folders::series_detector(),
        "weights" => folders::weights(),
        "words" => text::words(),
        _ => Vec::new(),
    }
}

/// Inputs of a target that once failed, by the names of their files: what lies in `fuzz/regressions/TARGET`.
pub fn regressions(target: &str) -> Vec<(String, Vec<u8>)> {
    repository::files(&format!("fuzz/regressions/{target}"), |_| true)
}
