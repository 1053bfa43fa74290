//! The patches of one scale: their networks, what is learnt of ordinary ones, and the score of any.
//!
//! With x a patch as the networks take it, x̂ its reconstruction, and h its codes of all networks one after the other:
//!
//! ```text
//! error   = mean over networks and numbers of (x̂ − x)²
//! feature = L⁻¹([h, ln error] − mean)            L Lᵀ the covariance of training patches: whitened
//! nearest = mean of the distances of the feature to the k nearest ones in the bank, those of training patches
//! score   = (v − median)/(q₉₅ − median)          over ordinary patches: 0 the usual one, 1 what one in twenty has
//! ```
//!
//! Whitening gives directions in which ordinary patches hardly differ their weight, and an error *below* the usual one: what
//! is blurred is easily restored, and lies near many patches by any other distance. Ordinary patches are training patches
//! that neither a network nor the bank has seen. Units make scales alike.

use contractive::data::{Dataset, Storage, split_validation};
use contractive::encoding::EncodingError;
use contractive::model::Model;
use contractive::preprocess::Scale as Scaling;
use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::nearest::{Bank, NearestScratch};
use contractive_core::random::{Purpose, Stream};
use contractive_core::statistics::quantile_of_sorted;
use contractive_core::{Loss, Objective, Penalty};
use serde::{Deserialize, Serialize};

use super::error::ImageError;
use super::rows::{Cut, PatchRows};
use super::sampling::Sample;
use super::spec::{ImageSpec, PatchScore};
use super::whitening::Whitening;
use crate::detector::{Detector, DetectorError, DetectorSettings, TrainOptions};

/// Patches looked at together.
const CHUNK: usize = 512;
/// Most ordinary patches that units are learnt from.
const MOST_ORDINARY: usize = 4096;
/// Least number that is divided by, and least error whose logarithm is taken.
const LEAST: f64 = 1e-9;
/// The quantile that is one unit above the median.
const TAIL: f64 = 0.95;
/// Numbers of a place.
pub(super) const PLACE: usize = 2;

/// In what scores of patches are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TailUnit {
    median: f64,
    /// The 95 % quantile, above the median.
    tail: f64,
}

impl TailUnit {
    /// Of numbers, at least one, which are sorted.
    fn of(numbers: &mut [f64]) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let median = quantile_of_sorted(numbers, 0.5);
        let tail = quantile_of_sorted(numbers, TAIL);
        TailUnit { median, tail: if tail - median > LEAST * (1.0 + median.abs()) { tail } else { median + 1.0 } }
    }

    fn units(&self, v: f64) -> f64 {
        (v - self.median) / (self.tail - self.median)
    }

    pub(super) fn is_valid(&self) -> bool {
        self.median.is_finite() && self.tail.is_finite() && self.tail > self.median
    }
}

/// One scale of a detector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) rows: PatchRows,
    pub(super) models: Vec<Model>,
    pub(super) whitening: Whitening,
    /// Features of training patches, each with its place in the picture.
    pub(super) bank: Bank,
    pub(super) unit: TailUnit,
    /// What a place in the picture is multiplied by where neighbours are looked for.
    pub(super) place: f32,
    pub(super) score: PatchScore,
    pub(super) neighbours: usize,
}

impl Scale {
    /// Learns from a sample of patches.
    pub(super) fn learn(
        what: &str,
        rows: &PatchRows,
        sample: Sample,
        spec: &ImageSpec,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Scale, ImageError> {
        let d = rows.n_features();
        let Sample { rows: values, places } = sample;
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
        train.truncate(spec.bank);
        let ordinary = Patches::of(&ordinary, &data, &places);
        let banked = Patches::of(&train, &data, &places);
        drop(data);
        let width = feature_width(&models);
        let mut scale = Scale {
            rows: rows.clone(),
            models,
            whitening: Whitening::none(width),
            bank: Bank::new(vec![0.0; width + PLACE], width + PLACE),
            unit: TailUnit { median: 0.0, tail: 1.0 },
            place: (spec.position * (width as f64).sqrt()) as f32,
            score: spec.score,
            neighbours: spec.neighbours,
        };
        let features = scale.features_of(&banked)?;
        scale.whitening = Whitening::of(&features, width);
        let mut of_bank = Vec::new();
        scale.queries(&features, &banked.places, &mut of_bank);
        scale.bank = Bank::new(of_bank, width + PLACE);
        let mut scores = scale.scores_of(&ordinary)?;
        scale.unit = TailUnit::of(&mut scores);
        Ok(scale)
    }

    /// Features of all `patches`, not whitened, (n, width).
    fn features_of(&self, patches: &Patches) -> Result<Vec<f32>, ImageError> {
        let mut scorer = self.scorer()?;
        let mut features = Vec::new();
        for some in patches.rows.chunks(CHUNK * self.rows.n_features()) {
            scorer.features(some)?;
            features.extend_from_slice(&scorer.features);
        }
        Ok(features)
    }

    /// Scores of all `patches`, before they are counted in units.
    fn scores_of(&self, patches: &Patches) -> Result<Vec<f64>, ImageError> {
        let (mut scores, mut scorer) = (Vec::new(), self.scorer()?);
        let chunks = patches.rows.chunks(CHUNK * self.rows.n_features());
        for (some, places) in chunks.zip(patches.places.chunks(CHUNK)) {
            scorer.raw(some, places, &mut scores)?;
        }
        Ok(scores)
    }

    /// Features at places as they are compared.
    fn queries(&self, features: &[f32], places: &[[f32; PLACE]], out: &mut Vec<f32>) {
        out.clear();
        for (feature, place) in features.chunks_exact(self.whitening.width()).zip(places) {
            self.whitening.append(feature, out);
            out.extend(place.map(|p| p * self.place));
        }
    }

    /// What scores patches, in one thread.
    pub(super) fn scorer(&self) -> Result<PatchScorer<'_>, ImageError> {
        let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
        let engines = self.models.iter().map(|model| Ok(model.engine_for(&objective, 1)?));
        Ok(PatchScorer {
            scale: self,
            engines: engines.collect::<Result<_, ImageError>>()?,
            scaled: vec![],
            code: vec![],
            outputs: vec![],
            features: vec![],
            errors: vec![],
            queries: vec![],
            nearest: NearestScratch::default(),
        })
    }
}

