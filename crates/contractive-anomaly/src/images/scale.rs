//! The patches of one scale: their networks, what is learnt of ordinary ones, and the score of any.
//!
//! With f the [feature](super::features) of a patch:
//!
//! ```text
//! nearest = mean of the distances of L⁻¹(f − mean) to the k nearest ones in the bank, those of training patches
//! score   = (v − median)/(q₉₅ − median)          over ordinary patches: 0 the usual one, 1 what one in twenty has
//! ```
//!
//! L Lᵀ is the covariance of training patches' features: whitening gives directions in which ordinary patches hardly differ
//! their weight. Ordinary patches are training patches that neither a network nor the bank has seen. Units make scales alike.

use contractive::data::{Dataset, split_validation};
use contractive::encoding::EncodingError;
use contractive::preprocess::Scale as Scaling;
use contractive_core::matrix::MatRef;
use contractive_core::nearest::{Bank, NearestScratch};
use contractive_core::random::{Purpose, Stream};
use contractive_core::statistics::quantile_of_sorted;
use serde::{Deserialize, Serialize};

use super::describing::{Chosen, DescribedScale};
use super::error::ImageError;
use super::features::{Beneath, CHUNK, FeatureReader, PatchNetworks, Roughness};
use super::rows::{Cut, PLACE, PatchRows};
use super::sampling::Sample;
use super::spec::{ImageSpec, PatchScore};
use super::whitening::Whitening;
use crate::detector::{Detector, DetectorError, DetectorSettings, TrainOptions};

/// Most ordinary patches that units are learnt from.
const MOST_ORDINARY: usize = 4096;
/// Least number that is divided by.
const LEAST: f64 = 1e-9;
/// The quantile that is one unit above the median.
const TAIL: f64 = 0.95;
/// In what scores of patches are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TailUnit {
    median: f64,
    /// The 95 % quantile, far enough above the median that what is divided by their distance stays finite.
    tail: f64,
}

impl Default for TailUnit {
    /// Numbers as they are.
    fn default() -> Self {
        TailUnit { median: 0.0, tail: 1.0 }
    }
}

impl TailUnit {
    /// Of numbers, at least one, which are sorted.
    pub(super) fn of(numbers: &mut [f64]) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let median = quantile_of_sorted(numbers, 0.5);
        let tail = quantile_of_sorted(numbers, TAIL);
        let unit = TailUnit { median, tail };
        if unit.is_wide() { unit } else { TailUnit { median, tail: median + 1.0 } }
    }

    fn is_wide(&self) -> bool {
        self.tail - self.median > LEAST * (1.0 + self.median.abs())
    }

    pub(super) fn units(&self, v: f64) -> f64 {
        (v - self.median) / (self.tail - self.median)
    }

    pub(super) fn is_valid(&self) -> bool {
        // As it is learnt where the quantiles are alike, of whatever size.
        let is_one = self.tail == self.median + 1.0 && self.tail > self.median;
        self.median.is_finite() && self.tail.is_finite() && (self.is_wide() || is_one)
    }
}

/// One scale of a detector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) networks: PatchNetworks,
    pub(super) whitening: Whitening,
    /// Features of training patches, each with its place in the picture.
    pub(super) bank: Bank,
    pub(super) unit: TailUnit,
    /// What a place in the picture is multiplied by where neighbours are looked for.
    pub(super) place: f32,
    pub(super) score: PatchScore,
    pub(super) neighbours: usize,
}

/// Trains the networks of a scale on a sample of patches, and chooses those that will be looked at again.
pub(super) fn learn_networks(
    what: &str,
    rows: &PatchRows,
    sample: Sample,
    bank: usize,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
) -> Result<(PatchNetworks, Chosen), ImageError> {
    let d = rows.n_features();
    let Sample { rows: values, patches } = sample;
    let name = format!("the patches of {what} at 1/{}", rows.scale);
    let data = match values.is_empty() {
        true => Dataset::without_rows(&name, d, false),
        false => Dataset::from_f32(&name, d, values).map_err(EncodingError::from).map_err(DetectorError::from)?,
    };
    let models = Detector::networks(&data, Scaling::Standard, settings, options)?;
    let (mut train, mut ordinary) = split_validation(data.len(), settings.validation, settings.seed);
    let mut stream = Stream::new(settings.seed, Purpose::Analysis, 12, rows.scale as u64);
    stream.shuffle(&mut ordinary);
    ordinary.truncate(MOST_ORDINARY);
    stream.shuffle(&mut train);
    train.truncate(bank);
    let of = |some: Vec<u32>| some.into_iter().map(|r| patches[r as usize]).collect();
    Ok((PatchNetworks { rows: rows.clone(), models }, Chosen { banked: of(train), ordinary: of(ordinary) }))
}

