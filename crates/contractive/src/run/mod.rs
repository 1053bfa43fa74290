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
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointError, Resume};
use crate::config::{ConfigError, Layer, TrainConfig};
use crate::history::{Divergence, EpochRecord};
use crate::model::MODEL_FOLDER;
use contractive_table::atomic::{
    Hold, is_free, is_held_elsewhere, is_unfinished, make_folder, remove_leftovers, write_atomically,
};
use contractive_table::limits::read_at_most;

pub use error::RunError;

const CONFIG_FILE: &str = "config.toml";
const METRICS_FILE: &str = "metrics.jsonl";
const DIVERGENCE_FILE: &str = "divergence.json";
const CHECKPOINT_FOLDER: &str = "checkpoints";
const IMAGE_FOLDER: &str = "images";

/// A run's directory on the disk.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
    /// Of one that is written; copies of this hold it together.
    _hold: Option<Arc<Hold>>,
}

/// The place of a run that was given none: `ROOT/NAME-TIMESTAMP`. Characters of `name` that are awkward in a path
/// become `-`.
pub fn default_path(root: &Path, name: &str, timestamp: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    root.join(format!("{}-{timestamp}", name.trim_matches(['.', '-'])))
}

impl RunDirectory {
    /// Makes a new run directory, to be written by this process alone, and writes `config.toml` into it.
    ///
    /// # Errors
    /// [`RunError::Occupied`] when it exists with something in it, [`RunError::Held`] when another process is beginning a run
    /// there, [`RunError::Write`] when it cannot be made.
    pub fn create(path: impl AsRef<Path>, config: &TrainConfig) -> Result<Self, RunError> {
        let path = path.as_ref();
        let failed = |source| RunError::Write { path: path.to_path_buf(), source };
        Self::check_free(path)?;
        make_folder(path).map_err(failed)?;
        let run = Self::held(path)?;
        // Now that nobody else can begin one there.
        Self::check_free(path)?;
        make_folder(&run.checkpoints()).map_err(failed)?;
        make_folder(&run.images()).map_err(failed)?;
        run.write_config(config)?;
        Ok(run)
    }

    /// Refuses a place for a new run that is taken. What a run left that was killed before its `config.toml` was written is
    /// nothing, and may be begun again.
    ///
    /// # Errors
    /// [`RunError::Occupied`]; [`RunError::Write`] where it is no folder or cannot be looked into.
    pub fn check_free(path: impl AsRef<Path>) -> Result<(), RunError> {
        let path = path.as_ref();
        let is_new = is_free(path).and_then(|is_free| Ok(is_free || is_unborn(path)?));
        match is_new.map_err(|source| RunError::Write { path: path.to_path_buf(), source })? {
            true => Ok(()),
            false => Err(RunError::Occupied { path: path.to_path_buf() }),
        }
    }

    /// Opens the run directory that is there, to read it.
    ///
    /// # Errors
    /// [`RunError::NotARun`] when it has no `config.toml`, [`RunError::NotBegun`] when it was to have one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let path = path.as_ref();
        let run = RunDirectory { path: path.to_path_buf(), _hold: None };
        if run.config_file().is_file() {
            return Ok(run);
        }
        let path = path.to_path_buf();
        match path.is_dir() && is_unborn(&path).unwrap_or(false) {
            true => Err(RunError::NotBegun { path }),
            false => Err(RunError::NotARun { path }),
        }
    }

    /// Opens the run directory that is there, to go on with its run in this process alone. What a killed process was
    /// writing there is removed.
    ///
    /// # Errors
    /// Those of [`RunDirectory::open`], and [`RunError::Held`] when another process is training it.
    pub fn open_to_write(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::open(&path)?;
        Self::held(path.as_ref())
    }

    fn held(path: &Path) -> Result<Self, RunError> {
        let hold = Hold::folder(path).map_err(|source| match is_held_elsewhere(&source) {
            true => RunError::Held { path: path.to_path_buf() },
            false => RunError::Write { path: path.to_path_buf(), source },
        })?;
        let run = RunDirectory { path: path.to_path_buf(), _hold: Some(Arc::new(hold)) };
        [run.path.clone(), run.checkpoints(), run.images()].iter().for_each(|folder| remove_leftovers(folder));
        Ok(run)
    }

    /// The same run, whose directory has been renamed.
    pub fn renamed(self, path: impl AsRef<Path>) -> Self {
        RunDirectory { path: path.as_ref().to_path_buf(), ..self }
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

/// Whether a folder is what a run leaves that was killed before it had a `config.toml`.
fn is_unborn(path: &Path) -> io::Result<bool> {
    let mut has_begun = false;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let is_empty = || is_free(&path.join(&name)).unwrap_or(false);
        match name.to_str() {
            Some(CHECKPOINT_FOLDER | IMAGE_FOLDER) if is_empty() => has_begun = true,
            _ if is_unfinished(&name) => {}
            _ => return Ok(false),
        }
    }
    Ok(has_begun)
}

/// The largest file of numbers read: more epochs than any run has.
const MOST_METRICS: u64 = 1 << 30;

fn read_if_there(path: &Path) -> Result<Option<String>, RunError> {
    let utf_8 =
        |bytes| String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it must be UTF-8"));
    match read_at_most(path, MOST_METRICS).and_then(utf_8) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RunError::Read { path: path.to_path_buf(), source }),
    }
}
