//! Anomalies in pictures: patches of ordinary ones learnt by contractive autoencoders at several scales, a heat map of any
//! picture, and its score.
//!
//! Read in this order:
//!
//! 1. [`spec`]: what of a picture is looked at; [`source`]: where pictures come from.
//! 2. `rows`: patches as rows; `sampling`: those learnt from, within a bound of memory.
//! 3. `features`: what networks and pixels tell of a patch, `describing` those of training patches; `scale`: bank and units of one
//!    scale, `whitening` of its features; `whole`: pictures as wholes, by their `gradients`; `training` all of them; [`map`]: from patches to pixels and pictures.
//! 4. [`scoring`]: pictures in parallel, in their order. `files`: the directory.
//! 5. [`evaluation`]: what a detector is worth where labels and masks are known; [`regions`]: what of a picture is odd.
//!
//! ```no_run
//! use contractive_anomaly::detector::TrainOptions;
//! use contractive_anomaly::images::{ImageDetector, ImageSpec, PicturesInMemory};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (good, new): (PicturesInMemory, PicturesInMemory) = todo!();
//! let detector = ImageDetector::train(&good, &ImageSpec::default(), &ImageDetector::default_settings(), &TrainOptions::default())?;
//! let scored = detector.score(&new.pictures[0])?;
//! println!("{} {} {}", scored.score, scored.probability, scored.is_anomaly);
//! # Ok(())
//! # }
//! ```

mod describing;
mod error;
pub mod evaluation;
mod features;
mod files;
mod gradients;
pub mod map;
pub mod regions;
mod rows;
mod sampling;
mod scale;
pub mod scoring;
pub mod source;
pub mod spec;
mod training;
mod whitening;
mod whole;

#[cfg(test)]
mod tests;

use contractive::Model;
use contractive_pictures::{Colour, PictureOptions};

use self::scale::Scale;
use self::whole::Whole;
use crate::detector::{DetectorError, DetectorSettings, ThresholdRule};
use crate::distribution::{share_above, share_below};

pub use error::ImageError;
pub use files::{IMAGES_FORMAT_VERSION, is_image_detector};
pub use map::HeatMap;
pub use scoring::{ImageScorer, ScoredPicture};
pub use source::{NamedSource, PictureSet, PictureStream, PicturesInMemory};
pub use spec::{ImageSpec, Normalise, PatchScore, PictureSize};
pub use training::{Stage, Told};

/// Most reference scores kept: beyond, evenly spaced quantiles.
const MOST_REFERENCES: usize = 4097;

/// What was learnt of pictures: of their patches at every scale, or of wholes.
#[derive(Debug, Clone, PartialEq)]
enum Learnt {
    Patches(Vec<Scale>),
    Whole(Box<Whole>),
}

/// A detector of pictures: what was learnt at each scale, scores of ordinary pictures, and a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageDetector {
    spec: ImageSpec,
    settings: DetectorSettings,
    /// Channels of a picture.
    channels: usize,
    learnt: Learnt,
    /// Scores of ordinary pictures, ascending, as quantiles.
    reference: Vec<f64>,
    /// Pictures given for training.
    n_training: usize,
    /// How many of them the reference is of, and whether nothing was learnt from those.
    n_reference: usize,
    is_held_out: bool,
    threshold: f64,
    /// What the highest pixel of nine ordinary pictures in ten does not reach.
    pixel_level: f64,
}

impl ImageDetector {
    /// The settings of a detector of pictures where none is chosen: one network a scale, of layers that [`ImageSpec::hidden`]
    /// tells, and a threshold three standard deviations above the mean score of ordinary pictures.
    pub fn default_settings() -> DetectorSettings {
        DetectorSettings { ensemble: 1, threshold: ThresholdRule::Sigma { k: 3.0 }, ..DetectorSettings::default() }
    }

    /// What of a picture is looked at.
    pub fn spec(&self) -> &ImageSpec {
        &self.spec
    }

    /// The settings it was trained with.
    pub fn settings(&self) -> &DetectorSettings {
        &self.settings
    }

    /// How pictures are read for this detector; broken ones are passed over where it `skips_broken`.
    pub fn reading(&self, skips_broken: bool) -> PictureOptions {
        let colour = if self.channels == 3 { Colour::Rgb } else { Colour::Grey };
        PictureOptions { colour, ..self.spec.options(skips_broken) }
    }

    /// Channels of a picture: 1 or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The networks of every scale, each with the factor that pictures are made smaller by.
    pub fn networks(&self) -> impl Iterator<Item = (usize, &Model)> {
        let (scales, whole): (&[Scale], &[Model]) = match &self.learnt {
            Learnt::Patches(scales) => (scales, &[]),
            Learnt::Whole(whole) => (&[], &whole.models),
        };
        let networks = scales.iter().map(|scale| &scale.networks);
        let of_scales = networks.flat_map(|of| of.models.iter().map(|model| (of.rows.scale, model)));
        of_scales.chain(whole.iter().map(|model| (1, model)))
    }

    /// Training patches among which neighbours are looked for, at every scale, or training pictures where they are looked at as
    /// wholes.
    pub fn n_banked(&self) -> Vec<usize> {
        match &self.learnt {
            Learnt::Patches(scales) => scales.iter().map(|scale| scale.bank.len()).collect(),
            Learnt::Whole(whole) => vec![whole.bank.len()],
        }
    }

    /// The threshold in force: pictures whose score is above it are flagged as anomalies.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The threshold's rule.
    pub fn threshold_rule(&self) -> ThresholdRule {
        self.settings.threshold
    }

    /// Changes the threshold's rule. Nothing is trained anew.
    ///
    /// # Errors
    /// [`DetectorError::Threshold`].
    pub fn set_threshold(&mut self, rule: ThresholdRule) -> Result<(), DetectorError> {
        self.threshold = rule.threshold(&self.reference, &self.reference)?;
        self.settings.threshold = rule;
        Ok(())
    }

    /// What a pixel must score above to be part of an odd region: what the highest pixel of nine in ten ordinary pictures
    /// does not reach.
    pub fn pixel_level(&self) -> f64 {
        self.pixel_level
    }

    /// Scores of ordinary pictures, ascending: of those held out in training, or of all where they were few; beyond 4,097
    /// as many quantiles.
    pub fn reference(&self) -> &[f64] {
        &self.reference
    }

    /// Whether the reference is of pictures that nothing was learnt from.
    pub fn is_held_out(&self) -> bool {
        self.is_held_out
    }

    /// Pictures that the reference is of.
    pub fn n_reference(&self) -> usize {
        self.n_reference
    }

    /// Pictures given for training, those held out among them.
    pub fn n_training_pictures(&self) -> usize {
        self.n_training
    }

    /// The share of ordinary pictures that score below `score`, ties counted half, strictly between 0 and 1.
    pub fn probability(&self, score: f64) -> f64 {
        share_below(&self.reference, score)
    }

    /// The share of the ordinary pictures that score above `threshold`.
    pub fn share_above(&self, threshold: f64) -> f64 {
        share_above(&self.reference, threshold)
    }
}
