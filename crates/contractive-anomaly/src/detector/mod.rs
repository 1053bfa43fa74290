//! Anomaly detection on a table of numbers: an ensemble of contractive autoencoders, what they say of a row, and where
//! that becomes a label.
//!
//! Read in this order:
//!
//! 1. [`encoding`]: how a table with names, categories and missing cells becomes rows of numbers.
//! 1. [`settings`]: what can be chosen, and what the shape of the data chooses.
//! 2. `ensemble` and `member`: how the networks are trained; [`contractive_core::row_network`] applies one to one row at a
//!    time. `share`: rows that lie with several ranks.
//! 3. `location`, `covariance`, `calibration`: what a member learns about its own outputs.
//! 4. `views` and `surroundings`: where a row lies among the rows trained on; `directions`, `plane` and `planes`: how far a
//!    window and its spans lie from the planes of the windows trained on.
//! 4. [`scores`], `weights`, `contributions`: the kinds of score, their combination, each feature's part.
//! 5. [`threshold`] and [`tail`]: rules that make labels of scores; `merging`: one threshold of scores in several files.
//! 5. [`numbers`]: all that was learnt, for programs that compute scores by other means.
//! 6. [`metrics`] and [`evaluation`]: what a detector is worth where labels are known; [`drift`]: how far new rows have moved.
//!
//! ```no_run
//! use contractive_anomaly::detector::{Detector, DetectorSettings, ScoreOptions};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (train, new): (contractive::data::Dataset, contractive::data::Dataset) = todo!();
//! let detector = Detector::train(&train, &DetectorSettings::default())?;
//! detector.save("detector")?;
//! let detector = Detector::load("detector")?;
//! let scores = detector.score(&new, &ScoreOptions { contributions: true, ..Default::default() })?;
//! for r in (0..scores.len()).filter(|&r| scores.label[r]) {
//!     println!("row {r}: {} ({:.3})", scores.score[r], scores.probability[r]);
//! }
//! # Ok(())
//! # }
//! ```

mod agreement;
mod calibrating;
mod calibration;
mod contributions;
mod covariance;
mod directions;
pub mod drift;
mod ensemble;
mod error;
pub mod evaluation;
mod files;
mod fitting;
mod frames;
mod jobs;
mod location;
mod member;
mod merging;
pub mod metrics;
mod neighbours;
pub mod numbers;
mod of_model;
mod options;
mod plane;
mod planes;
mod reference;
mod rows;
mod scorer;
pub mod scores;
pub mod settings;
mod share;
mod surroundings;
pub mod tail;
pub mod threshold;
mod views;
mod weights;

#[cfg(test)]
mod tests;

use contractive::data::Dataset;
use contractive::encoding::{EncodedRows, EncodingError};
use contractive::model::Model;
use contractive::preprocess::ScaledRows;

use self::calibration::Calibration;
use self::contributions::Parts;
use self::planes::Planes;
use self::reference::Reference;
use self::rows::NetworkRows;
use self::scorer::{Buffers, Scorer};
use self::scores::{KINDS, MEMBER_KINDS};
use self::surroundings::Surroundings;
use self::weights::Weights;
use contractive_core::row_network::RowNetwork;

pub(crate) use self::jobs::for_each;
pub use agreement::Agreement;
pub use contractive::encoding::{
    self, Admission, EncodingOptions, MissingRule, TableEncoding, TableScale, TrainingTable, UsualCells,
};
pub use drift::{Drift, DriftMeter};
pub use error::DetectorError;
pub use files::{DETECTOR_FORMAT_VERSION, is_detector};
pub use frames::{FrameScorer, ScoredFrame, Shard};
pub use merging::{MergeError, MergedFile, MergedThreshold, ScoreFiles, ScoreOrigin};
pub use options::{MemberReport, TrainOptions};
pub use scores::{ScoreKind, Scores, largest_shares};
pub use settings::{DetectorPlan, DetectorSettings, Purity};
pub use threshold::{ThresholdError, ThresholdRule};
pub use weights::TERM_NAMES;

/// A trained detector: networks, their calibration, reference scores and a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Detector {
    settings: DetectorSettings,
    members: Vec<Member>,
    weights: Weights,
    /// The rows trained on; detectors saved before these were looked at have none.
    surroundings: Option<Surroundings>,
    /// The planes of windows; tables have none, nor have windows of detectors saved before there were any.
    planes: Option<Planes>,
    reference: Reference,
    threshold: f64,
    /// Where it was trained on a table with names and roles of columns.
    encoding: Option<TableEncoding>,
}

/// One network of the ensemble.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    /// The autoencoder, a model like any other: its preprocessing makes the network's rows of the user's.
    model: Model,
    calibration: Calibration,
}

/// How rows are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoreOptions {
    /// Whether each feature's part in each score is wanted.
    pub contributions: bool,
    /// Threads, at least 1; the result does not depend on them. Default one a processor core.
    pub threads: usize,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        ScoreOptions { contributions: false, threads }
    }
}

