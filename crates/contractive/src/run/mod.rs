//! The run directory: everything a training run leaves behind, each file written atomically (the event file grows).
//!
//! | path | content |
//! |---|---|
//! | `config.toml` | the configuration, fully resolved |
//! | `metrics.jsonl` | one [`EpochRecord`] a line |
//! | `events.out.tfevents.*` | the same for TensorBoard |
//! | `checkpoints/last.safetensors`, `checkpoints/best.safetensors` | [checkpoints](crate::checkpoint) |
//! | `model/` | the best model |
//! | `divergence.json` | where a run that diverged did so, as a [`Divergence`]; no other run has it |
//! | `images/` | pictures |
//! | `report.html` | the page that explains the run |

mod error;
mod events;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, CheckpointError, Resume};
use crate::config::{ConfigError, Layer, TrainConfig};
use crate::history::{Divergence, EpochRecord};
use crate::model::MODEL_FOLDER;
use contractive_table::atomic::{is_free, write_atomically};

pub use error::RunError;

const CONFIG_FILE: &str = "config.toml";
const METRICS_FILE: &str = "metrics.jsonl";
const DIVERGENCE_FILE: &str = "divergence.json";
const CHECKPOINT_FOLDER: &str = "checkpoints";
const IMAGE_FOLDER: &str = "images";

/// A run's directory on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

/// The place of a run that was given none: `ROOT/NAME-TIMESTAMP`. Characters of `name` that are awkward in a path
/// become `-`.
pub fn default_path(root: &Path, name: &str, timestamp: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    root.join(format!("{}-{timestamp}", name.trim_matches(['.', '-'])))
}

impl RunDirectory {
    /// Makes a new run directory and writes `config.toml` into it.
    ///
    /// # Errors
    /// [`RunError::Occupied`] when it exists with something in it; [`RunError::Write`] when it cannot be made.
    pub fn create(path: impl AsRef<Path>, config: &TrainConfig) -> Result<Self, RunError> {
        let path = path.as_ref();
        let failed = |source| RunError::Write { path: path.to_path_buf(), source };
        if !is_free(path).map_err(failed)? {
            return Err(RunError::Occupied { path: path.to_path_buf() });
        }
        let run = RunDirectory { path: path.to_path_buf() };
        fs::create_dir_all(run.checkpoints()).map_err(failed)?;
        fs::create_dir_all(run.images()).map_err(failed)?;
        run.write_config(config)?;
        Ok(run)
    }

    /// Opens the run directory that is there.
    ///
    /// # Errors
    /// [`RunError::NotARun`] when it has no `config.toml`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let path = path.as_ref();
        let run = RunDirectory { path: path.to_path_buf() };
        if run.config_file().is_file() { Ok(run) } else { Err(RunError::NotARun { path: path.to_path_buf() }) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.path.join(CONFIG_FILE)
    }

    /// `metrics.jsonl`.
    pub fn metrics_file(&self) -> PathBuf {
        self.path.join(METRICS_FILE)
    }

    /// `model/`.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL_FOLDER)
    }

    /// `images/`.
    pub fn images(&self) -> PathBuf {
        self.path.join(IMAGE_FOLDER)
    }

    /// `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINT_FOLDER)
    }

    /// `checkpoints/last.safetensors`.
    pub fn last_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("last.safetensors")
    }

    /// `checkpoints/best.safetensors`.
    pub fn best_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("best.safetensors")
    }

    /// Replaces `config.toml`.
    ///
    /// # Errors
    /// [`RunError::Write`] or [`RunError::Config`].
    pub fn write_config(&self, config: &TrainConfig) -> Result<(), RunError> {
        let text = config.to_toml()?;
        let path = self.config_file();
        write_atomically(&path, |file| file.write_all(text.as_bytes()))
            .map_err(|source| RunError::Write { path, source })
    }

    /// Reads `config.toml`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn config(&self) -> Result<TrainConfig, ConfigError> {
        TrainConfig::layered(&TrainConfig::stated(), &[Layer::from_file(&self.config_file())?])
    }

    /// Replaces `metrics.jsonl` by `history`: always whole, never ahead of a checkpoint for longer than a write takes.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_metrics(&self, history: &[EpochRecord]) -> Result<(), RunError> {
        let path = self.metrics_file();
        let written = write_atomically(&path, |file| {
            for record in history {
                serde_json::to_writer(&mut *file, record)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        });
        written.map_err(|source| RunError::Write { path, source })
    }

    /// Brings the TensorBoard event file up to `history`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_events(&self, history: &[EpochRecord]) -> Result<(), RunError> {
        events::write(&self.path, history).map_err(|source| RunError::Write { path: self.path.clone(), source })
    }

    /// Reads `metrics.jsonl`; no records where there is none yet.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Metrics`] with the line.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>, RunError> {
        let path = self.metrics_file();
        let text = read_if_there(&path)?.unwrap_or_default();
        text.lines()
            .enumerate()
            .map(|(i, line)| {
                let wrong =
                    |e: serde_json::Error| RunError::Metrics { path: path.clone(), line: i + 1, reason: e.to_string() };
                serde_json::from_str(line).map_err(wrong)
            })
            .collect()
    }

    /// Writes `divergence.json`, or removes it.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_divergence(&self, divergence: Option<&Divergence>) -> Result<(), RunError> {
        let path = self.path.join(DIVERGENCE_FILE);
        let written = match divergence {
            Some(divergence) => write_atomically(&path, |file| Ok(serde_json::to_writer(file, divergence)?)),
            None => match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            },
        };
        written.map_err(|source| RunError::Write { path, source })
    }

    /// Reads `divergence.json`: where the run diverged, if that is how it ended.
    ///
    /// # Errors
    /// [`RunError::Read`], or [`RunError::Metrics`] where it cannot be understood.
    pub fn divergence(&self) -> Result<Option<Divergence>, RunError> {
        let path = self.path.join(DIVERGENCE_FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        let wrong = |e: serde_json::Error| RunError::Metrics { path, line: e.line(), reason: e.to_string() };
        serde_json::from_str(&text).map(Some).map_err(wrong)
    }

    /// Where the run can go on: its last checkpoint and the best parameters; `None` where it was killed before the
    /// first was written.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn resume(&self) -> Result<Option<Resume>, CheckpointError> {
        if !self.last_checkpoint().exists() {
            return Ok(None);
        }
        let last = Checkpoint::load(self.last_checkpoint())?;
        let best = match last.state.stopping.best_epoch {
            0 => None,
            _ => Some(Checkpoint::load(self.best_checkpoint())?),
        };
        Ok(Some(Resume { last, best }))
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, RunError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RunError::Read { path: path.to_path_buf(), source }),
    }
}
