//! Numbers by their rank among the training values: the scaling `quantile`, of one column.

use contractive_core::statistics::quantile_of_sorted;
use serde::{Deserialize, Serialize};

/// Most quantiles kept of a column.
const MOST_KNOTS: usize = 257;
const WIDTH: f64 = Ranks::WIDTH;
const FARTHEST: f64 = Ranks::FARTHEST;

/// A column's quantiles, ascending, at even ranks from 0 to 1.
///
/// ```text
/// x′ = √12 (rank(x) − ½)                                  between the lowest and the highest
/// x′ = ±(√12/2 + arsinh(distance/(highest − lowest)))     beyond them
/// ```
///
/// Between two knots the rank is linear in x; of a value that many rows share it is the middle one. A column of one value
/// keeps its width, x′ = x − that value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranks {
    knots: Vec<f64>,
}

impl Ranks {
    /// √12: an even spread over an interval of this length has standard deviation 1.
    pub const WIDTH: f64 = 3.464_101_615_137_754_6;
    /// Distances beyond are taken for this: squares of scaled values stay finite in 32 bits.
    pub const FARTHEST: f64 = 1e15;

    /// Learns from ascending finite values; without any, a column of zeros is assumed.
    pub fn learn(sorted: &[f64]) -> Self {
        if sorted.is_empty() {
            return Ranks { knots: vec![0.0; 2] };
        }
        let last = sorted.len().clamp(2, MOST_KNOTS) - 1;
        Ranks { knots: (0..=last).map(|i| quantile_of_sorted(sorted, i as f64 / last as f64)).collect() }
    }

    /// The quantiles.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// Whether stored knots can be quantiles.
    pub fn is_valid(&self) -> bool {
        let knots = &self.knots;
        (2..=MOST_KNOTS).contains(&knots.len()) && knots.iter().all(|k| k.is_finite()) && knots.is_sorted()
    }

    /// The scaled value of a finite `x`, finite; it never falls while `x` grows. NaN has no rank and stays NaN.
    pub fn scaled(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let (lowest, highest) = self.ends();
        if lowest == highest {
            return (x - lowest).clamp(-FARTHEST, FARTHEST);
        }
        // libm, not the platform's, whose last bit differs between systems.
        let away = |distance: f64| libm::asinh(distance / width(lowest, highest)).min(FARTHEST);
        if x < lowest {
            -0.5 * WIDTH - away(lowest - x)
        } else if x > highest {
            0.5 * WIDTH + away(x - highest)
        } else {
            WIDTH * (self.rank(x) - 0.5)
        }
    }

    /// The value that `scaled` made `y` of, up to rounding.
    pub fn original(&self, y: f64) -> f64 {
        let (lowest, highest) = self.ends();
        if lowest == highest {
            return y + lowest;
        }
        let far = libm::sinh(y.abs() - 0.5 * WIDTH) * width(lowest, highest);
        let x = if y < -0.5 * WIDTH {
            lowest - far
        } else if y > 0.5 * WIDTH {
            highest + far
        } else {
            quantile_of_sorted(&self.knots, y / WIDTH + 0.5)
        };
        x.clamp(f64::MIN, f64::MAX)
    }

    /// dx/dy of [`Ranks::original`] at `y`: 0 within a value that several knots share.
    pub fn slope(&self, y: f64) -> f64 {
        let (lowest, highest) = self.ends();
        if lowest == highest {
            return 1.0;
        }
        let away = y.abs() - 0.5 * WIDTH;
        if away > 0.0 {
            return libm::cosh(away) * width(lowest, highest);
        }
        let last = self.knots.len() - 1;
        let below = (((y / WIDTH + 0.5) * last as f64) as usize).min(last - 1);
        (self.knots[below + 1] - self.knots[below]) * last as f64 / WIDTH
    }

    fn ends(&self) -> (f64, f64) {
        (self.knots[0], self.knots[self.knots.len() - 1])
    }

