//! How a number is spread over rows.

use serde::{Deserialize, Serialize};

/// The largest value may lie this many times further up than the 99.5 % quantile before the bins stop there.
const TAIL: f64 = 1.5;

/// Counts in bins of equal width, with their mean and quantiles.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// Lower end of the first bin.
    pub low: f64,
    /// Upper end of the last bin, at least `low`.
    pub high: f64,
    /// Values a bin.
    pub counts: Vec<usize>,
    /// Values above `high`: a long tail would squeeze everything else into one bin.
    pub above: usize,
    /// Values that are not finite.
    pub not_finite: usize,
    /// Mean of the finite values; 0 without any.
    pub mean: f64,
    /// The 5 %, 50 % and 95 % quantiles of the finite values.
    pub quantiles: [f64; 3],
    /// The largest finite value.
    pub largest: f64,
}

impl Histogram {
    /// Counts `values` in `bins` bins, at least 1.
    pub fn new(values: &[f64], bins: usize) -> Self {
        let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let not_finite = values.len() - finite.len();
        let (Some(&low), Some(&largest)) = (finite.first(), finite.last()) else {
            return Histogram { not_finite, ..Histogram::default() };
        };
        let quantile = |q: f64| finite[((finite.len() - 1) as f64 * q).round() as usize];
        let most = quantile(0.995);
        let high = if largest - low > TAIL * (most - low) && most > low { most } else { largest };
        let mut counts = vec![0; bins.max(1)];
        let mut above = 0;
        for value in &finite {
            // A range of zero width puts everything into the first bin.
            let place = if high > low { (value - low) / (high - low) * counts.len() as f64 } else { 0.0 };
            if *value > high {
                above += 1;
            } else {
                let last = counts.len() - 1;
                counts[(place as usize).min(last)] += 1;
            }
        }
        let n = finite.len() as f64;
        Histogram {
            low,
            high,
            counts,
            above,
            not_finite,
            mean: finite.iter().map(|v| v / n).sum(),
            quantiles: [quantile(0.05), quantile(0.5), quantile(0.95)],
            largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let h = Histogram::new(&values, 10);
        assert_eq!((h.low, h.high, h.above), (0.0, 99.0, 0));
        assert_eq!(h.counts, [10; 10]);
        assert_eq!((h.mean, h.quantiles), (49.5, [5.0, 50.0, 94.0]));
    }

    #[test]
    fn a_long_tail_is_counted_beside_the_bins() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
        values.push(1e6);
        let h = Histogram::new(&values, 4);
        assert!(h.high < 1.0 && h.above > 0);
        assert_eq!(h.counts.iter().sum::<usize>() + h.above, 1001);
        assert_eq!(h.largest, 1e6);
    }

    #[test]
    fn constants_and_numbers_that_are_none_are_no_trouble() {
        let h = Histogram::new(&[2.0, 2.0, f64::NAN, f64::INFINITY], 5);
        assert_eq!((h.low, h.high, h.not_finite), (2.0, 2.0, 2));
        assert_eq!(h.counts, [2, 0, 0, 0, 0]);
        assert_eq!(Histogram::new(&[], 5), Histogram::default());
        assert_eq!(Histogram::new(&[f64::NAN], 5).not_finite, 1);
    }
}
