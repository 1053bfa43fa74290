//! The detector directory: `config.json` beside one model directory a member, `member-0/`, `member-1/`, …
//!
//! `config.json` holds `format_version`, `kind` (`"detector"`), the settings, the threshold, the terms' weights, the
//! reference scores as quantiles, each member's calibration, and what was learnt of the rows trained on. Those rows
//! themselves, at most 10,000 or 30,000 windows, scaled, lie in `rows.safetensors`, with the distance of each to its
//! neighbours and its score. Detectors of format 1 have no rows. Those of windows have planes, `planes.safetensors`, and are
//! of format 3; windows of format 2 have none. A detector of a table has its [`TableEncoding`] beside it,
//! `encoding.json`. Members are model directories like any other. Reading a detector never runs code; every length is
//! checked against the networks' sizes, and a number that is not finite is refused.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::error::DetectorError;
use super::plane::{Plane, Spans};
use super::planes::{self, Planes};
use super::reference::Reference;
use super::scores::{KINDS, MEMBER_KINDS};
use super::settings::DetectorSettings;
use super::surroundings::{Learnt, Surroundings};
use super::weights::{PLANE_TERMS, Weights};
use super::{Detector, Member};
use crate::documents::is_of_kind;
use contractive::encoding::TableEncoding;
use contractive::model::{CONFIG_FILE, DocumentHead, Model, ModelError, TENSOR_FILE, TensorFileError, read_at_most};
use contractive::preprocess::Scale;
use contractive::tensor_file::{Expected, read_tensors, write_tensors};
use contractive_table::atomic::{FolderParts, ReservedFolder, write_json};
use contractive_table::json::from_json;
use contractive_table::opening::identity;

/// The newest format, that of windows. Tables are written as format 2; 1 is read too, and written of a detector that was
/// read from it.
pub const DETECTOR_FORMAT_VERSION: u64 = 3;
/// What `kind` says of a detector.
const KIND: &str = "detector";
/// The largest configuration read: room for wide codes and many members.
const LARGEST_CONFIG: u64 = 256 << 20;
/// How a table becomes rows.
const ENCODING_FILE: &str = "encoding.json";
/// The rows trained on.
const ROWS_FILE: &str = "rows.safetensors";
/// The planes of windows.
const PLANES_FILE: &str = "planes.safetensors";
/// What the folders of members are called, before their number.
const MEMBER_FOLDER: &str = "member-";
const PARTS: FolderParts = FolderParts { is_part, last: CONFIG_FILE };
/// What tensors of each are called after.
const PLANE_NAMES: [&str; PLANE_TERMS] = ["thirds", "windows"];

#[derive(Serialize)]
struct Written<'a> {
    format_version: u64,
    kind: &'static str,
    settings: &'a DetectorSettings,
    threshold: f64,
    weights: Weights,
    reference: &'a Reference,
    calibration: Vec<&'a Calibration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surroundings: Option<LearntOf<&'a Learnt>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    planes: Option<PlanesOf>,
}

/// What of the planes is no tensor: W, v, and of each plane k and ẽ.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanesOf {
    window: usize,
    columns: usize,
    directions: [usize; PLANE_TERMS],
    medians: [f64; PLANE_TERMS],
}

impl PlanesOf {
    fn new(planes: &Planes) -> Self {
        let (window, columns) = planes.size();
        let (directions, medians) =
            (planes.0.each_ref().map(Plane::n_directions), planes.0.each_ref().map(|p| p.median));
        PlanesOf { window, columns, directions, medians }
    }

    /// Whether they can be those of windows of `d` numbers.
    fn are_valid(&self, d: usize) -> bool {
        self.window > 0
            && self.window.checked_mul(self.columns) == Some(d)
            && self.spans().iter().zip(self.directions).all(|(spans, k)| spans.may_have(k))
    }

    fn spans(&self) -> [Spans; PLANE_TERMS] {
        planes::spans(self.window, self.columns)
    }

    /// The tensors of plane `i`. One of no directions is not written: rows that do not vary have none.
    fn tensors(&self, i: usize) -> Vec<Expected> {
        let width = self.spans()[i].width();
        let shapes = [("centre", vec![width]), ("scale", vec![width]), ("directions", vec![self.directions[i], width])];
        let n = if self.directions[i] > 0 { 3 } else { 2 };
        let named = |(name, shape)| Expected { name: format!("{}.{name}", PLANE_NAMES[i]), shape };
        shapes.into_iter().take(n).map(named).collect()
    }
}