impl Scale {
    /// A scale of trained networks, and what they say of chosen patches. `None` where none could be looked at again.
    pub(super) fn new(networks: PatchNetworks, described: DescribedScale, spec: &ImageSpec) -> Option<Scale> {
        let DescribedScale { banked, ordinary } = described;
        if banked.errors.is_empty() || ordinary.errors.is_empty() {
            return None;
        }
        let width = networks.feature_width();
        let whitening = Whitening::of(&banked.features, width);
        let place = (spec.position * (width as f64).sqrt()) as f32;
        let mut of_bank = Vec::new();
        banked.features.chunks_exact(width).zip(&banked.places).for_each(|(feature, at)| {
            query(&whitening, place, feature, at, &mut of_bank);
        });
        let bank = Bank::new(of_bank, width + PLACE);
        let unit = TailUnit::default();
        let mut scale =
            Scale { networks, whitening, bank, unit, place, score: spec.score, neighbours: spec.neighbours };
        let mut scores = Vec::with_capacity(ordinary.errors.len());
        let each = ordinary.features.chunks_exact(width).zip(ordinary.errors.iter().copied());
        scale.raw(each, &ordinary.places, &mut Scratch::default(), &mut scores);
        scale.unit = TailUnit::of(&mut scores);
        Some(scale)
    }

    /// The scores of patches, given as (feature, error), at `places`, before they are counted in units, added to `out`.
    fn raw<'a>(
        &self,
        patches: impl Iterator<Item = (&'a [f32], f64)>,
        places: &[[f32; PLACE]],
        scratch: &mut Scratch,
        out: &mut Vec<f64>,
    ) {
        if self.score == PatchScore::Error {
            return out.extend(patches.map(|(_, error)| error));
        }
        let Scratch { queries, nearest } = scratch;
        queries.clear();
        patches.zip(places).for_each(|((feature, _), at)| query(&self.whitening, self.place, feature, at, queries));
        let queries = MatRef::new(queries, places.len(), self.bank.n_features());
        self.bank.mean_distances(queries, self.neighbours, nearest, out);
    }

    /// What scores patches, in one thread.
    pub(super) fn scorer(&self) -> Result<PatchScorer<'_>, ImageError> {
        Ok(PatchScorer { scale: self, reader: self.networks.reader()?, scratch: Scratch::default() })
    }
}

/// Adds a feature at a place, as it is compared, to `out`.
fn query(whitening: &Whitening, place: f32, feature: &[f32], at: &[f32; PLACE], out: &mut Vec<f32>) {
    whitening.append(feature, out);
    out.extend(at.map(|p| p * place));
}

/// What is written over from call to call.
#[derive(Default)]
struct Scratch {
    queries: Vec<f32>,
    nearest: NearestScratch,
}

/// What a thread scores patches with.
pub(super) struct PatchScorer<'a> {
    scale: &'a Scale,
    reader: FeatureReader<'a>,
    scratch: Scratch,
}

impl PatchScorer<'_> {
    /// The scores and the roughness of all patches of a picture; `finer` are the next finer scale's patches of it with their
    /// roughness, where there is a finer scale.
    pub(super) fn scores(
        &mut self,
        cut: &Cut<'_>,
        finer: Option<(&Cut<'_>, &[Roughness])>,
    ) -> Result<(Vec<f64>, Vec<Roughness>), ImageError> {
        let n = cut.grid.n_patches();
        let on = finer.map(|(finer, of_finer)| (Beneath::new(cut, finer), of_finer));
        let (mut scores, mut roughness) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut rows, mut beneath, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for from in (0..n).step_by(CHUNK) {
            let range = from..(from + CHUNK).min(n);
            cut.rows(range.clone(), &mut rows);
            beneath.clear();
            beneath.extend(on.iter().flat_map(|(on, of_finer)| range.clone().map(|i| on.mean(i, of_finer))));
            places.clear();
            places.extend(range.map(|i| cut.place(i)));
            self.reader.read(&rows, &beneath)?;
            self.scale.raw(self.reader.each(), &places, &mut self.scratch, &mut scores);
            roughness.extend(self.reader.roughness());
        }
        scores.iter_mut().for_each(|score| *score = self.scale.unit.units(*score));
        Ok((scores, roughness))
    }
}
