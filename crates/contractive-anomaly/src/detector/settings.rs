//! The settings of a detector, and the defaults that its data's shape gives.

use std::time::Duration;

use contractive_core::{Activation, Architecture};
use serde::{Deserialize, Serialize};

use super::error::DetectorError;
use super::scores::ScoreKind;
use super::threshold::ThresholdRule;

/// What is known of the rows that a detector is trained on: how many of them are anomalies themselves.
///
/// | word | scores | a region is ordinary when it holds |
/// |---|---|---|
/// | `clean` | what no training row is like | 2 % of the training rows, at least 24 |
/// | `mixed` (default) | what few training rows are like, by the networks and by distance | 3.5 %, at least 42 |
/// | `contaminated` | the same | never: anomalies may be many and alike |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purity {
    /// None is an anomaly.
    Clean,
    /// Some may be.
    #[default]
    Mixed,
    /// Many may be, and they may be like each other.
    Contaminated,
}

impl Purity {
    /// All, in the order of their documentation.
    pub const ALL: [Purity; 3] = [Purity::Clean, Purity::Mixed, Purity::Contaminated];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Purity::Clean => "clean",
            Purity::Mixed => "mixed",
            Purity::Contaminated => "contaminated",
        }
    }

    /// The files of earlier versions do not know the word.
    fn is_mixed(&self) -> bool {
        *self == Purity::Mixed
    }

    /// What it means for a score.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Purity::Clean => "clean rows: a row is as odd as it is unlike all of them",
            Purity::Mixed => {
                "some rows may be anomalies; a group of 3.5 % of the rows, at least 42, counts as ordinary"
            }
            Purity::Contaminated => "many rows may be anomalies, groups of them too",
        }
    }

    /// The order of the quantile over a row's region, a twentieth of the training rows, that is taken off its score:
    /// above it lies the share of the region that makes a region of its own.
    pub(super) fn crowd(self) -> Option<f64> {
        match self {
            Purity::Clean => Some(0.6),
            Purity::Mixed => Some(0.3),
            Purity::Contaminated => None,
        }
    }
}

/// How a detector is trained. What is `None` is chosen by the shape of the data: see [`DetectorPlan`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorSettings {
    /// Networks trained, each from its own seed, at least 1. Scores are means over them. Default 8.
    pub ensemble: usize,
    /// Seed of everything random. Default 0.
    pub seed: u64,
    /// Share of the rows held out, for early stopping and as reference, above 0 and below 1. Default 0.15.
    pub validation: f64,
    /// What is known of the rows trained on, of a table. Default mixed.
    #[serde(skip_serializing_if = "Purity::is_mixed")]
    pub purity: Purity,
    /// Sizes of the encoder's layers, the last one the code.
    pub hidden: Option<Vec<usize>>,
    /// Weight of ‖J‖²_F in the objective, at least 0. Default 0.01.
    pub contraction: f64,
    /// Whether the decoder's weights are the encoder's, transposed: else it can undo any contraction by large weights
    /// of its own. Default true.
    pub tied: bool,
    /// Most steps a member.
    pub steps: Option<usize>,
    /// Rows a step, at least 1. Default 128.
    pub batch_size: usize,
    /// Highest learning rate of Adam, above 0; it falls along a cosine. Default 0.003.
    pub learning_rate: f64,
    /// Share of each batch's rows, those restored worst, that a step passes over: for training rows with many
    /// anomalies. At least 0 and at most 0.5. Default 0.
    pub trim: f64,
    /// Longest time to train all members, in seconds, above 0. A result cut short depends on the machine's speed.
    pub time_budget: Option<f64>,
    /// What is used as the score. Default the combination.
    pub score: ScoreKind,
    /// Where scores become labels.
    pub threshold: ThresholdRule,
}

impl Default for DetectorSettings {
    fn default() -> Self {
        DetectorSettings {
            ensemble: 8,
            seed: 0,
            validation: 0.15,
            purity: Purity::default(),
            hidden: None,
            contraction: 1e-2,
            tied: true,
            steps: None,
            batch_size: 128,
            learning_rate: 3e-3,
            trim: 0.0,
            time_budget: None,
            score: ScoreKind::Combined,
            threshold: ThresholdRule::default(),
        }
    }
}

