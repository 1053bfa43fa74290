//! Anomalies in tables and time series, by ensembles of contractive autoencoders.
//!
//! 1. [`detector`]: tables of numbers, or of columns with names, categories and missing cells.
//! 2. [`series`]: time series: windows, a score of every timestamp, growing files.
//! 3. [`labels`]: which rows are anomalies, where that is known.

pub mod detector;
pub mod labels;
pub mod series;

pub use detector::Detector;
pub use labels::LabelError;
pub use series::SeriesDetector;
