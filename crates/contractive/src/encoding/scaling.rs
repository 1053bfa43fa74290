//! A column's numbers to comparable ones, in f64: a column of large numbers, such as times, keeps its digits.

use serde::{Deserialize, Serialize};

use crate::ranks::Ranks;
use contractive_core::statistics::{quantile_of_sorted, quartiles_differ};

/// How number columns are scaled.
///
/// | word | value |
/// |---|---|
/// | `robust` (default) | arsinh of (x − median)/spread, spread = interquartile range / 1.349 |
/// | `standard` | (x − mean)/standard deviation |
/// | `minmax` | (x − lowest)/(highest − lowest) |
/// | `quantile` | √12 · (rank of x among the training values, 0 to 1, minus ½); beyond the lowest and the highest it goes on as arsinh of the distance over highest − lowest |
/// | `none` | x |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableScale {
    /// Linear near the median, logarithmic far out.
    #[default]
    Robust,
    /// Mean 0 and standard deviation 1.
    Standard,
    /// To [0, 1].
    Minmax,
    /// By ranks.
    Quantile,
    /// As they are.
    None,
}

impl TableScale {
    /// Every scaling.
    pub const ALL: [TableScale; 5] =
        [TableScale::Robust, TableScale::Standard, TableScale::Minmax, TableScale::Quantile, TableScale::None];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TableScale::Robust => "robust",
            TableScale::Standard => "standard",
            TableScale::Minmax => "minmax",
            TableScale::Quantile => "quantile",
            TableScale::None => "none",
        }
    }
}

impl Scaling {
    /// Scaled values beyond are taken for this: their squares stay finite in 32 bits.
    pub const LARGEST: f64 = 1e15;
}

/// A learnt scaling of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scaling {
    /// (x − offset)/factor.
    Linear {
        /// What is taken off.
        offset: f64,
        /// What is divided by, above 0.
        factor: f64,
    },
    /// arsinh of that.
    Arsinh {
        /// What is taken off.
        offset: f64,
        /// What is divided by, above 0.
        factor: f64,
    },
    /// Ranks among the training values, which are not all equal.
    Ranks {
        /// The values' quantiles.
        knots: Ranks,
    },
}

impl Scaling {
    /// Learns from ascending finite values that are not all equal.
    pub(super) fn learn(scale: TableScale, sorted: &[f64]) -> Self {
        let at = |p| quantile_of_sorted(sorted, p);
        let n = sorted.len() as f64;
        let mean = || sorted.iter().map(|x| x / n).sum::<f64>();
        // Judged against the largest size, so that squares of huge numbers stay finite.
        let deviation = |middle: f64| {
            let size = sorted.iter().map(|x| (x / 2.0 - middle / 2.0).abs()).fold(0.0, f64::max);
            let squares = sorted.iter().map(|x| ((x / 2.0 - middle / 2.0) / size).powi(2) / n).sum::<f64>();
            positive(2.0 * size * squares.sqrt())
        };
        match scale {
            TableScale::None => Scaling::Linear { offset: 0.0, factor: 1.0 },
            TableScale::Standard => Scaling::Linear { offset: mean(), factor: deviation(mean()) },
            TableScale::Minmax => Scaling::Linear { offset: sorted[0], factor: positive(at(1.0) - sorted[0]) },
            TableScale::Robust => {
                let (lower, upper) = (at(0.25), at(0.75));
                let factor = match quartiles_differ(lower, upper) {
                    true => positive(upper / 1.349 - lower / 1.349),
                    false => deviation(mean()),
                };
                Scaling::Arsinh { offset: at(0.5), factor }
            }
            TableScale::Quantile => Scaling::Ranks { knots: Ranks::learn(sorted) },
        }
    }

    /// The scaled value of a finite `x`, finite.
    pub(super) fn apply(&self, x: f64) -> f64 {
        let scaled = match self {
            Scaling::Linear { offset, factor } => (x - offset) / factor,
            // libm, not the platform's, whose last bit differs between systems.
            Scaling::Arsinh { offset, factor } => libm::asinh((x - offset) / factor),
            Scaling::Ranks { knots } => knots.scaled(x),
        };
        scaled.clamp(-Scaling::LARGEST, Scaling::LARGEST)
    }

    /// Whether stored numbers can be a scaling.
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Scaling::Linear { offset, factor } | Scaling::Arsinh { offset, factor } => {
                offset.is_finite() && factor.is_finite() && *factor > 0.0
            }
            Scaling::Ranks { knots } => knots.is_valid(),
        }
    }
}

/// A factor that can be divided by: numbers whose spread leaves the range of f64 come out clamped.
fn positive(factor: f64) -> f64 {
    if factor > 0.0 { factor.min(f64::MAX) } else { f64::MIN_POSITIVE }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT_12: f64 = 3.464_101_615_137_754_6;
    const SORTED: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 10.0];

    #[test]
    fn values_are_those_of_the_table() {
        let of = |scale, x| Scaling::learn(scale, &SORTED).apply(x);
        assert_eq!(of(TableScale::None, 7.5), 7.5);
        assert_eq!(of(TableScale::Minmax, 5.5), 0.5);
        assert!((of(TableScale::Standard, 4.0) - 0.0).abs() < 1e-12);
        assert!((of(TableScale::Standard, 14.0) - 10.0 / 10_f64.sqrt()).abs() < 1e-12);
        let spread: f64 = 2.0 / 1.349;
        assert!((of(TableScale::Robust, 5.0) - (2.0 / spread).asinh()).abs() < 1e-12);
        assert_eq!(of(TableScale::Quantile, 3.0), 0.0);
        assert!((of(TableScale::Quantile, 7.0) - ROOT_12 * 0.375).abs() < 1e-12);
        assert!((of(TableScale::Quantile, 19.0) - (0.5 * ROOT_12 + 1_f64.asinh())).abs() < 1e-12);
    }

    #[test]
    fn one_huge_value_does_not_flatten_the_others() {
        let mut sorted: Vec<f64> = (0..999).map(|i| f64::from(i - 499) / 499.0).collect();
        sorted.push(1e12);
        let scaling = Scaling::learn(TableScale::Robust, &sorted);
        assert!(scaling.apply(1.0) > 0.5 && scaling.apply(-1.0) < -0.5, "{scaling:?}");
    }

    #[test]
    fn every_scaling_grows_with_the_value_and_stays_finite() {
        let columns: [&[f64]; 4] =
            [&SORTED, &[0.0, 0.0, 0.0, 1.0], &[-f64::MAX, 0.0, f64::MAX], &[1e300, 1.000_000_1e300]];
        for sorted in columns {
            for scale in TableScale::ALL {
                let scaling = Scaling::learn(scale, sorted);
                assert!(scaling.is_valid(), "{scaling:?}");
                let mut last = f64::NEG_INFINITY;
                for x in [-f64::MAX, -1e9, 0.0, 1e-300, 0.5, 1.0, 3.0, 9.0, 11.0, 1e300, f64::MAX] {
                    let y = scaling.apply(x);
                    assert!(
                        y.is_finite() && y.abs() <= Scaling::LARGEST && y >= last,
                        "{scale:?} {sorted:?} {x} {y} {last}"
                    );
                    last = y;
                }
            }
        }
    }

    #[test]
    fn stored_numbers_are_judged() {
        for bad in [Scaling::Linear { offset: f64::NAN, factor: 1.0 }, Scaling::Arsinh { offset: 0.0, factor: 0.0 }] {
            assert!(!bad.is_valid(), "{bad:?}");
        }
    }
}
