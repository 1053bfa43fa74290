//! Anomalies in time series: windows of a table with timestamps, scored by a [`Detector`] of windows, and a score of every
//! timestamp.
//!
//! Read in this order:
//!
//! 1. [`spec`]: which columns, which windows.
//! 2. [`time`]: timestamps, gaps and irregular steps; [`table`]: series read from a file, `folder` from several; `kept` and `room` what they take; `order`
//!    their rows, `filler` their holes, `several` what several series in one file look like.
//! 3. `wishes`: which windows, `windows`: rows to windows, `period` how long; [`gaps`]: where rows are missing; `stretch`: from windows back to rows;
//!    [`follower`]: from rows to timestamps, as they come.
//! 4. `files`: the directory of a detector of series; [`growing`]: a file that is being written, `followed_file` its bytes.
//! 5. [`flagged`]: ranges above the threshold, and the columns at fault. [`metrics`] and [`evaluation`]: ranges of
//!    anomalies against labels.
//!
//! ```no_run
//! use contractive_anomaly::detector::{DetectorSettings, TrainOptions};
//! use contractive_anomaly::series::{Series, SeriesColumns, SeriesDetector, SeriesSpec};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let columns = SeriesColumns { time: Some("timestamp".into()), ..Default::default() };
//! let series = Series::read("series.csv", &columns)?;
//! let spec = SeriesSpec::new("timestamp", series.names.clone());
//! let detector = SeriesDetector::train(&series, &spec, &DetectorSettings::default(), &TrainOptions::default())?;
//! let scores = detector.score(&series, 2)?;
//! for (stamp, score) in series.stamps.iter().zip(&scores.score) {
//!     println!("{stamp} {score}");
//! }
//! # Ok(())
//! # }
//! ```

mod error;
pub mod evaluation;
mod files;
mod filler;
pub mod flagged;
mod folder;
mod followed_file;
pub mod follower;
pub mod gaps;
pub mod growing;
mod kept;
pub mod metrics;
mod order;
mod origin;
mod period;
mod room;
mod several;
pub mod spec;
mod stretch;
pub mod table;
pub mod time;
mod until;
mod windows;
mod wishes;

#[cfg(test)]
mod tests;

use crate::detector::{Detector, DetectorError, DetectorSettings, ScoreKind, ThresholdRule, TrainOptions};
use crate::distribution::{share_above, share_below, sketch};
use contractive_table::listing::some_names;

use self::gaps::{GapWatch, stretches};
use self::time::Moment;
use self::windows::{WindowScorer, dataset, window_into};

pub use error::{SeriesError, SeriesPlace};
pub use files::{SERIES_FORMAT_VERSION, is_series_detector};
pub use flagged::FlaggedRange;
pub use follower::{Follower, RowScore};
pub use growing::{Growing, Growth, Turn};
pub use period::WindowChoice;
pub use spec::{Credit, Gaps, Missing, Normalise, SeriesSpec};
pub use stretch::OWN as OWN_SHARE;
pub use table::{Series, SeriesColumns, Track};
pub use time::Pace;
pub use wishes::WindowWishes;

/// Most reference scores kept: beyond, evenly spaced quantiles.
const MOST_REFERENCES: usize = 4097;
/// Timestamps scored between two words on how far it is: so many that making the scorer ready costs nothing beside them.
const PORTION: usize = 4096;

/// A detector of windows, with all that makes scores of timestamps of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesDetector {
    spec: SeriesSpec,
    /// Nanoseconds between rows, the median in training.
    step: Option<i128>,
    /// Standard deviation of each value column in training.
    scales: Vec<f64>,
    detector: Detector,
    /// Scores of the timestamps trained on, ascending, as quantiles.
    reference: Vec<f64>,
    rule: ThresholdRule,
    threshold: f64,
    /// Timestamps trained on, where it was saved with them.
    training_rows: Option<usize>,
}

/// What a detector says of the n timestamps of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesScores {
    /// The score of each, higher is more anomalous; NaN in a series shorter than a window, beside others.
    pub score: Vec<f64>,
    /// The share of the timestamps trained on that score lower, strictly between 0 and 1.
    pub probability: Vec<f64>,
    /// Whether the score is above the threshold.
    pub label: Vec<bool>,
    /// Where they were asked for: the part of each value column in the score, row-major (n, v). A row's parts add up to its
    /// score, to rounding; NaN where it has none.
    pub parts: Option<Vec<f64>>,
}

impl SeriesDetector {
    /// The threshold's rule where none is chosen: one timestamp in a hundred of those trained on lies above it.
    pub const DEFAULT_THRESHOLD: ThresholdRule = ThresholdRule::Contamination { share: 0.01 };

