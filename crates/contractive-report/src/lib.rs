//! What a contractive autoencoder does to its rows, measured, drawn and put on one page: pure functions, from a model
//! and data to numbers, and from numbers to the bytes of a picture or a page.
//!
//! Nothing here opens a file, reads a clock or needs an installed font; the same numbers give the same bytes.
//!
//! - [`analysis`]: the spectrum of J, contraction over radius, activity of units; [`record`]: all a report says about a
//!   run
//! - [`grid`]: images over their reconstructions
//! - [`filters`]: the encoder's weights, as images or as one matrix
//! - [`heat`]: heat maps of pictures, and pictures with odd regions outlined
//! - [`loss_curve`]: the losses and the penalty over the epochs, as PNG or SVG
//! - [`series`]: rows of a table over the feature index, with their reconstructions or their tangents
//! - [`tangents`]: images beside the directions in which the code moves most there
//! - [`report`]: a whole run or several, a time series, a table or pictures with their anomalies, as one self-contained HTML file
//! - [`glossary`]: what the words of a page mean
//! - [`error`]: what can be wrong with the numbers

pub mod analysis;
pub mod error;
pub mod filters;
pub mod glossary;
pub mod grid;
pub mod heat;
pub mod loss_curve;
pub mod record;
pub mod report;
pub mod series;
pub mod tangents;

mod axis;
mod colour;
mod page;
mod panel;
mod png;
mod typeface;

pub use error::FigureError;
pub use filters::{filter_grid, weight_heatmap};
pub use grid::reconstruction_grid;
pub use heat::{heat_map_png, outlined_png};
pub use loss_curve::{LossHistory, loss_curve_png, loss_curve_svg};
pub use record::RunRecord;
pub use record::images::{ImageMeter, ImagesRecord};
pub use record::table::{TableMeter, TableRecord};
pub use report::images::images_html;
pub use report::series::{SeriesPage, series_html};
pub use report::table::table_html;
pub use report::{Repeat, ReportError, comparison_html, report_html, setting_names};
pub use series::{profile_grid, tangent_profiles};
pub use tangents::tangent_grid;
