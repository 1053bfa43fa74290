//! Where scores become labels: a row is flagged as an anomaly when its score is **above** the threshold.
//!
//! A rule is applied to the reference scores, those of rows that the model was not trained on where there are any. It
//! can be changed at any time after training: the reference scores are part of the model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use contractive_core::statistics::quantile_of_sorted;

use super::tail::GeneralisedPareto;

/// How a threshold is found.
///
/// | word | threshold |
/// |---|---|
/// | `contamination:SHARE` | the (1 − SHARE) quantile of the scores of all rows given for training |
/// | `quantile:P` | the P quantile of the reference scores |
/// | `sigma:K` | mean + K · standard deviation of the reference scores |
/// | `pot:RATE` | peaks over threshold: the score that a normal row exceeds with probability RATE, from a generalised Pareto distribution fitted to the highest tenth of the reference scores |
/// | `value:T` | T itself |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum ThresholdRule {
    /// The expected share of anomalies among the rows trained on, above 0 and at most 0.5.
    Contamination {
        /// That share.
        share: f64,
    },
    /// A quantile of the reference scores, above 0 and below 1.
    Quantile {
        /// Its order.
        p: f64,
    },
    /// Mean + k standard deviations of the reference scores.
    Sigma {
        /// How many standard deviations, finite.
        k: f64,
    },
    /// Peaks over threshold.
    Pot {
        /// Share of normal rows above the threshold, above 0 and below 0.1.
        rate: f64,
    },
    /// A number.
    Value {
        /// The threshold, finite.
        threshold: f64,
    },
}

impl Default for ThresholdRule {
    /// Contamination 0.1, as PyOD's.
    fn default() -> Self {
        ThresholdRule::Contamination { share: 0.1 }
    }
}

/// Share of the reference scores that `pot` fits.
const PEAKS: f64 = 0.1;
/// Fewest scores above the initial threshold for a fit of two parameters.
const FEWEST_PEAKS: usize = 10;

/// Why a threshold cannot be had.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// A rule's number outside its range.
    #[error("the {what} of a threshold must be {must_be}, got {got}")]
    Number {
        /// The rule.
        what: &'static str,
        /// Its range in words.
        must_be: &'static str,
        /// The number given.
        got: f64,
    },
    /// Not a rule.
    #[error("a threshold must be contamination:SHARE, quantile:P, sigma:K, pot:RATE or value:T, got `{got}`")]
    Word {
        /// What was given.
        got: String,
    },
    /// Too few reference scores.
    #[error("the threshold rule `{rule}` needs at least {least} reference scores, got {got}")]
    TooFew {
        /// The rule.
        rule: &'static str,
        /// Scores needed.
        least: usize,
        /// Scores there are.
        got: usize,
    },
}

impl ThresholdRule {
    /// Refuses numbers outside their range, NaN included.
    ///
    /// # Errors
    /// [`ThresholdError::Number`].
    pub fn check(self) -> Result<(), ThresholdError> {
        let (what, got) = self.parts();
        let (must_be, is_right) = match self {
            ThresholdRule::Contamination { share } => ("above 0 and at most 0.5", share > 0.0 && share <= 0.5),
            ThresholdRule::Quantile { p } => ("above 0 and below 1", p > 0.0 && p < 1.0),
            ThresholdRule::Pot { rate } => ("above 0 and below 0.1", rate > 0.0 && rate < PEAKS),
            ThresholdRule::Sigma { .. } | ThresholdRule::Value { .. } => ("finite", got.is_finite()),
        };
        if is_right { Ok(()) } else { Err(ThresholdError::Number { what, must_be, got }) }
    }

    /// Its word and its number.
    fn parts(self) -> (&'static str, f64) {
        match self {
            ThresholdRule::Contamination { share } => ("contamination", share),
            ThresholdRule::Quantile { p } => ("quantile", p),
            ThresholdRule::Sigma { k } => ("sigma", k),
            ThresholdRule::Pot { rate } => ("pot", rate),
            ThresholdRule::Value { threshold } => ("value", threshold),
        }
    }

    /// The threshold by this rule, finite. `training` are the scores of all rows given for training, `reference` those of the
    /// rows held out; both ascending, finite and not empty.
    ///
    /// # Errors
    /// [`ThresholdError`].
    pub fn threshold(self, training: &[f64], reference: &[f64]) -> Result<f64, ThresholdError> {
        let is_of_all = matches!(self, ThresholdRule::Contamination { .. });
        self.threshold_of(&mut Sorted(if is_of_all { training } else { reference }))
    }

    /// The threshold by this rule for `scores`, finite.
    pub(super) fn threshold_of<S: ScoreSet>(self, scores: &mut S) -> Result<f64, S::Error> {
        self.check()?;
        let threshold = match self {
            ThresholdRule::Contamination { share } => scores.quantile(1.0 - share)?,
            ThresholdRule::Quantile { p } => scores.quantile(p)?,
            ThresholdRule::Sigma { k } => {
                let (mean, deviation) = scores.mean_and_deviation();
                mean + k * deviation
            }
            ThresholdRule::Pot { rate } => {
                let start = scores.quantile(1.0 - PEAKS)?;
                let excesses = scores.excesses(start)?;
                if excesses.len() < FEWEST_PEAKS {
                    let (least, got) = (FEWEST_PEAKS * (1.0 / PEAKS) as usize, scores.len() as usize);
                    return Err(ThresholdError::TooFew { rule: "pot", least, got }.into());
                }
                let share = excesses.len() as f64 / scores.len() as f64;
                start + GeneralisedPareto::fit(&excesses).quantile_of_exceedance(rate / share)
            }
            ThresholdRule::Value { threshold } => threshold,
        };
        if threshold.is_finite() {
            return Ok(threshold);
        }
        let (what, got) = self.parts();
        Err(ThresholdError::Number { what, must_be: "one that gives a finite threshold", got }.into())
    }
}

