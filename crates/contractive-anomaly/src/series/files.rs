//! The directory of a detector of time series: `config.json` beside the detector of windows in `detector/`.
//!
//! `config.json` holds `format_version`, `kind` (`"series_detector"`), the spec, the step, the columns' standard
//! deviations, the threshold with its rule, and the reference scores as quantiles. Reading it never runs code; unknown
//! keys, lengths that do not fit the networks and numbers that are not finite are refused.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::SeriesError;
use super::spec::SeriesSpec;
use super::{MOST_REFERENCES, SeriesDetector};
use crate::detector::{Detector, ThresholdRule};
use crate::distribution::is_distribution;
use crate::documents::{document, is_of_kind};
use contractive::model::CONFIG_FILE;
use contractive_table::atomic::{FolderParts, ReservedFolder, write_json};
use contractive_table::limits::read_at_most;

/// The format written and read.
pub const SERIES_FORMAT_VERSION: u64 = 1;
/// What `kind` says of a detector of time series.
const KIND: &str = "series_detector";
/// The folder of the detector of windows.
const WINDOWS: &str = "detector";
const PARTS: FolderParts = FolderParts { is_part: |name| [CONFIG_FILE, WINDOWS].contains(&name), last: CONFIG_FILE };
/// The largest configuration read.
const LARGEST_CONFIG: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u64,
    kind: String,
    spec: SeriesSpec,
    step_nanoseconds: Option<i64>,
    scales: Vec<f64>,
    rule: ThresholdRule,
    threshold: f64,
    reference: Vec<f64>,
    /// Detectors saved before several series could be trained on do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training_rows: Option<u64>,
}

/// Whether `path` is the directory of a detector of time series, by its `config.json`; nothing else is checked.
pub fn is_series_detector(path: impl AsRef<Path>) -> bool {
    is_of_kind(path.as_ref(), KIND, LARGEST_CONFIG)
}

impl SeriesDetector {
    /// Takes the place of a detector before the work that makes it, as [`Detector::reserve`] does.
    ///
    /// # Errors
    /// [`SeriesError::File`] with what the system said, or that something else is there.
    pub fn reserve(path: impl AsRef<Path>) -> Result<ReservedFolder, SeriesError> {
        let path = path.as_ref();
        let failed = |source| SeriesError::File { verb: "write", path: path.to_path_buf(), source };
        let folder = ReservedFolder::free_or_own(path, PARTS, |path| is_series_detector(path)).map_err(failed)?;
        let reason = "it is there already, and no detector of time series; give a new folder";
        folder.ok_or_else(|| failed(std::io::Error::new(std::io::ErrorKind::AlreadyExists, reason)))
    }

    /// Writes the directory `path` whole: under a temporary name first, then renamed. A detector of time series that is
    /// there already is replaced, and files beside it stay; anything else is not replaced.
    ///
    /// # Errors
    /// [`SeriesError::File`] and [`SeriesError::Detector`] with what the system said.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SeriesError> {
        self.save_in(Self::reserve(path)?)
    }

    /// Writes the directory that [`SeriesDetector::reserve`] has taken.
    ///
    /// # Errors
    /// As [`SeriesDetector::save`].
    pub fn save_in(&self, folder: ReservedFolder) -> Result<(), SeriesError> {
        let path = folder.path().to_path_buf();
        let failed = |source| SeriesError::File { verb: "write", path: path.clone(), source };
        folder.fill(failed, |whole| {
            self.detector.save(whole.join(WINDOWS))?;
            write_json(&whole.join(CONFIG_FILE), &self.stored()).map_err(failed)
        })
    }

    /// Writes the threshold and its rule into the directory that this detector was read from, and nothing else.
    ///
    /// # Errors
    /// [`SeriesError::File`] with what the system said.
    pub fn save_threshold(&self, path: impl AsRef<Path>) -> Result<(), SeriesError> {
        let path = path.as_ref().join(CONFIG_FILE);
        write_json(&path, &self.stored()).map_err(|source| SeriesError::File { verb: "write", path, source })
    }

    fn stored(&self) -> Stored {
        Stored {
            format_version: SERIES_FORMAT_VERSION,
            kind: KIND.to_owned(),
            spec: self.spec.clone(),
            step_nanoseconds: self.step.and_then(|step| i64::try_from(step).ok()),
            scales: self.scales.clone(),
            rule: self.rule,
            threshold: self.threshold,
            reference: self.reference.clone(),
            training_rows: Some(self.n_training_rows() as u64),
        }
    }

    /// Reads the directory of a detector of time series.
    ///
    /// # Errors
    /// [`SeriesError::File`] where a file cannot be read, [`SeriesError::Stored`] where its numbers contradict each
    /// other or it is of another version, [`SeriesError::Detector`] of the detector of windows.
    pub fn load(path: impl AsRef<Path>) -> Result<SeriesDetector, SeriesError> {
        let path = path.as_ref();
        let config_path = path.join(CONFIG_FILE);
        let stored = |reason: String| SeriesError::Stored { path: config_path.clone(), reason };
        let text = read_at_most(&config_path, LARGEST_CONFIG).map_err(|source| SeriesError::File {
            verb: "read",
            path: config_path.clone(),
            source,
        })?;
        let file: Stored = document(&text, KIND, SERIES_FORMAT_VERSION).map_err(stored)?;
        file.spec.check().map_err(|e| stored(e.to_string()))?;
        let rule = file.rule.check();
        rule.map_err(|e| stored(e.to_string()))?;
        let is_positive = file.step_nanoseconds.is_none_or(|step| step > 0);
        let must = |is_right: bool, what: &str| if is_right { Ok(()) } else { Err(stored(what.to_owned())) };
        must(is_positive, "`step_nanoseconds` must be above 0")?;
        let fits =
            file.scales.len() == file.spec.values.len() && file.scales.iter().all(|s| s.is_finite() && *s >= 0.0);
        must(fits, "`scales` must be one number a value column, finite and at least 0")?;
        must(file.threshold.is_finite(), "`threshold` must be finite")?;
        let reference = &file.reference;
        let is_right = reference.len() <= MOST_REFERENCES && is_distribution(reference);
        must(is_right, &format!("`reference` must be 1 to {MOST_REFERENCES} finite numbers, ascending"))?;
        let detector = Detector::load(path.join(WINDOWS))?;
        let (d, n) = (detector.n_features(), file.spec.n_features());
        must(d == n, &format!("its windows hold {n} numbers and its networks take {d}"))?;
        Ok(SeriesDetector {
            spec: file.spec,
            step: file.step_nanoseconds.map(i128::from),
            scales: file.scales,
            detector,
            reference: file.reference,
            rule: file.rule,
            threshold: file.threshold,
            training_rows: file.training_rows.map(|rows| rows as usize),
        })
    }
}
