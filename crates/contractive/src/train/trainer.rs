//! Training in one call.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::error::TrainError;
use super::observer::Observer;
use super::outcome::{Outcome, Start};
use super::prepared::Prepared;
use super::train;
use crate::config::TrainConfig;
use crate::data::Dataset;
use crate::model::Model;
use crate::run::RunDirectory;

/// Trains a model on rows in memory.
///
/// ```
/// use contractive::data::Dataset;
/// use contractive::train::Trainer;
/// use contractive::TrainConfig;
///
/// let values: Vec<f32> = (0..600).map(|i| (i as f32 * 0.1).sin()).collect();
/// let data = Dataset::from_f32("waves", 6, values)?;
/// let config = TrainConfig::from_toml("example", "model.hidden = [8, 2]\ntraining.epochs = 3")?;
/// let outcome = Trainer::new(config).fit(&data)?;
/// assert_eq!(outcome.history.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a> {
    config: TrainConfig,
    test: Option<Dataset>,
    run: Option<PathBuf>,
    start: Start,
    observer: Option<&'a mut dyn Observer>,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Trainer<'a> {
    /// A trainer with these settings. `data.spec`, `data.rows` and the like are about files, and mean nothing here.
    pub fn new(config: TrainConfig) -> Self {
        Trainer { config, test: None, run: None, start: Start::Fresh, observer: None, stop: None }
    }

    /// Rows that are measured after each epoch, and not trained on.
    pub fn test(mut self, data: &Dataset) -> Self {
        self.test = Some(data.clone());
        self
    }

    /// Keeps checkpoints, numbers and the model in a run directory, which must be new or empty. By default nothing touches
    /// the disk.
    pub fn run_directory(mut self, path: impl AsRef<Path>) -> Self {
        self.run = Some(path.as_ref().to_path_buf());
        self
    }

    /// Begins with the parameters of `model`, whose network must be the one configured, instead of drawn ones.
    pub fn start_from(mut self, model: &Model) -> Self {
        self.start = Start::From(Box::new(model.parameters().clone()));
        self
    }

    /// Tells `observer` about steps and epochs; it may stop the run.
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Stops cleanly, in the middle of an epoch, when `flag` is raised.
    pub fn stop_flag(mut self, flag: &'a AtomicBool) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Trains on `data`, of which `data.validation` are held out.
    ///
    /// # Errors
    /// [`TrainError`]: settings outside their range, rows that do not suit the loss, a run directory that is taken,
    /// divergence.
    pub fn fit(self, data: &Dataset) -> Result<Outcome, TrainError> {
        let mut config = self.config;
        // The configuration says what was trained on: these rows, and no registered set.
        config.data.spec = data.name().to_owned();
        let prepared = Prepared::new(&config, data.clone(), self.test)?;
        let run = self.run.map(|path| RunDirectory::create(path, &prepared.config)).transpose()?;
        let never = AtomicBool::new(false);
        let observer: &mut dyn Observer = match self.observer {
            Some(observer) => observer,
            None => &mut (),
        };
        train(&prepared, run.as_ref(), self.start, observer, self.stop.unwrap_or(&never))
    }
}