/// Scores that a rule is applied to, at least one, wherever they lie.
pub(super) trait ScoreSet {
    /// Why they cannot be had, or the rule not be applied.
    type Error: From<ThresholdError>;

    /// How many there are.
    fn len(&self) -> u64;

    /// Their quantile of order `p`.
    fn quantile(&mut self, p: f64) -> Result<f64, Self::Error>;

    /// Their mean and standard deviation; the divisor is their number.
    fn mean_and_deviation(&self) -> (f64, f64);

    /// By how much those above `start` exceed it.
    fn excesses(&mut self, start: f64) -> Result<Vec<f64>, Self::Error>;
}

/// Scores in memory, ascending.
pub(super) struct Sorted<'a>(pub(super) &'a [f64]);

impl ScoreSet for Sorted<'_> {
    type Error = ThresholdError;

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn quantile(&mut self, p: f64) -> Result<f64, ThresholdError> {
        Ok(quantile_of_sorted(self.0, p))
    }

    fn mean_and_deviation(&self) -> (f64, f64) {
        let n = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / n;
        let variance = self.0.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
        (mean, variance.sqrt())
    }

    fn excesses(&mut self, start: f64) -> Result<Vec<f64>, ThresholdError> {
        Ok(self.0.iter().map(|s| s - start).filter(|e| *e > 0.0).collect())
    }
}

impl fmt::Display for ThresholdRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, number) = self.parts();
        write!(f, "{what}:{number}")
    }
}

impl FromStr for ThresholdRule {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let unknown = || ThresholdError::Word { got: text.to_owned() };
        let (word, number) = text.split_once(':').ok_or_else(unknown)?;
        let number: f64 = number.trim().parse().map_err(|_| unknown())?;
        let rule = match word.trim() {
            "contamination" => ThresholdRule::Contamination { share: number },
            "quantile" => ThresholdRule::Quantile { p: number },
            "sigma" => ThresholdRule::Sigma { k: number },
            "pot" => ThresholdRule::Pot { rate: number },
            "value" => ThresholdRule::Value { threshold: number },
            _ => return Err(unknown()),
        };
        rule.check()?;
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_gives_its_definition() {
        let reference: Vec<f64> = (0..101).map(f64::from).collect();
        let training: Vec<f64> = (0..11).map(f64::from).collect();
        let by = |text: &str| text.parse::<ThresholdRule>().unwrap().threshold(&training, &reference).unwrap();
        assert!((by("contamination:0.1") - 9.0).abs() < 1e-12);
        assert_eq!(by("quantile:0.955"), 95.5);
        // Mean 50; the variance of 0..=100 is (101² − 1)/12 = 850.
        assert!((by("sigma:2") - (50.0 + 2.0 * 850_f64.sqrt())).abs() < 1e-12);
        assert_eq!(by("value:-3.5"), -3.5);
        // The highest tenth lies evenly on (900, 1000]: the score exceeded by 1 % is near 990.
        let many: Vec<f64> = (0..1001).map(f64::from).collect();
        let pot = ThresholdRule::Pot { rate: 0.01 }.threshold(&many, &many).unwrap();
        assert!((pot - 990.0).abs() < 5.0, "{pot}");
    }

    #[test]
    fn a_rarer_rate_gives_a_higher_threshold_even_beyond_the_data() {
        // Exponential scores: P(S > t) = exp(−t).
        let n = 5000;
        let mut scores: Vec<f64> = (0..n).map(|i| -((f64::from(i) + 0.5) / f64::from(n)).ln()).collect();
        scores.sort_unstable_by(f64::total_cmp);
        let at = |rate| ThresholdRule::Pot { rate }.threshold(&scores, &scores).unwrap();
        for (rate, tolerance) in [(0.01, 0.05), (1e-4, 0.5), (1e-6, 2.0)] {
            assert!((at(rate) - (-f64::ln(rate))).abs() < tolerance, "{rate}: {}", at(rate));
        }
    }

    #[test]
    fn words_outside_their_range_are_refused_and_the_rest_reads_back() {
        for bad in ["contamination:0", "contamination:0.6", "quantile:1", "pot:0.1", "sigma:NaN", "value:inf", "pot"] {
            assert!(bad.parse::<ThresholdRule>().is_err(), "{bad}");
        }
        for good in ["contamination:0.05", "quantile:0.99", "sigma:3", "pot:0.001", "value:-1.5"] {
            assert_eq!(good.parse::<ThresholdRule>().unwrap().to_string(), good);
        }
        let far = ThresholdRule::Sigma { k: 1.7e308 }.threshold(&[0.0, 9.0], &[0.0, 9.0]);
        assert!(matches!(far, Err(ThresholdError::Number { what: "sigma", .. })), "{far:?}");
        let few = ThresholdRule::Pot { rate: 0.01 }.threshold(&[1.0, 2.0], &[1.0, 2.0]).unwrap_err();
        assert!(few.to_string().contains("at least 100"), "{few}");
    }
}
