//! The directory of a detector of pictures: `config.json` beside one directory a scale, `scale-1/`, `scale-2/`, …, of the factor
//! that pictures are made smaller by.
//!
//! `config.json` holds `format_version`, `kind` (`"image_detector"`), what of pictures is looked at, the settings, the threshold,
//! the reference scores as quantiles and the units of each scale. A scale has its networks, `member-0/`, …, model directories
//! like any other, and `patches.safetensors`: the mean of features, what whitens them, and the bank of training
//! patches. A detector of wholes has `whole/` in place of scales: networks, and `pictures.safetensors`, the mean row and the bank of
//! training pictures. Reading runs no code; lengths that do not fit and numbers that are not finite are refused.

use std::path::Path;

use contractive::model::{CONFIG_FILE, Model, ModelError};
use contractive::tensor_file::{Expected, read_tensors, write_tensors};
use contractive_table::atomic::{FolderParts, ReservedFolder, write_json};
use contractive_table::limits::read_at_most;
use serde::{Deserialize, Serialize};

use super::error::ImageError;
use super::features::PatchNetworks;
use super::gradients::{cells, row_width};
use super::rows::{PLACE, PatchRows};
use super::scale::{Scale, TailUnit};
use super::spec::ImageSpec;
use super::whitening::Whitening;
use super::whole::Whole;
use super::{ImageDetector, Learnt, MOST_REFERENCES};
use crate::detector::DetectorSettings;
use crate::distribution::is_distribution;
use crate::documents::{document, is_of_kind};
use contractive_core::nearest::Bank;
use contractive_core::patches::PictureShape;

