//! Train, verify and use contractive autoencoders: data, recipes, training, checkpoints and model files.
//!
//! Read in this order:
//!
//! 1. [`data`]: where rows come from; [`table`]: files read and written by chunks; [`preprocess`]: what is learnt from the training rows and applied to all.
//! 2. [`config`]: everything that describes a run; [`recipe`]: named ones, compiled in.
//! 3. [`mod@train`]: the loop, with its batches, random streams, stopping rule and observers.
//! 4. [`run`], [`checkpoint`] and [`model`]: what is written to disk, and read back with suspicion.
//! 5. [`evaluate`](mod@evaluate) and [`output`]: numbers, codes and reconstructions of a trained model.
//! 6. [`detector`]: anomalies in tables: an ensemble, its scores, thresholds and model files.
//! 7. [`series`]: anomalies in time series: windows, scores of every timestamp, growing files.
//! 8. [`analysis`] and [`record`]: what an encoder does to its rows, and all a report says about a run.
//! 9. [`speed`]: how fast a network trains here, and how fast it could.
//!
//! The mathematics is [`contractive_core`], re-exported as `contractive::core`.

pub mod analysis;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod detector;
mod error;
pub mod evaluate;
mod files;
pub mod model;
pub mod output;
pub mod preprocess;
pub mod recipe;
pub mod record;
pub mod run;
pub mod series;
pub mod speed;
pub mod table;
mod tensor_file;
pub mod train;

pub use contractive_core as core;

pub use config::TrainConfig;
pub use detector::Detector;
pub use error::Error;
pub use evaluate::{Evaluation, evaluate};
pub use model::Model;
pub use record::RunRecord;
pub use run::RunDirectory;
pub use train::{End, EpochRecord, Observer, Outcome, Prepared, train};