/// Rows that a thread takes at a time.
const CHUNK: usize = 128;

impl Detector {
    /// The settings it was trained with; their score and threshold are those in force.
    pub fn settings(&self) -> &DetectorSettings {
        &self.settings
    }

    /// The networks, each a model like any other.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.members.iter().map(|member| &member.model)
    }

    /// The first of the networks: all have the same layers, and were trained on the same rows.
    pub fn first_model(&self) -> &Model {
        &self.members[0].model
    }

    /// Whether windows are scored by the planes of those trained on, too.
    pub fn has_planes(&self) -> bool {
        self.planes.is_some()
    }

    /// Number of features d of a row.
    pub fn n_features(&self) -> usize {
        self.members[0].model.architecture().input_size()
    }

    /// Names of the features, if the training table had any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.members[0].model.preprocessing().feature_names()
    }

    /// The weights of the combined score's terms, in the order of [`TERM_NAMES`]. They add up to 1.
    pub fn weights(&self) -> [f64; TERM_NAMES.len()] {
        self.weights.0
    }

    /// Whether it keeps the rows it was trained on, as detectors saved by earlier versions do not.
    pub fn has_training_rows(&self) -> bool {
        self.surroundings.is_some()
    }

    /// The kinds of score that it has.
    pub fn kinds(&self) -> &'static [ScoreKind] {
        let n = if self.surroundings.is_some() { KINDS } else { MEMBER_KINDS };
        &ScoreKind::ALL[..n]
    }

    /// The threshold in force: rows whose score is above it are flagged as anomalies.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Changes the threshold's rule. Nothing is trained anew.
    ///
    /// # Errors
    /// [`DetectorError::Threshold`].
    pub fn set_threshold(&mut self, rule: ThresholdRule) -> Result<(), DetectorError> {
        self.threshold = self.reference.threshold(rule, self.settings.score)?;
        self.settings.threshold = rule;
        Ok(())
    }

    /// Changes what is used as the score; the threshold follows by its rule. Nothing is trained anew.
    ///
    /// # Errors
    /// [`DetectorError::Threshold`]; [`DetectorError::NoSuchScore`] for a kind that is not among [`Detector::kinds`].
    pub fn set_score(&mut self, kind: ScoreKind) -> Result<(), DetectorError> {
        if !self.reference.has(kind) {
            return Err(DetectorError::NoSuchScore { score: kind.name() });
        }
        self.threshold = self.reference.threshold(self.settings.threshold, kind)?;
        self.settings.score = kind;
        Ok(())
    }

    /// Scores rows in the user's units. A row's numbers depend on that row alone, to the bit, whatever else is in the
    /// call and however many threads do the work.
    ///
    /// # Errors
    /// [`DetectorError::Columns`] when the columns are not those trained on; [`DetectorError::NotFinite`] naming the first row
    /// whose score is not finite; [`DetectorError::Setting`] for 0 threads;
    /// [`DetectorError::Encoding`] for a detector of a table, which takes [`Detector::score_encoded`].
    pub fn score(&self, data: &Dataset, options: &ScoreOptions) -> Result<Scores, DetectorError> {
        if self.encoding.is_some() {
            let text = "the detector was trained on a table with its own encoding; give it tables, not bare rows";
            return Err(EncodingError::Unfit(text).into());
        }
        let preprocessing = &self.members[0].model.preprocessing();
        preprocessing.check(data)?;
        let reader = ScaledRows { data, preprocessing };
        self.score_rows((data.name(), data.len()), &|rows, out| reader.gather(rows, out), &[], options)
    }

    /// How a table's columns become features, where the detector was trained on a table.
    pub fn encoding(&self) -> Option<&TableEncoding> {
        self.encoding.as_ref()
    }

    /// Scores rows that [`Detector::encoding`] has encoded, with the promise of [`Detector::score`]. Contributions are
    /// those of the table's columns, [`TableEncoding::source_names`]. A row without any present cell scores NaN.
    ///
    /// # Errors
    /// [`DetectorError::Encoding`] when the rows are not of this detector's encoding; [`DetectorError::NotFinite`] as
    /// [`Detector::score`]; [`DetectorError::Setting`] for 0 threads.
    pub fn score_encoded(&self, rows: &EncodedRows, options: &ScoreOptions) -> Result<Scores, DetectorError> {
        let d = self.n_features();
        let (Some(encoding), true) = (&self.encoding, rows.fits(d)) else {
            let text = "the rows were not encoded by this detector's encoding";
            return Err(EncodingError::Unfit(text).into());
        };
        let gather = |some: &[u32], out: &mut Vec<f32>| {
            out.clear();
            some.iter().for_each(|r| out.extend_from_slice(&rows.values[*r as usize * d..][..d]));
        };
        let mut scores = self.score_rows(("the table", rows.n_rows), &gather, &rows.missing, options)?;
        scores.contributions = scores.contributions.map(|parts| encoding.by_source(&parts));
        scores.n_features = encoding.source_names().len();
        Ok(scores)
    }

    /// The share of all rows given for training that score above `threshold`; exact up to 2,048 rows, of more than 10,000
    /// that of so many drawn from them.
    pub fn share_above(&self, threshold: f64) -> f64 {
        self.reference.share_above(threshold, self.settings.score)
    }

    /// The scores of all rows given for training, ascending: every one up to 2,048 rows, of more as many quantiles.
    pub fn training_scores(&self) -> &[f64] {
        self.reference.training(self.settings.score)
    }

    /// Rows given for training, those held out among them; to about one row beyond 2,048.
    pub fn n_training_rows(&self) -> usize {
        let rows = self.members[0].model.provenance().rows as f64;
        self.reference.n_training().unwrap_or((rows / (1.0 - self.settings.validation)).round() as usize)
    }

    fn scorer(&self) -> Scorer<'_> {
        Scorer {
            members: self.members.iter().map(|m| (RowNetwork::new(m.model.parameters()), &m.calibration)).collect(),
            surroundings: self.surroundings.as_ref(),
            planes: self.planes.as_ref(),
            weights: self.weights,
            kind: self.settings.score,
        }
    }

    /// Scores the `n` scaled rows of `data` that `gather` gives, of which the features `missing` (row-major, or empty) are left
    /// out.
    fn score_rows(
        &self,
        (data, n): (&str, usize),
        gather: &(dyn Fn(&[u32], &mut Vec<f32>) + Sync),
        missing: &[bool],
        options: &ScoreOptions,
    ) -> Result<Scores, DetectorError> {
        if options.threads == 0 {
            return Err(DetectorError::Setting { name: "threads", must_be: "at least 1", got: 0.0 });
        }
        let d = self.n_features();
        let rows: Vec<u32> = (0..n as u32).collect();
        let scorer = self.scorer();
        let mut kinds = vec![[0.0; KINDS]; n];
        let tells_planes = options.contributions && scorer.tells_planes();
        let mut contributions = if options.contributions { vec![0.0; n * d] } else { Vec::new() };
        let mut planes = if tells_planes { vec![0.0; n * 2 * d] } else { Vec::new() };
        let parts = pieces(&mut contributions, n, d).into_iter().zip(pieces(&mut planes, n, 2 * d));
        let jobs = rows.chunks(CHUNK).zip(kinds.chunks_mut(CHUNK)).zip(parts);
        let jobs = jobs.map(|((rows, kinds), (parts, planes))| (rows, kinds, parts, planes));
        for_each(jobs, options.threads, || {
            let (mut scaled, mut buffers) = (Vec::new(), Buffers::default());
            let scorer = &scorer;
            move |(rows, kinds, mut parts, mut planes): Job<'_>| {
                gather(rows, &mut scaled);
                scorer.look_up(&scaled, &mut buffers);
                for (r, x) in scaled.chunks_exact(d).enumerate() {
                    let missing = NetworkRows::missing_of(missing, rows[r] as usize, d);
                    let part = parts.as_deref_mut().map(|p| Parts { missing, out: &mut p[r * d..][..d] });
                    kinds[r] = scorer.row(r, x, missing, &mut buffers, part);
                    if let Some(planes) = planes.as_deref_mut() {
                        let (own, by_spans) = planes[r * 2 * d..][..2 * d].split_at_mut(d);
                        own.copy_from_slice(&buffers.planes.parts.own);
                        by_spans.copy_from_slice(&buffers.planes.parts.by_spans);
                    }
                }
            }
        });
        let of = |i: usize| -> Vec<f64> { kinds.iter().map(|k| k[i]).collect() };
        let kinds: [Vec<f64>; KINDS] = std::array::from_fn(of);
        let score = kinds[self.settings.score as usize].clone();
        let scores = Scores {
            n_features: d,
            probability: score.iter().map(|s| self.reference.probability(*s, self.settings.score)).collect(),
            label: score.iter().map(|s| *s > self.threshold).collect(),
            score,
            kinds,
            contributions: options.contributions.then_some(contributions),
            planes: tells_planes.then_some(planes),
        };
        let is_empty = |r: usize| !missing.is_empty() && NetworkRows::missing_of(missing, r, d).iter().all(|m| *m);
        scores.check(data, self.kinds().len(), is_empty)?;
        Ok(scores)
    }
}

/// Rows that a thread scores at a time, with where their scores go, and their contributions and those of the planes, if wanted.
type Job<'a> = (&'a [u32], &'a mut [[f64; KINDS]], Option<&'a mut [f64]>, Option<&'a mut [f64]>);

/// The parts of `all`, (n, d) or nothing, that belong to each job.
fn pieces(all: &mut [f64], n: usize, d: usize) -> Vec<Option<&mut [f64]>> {
    if all.is_empty() {
        return (0..n.div_ceil(CHUNK)).map(|_| None).collect();
    }
    all.chunks_mut(CHUNK * d).map(Some).collect()
}