/// The format written and read.
pub const IMAGES_FORMAT_VERSION: u64 = 1;
/// What `kind` says of a detector of pictures.
const KIND: &str = "image_detector";
/// What the folders of scales are called, before their factor, and in them those of networks, before their number.
const SCALE_FOLDER: &str = "scale-";
const MEMBER_FOLDER: &str = "member-";
/// The numbers of a scale.
const PATCHES_FILE: &str = "patches.safetensors";
/// The folder of wholes, and their numbers.
const WHOLE_FOLDER: &str = "whole";
const PICTURES_FILE: &str = "pictures.safetensors";
/// Largest side of whole pictures.
const LARGEST_SIDE: usize = 16_384;
const PARTS: FolderParts = FolderParts { is_part, last: CONFIG_FILE };
/// The largest configuration read.
const LARGEST_CONFIG: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u64,
    kind: String,
    spec: ImageSpec,
    settings: DetectorSettings,
    channels: usize,
    scales: Vec<StoredScale>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<StoredWhole>,
    threshold: f64,
    pixel_level: f64,
    training_pictures: usize,
    reference_pictures: usize,
    is_held_out: bool,
    reference: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredScale {
    /// Training patches in the bank.
    bank: usize,
    /// Numbers of a feature.
    width: usize,
    unit: TailUnit,
    place: f32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredWhole {
    /// The pictures' size.
    width: usize,
    height: usize,
    /// Training pictures in the bank.
    bank: usize,
    spread: f32,
    unit: TailUnit,
    of_cells: TailUnit,
}

fn is_part(name: &str) -> bool {
    let is_scale = |name: &str| {
        name.strip_prefix(SCALE_FOLDER).is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
    };
    name == CONFIG_FILE || name == WHOLE_FOLDER || is_scale(name)
}

/// Whether `path` is the directory of a detector of pictures, by its `config.json`; nothing else is checked.
pub fn is_image_detector(path: impl AsRef<Path>) -> bool {
    is_of_kind(path.as_ref(), KIND, LARGEST_CONFIG)
}

impl ImageDetector {
    /// Takes the place of a detector before the work that makes it, as [`Detector::reserve`](crate::Detector::reserve) does.
    ///
    /// # Errors
    /// [`ImageError::File`] with what the system said, or that something else is there.
    pub fn reserve(path: impl AsRef<Path>) -> Result<ReservedFolder, ImageError> {
        let path = path.as_ref();
        let failed = |source| ImageError::File { verb: "write", path: path.to_path_buf(), source };
        let folder = ReservedFolder::free_or_own(path, PARTS, |path| is_image_detector(path)).map_err(failed)?;
        let reason = "it is there already, and no detector of pictures; give a new folder";
        folder.ok_or_else(|| failed(std::io::Error::new(std::io::ErrorKind::AlreadyExists, reason)))
    }

    /// Writes the directory `path` whole: under a temporary name first, then renamed. A detector of pictures that is there
    /// already is replaced, and files beside it stay; anything else is not replaced.
    ///
    /// # Errors
    /// [`ImageError::File`] and [`ImageError::Detector`] with what the system said.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ImageError> {
        self.save_in(Self::reserve(path)?)
    }

    /// Writes the directory that [`ImageDetector::reserve`] has taken.
    ///
    /// # Errors
    /// As [`ImageDetector::save`].
    pub fn save_in(&self, folder: ReservedFolder) -> Result<(), ImageError> {
        let path = folder.path().to_path_buf();
        let failed = |source| ImageError::File { verb: "write", path: path.clone(), source };
        folder.fill(failed, |whole| {
            let save_models = |folder: &Path, models: &[Model]| -> Result<(), ImageError> {
                std::fs::create_dir(folder).map_err(failed)?;
                let mut each = models.iter().enumerate();
                each.try_for_each(|(i, model)| Ok(model.save(folder.join(format!("{MEMBER_FOLDER}{i}")))?))
            };
            match &self.learnt {
                Learnt::Patches(scales) => {
                    for scale in scales {
                        let folder = whole.join(format!("{SCALE_FOLDER}{}", scale.networks.rows.scale));
                        save_models(&folder, &scale.networks.models)?;
                        save_scale(scale, &folder.join(PATCHES_FILE))?;
                    }
                }
                Learnt::Whole(of) => {
                    let folder = whole.join(WHOLE_FOLDER);
                    save_models(&folder, &of.models)?;
                    save_whole(of, &folder.join(PICTURES_FILE))?;
                }
            }
            write_json(&whole.join(CONFIG_FILE), &self.stored()).map_err(failed)
        })
    }

    /// Writes the threshold and its rule into the directory that this detector was read from, and nothing else.
    ///
    /// # Errors
    /// [`ImageError::File`] with what the system said.
    pub fn save_threshold(&self, path: impl AsRef<Path>) -> Result<(), ImageError> {
        let path = path.as_ref().join(CONFIG_FILE);
        write_json(&path, &self.stored()).map_err(|source| ImageError::File { verb: "write", path, source })
    }

    fn stored(&self) -> Stored {
        let of = |scale: &Scale| StoredScale {
            bank: scale.bank.len(),
            width: scale.whitening.width(),
            unit: scale.unit,
            place: scale.place,
        };
        let (scales, whole) = match &self.learnt {
            Learnt::Patches(scales) => (scales.iter().map(of).collect(), None),
            Learnt::Whole(whole) => (Vec::new(), Some(stored_whole(whole))),
        };
        Stored {
            format_version: IMAGES_FORMAT_VERSION,
            kind: KIND.to_owned(),
            spec: self.spec.clone(),
            settings: self.settings.clone(),
            channels: self.channels,
            scales,
            whole,
            threshold: self.threshold,
            pixel_level: self.pixel_level,
            training_pictures: self.n_training,
            reference_pictures: self.n_reference,
            is_held_out: self.is_held_out,
            reference: self.reference.clone(),
        }
    }

    /// Reads the directory of a detector of pictures.
    ///
    /// # Errors
    /// [`ImageError::File`] where a file cannot be read, [`ImageError::Stored`] where its numbers contradict each other or it
    /// is of another version, [`ImageError::Detector`] of a network.
    pub fn load(path: impl AsRef<Path>) -> Result<ImageDetector, ImageError> {
        let path = path.as_ref();
        let config_path = path.join(CONFIG_FILE);
        let stored = |reason: String| ImageError::Stored { path: config_path.clone(), reason };
        let text = read_at_most(&config_path, LARGEST_CONFIG).map_err(|source| ImageError::File {
            verb: "read",
            path: config_path.clone(),
            source,
        })?;
        let file: Stored = document(&text, KIND, IMAGES_FORMAT_VERSION).map_err(stored)?;
        check(&file).map_err(stored)?;
        let Stored { spec, settings, channels, threshold, pixel_level, reference, is_held_out, .. } = file;
        let models_in = |folder: &Path| -> Result<Vec<Model>, ImageError> {
            let model = |i: usize| Ok(Model::load(folder.join(format!("{MEMBER_FOLDER}{i}")))?);
            (0..settings.ensemble).map(model).collect()
        };
        let learnt = match file.whole {
            Some(of) => {
                let folder = path.join(WHOLE_FOLDER);
                Learnt::Whole(Box::new(load_whole(
                    (&spec, channels),
                    of,
                    models_in(&folder)?,
                    &folder.join(PICTURES_FILE),
                )?))
            }
            None => {
                let scales = PatchRows::of(&spec, channels).into_iter().zip(file.scales).map(|(rows, of)| {
                    let folder = path.join(format!("{SCALE_FOLDER}{}", rows.scale));
                    load_scale((rows, &spec), of, models_in(&folder)?, &folder.join(PATCHES_FILE))
                });
                Learnt::Patches(scales.collect::<Result<_, ImageError>>()?)
            }
        };
        Ok(ImageDetector {
            learnt,
            n_training: file.training_pictures,
            n_reference: file.reference_pictures,
            spec,
            settings,
            channels,
            reference,
            is_held_out,
            threshold,
            pixel_level,
        })
    }
}

