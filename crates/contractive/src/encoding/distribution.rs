//! How numbers are distributed, kept in few numbers, and how far other numbers are from being distributed so.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Most points kept.
const MOST: usize = 64;

/// Ascending numbers, and of each the share of all that is no greater; exact at these points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    at: Vec<f64>,
    share: Vec<f64>,
    /// How many numbers there were.
    n: usize,
}

impl Distribution {
    /// Of ascending numbers, at least one: all different ones where they are few, else quantiles, the greatest among them.
    pub fn of_sorted(sorted: &[f64]) -> Self {
        let n = sorted.len();
        let mut different = sorted.to_vec();
        different.dedup();
        let mut at = if different.len() <= MOST {
            different
        } else {
            (1..=MOST).map(|i| sorted[(i * n).div_ceil(MOST) - 1]).collect()
        };
        at.dedup();
        let share = at.iter().map(|v| sorted.partition_point(|s| s <= v) as f64 / n as f64).collect();
        Distribution { at, share, n }
    }

    /// The number below which the share `p` of them lies, between the points kept.
    pub fn quantile(&self, p: f64) -> f64 {
        quantile(&self.at, &self.share, p)
    }

    /// As [`Distribution::quantile`], but of few different numbers one of them.
    pub fn usual(&self, p: f64) -> f64 {
        if self.at.len() == MOST {
            return self.quantile(p);
        }
        self.at[self.share.partition_point(|s| *s < p).min(self.at.len() - 1)]
    }

    /// Whether stored numbers can be a distribution.
    pub fn is_valid(&self) -> bool {
        let is_finite = self.at.iter().chain(&self.share).all(|v| v.is_finite());
        let is_whole = !self.at.is_empty() && self.at.len() == self.share.len() && self.n > 0;
        let ascends = |v: &[f64]| v.is_sorted_by(|a, b| a < b);
        is_finite && is_whole && ascends(&self.at) && ascends(&self.share) && self.share.last() == Some(&1.0)
    }
}

/// The point of a distribution function, given at ascending points, where it reaches `p`.
fn quantile(at: &[f64], share: &[f64], p: f64) -> f64 {
    let i = share.partition_point(|s| *s < p).min(at.len() - 1);
    if i == 0 {
        return at[0];
    }
    if share[i] <= share[i - 1] {
        return at[i];
    }
    let part = ((p - share[i - 1]) / (share[i] - share[i - 1])).clamp(0.0, 1.0);
    at[i - 1] + part * (at[i] - at[i - 1])
}

/// Other numbers, counted between the points of a distribution.
#[derive(Debug, Clone)]
pub struct Counted<'a> {
    of: Cow<'a, Distribution>,
    /// Numbers up to each point and above the one before; the last are above all.
    counts: Vec<u64>,
}

impl<'a> Counted<'a> {
    /// None yet.
    pub fn new(of: &'a Distribution) -> Self {
        Counted { counts: vec![0; of.at.len() + 1], of: Cow::Borrowed(of) }
    }

    /// None yet, against a distribution of its own.
    pub fn against(of: Distribution) -> Self {
        Counted { counts: vec![0; of.at.len() + 1], of: Cow::Owned(of) }
    }

    /// The distribution that they are counted against.
    pub fn of(&self) -> &Distribution {
        &self.of
    }

    /// Counts one more.
    pub fn add(&mut self, number: f64) {
        self.counts[self.of.at.partition_point(|at| *at < number)] += 1;
    }

    /// How many.
    pub fn n(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The greatest difference between the two distribution functions at the points kept (Kolmogorov-Smirnov), from 0 to 1;
    /// 0 without any number.
    pub fn distance(&self) -> f64 {
        let n = self.n();
        if n == 0 {
            return 0.0;
        }
        let mut below = 0;
        let mut greatest = 0.0_f64;
        for (count, share) in self.counts.iter().zip(&self.of.share) {
            below += count;
            greatest = greatest.max((below as f64 / n as f64 - share).abs());
        }
        greatest
    }

    /// What chance alone makes of [`Counted::distance`] in one of `1/level` batches drawn from the same distribution.
    pub fn noise(&self, level: f64) -> f64 {
        noise(self.n(), self.of.n as u64, level)
    }

    /// The number below which half of them lie, between the points kept: beyond the last it is that point.
    pub fn median(&self) -> f64 {
        let n = self.n().max(1) as f64;
        let mut below = 0;
        let shares: Vec<f64> = self
            .counts
            .iter()
            .map(|count| {
                below += count;
                below as f64 / n
            })
            .collect();
        quantile(&self.of.at, &shares[..self.of.at.len()], 0.5)
    }
}

/// The distance of two samples of `n` and `m` from one distribution that is passed with probability `level`, by the tail of
/// Kolmogorov's distribution (Smirnov 1948).
pub fn noise(n: u64, m: u64, level: f64) -> f64 {
    let (n, m) = (n.max(1) as f64, m.max(1) as f64);
    (-(level / 2.0).ln() / 2.0).sqrt() * (1.0 / n + 1.0 / m).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::{Purpose, Stream};

    fn uniform(seed: u64, n: usize) -> Vec<f64> {
        let mut stream = Stream::new(seed, Purpose::Analysis, 0, 0);
        let mut drawn: Vec<f64> = (0..n).map(|_| stream.uniform()).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        drawn
    }

    fn counted<'a>(of: &'a Distribution, numbers: &[f64]) -> Counted<'a> {
        let mut counted = Counted::new(of);
        numbers.iter().for_each(|v| counted.add(*v));
        counted
    }

    #[test]
    fn the_distance_is_the_greatest_difference_of_shares() {
        let of = Distribution::of_sorted(&[1.0, 1.0, 2.0, 3.0]);
        assert!(of.is_valid());
        assert_eq!(counted(&of, &[1.0, 1.0, 2.0, 3.0]).distance(), 0.0);
        assert_eq!(counted(&of, &[3.0; 5]).distance(), 0.75);
        assert_eq!(counted(&of, &[9.0; 5]).distance(), 1.0);
        assert_eq!(counted(&of, &[]).distance(), 0.0);
        assert_eq!((of.quantile(0.5), of.quantile(1.0)), (1.0, 3.0));
    }

    #[test]
    fn batches_of_the_same_distribution_stay_below_the_noise_and_others_do_not() {
        let of = Distribution::of_sorted(&uniform(1, 3000));
        let mut passed = 0;
        for seed in 2..202 {
            let same = counted(&of, &uniform(seed, 300));
            passed += usize::from(same.distance() > same.noise(0.01));
        }
        // Of 200 batches two are expected to pass by chance.
        assert!(passed <= 8, "{passed} of 200");
        let moved: Vec<f64> = uniform(500, 300).iter().map(|v| 0.2 + 0.8 * v).collect();
        let moved = counted(&of, &moved);
        assert!(moved.distance() > moved.noise(0.01) && (moved.distance() - 0.2).abs() < 0.06);
        assert!((moved.median() - 0.6).abs() < 0.05, "{}", moved.median());
    }
}
