//! Contractive autoencoders, and detectors of anomalies made of them, as ONNX graphs: files that onnxruntime computes codes
//! and scores with, in any language and without this toolkit.
//!
//! ```
//! use contractive::data::Dataset;
//! use contractive::{TrainConfig, Trainer};
//! use contractive_onnx::{Opset, export_model};
//!
//! let values: Vec<f32> = (0..600).map(|i| (i as f32 * 0.37).sin()).collect();
//! let data = Dataset::from_f32("waves", 6, values)?;
//! let config = TrainConfig::from_toml("example", "model.hidden = [8, 2]\ntraining.epochs = 2")?;
//! let file = export_model(&Trainer::new(config).fit(&data)?.model, Opset::default())?;
//! let names: Vec<&str> = file.outputs().iter().map(|output| output.name.as_str()).collect();
//! assert_eq!(names, ["code", "reconstruction", "score", "loss"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read in this order:
//!
//! 1. `messages`: the format. `graph`: a graph under construction, whose values are added and multiplied like numbers.
//! 2. `activation`, `network`; `ranks`, `scaling` and `columns`: rows, and tables with categories and missing cells.
//! 3. `autoencoder` with `convolution`, of patches; `detector`, `series`: what is exported.
//! 4. `opset`, `metadata`, `exported`: the file.

mod activation;
mod autoencoder;
mod columns;
mod convolution;
mod detector;
mod error;
mod exported;
mod graph;
mod messages;
mod metadata;
mod network;
mod opset;
mod ranks;
mod scaling;
mod series;

#[cfg(test)]
mod tests;

pub use autoencoder::{export_model, export_rows};
pub use detector::export_detector;
pub use error::OnnxError;
pub use exported::{OnnxFile, Port};
pub use opset::Opset;
pub use series::export_series;