/// What was learnt of so many rows.
#[derive(Serialize, Deserialize)]
struct LearntOf<L> {
    rows: usize,
    learnt: L,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[allow(dead_code)] // checked before
    format_version: u64,
    #[allow(dead_code)]
    kind: String,
    settings: DetectorSettings,
    threshold: f64,
    weights: Weights,
    reference: Reference,
    calibration: Vec<Calibration>,
    #[serde(default)]
    surroundings: Option<LearntOf<Learnt>>,
    #[serde(default)]
    planes: Option<PlanesOf>,
}

/// Whether `path` is a detector directory, by its `config.json`; nothing else is checked.
pub fn is_detector(path: impl AsRef<Path>) -> bool {
    is_of_kind(path.as_ref(), KIND, LARGEST_CONFIG)
}

impl Detector {
    /// Takes the place of a detector directory before the work that makes the detector: what would keep it from being
    /// saved is found now, and no other process can take the same place. A detector that is there already is replaced by
    /// [`Detector::save_in`], and files beside it stay; anything else is refused.
    ///
    /// # Errors
    /// [`DetectorError::Model`] with what the system said, or that something else is there.
    pub fn reserve(path: impl AsRef<Path>) -> Result<ReservedFolder, DetectorError> {
        let path = path.as_ref();
        let failed = |source| ModelError::Write { path: path.to_path_buf(), source };
        let folder = ReservedFolder::free_or_own(path, PARTS, |path| is_detector(path)).map_err(failed)?;
        Ok(folder.ok_or_else(|| ModelError::Occupied { path: path.to_path_buf() })?)
    }

