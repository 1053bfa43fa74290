//! What can be wrong with a run directory.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;

/// Why a run directory cannot be made, written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The directory has something in it.
    #[error("the run directory {} exists and is not empty", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("{} is being trained by another process", path.display())]
    Held {
        /// The directory.
        path: PathBuf,
    },
    /// A run that was killed before it began.
    #[error("the run in {} was killed before its config.toml was written", path.display())]
    NotBegun {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no run there.
    #[error("{} is not a run directory: it has no config.toml", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// A line of `metrics.jsonl` or `divergence.json` cannot be understood.
    #[error("{}, line {line}: {reason}", path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The configuration cannot be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