    /// From 0 to 1, of a value from the lowest knot to the highest; the middle of equal knots.
    fn rank(&self, x: f64) -> f64 {
        let knots = &self.knots;
        let below = knots.partition_point(|k| *k < x);
        let up_to = knots.partition_point(|k| *k <= x);
        let last = (knots.len() - 1) as f64;
        if up_to > below {
            return (below + up_to - 1) as f64 / 2.0 / last;
        }
        // Halved, so that the difference of huge numbers stays finite.
        let (a, b) = (knots[below - 1], knots[below]);
        ((below - 1) as f64 + (x / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0)) / last
    }
}

/// highest − lowest within what f64 holds.
fn width(lowest: f64, highest: f64) -> f64 {
    (highest - lowest).clamp(f64::MIN_POSITIVE, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_definition() {
        let ranks = Ranks::learn(&[1.0, 2.0, 3.0, 4.0, 10.0]);
        assert_eq!(ranks.scaled(3.0), 0.0);
        assert!((ranks.scaled(7.0) - WIDTH * 0.375).abs() < 1e-12);
        assert!((ranks.scaled(19.0) - (0.5 * WIDTH + 1_f64.asinh())).abs() < 1e-12);
        assert_eq!(Ranks::learn(&[7.0; 3]).scaled(9.0), 2.0);
        assert_eq!(Ranks::learn(&[]).scaled(9.0), 9.0);
        assert!(ranks.scaled(f64::NAN).is_nan());
    }

    #[test]
    fn it_grows_with_the_value_and_goes_back() {
        let heavy: Vec<f64> = (1..=5000).map(|i| (f64::from(i) * 1e-3).exp().powi(3)).collect();
        let tied = [0.0, 0.0, 0.0, 1.0, 1.0, 5.0];
        for sorted in [heavy.as_slice(), &tied, &[-f64::MAX, 0.0, f64::MAX], &[1e300, 1.000_000_1e300], &[4.0]] {
            let ranks = Ranks::learn(sorted);
            assert!(ranks.is_valid());
            let mut last = f64::NEG_INFINITY;
            for x in [-f64::MAX, -1e9, -1.0, 0.0, 0.5, 1.0, 3.0, 4.0, 5.0, 7.0, 1e3, 1e5, 1e300, f64::MAX] {
                let y = ranks.scaled(x);
                assert!(y.is_finite() && y >= last, "{sorted:?} {x} {y} {last}");
                last = y;
                let (lowest, highest) = ranks.ends();
                // Farther out, arsinh keeps few digits.
                let reach = 10.0 * width(lowest, highest);
                if x >= lowest - reach && x <= highest + reach {
                    let back = ranks.original(y);
                    assert!((back - x).abs() <= 1e-9 * (x.abs() + reach + 1.0), "{x} {y} {back}");
                }
            }
        }
        for y in [-1e9, 1e9, f64::MAX] {
            assert!(Ranks::learn(&tied).original(y).is_finite());
        }
    }

    #[test]
    fn a_heavy_tail_is_spread_evenly() {
        let mut heavy: Vec<f64> = (0..2000).map(|i| (1.0 - (f64::from(i) + 0.5) / 2000.0).powf(-2.0)).collect();
        heavy.sort_unstable_by(f64::total_cmp);
        let ranks = Ranks::learn(&heavy);
        let scaled: Vec<f64> = heavy.iter().map(|x| ranks.scaled(*x)).collect();
        let mean = scaled.iter().sum::<f64>() / 2000.0;
        let deviation = (scaled.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 2000.0).sqrt();
        assert!(mean.abs() < 0.02 && (deviation - 1.0).abs() < 0.02, "{mean} {deviation}");
    }

    #[test]
    fn stored_knots_are_judged() {
        for bad in ["[]", "[1.0]", "[2.0, 1.0]"] {
            assert!(!serde_json::from_str::<Ranks>(bad).unwrap().is_valid(), "{bad}");
        }
    }
}
