//! From pictures to a detector: split, patches, scales, reference scores, threshold.

use std::sync::atomic::{AtomicUsize, Ordering};

use contractive::data::split_validation;
use contractive_core::statistics::quantile_of_sorted;
use contractive_pictures::Picture;

use super::describing::{Chosen, describe};
use super::error::ImageError;
use super::features::PatchNetworks;
use super::rows::PatchRows;
use super::sampling::{Sample, evenly, sample};
use super::scale::{self, Scale};
use super::source::PictureSet;
use super::spec::ImageSpec;
use super::whole::{Whole, WholeRows};
use super::{ImageDetector, Learnt, MOST_REFERENCES, ScoredPicture};
use crate::detector::{DetectorError, DetectorSettings, MemberReport, TrainOptions, for_each};
use crate::distribution::sketch;

/// Fewest pictures that a detector is trained on.
const FEWEST: usize = 2;
/// Fewest that are learnt from as wholes.
const FEWEST_WHOLES: usize = 10;
/// Fewest patches of a scale that is not the first; with fewer it is left out.
const FEWEST_PATCHES: usize = 50;
/// Fewest pictures of which some are held out.
const FEWEST_SPLIT: usize = 20;
/// Most pictures held out, and most that are scored for the reference.
const MOST_HELD_OUT: usize = 500;
/// The order of the quantile of the pictures' highest pixels that is the level of odd pixels.
const LEVEL: f64 = 0.9;

/// How far a training of a detector of pictures is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// So many of so many pictures are read for their patches.
    Patches {
        /// Pictures read.
        done: usize,
        /// Pictures in all.
        of: usize,
    },
    /// So many of so many pictures are scored, to compare with.
    Reference {
        /// Pictures scored.
        done: usize,
        /// Pictures in all.
        of: usize,
    },
}

/// What a training tells while it runs.
pub struct Told<'a> {
    /// How far it is.
    pub on_stage: &'a (dyn Fn(Stage) + Sync),
    /// Every picture of the reference, with its score and map; its probability and label are not known yet.
    pub on_reference: &'a mut dyn FnMut(&ScoredPicture),
}

impl ImageDetector {
    /// Trains a detector on ordinary pictures, without labels. Of 20 pictures and more the share `validation` (at most 500)
    /// is held out: the threshold's rule is applied to their scores, of fewer to those of all.
    ///
    /// The same seed gives the same bits for any number of threads.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn train(
        source: &dyn PictureSet,
        spec: &ImageSpec,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<ImageDetector, ImageError> {
        Self::train_telling(source, spec, settings, options, Told { on_stage: &|_| {}, on_reference: &mut |_| {} })
    }

    /// [`ImageDetector::train`], with calls that report its progress.
    ///
    /// # Errors
    /// As [`ImageDetector::train`].
    pub fn train_telling(
        source: &dyn PictureSet,
        spec: &ImageSpec,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
        told: Told<'_>,
    ) -> Result<ImageDetector, ImageError> {
        spec.check()?;
        settings.check()?;
        let (what, n) = (source.what(), source.len());
        if n < FEWEST {
            return Err(ImageError::TooFew { data: what.to_owned(), least: FEWEST, got: n });
        }
        let (train, held_out) = split(n, settings);
        let settings =
            &DetectorSettings { hidden: Some(settings.hidden.clone().unwrap_or(spec.hidden())), ..settings.clone() };
        let first = first(source)?;
        let channels = first.1.shape.channels;
        let mut spec = spec.clone();
        let learnt = if spec.whole {
            Learnt::Whole(Box::new(learn_wholes(source, (&train, &first), &spec, settings, options, told.on_stage)?))
        } else {
            let scales = learn_scales(source, &train, channels, &spec, settings, options, told.on_stage)?;
            spec.scales = scales.iter().map(|scale| scale.networks.rows.scale).collect();
            Learnt::Patches(scales)
        };
        let is_held_out = !held_out.is_empty();
        let mut detector = ImageDetector {
            spec,
            settings: settings.clone(),
            channels,
            learnt,
            reference: vec![0.0],
            n_training: n,
            n_reference: 0,
            is_held_out,
            threshold: 0.0,
            pixel_level: 0.0,
        };
        let judged = if is_held_out { held_out } else { train };
        detector.learn_reference(source, judged, options, told)?;
        Ok(detector)
    }

    fn learn_reference(
        &mut self,
        source: &dyn PictureSet,
        order: Vec<u32>,
        options: &TrainOptions<'_>,
        told: Told<'_>,
    ) -> Result<(), ImageError> {
        let (mut scores, mut peaks) = (Vec::new(), Vec::new());
        let of = order.len();
        self.score_each(source, order, options.threads, &mut |scored| {
            scores.push(scored.score);
            peaks.push(scored.map.highest());
            (told.on_stage)(Stage::Reference { done: scores.len(), of });
            (told.on_reference)(&scored);
            !options.stop.load(Ordering::Relaxed)
        })?;
        if options.stop.load(Ordering::Relaxed) {
            return Err(DetectorError::Stopped.into());
        }
        if scores.is_empty() {
            return Err(ImageError::TooFew { data: source.what().to_owned(), least: FEWEST, got: 0 });
        }
        peaks.sort_unstable_by(f64::total_cmp);
        self.pixel_level = quantile_of_sorted(&peaks, LEVEL);
        self.n_reference = scores.len();
        self.reference = sketch(scores, MOST_REFERENCES);
        Ok(self.set_threshold(self.settings.threshold)?)
    }
}

