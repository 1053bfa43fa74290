//! Trained detectors on the disk, of tables, of time series and of pictures, as far as they are alike.

use std::path::Path;

use contractive_anomaly::detector::{Detector, ScoreOrigin, ThresholdRule, is_detector};
use contractive_anomaly::images::{ImageDetector, is_image_detector};
use contractive_anomaly::series::{SeriesDetector, is_series_detector};

use crate::errors::Usage;
use crate::models::Opened;
use crate::shell::quoted;

/// What is said of a path that is none.
pub(crate) fn no_detector(path: &Path) -> Usage {
    if Opened::new(path).is_ok() {
        let path = quoted(&path.to_string_lossy());
        let text = format!(
            "{path} is a model and no detector; make one of it with `cae threshold {path} --data FILE -o DETECTOR`, FILE \
             holding ordinary rows"
        );
        return Usage(text);
    }
    Usage(format!("{} is no detector; make one with `cae train --detector --data FILE`", path.display()))
}

/// A detector of any kind.
pub(crate) enum AnyDetector {
    /// Of the rows of a table.
    Table(Box<Detector>),
    /// Of the timestamps of a series.
    Series(Box<SeriesDetector>),
    /// Of pictures.
    Images(Box<ImageDetector>),
}

impl AnyDetector {
    /// The detector at `path`, `None` where there is none.
    pub(crate) fn found(path: &Path) -> anyhow::Result<Option<Self>> {
        if is_series_detector(path) {
            return Ok(Some(AnyDetector::Series(Box::new(SeriesDetector::load(path)?))));
        }
        if is_image_detector(path) {
            return Ok(Some(AnyDetector::Images(Box::new(ImageDetector::load(path)?))));
        }
        if is_detector(path) {
            return Ok(Some(AnyDetector::Table(Box::new(Detector::load(path)?))));
        }
        Ok(None)
    }

    /// The detector at `path`.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        Self::found(path)?.ok_or_else(|| no_detector(path).into())
    }

    /// The threshold in force.
    pub(crate) fn threshold(&self) -> f64 {
        match self {
            AnyDetector::Table(detector) => detector.threshold(),
            AnyDetector::Series(detector) => detector.threshold(),
            AnyDetector::Images(detector) => detector.threshold(),
        }
    }

    /// The rule that gave it.
    pub(crate) fn rule(&self) -> ThresholdRule {
        match self {
            AnyDetector::Table(detector) => detector.settings().threshold,
            AnyDetector::Series(detector) => detector.threshold_rule(),
            AnyDetector::Images(detector) => detector.threshold_rule(),
        }
    }

    /// The share of what it was trained on that scores above `threshold`.
    pub(crate) fn share_above(&self, threshold: f64) -> f64 {
        match self {
            AnyDetector::Table(detector) => detector.share_above(threshold),
            AnyDetector::Series(detector) => detector.share_above(threshold),
            AnyDetector::Images(detector) => detector.share_above(threshold),
        }
    }

    /// Rows, or timestamps, that it was trained on; of pictures those that its threshold's rule is applied to.
    pub(crate) fn n_training_rows(&self) -> usize {
        match self {
            AnyDetector::Table(detector) => detector.n_training_rows(),
            AnyDetector::Series(detector) => detector.n_training_rows(),
            AnyDetector::Images(detector) => detector.n_reference(),
        }
    }

    /// What its rows, timestamps or pictures are called, one of them.
    pub(crate) fn unit(&self) -> &'static str {
        match self {
            AnyDetector::Table(_) => "row",
            AnyDetector::Series(_) => "timestamp",
            AnyDetector::Images(_) => "picture",
        }
    }

    /// Where its scores of all rows come from; `None` of pictures, whose scores say nothing of that.
    pub(crate) fn score_origin(&self) -> Option<ScoreOrigin> {
        match self {
            AnyDetector::Table(detector) => Some(detector.score_origin()),
            AnyDetector::Series(detector) => Some(detector.score_origin()),
            AnyDetector::Images(_) => None,
        }
    }

    /// Sets another rule.
    pub(crate) fn set(&mut self, rule: ThresholdRule) -> anyhow::Result<()> {
        match self {
            AnyDetector::Table(detector) => detector.set_threshold(rule)?,
            AnyDetector::Series(detector) => detector.set_threshold(rule)?,
            AnyDetector::Images(detector) => detector.set_threshold(rule)?,
        }
        Ok(())
    }

    /// Writes its threshold into the directory that it was read from.
    pub(crate) fn save_threshold(&self, path: &Path) -> anyhow::Result<()> {
        match self {
            AnyDetector::Table(detector) => detector.save_threshold(path)?,
            AnyDetector::Series(detector) => detector.save_threshold(path)?,
            AnyDetector::Images(detector) => detector.save_threshold(path)?,
        }
        Ok(())
    }

    /// Writes it whole.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        match self {
            AnyDetector::Table(detector) => detector.save(path)?,
            AnyDetector::Series(detector) => detector.save(path)?,
            AnyDetector::Images(detector) => detector.save(path)?,
        }
        Ok(())
    }
}