/// What is wrong with a configuration, if anything is.
fn check(file: &Stored) -> Result<(), String> {
    file.spec.check().map_err(|e| e.to_string())?;
    file.settings.check().map_err(|e| e.to_string())?;
    let must = |is_right: bool, what: &str| if is_right { Ok(()) } else { Err(what.to_owned()) };
    must([1, 3].contains(&file.channels), "`channels` must be 1 or 3")?;
    must(file.whole.is_some() == file.spec.whole, "`whole` must be there where pictures are looked at as wholes")?;
    let n_scales = if file.spec.whole { 0 } else { file.spec.scales.len() };
    must(file.scales.len() == n_scales, "`scales` must have one entry a scale, and none of wholes")?;
    if let Some(whole) = &file.whole {
        check_whole(whole, &file.spec)?;
    }
    let are_sizes = file.scales.iter().all(|s| (1..=1 << 20).contains(&s.bank) && (1..=1 << 16).contains(&s.width));
    must(are_sizes, "the bank of a scale must be from 1 to 1048576, the width of a feature from 1 to 65536")?;
    let are_right = file.scales.iter().all(|s| s.unit.is_valid() && s.place.is_finite() && s.place >= 0.0);
    must(
        are_right,
        "the unit of a scale must ascend by more than a billionth, and what places are multiplied by must be at least 0",
    )?;
    must(file.threshold.is_finite() && file.pixel_level.is_finite(), "`threshold` and `pixel_level` must be finite")?;
    let reference = &file.reference;
    let is_right = reference.len() <= MOST_REFERENCES && is_distribution(reference);
    must(is_right, &format!("`reference` must be 1 to {MOST_REFERENCES} finite numbers, ascending"))
}

fn check_whole(whole: &StoredWhole, spec: &ImageSpec) -> Result<(), String> {
    let must = |is_right: bool, what: &str| if is_right { Ok(()) } else { Err(what.to_owned()) };
    let StoredWhole { width, height, .. } = *whole;
    let are_sides = [width, height].iter().all(|side| (spec.patch..=LARGEST_SIDE).contains(side));
    must(are_sides, &format!("whole pictures must be of {} to {LARGEST_SIDE} pixels a side", spec.patch))?;
    must((1..=1 << 20).contains(&whole.bank), "the bank of whole pictures must be from 1 to 1048576")?;
    let are_units = whole.unit.is_valid() && whole.of_cells.is_valid();
    must(
        are_units && whole.spread.is_finite() && whole.spread > 0.0,
        "units must ascend by more than a billionth, and the spread be above 0",
    )
}

