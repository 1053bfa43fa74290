//! Anomalies in tables and time series, by ensembles of contractive autoencoders.
//!
//! 1. [`detector`]: tables of numbers, or of columns with names, categories and missing cells.
//! 2. [`series`]: time series: windows, a score of every timestamp, growing files.

pub mod detector;
pub mod series;

pub use detector::Detector;
pub use series::SeriesDetector;
