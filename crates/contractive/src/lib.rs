//! Train, verify and use contractive autoencoders: data sets, preprocessing, training, checkpoints and model files.
//!
//! ```
//! use contractive::data::Dataset;
//! use contractive::{Model, TrainConfig, Trainer};
//!
//! let values: Vec<f32> = (0..3000).map(|i| ((i / 6) as f32 * 0.05 + (i % 6) as f32).sin()).collect();
//! let data = Dataset::from_f32("a curve", 6, values)?;
//! let config = TrainConfig::from_toml("example", "model.hidden = [16, 2]\ntraining.epochs = 5")?;
//! let outcome = Trainer::new(config).fit(&data)?;
//!
//! let folder = tempfile::tempdir()?;
//! outcome.model.save(folder.path().join("model"))?;
//! let model = Model::load(folder.path().join("model"))?;
//! let codes = model.encode((&[0.1_f32, 0.9, 0.9, 0.1, -0.8, -0.9][..], [1, 6]), 1)?;
//! assert_eq!(codes.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read in this order:
//!
//! 1. [`data`]: rows in memory, from files or a program; [`encoding`]: columns of tables as features; [`preprocess`]: what is learnt from the training rows and
//!    applied to all.
//! 2. [`config`]: everything that describes a run; [`recipe`]: named ones, compiled in.
//! 3. [`mod@train`]: the loop, with its batches, stopping rule and observers; [`history`]: what it has done so far.
//! 4. [`run`], [`checkpoint`] and [`model`]: what is written to disk, and read back with suspicion.
//! 5. [`import`](mod@import): weights of other programs as models.
//! 6. [`evaluate`](mod@evaluate): numbers of a trained model; [`verify`](mod@verify): the formulas in use for its penalty, right and wrong.
//!
//! The mathematics is the crate [`contractive_core`], tables in files are [`contractive_table`].
//!
//! # Features
//!
//! `arrow`, `parquet` and `npz`, all on by default: files of these formats, as [`contractive_table`] reads them.

mod batch;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod encoding;
mod error;
pub mod evaluate;
pub mod history;
pub mod import;
mod measure;
pub mod model;
pub mod preprocess;
mod ranks;
pub mod recipe;
pub mod row_evaluation;
pub mod run;
pub mod tensor_file;
pub mod train;
pub mod verify;

pub use config::TrainConfig;
pub use error::Error;
pub use evaluate::{Evaluation, evaluate, evaluate_telling};
pub use history::{Divergence, EpochRecord};
pub use model::Model;
pub use row_evaluation::{JudgedRows, evaluate_rows};
pub use run::RunDirectory;
pub use train::{End, Observer, Outcome, Prepared, Trainer, train};