impl DetectorSettings {
    /// Refuses settings outside their range, NaN included.
    ///
    /// # Errors
    /// [`DetectorError::Setting`] or [`DetectorError::Threshold`].
    pub fn check(&self) -> Result<(), DetectorError> {
        let number = |name, must_be, got: f64, is_right: bool| {
            if is_right { Ok(()) } else { Err(DetectorError::Setting { name, must_be, got }) }
        };
        let (v, c, r, trim) = (self.validation, self.contraction, self.learning_rate, self.trim);
        number("ensemble", "from 1 to 1000", self.ensemble as f64, (1..=1000).contains(&self.ensemble))?;
        number("validation", "above 0 and below 1", v, v > 0.0 && v < 1.0)?;
        number("contraction", "finite and at least 0", c, c.is_finite() && c >= 0.0)?;
        number("batch_size", "at least 1", self.batch_size as f64, self.batch_size >= 1)?;
        number("learning_rate", "finite and above 0", r, r.is_finite() && r > 0.0)?;
        number("trim", "at least 0 and at most 0.5", trim, (0.0..=0.5).contains(&trim))?;
        if let Some(steps) = self.steps {
            number("steps", "at least 1", steps as f64, steps >= 1)?;
        }
        if let Some(seconds) = self.time_budget {
            let is_right = seconds > 0.0 && Duration::try_from_secs_f64(seconds).is_ok();
            number("time_budget", "above 0 seconds", seconds, is_right)?;
        }
        if let Some(hidden) = &self.hidden {
            number("hidden", "a list of at least 1 size", hidden.len() as f64, !hidden.is_empty())?;
        }
        Ok(self.threshold.check()?)
    }
}

/// What the shape of the data made of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorPlan {
    /// The network of each member.
    pub architecture: Architecture,
    /// Most steps a member.
    pub steps: usize,
    /// Rows a step.
    pub batch_size: usize,
    /// Rows trained on.
    pub rows: usize,
    /// Rows held out.
    pub validation_rows: usize,
    /// One line a choice: what was chosen, and why.
    pub reasons: Vec<String>,
}

/// Steps of a member where the table is small.
const STEPS: usize = 200;
/// Passes over the rows that a member gets at least, where the table is large.
const PASSES: usize = 4;
/// Most steps chosen by default: 8 members of a table of any length then take about a minute.
const MOST_STEPS: usize = 4_000;

impl DetectorPlan {
    /// The plan for `rows` rows to train on and `validation_rows` held out, of `d` features.
    pub fn new(settings: &DetectorSettings, rows: usize, validation_rows: usize, d: usize) -> Self {
        let mut reasons = Vec::new();
        let hidden = settings.hidden.clone().unwrap_or_else(|| {
            let code = d.div_ceil(2).max(2).min(d).clamp(1, 32);
            let middle = (2 * d).clamp(16, 64);
            reasons.push(format!(
                "network {d}-{middle}-{code}: a code of half the features (at most 32), a layer of twice the features \
                 (16 to 64)"
            ));
            vec![middle, code]
        });
        let architecture = Architecture::mirrored(
            d,
            &hidden,
            Activation::Tanh,
            Activation::Identity,
            Activation::Identity,
            settings.tied,
        );
        let batch_size = settings.batch_size.min(rows.max(1));
        let steps = settings.steps.unwrap_or_else(|| {
            let passes = PASSES * rows.div_ceil(batch_size);
            let steps = passes.clamp(STEPS, MOST_STEPS);
            reasons.push(format!(
                "at most {steps} steps of {batch_size} rows: {STEPS}, or {PASSES} passes over the rows where that is \
                 more (at most {MOST_STEPS})"
            ));
            steps
        });
        reasons.push(format!(
            "{validation_rows} of {} rows held out, to stop in time and to compare scores with",
            rows + validation_rows
        ));
        reasons.push(settings.purity.in_words().into());
        reasons.push("features: arsinh of (value - median) / spread, so that a few huge values do not rule".into());
        DetectorPlan { architecture, steps, batch_size, rows, validation_rows, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_shape_and_stay_in_bounds() {
        let sizes = |d| DetectorPlan::new(&DetectorSettings::default(), 1000, 100, d).architecture.encoder_sizes;
        assert_eq!(sizes(1), [1, 16, 1]);
        assert_eq!(sizes(3), [3, 16, 2]);
        assert_eq!(sizes(30), [30, 60, 15]);
        assert_eq!(sizes(784), [784, 64, 32]);
        let steps = |rows| DetectorPlan::new(&DetectorSettings::default(), rows, 1, 5).steps;
        assert_eq!((steps(50), steps(1 << 15), steps(1 << 24)), (200, 1024, 4000));
    }

    #[test]
    fn settings_out_of_range_are_refused_and_so_is_nan() {
        type Change = fn(&mut DetectorSettings);
        let changes: [Change; 9] = [
            |s| s.ensemble = 0,
            |s| s.validation = 1.0,
            |s| s.contraction = f64::NAN,
            |s| s.batch_size = 0,
            |s| s.learning_rate = 0.0,
            |s| s.trim = 0.6,
            |s| s.time_budget = Some(f64::NAN),
            |s| s.hidden = Some(vec![]),
            |s| s.threshold = ThresholdRule::Pot { rate: f64::NAN },
        ];
        for change in changes {
            let mut settings = DetectorSettings::default();
            change(&mut settings);
            assert!(settings.check().is_err());
        }
        assert!(DetectorSettings::default().check().is_ok());
    }
}