    /// Writes the detector directory `path` whole: under a temporary name first, then renamed. A detector that is there
    /// already is replaced, and files beside it stay; anything else is not replaced.
    ///
    /// # Errors
    /// [`DetectorError::Model`] with what the system said.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DetectorError> {
        self.save_in(Self::reserve(path)?)
    }

    /// Writes the threshold and its rule into the detector directory that this one was read from, and nothing else.
    ///
    /// # Errors
    /// [`DetectorError::Model`] with what the system said.
    pub fn save_threshold(&self, path: impl AsRef<Path>) -> Result<(), DetectorError> {
        let path = path.as_ref().join(CONFIG_FILE);
        Ok(write_json(&path, &self.written()).map_err(|source| ModelError::Write { path, source })?)
    }

    /// Writes the detector directory that [`Detector::reserve`] has taken.
    ///
    /// # Errors
    /// [`DetectorError::Model`] with what the system said.
    pub fn save_in(&self, folder: ReservedFolder) -> Result<(), DetectorError> {
        let path = folder.path().to_path_buf();
        let failed = |source| ModelError::Write { path: path.clone(), source };
        folder.fill(
            |e| failed(e).into(),
            |whole| {
                for (i, member) in self.members.iter().enumerate() {
                    member.model.save(whole.join(member_folder(i)))?;
                }
                write_json(&whole.join(CONFIG_FILE), &self.written()).map_err(failed)?;
                if let Some(surroundings) = &self.surroundings {
                    save_rows(surroundings, &whole.join(ROWS_FILE)).map_err(ModelError::from)?;
                }
                if let Some(planes) = &self.planes {
                    save_planes(planes, &whole.join(PLANES_FILE)).map_err(ModelError::from)?;
                }
                if let Some(encoding) = &self.encoding {
                    write_json(&whole.join(ENCODING_FILE), encoding).map_err(failed)?;
                }
                Ok(())
            },
        )
    }

    fn written(&self) -> Written<'_> {
        Written {
            format_version: format_of(self.surroundings.is_some(), self.planes.is_some()),
            kind: KIND,
            settings: &self.settings,
            threshold: self.threshold,
            weights: self.weights,
            reference: &self.reference,
            calibration: self.members.iter().map(|m| &m.calibration).collect(),
            surroundings: self.surroundings.as_ref().map(|s| LearntOf { rows: s.spacing.len(), learnt: &s.learnt }),
            planes: self.planes.as_ref().map(PlanesOf::new),
        }
    }

    /// Reads a detector directory.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where a file cannot be read, is of another version, or a member is damaged;
    /// [`DetectorError::Stored`] where the numbers contradict each other.
    pub fn load(path: impl AsRef<Path>) -> Result<Detector, DetectorError> {
        let path = path.as_ref();
        let config_path = path.join(CONFIG_FILE);
        let stored = |reason: String| DetectorError::Stored { path: config_path.clone(), reason };
        let text = read_at_most(&config_path, LARGEST_CONFIG)?;
        let head = DocumentHead::of(&text).map_err(|e| stored(e.to_string()))?;
        if head.kind() != Some(KIND) {
            return Err(stored("`kind` must be \"detector\"".into()));
        }
        let version = head.version();
        if !version.is_some_and(|version| (1..=DETECTOR_FORMAT_VERSION).contains(&version)) {
            let got = head.version_text();
            return Err(ModelError::Version { path: config_path, expected: DETECTOR_FORMAT_VERSION, got }.into());
        }
        let mut file: Stored = from_json(&text).map_err(|e| stored(e.to_string()))?;
        drop(text);
        file.settings.check().map_err(|e| stored(e.to_string()))?;
        if file.calibration.len() != file.settings.ensemble {
            let (expected, got) = (file.settings.ensemble, file.calibration.len());
            return Err(stored(format!("`calibration` must have {expected} entries, one a member, got {got}")));
        }
        if !file.threshold.is_finite() {
            return Err(stored(format!("`threshold` must be finite, got {}", file.threshold)));
        }
        if !file.weights.is_valid() {
            return Err(stored("`weights` must be at least 0 and add up to 1".into()));
        }
        if version != Some(format_of(file.surroundings.is_some(), file.planes.is_some())) {
            return Err(stored("`surroundings` belong to format 2 and above, `planes` to format 3".into()));
        }
        if file.planes.is_some() != file.weights.has_planes() {
            return Err(stored("`weights` must have weights of planes where there are any".into()));
        }
        if file.surroundings.is_none() && file.weights.of_table().iter().any(|weight| *weight > 0.0) {
            return Err(stored("`weights` must be 4 numbers where there are no training rows".into()));
        }
        let n_kinds = if file.surroundings.is_some() { KINDS } else { MEMBER_KINDS };
        if let Some(fault) = file.reference.fault(n_kinds) {
            return Err(stored(fault));
        }
        if !file.reference.has(file.settings.score) {
            return Err(stored(format!("there are no scores `{}`", file.settings.score.name())));
        }
        let encoding = load_encoding(&path.join(ENCODING_FILE))?;
        let (mut members, mut seen): (Vec<Member>, _) = (Vec::new(), HashSet::new());
        for (i, calibration) in std::mem::take(&mut file.calibration).into_iter().enumerate() {
            let folder: PathBuf = path.join(member_folder(i));
            // A detector holds no more than its files: one under many names would be held many times.
            let weights = fs::metadata(folder.join(TENSOR_FILE)).ok().and_then(|file| identity(&file));
            if weights.is_some_and(|file| !seen.insert(file)) {
                return Err(stored(format!("the weights of {} are those of another member", folder.display())));
            }
            let model = Model::load(&folder)?;
            let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
            if !calibration.is_valid(d, k) {
                let reason = format!("the calibration of member {i} does not fit {d} features and a code of {k}");
                return Err(stored(reason));
            }
            if members.first().is_some_and(|first| first.model.preprocessing() != model.preprocessing()) {
                return Err(stored(format!("{} has another preprocessing than member 0", folder.display())));
            }
            members.push(Member { model, calibration });
        }
        if let (Some(encoding), Some(first)) = (&encoding, members.first()) {
            let preprocessing = &first.model.preprocessing();
            let names = encoding.feature_names();
            if preprocessing.scale() != Scale::None || preprocessing.feature_names() != Some(&names[..]) {
                return Err(stored(format!("{ENCODING_FILE} gives other features than those of its members")));
            }
        }
        let Stored { settings, threshold, weights, reference, .. } = file;
        let d = members.first().map_or(0, |member| member.model.architecture().input_size());
        let surroundings = file.surroundings.map(|of| load_rows(of, d, &path.join(ROWS_FILE))).transpose()?;
        let planes = file.planes.map(|of| load_planes(&of, d, &path.join(PLANES_FILE))).transpose()?;
        Ok(Detector { settings, members, weights, surroundings, planes, reference, threshold, encoding })
    }
}

/// The format of a detector with these.
fn format_of(has_rows: bool, has_planes: bool) -> u64 {
    match (has_rows, has_planes) {
        (_, true) => DETECTOR_FORMAT_VERSION,
        (true, false) => 2,
        (false, false) => 1,
    }
}