/// The tensors of a scale: features of `k` numbers, `n` of them in the bank, each with its place.
fn tensors(k: usize, n: usize) -> [Expected; 3] {
    let of = |name: &str, shape: Vec<usize>| Expected { name: name.into(), shape };
    [of("mean", vec![k]), of("whitening", vec![k, k]), of("bank", vec![n, k + PLACE])]
}

fn save_scale(scale: &Scale, path: &Path) -> Result<(), ImageError> {
    let [mean, whitening, bank] = tensors(scale.whitening.width(), scale.bank.len());
    let Whitening { mean: of_mean, inverse } = &scale.whitening;
    let tensors = [(mean, &of_mean[..]), (whitening, &inverse[..]), (bank, scale.bank.rows())];
    Ok(write_tensors(path, &tensors, ("kind", KIND.to_owned())).map_err(ModelError::from)?)
}

fn load_scale(
    (rows, spec): (PatchRows, &ImageSpec),
    of: StoredScale,
    models: Vec<Model>,
    path: &Path,
) -> Result<Scale, ImageError> {
    let (d, k) = (rows.n_features(), of.width);
    let networks = PatchNetworks { rows, models };
    let width = networks.feature_width();
    if width != k || networks.models.iter().any(|m| m.architecture().input_size() != d) {
        let reason =
            format!("its networks must take {d} numbers a patch, and a feature of theirs have {k}, not {width}");
        return Err(ImageError::Stored { path: path.to_path_buf(), reason });
    }
    let mut mean = read_tensors(path, &tensors(k, of.bank)).map_err(ModelError::from)?;
    let bank = mean.split_off(k + k * k);
    let inverse = mean.split_off(k);
    Ok(Scale {
        networks,
        whitening: Whitening { mean, inverse },
        bank: Bank::new(bank, k + PLACE),
        unit: of.unit,
        place: of.place,
        score: spec.score,
        neighbours: spec.neighbours,
    })
}

/// The tensors of wholes: rows of `d` numbers, `n` pictures in the bank.
fn whole_tensors(d: usize, n: usize) -> [Expected; 2] {
    let of = |name: &str, shape: Vec<usize>| Expected { name: name.into(), shape };
    [of("mean", vec![d]), of("bank", vec![n, 2 * d])]
}

fn stored_whole(whole: &Whole) -> StoredWhole {
    let Whole { shape, bank, spread, unit, of_cells, .. } = whole;
    let (width, height) = (shape.width, shape.height);
    StoredWhole { width, height, bank: bank.len(), spread: *spread, unit: *unit, of_cells: *of_cells }
}

fn save_whole(whole: &Whole, path: &Path) -> Result<(), ImageError> {
    let [mean, bank] = whole_tensors(whole.mean.len(), whole.bank.len());
    let tensors = [(mean, &whole.mean[..]), (bank, whole.bank.rows())];
    Ok(write_tensors(path, &tensors, ("kind", KIND.to_owned())).map_err(ModelError::from)?)
}

fn load_whole(
    (spec, channels): (&ImageSpec, usize),
    of: StoredWhole,
    models: Vec<Model>,
    path: &Path,
) -> Result<Whole, ImageError> {
    let StoredWhole { width, height, bank, spread, unit, of_cells } = of;
    let shape = PictureShape { width, height, channels };
    let grid = cells(shape, spec.patch, spec.stride)?;
    let d = row_width(&grid);
    if models.iter().any(|m| m.architecture().input_size() != d) {
        let reason = format!("its networks must take {d} numbers a picture");
        return Err(ImageError::Stored { path: path.to_path_buf(), reason });
    }
    let mut mean = read_tensors(path, &whole_tensors(d, bank)).map_err(ModelError::from)?;
    let bank = Bank::new(mean.split_off(d), 2 * d);
    Ok(Whole { shape, grid, models, mean, spread, bank, unit, of_cells, neighbours: spec.neighbours })
}
