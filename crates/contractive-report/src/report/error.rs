//! Why a report could not be made.

use contractive::config::ConfigError;
use thiserror::Error;

use crate::error::FigureError;

/// Why a report could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no run to report on.
    #[error("a report needs at least one run, got none")]
    Empty,
    /// A picture of a run could not be drawn.
    #[error("cannot draw the {panel} of run {run}: {source}")]
    Panel {
        /// The part of the page.
        panel: &'static str,
        /// The run's name.
        run: String,
        /// What was wrong with the numbers.
        source: FigureError,
    },
    /// A configuration cannot be written out.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A template could not be filled: a fault in this crate.
    #[error(transparent)]
    Figure(#[from] FigureError),
}