/// The tensors of `m` rows of `d` features.
fn tensors(m: usize, d: usize) -> [Expected; 3] {
    let of = |name: &str, shape: Vec<usize>| Expected { name: name.into(), shape };
    [of("rows", vec![m, d]), of("spacing", vec![m]), of("scores", vec![m])]
}

fn save_rows(surroundings: &Surroundings, path: &Path) -> Result<(), TensorFileError> {
    let m = surroundings.spacing.len();
    let (spacing, scores) = (narrow(&surroundings.spacing), narrow(&surroundings.scores));
    let [rows, of_spacing, of_scores] = tensors(m, surroundings.rows.len() / m);
    let tensors = [(rows, &surroundings.rows[..]), (of_spacing, &spacing[..]), (of_scores, &scores[..])];
    write_tensors(path, &tensors, ("kind", KIND.to_owned()))
}

fn load_rows(of: LearntOf<Learnt>, d: usize, path: &Path) -> Result<Surroundings, DetectorError> {
    let m = of.rows;
    let mut rows = read_tensors(path, &tensors(m, d)).map_err(ModelError::from)?;
    let scores = wide(rows.split_off(rows.len() - m));
    let spacing = wide(rows.split_off(rows.len() - m));
    Surroundings::from_stored(of.learnt, rows, spacing, scores, d).ok_or_else(|| {
        let reason = format!("its numbers do not fit {m} rows of {d} features");
        DetectorError::Stored { path: path.to_path_buf(), reason }
    })
}

fn save_planes(planes: &Planes, path: &Path) -> Result<(), TensorFileError> {
    let of = PlanesOf::new(planes);
    let numbers = planes.0.each_ref().map(|plane| [&plane.centre, &plane.scale, &plane.directions].map(|n| narrow(n)));
    let tensors = numbers.iter().enumerate().flat_map(|(i, numbers)| of.tensors(i).into_iter().zip(numbers));
    let tensors: Vec<(Expected, &[f32])> = tensors.map(|(tensor, numbers)| (tensor, &numbers[..])).collect();
    write_tensors(path, &tensors, ("kind", KIND.to_owned()))
}

fn load_planes(of: &PlanesOf, d: usize, path: &Path) -> Result<Planes, DetectorError> {
    let stored = || {
        let reason = format!("its numbers do not fit windows of {d} features");
        DetectorError::Stored { path: path.to_path_buf(), reason }
    };
    if !of.are_valid(d) {
        return Err(stored());
    }
    let tensors: Vec<Expected> = (0..PLANE_TERMS).flat_map(|i| of.tensors(i)).collect();
    let mut numbers = wide(read_tensors(path, &tensors).map_err(ModelError::from)?);
    let mut next = |n: usize| numbers.drain(..n).collect::<Vec<f64>>();
    let [thirds, windows] = of.spans();
    let mut plane = |i: usize, spans: Spans| {
        let (centre, scale) = (next(spans.width()), next(spans.width()));
        let directions = next(of.directions[i] * spans.width());
        Plane::from_stored(spans, centre, scale, directions, of.medians[i]).ok_or_else(stored)
    };
    Ok(Planes([plane(0, thirds)?, plane(1, windows)?]))
}

/// Numbers as a file keeps them, and back.
fn narrow(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|v| *v as f32).collect()
}

fn wide(numbers: Vec<f32>) -> Vec<f64> {
    numbers.into_iter().map(f64::from).collect()
}

/// The encoding of a detector of tables; `None` where there is none.
fn load_encoding(path: &Path) -> Result<Option<TableEncoding>, DetectorError> {
    if !path.exists() {
        return Ok(None);
    }
    let stored = |reason: String| DetectorError::Stored { path: path.to_path_buf(), reason };
    let encoding: TableEncoding = from_json(&read_at_most(path, LARGEST_CONFIG)?).map_err(|e| stored(e.to_string()))?;
    match encoding.fault() {
        None => Ok(Some(encoding)),
        Some(fault) => Err(stored(fault)),
    }
}

fn member_folder(i: usize) -> String {
    format!("{MEMBER_FOLDER}{i}")
}

/// Whether an entry of a detector directory is of the detector.
fn is_part(name: &str) -> bool {
    let is_member = |name: &str| {
        name.strip_prefix(MEMBER_FOLDER)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
    };
    [CONFIG_FILE, ENCODING_FILE, ROWS_FILE, PLANES_FILE].contains(&name) || is_member(name)
}