    /// Trains a detector on the windows of all series of `series`, without labels. The threshold's rule is applied to the
    /// scores of the timestamps trained on, whatever the rule: windows overlap, so that none of them is held out.
    ///
    /// # Errors
    /// [`SeriesError::Setting`], [`SeriesError::TooShort`], and all that [`Detector::train_with`] refuses.
    pub fn train(
        series: &Series,
        spec: &SeriesSpec,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<SeriesDetector, SeriesError> {
        spec.check()?;
        settings.check()?;
        check_columns(spec, series)?;
        let v = spec.values.len();
        let trained_on: Vec<f64> = series.tracks.iter().flat_map(|track| series.values_of(track)).collect();
        let scales: Vec<f64> = (0..v).map(|j| standard_deviation(trained_on.iter().skip(j).step_by(v))).collect();
        drop(trained_on);
        let mut numbers = Vec::new();
        let step = series.step();
        let watch = GapWatch::new(spec.gaps, step, spec.window);
        for track in &series.tracks {
            for values in stretches(series, track, watch.clone(), spec.window) {
                for start in spec.starts(values.len() / v) {
                    window_into(&values[start * v..][..spec.window * v], v, spec.normalise, &scales, &mut numbers);
                }
            }
        }
        if numbers.is_empty() {
            return Err(too_short(series, spec));
        }
        let data = dataset(&format!("the windows of {}", series.what), spec, numbers)?;
        // The windows' own threshold is never used; this rule is always there.
        let of_windows = DetectorSettings { threshold: ThresholdRule::default(), ..settings.clone() };
        let overlap = (spec.window - 1) / spec.stride;
        let detector = Detector::train_windows(&data, overlap, v, &of_windows, options)?;
        drop(data);
        let (spec, rule) = (spec.clone(), settings.threshold);
        let reference = vec![0.0];
        let mut whole =
            SeriesDetector { spec, step, scales, detector, reference, rule, threshold: 0.0, training_rows: None };
        whole.training_rows = Some(whole.learn_reference(series, options.threads)?);
        whole.set_threshold(rule)?;
        Ok(whole)
    }

    /// Scores timestamps by another kind. Those of `reference`, the series trained on or another ordinary one, are what
    /// probabilities and the threshold's rule compare with from now on. Nothing is trained anew.
    ///
    /// # Errors
    /// [`DetectorError::NoSuchScore`] where the detector has no such kind, and all that [`score`](Self::score) refuses of
    /// `reference`. The detector then stays as it is.
    pub fn set_score(&mut self, kind: ScoreKind, reference: &Series, threads: usize) -> Result<(), SeriesError> {
        let mut other = self.clone();
        other.detector.set_score(kind)?;
        other.learn_reference(reference, threads)?;
        other.set_threshold(other.rule)?;
        *self = other;
        Ok(())
    }

    /// Keeps the scores of the timestamps of `series` to compare with; how many there were.
    fn learn_reference(&mut self, series: &Series, threads: usize) -> Result<usize, SeriesError> {
        check_columns(&self.spec, series)?;
        let (mut scores, _) = self.raw(series, threads, false, &mut |_| {})?;
        scores.retain(|score| !score.is_nan());
        let n = scores.len();
        self.reference = sketch(scores, MOST_REFERENCES);
        Ok(n)
    }

    /// Columns and windows.
    pub fn spec(&self) -> &SeriesSpec {
        &self.spec
    }

    /// Standard deviation of each value column in training.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The detector of windows. Its own threshold is not that of timestamps.
    pub fn windows(&self) -> &Detector {
        &self.detector
    }

    /// Nanoseconds between rows in training, the median.
    pub fn step(&self) -> Option<i128> {
        self.step
    }

    /// The threshold in force: timestamps whose score is above it are flagged as anomalies.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The threshold's rule.
    pub fn threshold_rule(&self) -> ThresholdRule {
        self.rule
    }

    /// Changes the threshold's rule. Nothing is trained anew.
    ///
    /// # Errors
    /// [`DetectorError::Threshold`].
    pub fn set_threshold(&mut self, rule: ThresholdRule) -> Result<(), DetectorError> {
        self.threshold = rule.threshold(&self.reference, &self.reference)?;
        self.rule = rule;
        Ok(())
    }

    /// The share of the timestamps trained on that score below `score`, ties counted half, strictly between 0 and 1.
    pub fn probability(&self, score: f64) -> f64 {
        share_below(&self.reference, score)
    }

    /// The share of the timestamps trained on that score above `threshold`; beyond 4,097 of them to about one in as many.
    pub fn share_above(&self, threshold: f64) -> f64 {
        share_above(&self.reference, threshold)
    }

    /// Timestamps trained on.
    pub fn n_training_rows(&self) -> usize {
        if let Some(rows) = self.training_rows {
            return rows;
        }
        match self.reference.len() {
            n if n < MOST_REFERENCES => n,
            // A window begins every stride rows, and the last one ends with the series.
            _ => (self.detector.n_training_rows() - 1) * self.spec.stride + self.spec.window,
        }
    }

    /// The columns to read a series by, for this detector.
    pub fn columns(&self, labels: Option<&str>) -> SeriesColumns {
        SeriesColumns {
            time: self.spec.time.clone(),
            series_key: self.spec.series_key.clone(),
            values: Some(self.spec.values.clone()),
            labels: labels.map(str::to_owned),
            carried: Vec::new(),
            missing: self.spec.missing,
            text: self.spec.text,
        }
    }

    /// Scores every timestamp of `series`, the first and the last ones too, each of its series by itself.
    ///
    /// # Errors
    /// [`SeriesError::TooShort`] where no series is as long as a window; [`SeriesError::Setting`] where the columns are
    /// others or `threads` is 0.
    pub fn score(&self, series: &Series, threads: usize) -> Result<SeriesScores, SeriesError> {
        self.score_telling(series, threads, false, &mut |_| {})
    }

    /// The same scores, with the parts of the value columns in each.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub fn explain(&self, series: &Series, threads: usize) -> Result<SeriesScores, SeriesError> {
        self.score_telling(series, threads, true, &mut |_| {})
    }

