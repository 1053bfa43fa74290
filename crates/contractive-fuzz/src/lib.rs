//! Every reader of the toolkit, fed with bytes. A [`Target`] takes any bytes and must end: without a panic, without
//! taking more time or memory than the bytes justify. Beyond that, what a target reads must be whole and finite, and the same after
//! it was written and read again.
//!
//! The same functions are run by libFuzzer (the folder `fuzz/`, outside of the workspace), with coverage as its guide, and by
//! `tests/replay.rs` on any machine: seeds, inputs that once failed, and a few thousand mutations of both.
//!
//! 1. `tables` and `frames`: tables of every format in every way of reading; `series`: with timestamps.
//! 2. `folders`: models, detectors, checkpoints, runs, weights of other programs, files of scores.
//! 3. `pictures`: pictures, archives and arrays of them.
//! 4. `text`: configurations, and words that people type.
//! 5. [`mod@seeds`]: small valid inputs, made by our own writers; [`mutation`]: changes of them.
//! 6. `trained`: detectors for new rows; `panics` and `refusal`: what is no finding; `repository`: files that lie in it; `input` and `scratch`: how bytes say what is read and how, and where they become files.

mod folders;
mod frames;
mod input;
pub mod mutation;
mod panics;
mod pictures;
mod refusal;
mod repository;
mod scratch;
pub mod seeds;
mod series;
mod tables;
mod text;
mod trained;

pub use folders::{checkpoint, detector, image_detector, model, run, scores, series_detector, weights};
pub use pictures::pictures;
pub use refusal::was_refused;
pub use series::series;
pub use tables::{arrow, csv, hdf5, idx, market, npy, npz, parquet};
pub use text::{recipe, words};

/// A reader, or several of one kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of its program in `fuzz/`, of its folder of seeds, and of its folder of regressions.
    pub name: &'static str,
    /// Feeds it with bytes. Panics where it does what it must not.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 20] = [
    Target { name: "arrow", run: arrow },
    Target { name: "checkpoint", run: checkpoint },
    Target { name: "csv", run: csv },
    Target { name: "detector", run: detector },
    Target { name: "hdf5", run: hdf5 },
    Target { name: "idx", run: idx },
    Target { name: "image_detector", run: image_detector },
    Target { name: "market", run: market },
    Target { name: "model", run: model },
    Target { name: "npy", run: npy },
    Target { name: "npz", run: npz },
    Target { name: "parquet", run: parquet },
    Target { name: "pictures", run: pictures },
    Target { name: "recipe", run: recipe },
    Target { name: "run", run },
    Target { name: "scores", run: scores },
    Target { name: "series", run: series },
    Target { name: "series_detector", run: series_detector },
    Target { name: "weights", run: weights },
    Target { name: "words", run: words },
];