/// Learns from pictures as wholes, at the places `train`, all of the size of the first.
fn learn_wholes(
    source: &dyn PictureSet,
    (train, (place, first)): (&[u32], &(u32, Picture)),
    spec: &ImageSpec,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
    on_stage: &(dyn Fn(Stage) + Sync),
) -> Result<Whole, ImageError> {
    let mut rows = WholeRows::like(first, &source.name(*place as usize), spec)?;
    let mut read = 0;
    let order = evenly(train, rows.most());
    let of = order.len();
    for item in source.stream(order, options.threads) {
        if options.stop.load(Ordering::Relaxed) {
            return Err(DetectorError::Stopped.into());
        }
        let (place, picture) = item?;
        rows.push(&picture, &source.name(place as usize))?;
        read += 1;
        on_stage(Stage::Patches { done: read, of });
    }
    if read < FEWEST_WHOLES {
        return Err(ImageError::TooFew { data: source.what().to_owned(), least: FEWEST_WHOLES, got: read });
    }
    Whole::learn(source.what(), rows, spec, settings, options)
}

/// Learns every scale of patches of the pictures at the places `train`.
fn learn_scales(
    source: &dyn PictureSet,
    train: &[u32],
    channels: usize,
    spec: &ImageSpec,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
    on_stage: &(dyn Fn(Stage) + Sync),
) -> Result<Vec<Scale>, ImageError> {
    let rows = PatchRows::of(spec, channels);
    let on_picture = |done| on_stage(Stage::Patches { done, of: train.len() });
    let samples = sample(source, train, &rows, settings.seed, (options.threads, options.stop), &on_picture)?;
    let (networks, chosen): (Vec<_>, Vec<_>) =
        learn_networks(source.what(), rows.iter().zip(samples), (spec, settings), options)?.into_iter().unzip();
    let on_picture = |done, of| on_stage(Stage::Patches { done, of });
    let described = describe(source, &networks, &chosen, (options.threads, options.stop), &on_picture)?;
    let scales: Vec<Scale> =
        networks.into_iter().zip(described).map_while(|(of, described)| Scale::new(of, described, spec)).collect();
    if scales.is_empty() {
        return Err(ImageError::TooFew { data: source.what().to_owned(), least: FEWEST, got: 0 });
    }
    Ok(scales)
}

/// Trains the networks of every scale of which there are enough patches: beside each other, as far as the threads go.
fn learn_networks<'a>(
    what: &str,
    samples: impl Iterator<Item = (&'a PatchRows, Sample)>,
    (spec, settings): (&ImageSpec, &DetectorSettings),
    options: &TrainOptions<'_>,
) -> Result<Vec<(PatchNetworks, Chosen)>, ImageError> {
    // The first says what is wrong where it has too few.
    let is_enough = |(i, (_, sample)): &(usize, (_, Sample))| *i == 0 || sample.patches.len() >= FEWEST_PATCHES;
    let samples: Vec<(&PatchRows, Sample)> = samples.enumerate().take_while(is_enough).map(|(_, one)| one).collect();
    let beside = samples.len().clamp(1, options.threads.max(1));
    let n = samples.len();
    let done = AtomicUsize::new(0);
    let on_member = |report: &MemberReport| {
        let member = done.fetch_add(1, Ordering::Relaxed);
        (options.on_member)(&MemberReport { member, members: n * report.members, ..*report });
    };
    let own = || TrainOptions { threads: (options.threads / beside).max(1), on_member: &on_member, ..plain(options) };
    let mut learnt: Vec<Option<Result<(PatchNetworks, Chosen), ImageError>>> = samples.iter().map(|_| None).collect();
    for_each(samples.into_iter().zip(&mut learnt), beside, || {
        |((rows, sample), learnt): ((&PatchRows, Sample), &mut Option<_>)| {
            *learnt = Some(scale::learn_networks(what, rows, sample, spec.bank, settings, &own()));
        }
    });
    learnt.into_iter().flatten().collect()
}

/// The same options, their calls as they are.
fn plain<'a>(options: &TrainOptions<'a>) -> TrainOptions<'a> {
    let TrainOptions { threads, on_plan, on_member, on_scores, stop } = *options;
    TrainOptions { threads, on_plan, on_member, on_scores, stop }
}

/// (pictures learnt from, pictures held out), ascending.
fn split(n: usize, settings: &DetectorSettings) -> (Vec<u32>, Vec<u32>) {
    if n < FEWEST_SPLIT {
        return ((0..n as u32).collect(), Vec::new());
    }
    let share = settings.validation.min(MOST_HELD_OUT as f64 / n as f64);
    split_validation(n, share, settings.seed)
}

/// The first picture that can be read, with its place: one after the other, so that none after it is decoded for nothing.
fn first(source: &dyn PictureSet) -> Result<(u32, Picture), ImageError> {
    let first = (0..source.len() as u32).find_map(|i| source.stream(vec![i], 1).next()).transpose()?;
    first.ok_or_else(|| ImageError::TooFew { data: source.what().to_owned(), least: FEWEST, got: 0 })
}
