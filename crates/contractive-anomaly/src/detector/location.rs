//! Where numbers lie: their median and a spread that a few huge ones do not move.

use contractive_core::statistics::median;
use serde::{Deserialize, Serialize};

/// What terms of a score are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Robust standard deviations of logarithms, of a table's rows: 0 is the median row.
    #[default]
    Deviations,
    /// Multiples of the median, of windows, over which scores are then averaged: 1 is the median window. A mean of logarithms
    /// would hide what is odd in few of the windows that cover a moment.
    Ratios,
}

/// Least spread: what is divided by it stays finite.
const LEAST_SPREAD: f64 = 1e-200;
/// The logarithm of the largest ratio.
pub(super) const LARGEST_LOG: f64 = 13.8;

/// The median and the robust spread of numbers: their median absolute deviation, times 1.4826 so that it is the standard
/// deviation of normal ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Location {
    /// The median.
    pub(super) median: f64,
    /// The spread, above 0.
    pub(super) spread: f64,
}

impl Location {
    /// Of numbers, at least one, which are sorted. A spread of 0 becomes the standard deviation, and that of numbers
    /// all equal 1.
    pub(super) fn of(numbers: &mut [f64]) -> Self {
        let middle = median(numbers);
        let mut away: Vec<f64> = numbers.iter().map(|v| (v - middle).abs()).collect();
        let deviation = 1.4826 * median(&mut away);
        let n = numbers.len() as f64;
        let spread = if deviation > 1e-9 * middle.abs() {
            deviation
        } else {
            (numbers.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / n).sqrt()
        };
        let spread = if spread > 1e-9 * middle.abs() && spread > LEAST_SPREAD { spread } else { 1.0 };
        Location { median: middle, spread }
    }

    /// (v − median)/spread.
    pub(super) fn standardised(&self, v: f64) -> f64 {
        (v - self.median) / self.spread
    }

    /// A term of the logarithm `v` in `unit`.
    pub(super) fn term(&self, v: f64, unit: Unit) -> f64 {
        match unit {
            Unit::Deviations => self.standardised(v),
            Unit::Ratios => libm::exp((v - self.median).min(LARGEST_LOG)),
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.median.is_finite() && self.spread.is_finite() && self.spread > LEAST_SPREAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_robust_and_never_divide_by_zero() {
        let l = Location::of(&mut [1.0, 2.0, 3.0, 4.0, 1e9]);
        assert_eq!((l.median, l.spread), (3.0, 1.4826));
        assert_eq!(Location::of(&mut [5.0; 4]).spread, 1.0);
        // Half of the numbers equal: the deviation is 0, the standard deviation is not.
        assert!(Location::of(&mut [0.0, 0.0, 0.0, 2.0]).spread == 1.0);
        assert!(Location::of(&mut [7.0]).is_valid());
    }
}
