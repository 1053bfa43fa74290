//! Anomalies in tables, time series and pictures, by ensembles of contractive autoencoders.
//!
//! 1. [`detector`]: tables of numbers, or of columns with names, categories and missing cells.
//! 2. [`series`]: time series: windows, a score of every timestamp, growing files.
//! 3. [`images`]: pictures: patches, a heat map and a score of every picture.
//! 4. [`labels`]: which rows are anomalies, where that is known.

pub mod detector;
mod distribution;
mod documents;
pub mod images;
pub mod labels;
pub mod series;

pub use detector::Detector;
pub use images::ImageDetector;
pub use labels::LabelError;
pub use series::SeriesDetector;
