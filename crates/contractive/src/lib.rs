//! Train, verify and use contractive autoencoders: data sets, preprocessing, training, checkpoints and model files.
//!
//! Read in this order:
//!
//! 1. [`data`]: rows in memory, from files or a program; [`preprocess`]: what is learnt from the training rows and
//!    applied to all.
//! 2. [`config`]: everything that describes a run; [`recipe`]: named ones, compiled in.
//! 3. [`mod@train`]: the loop, with its batches, stopping rule and observers; [`history`]: what it has done so far.
//! 4. [`run`], [`checkpoint`] and [`model`]: what is written to disk, and read back with suspicion.
//! 5. [`evaluate`](mod@evaluate): numbers of a trained model.
//!
//! The mathematics is the crate [`contractive_core`], tables in files are [`contractive_table`].

mod batch;
pub mod checkpoint;
pub mod config;
pub mod data;
mod error;
pub mod evaluate;
pub mod history;
mod measure;
pub mod model;
pub mod preprocess;
pub mod recipe;
pub mod run;
mod tensor_file;
pub mod train;

pub use config::TrainConfig;
pub use error::Error;
pub use evaluate::{Evaluation, evaluate};
pub use history::{Divergence, EpochRecord};
pub use model::Model;
pub use run::RunDirectory;
pub use train::{End, Observer, Outcome, Prepared, Trainer, train};