/// Numbers of a feature: the codes of all networks and the error.
pub(super) fn feature_width(models: &[Model]) -> usize {
    models.iter().map(|m| m.architecture().code_size()).sum::<usize>() + 1
}

/// Some of a sample's patches.
struct Patches {
    rows: Vec<f32>,
    places: Vec<[f32; PLACE]>,
}

impl Patches {
    fn of(some: &[u32], data: &Dataset, places: &[[f32; PLACE]]) -> Self {
        let d = data.n_features();
        let mut rows = Vec::with_capacity(some.len() * d);
        if let Storage::F32(values) = data.storage() {
            some.iter().for_each(|r| rows.extend_from_slice(&values[*r as usize * d..][..d]));
        }
        Patches { rows, places: some.iter().map(|r| places[*r as usize]).collect() }
    }
}

/// What a thread scores patches with.
pub(super) struct PatchScorer<'a> {
    scale: &'a Scale,
    engines: Vec<CpuEngine>,
    scaled: Vec<f32>,
    code: Vec<f32>,
    outputs: Vec<f32>,
    /// Features of the rows last looked at, not whitened, (n, width).
    features: Vec<f32>,
    errors: Vec<f64>,
    queries: Vec<f32>,
    nearest: NearestScratch,
}

impl PatchScorer<'_> {
    /// Puts rows through the networks; leaves their features and errors.
    fn features(&mut self, rows: &[f32]) -> Result<(), ImageError> {
        let d = self.scale.rows.n_features();
        let (n, width) = (rows.len() / d, self.scale.whitening.width());
        self.features.resize(n * width, 0.0);
        self.errors.clear();
        self.errors.resize(n, 0.0);
        let share = 1.0 / (self.engines.len() * d) as f64;
        let mut from = 0;
        for (engine, model) in self.engines.iter_mut().zip(&self.scale.models) {
            let k = model.architecture().code_size();
            self.scaled.clear();
            self.scaled.extend_from_slice(rows);
            model.preprocessing().apply(&mut self.scaled);
            self.code.resize(n * k, 0.0);
            self.outputs.resize(n * d, 0.0);
            engine.encode(MatRef::new(&self.scaled, n, d), &mut self.code)?;
            engine.decode(MatRef::new(&self.code, n, k), &mut self.outputs)?;
            for (feature, code) in self.features.chunks_exact_mut(width).zip(self.code.chunks_exact(k)) {
                feature[from..from + k].copy_from_slice(code);
            }
            from += k;
            let rows = self.scaled.chunks_exact(d).zip(self.outputs.chunks_exact(d));
            for (error, (x, y)) in self.errors.iter_mut().zip(rows) {
                let squares: f32 = x.iter().zip(y).map(|(x, y)| (y - x) * (y - x)).sum();
                *error += share * f64::from(squares);
            }
        }
        for (feature, error) in self.features.chunks_exact_mut(width).zip(&self.errors) {
            feature[from] = libm::log(error + LEAST) as f32;
        }
        Ok(())
    }

    /// The scores of rows at `places`, before they are counted in units, added to `out`.
    fn raw(&mut self, rows: &[f32], places: &[[f32; PLACE]], out: &mut Vec<f64>) -> Result<(), ImageError> {
        self.features(rows)?;
        let scale = self.scale;
        if scale.score == PatchScore::Error {
            out.extend_from_slice(&self.errors);
            return Ok(());
        }
        scale.queries(&self.features, places, &mut self.queries);
        let queries = MatRef::new(&self.queries, places.len(), scale.bank.n_features());
        scale.bank.nearest(queries, scale.neighbours, &mut self.nearest, |_, near| {
            out.push(near.iter().map(|n| n.square.sqrt()).sum::<f64>() / near.len() as f64);
        });
        Ok(())
    }

    /// The scores of all patches of a picture.
    pub(super) fn scores(&mut self, cut: &Cut<'_>) -> Result<Vec<f64>, ImageError> {
        let n = cut.grid.n_patches();
        let (mut rows, mut scores) = (Vec::new(), Vec::with_capacity(n));
        for from in (0..n).step_by(CHUNK) {
            let range = from..(from + CHUNK).min(n);
            let places: Vec<[f32; PLACE]> = range.clone().map(|i| cut.place(i)).collect();
            cut.rows(range, &mut rows);
            self.raw(&rows, &places, &mut scores)?;
        }
        scores.iter_mut().for_each(|score| *score = self.scale.unit.units(*score));
        Ok(scores)
    }
}