    /// As [`explain`](Self::explain) where it `explains`, else as [`score`](Self::score); tells how many timestamps are
    /// done, now and then.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub fn score_telling(
        &self,
        series: &Series,
        threads: usize,
        explains: bool,
        told: &mut dyn FnMut(usize),
    ) -> Result<SeriesScores, SeriesError> {
        check_columns(&self.spec, series)?;
        let (score, parts) = self.raw(series, threads, explains, told)?;
        let probability = |s: &f64| if s.is_nan() { f64::NAN } else { self.probability(*s) };
        Ok(SeriesScores {
            probability: score.iter().map(probability).collect(),
            label: score.iter().map(|s| *s > self.threshold).collect(),
            score,
            parts: explains.then_some(parts),
        })
    }

    /// The scores in the order of the file and, where it `explains`, their parts; NaN in a series that is too short.
    fn raw(
        &self,
        series: &Series,
        threads: usize,
        explains: bool,
        told: &mut dyn FnMut(usize),
    ) -> Result<(Vec<f64>, Vec<f64>), SeriesError> {
        let v = self.spec.values.len();
        let mut all = vec![f64::NAN; series.len()];
        let mut parts = vec![f64::NAN; if explains { series.len() * v } else { 0 }];
        let is_long = |track: &&Track| track.rows.len() >= self.spec.window;
        if !series.tracks.iter().any(|track| is_long(&track)) {
            return Err(too_short(series, &self.spec));
        }
        let mut done = 0;
        for track in series.tracks.iter().filter(is_long) {
            let mut follower = self.follow(&series.name_of(track), threads);
            if explains {
                follower = follower.explaining();
            }
            let moments: Vec<Moment> = track.rows.iter().map(|row| series.moments[*row]).collect();
            let mut scores = Vec::with_capacity(moments.len());
            let of_file = |e: SeriesError| e.of_whole(|row| track.rows[row]);
            for (moments, values) in moments.chunks(PORTION).zip(series.values_of(track).chunks(PORTION * v)) {
                scores.extend(follower.push(moments, values).map_err(of_file)?);
                told(done + follower.rows());
            }
            done += follower.rows();
            scores.extend(follower.finish().map_err(of_file)?);
            for scored in scores {
                let row = track.rows[scored.row as usize];
                all[row] = scored.score;
                if explains {
                    parts[row * v..][..v].copy_from_slice(&scored.parts);
                }
            }
        }
        Ok((all, parts))
    }

    /// A follower of the rows of a series called `what`; the threads, at least 1, do not change the scores.
    pub fn follow(&self, what: &str, threads: usize) -> Follower<'_> {
        let scorer = WindowScorer { spec: &self.spec, scales: &self.scales, detector: &self.detector };
        Follower::new(scorer, what, GapWatch::new(self.spec.gaps, self.step, self.spec.window), threads)
    }
}

/// Refuses a series of other columns than `spec` names.
fn check_columns(spec: &SeriesSpec, series: &Series) -> Result<(), SeriesError> {
    let columns =
        [("value columns", &spec.values, &series.names), ("key columns", &spec.series_key, &series.key_names)];
    match columns.into_iter().find(|(_, ours, theirs)| ours != theirs) {
        None => Ok(()),
        Some((name, ours, theirs)) => {
            Err(SeriesError::Setting { name, must_be: some_names(ours), got: some_names(theirs) })
        }
    }
}

fn too_short(series: &Series, spec: &SeriesSpec) -> SeriesError {
    let longest = series.tracks.iter().max_by_key(|track| track.rows.len());
    let (what, got) =
        longest.map_or((series.what.clone(), 0), |track| (series.name_of(track), track.rows.len() as u64));
    SeriesError::TooShort { what, got, window: spec.window }
}

fn standard_deviation<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt()
}
