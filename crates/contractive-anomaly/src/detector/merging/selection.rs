//! Exact order statistics of scores that are not held, by several passes over them in bounded memory.
//!
//! The bits of f64 can be turned so that they are in the order of the numbers. The scores are counted by the highest 16 of
//! these bits; the count that a rank falls into names them, and the scores that share them are either few enough to be
//! held and sorted, or counted by the next 16. No order of the files can make a difference to a count.

use contractive_core::statistics::{Moments, QuantilePlace};

use super::error::MergeError;
use crate::detector::threshold::ScoreSet;

/// Scores that can be gone through again and again.
pub(super) trait Passes {
    /// Gives all scores, NaN for a row without one, piece by piece.
    fn pass(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError>;
}

/// Bits counted by at a time.
const DIGIT: u32 = 16;

/// The bits of a number, turned so that they are in its order, that of [`f64::total_cmp`].
fn key(score: f64) -> u64 {
    let bits = score.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number of a key.
fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// What the first pass learns of the scores.
pub(super) struct Tally {
    /// Scores, NaN left out.
    pub(super) n: u64,
    pub(super) lowest: f64,
    moments: Moments,
    /// Scores by the highest digit of their keys.
    counts: Vec<u64>,
    /// The scores themselves, as long as they are at most `most`.
    held: Option<Vec<f64>>,
    most: usize,
}

impl Tally {
    /// Of none yet; holds at most `most`.
    pub(super) fn new(most: usize) -> Self {
        let (moments, counts) = (Moments::new(1), vec![0; 1 << DIGIT]);
        Tally { n: 0, lowest: f64::INFINITY, moments, counts, held: Some(Vec::new()), most }
    }

    /// Takes in scores; how many of them were none.
    pub(super) fn see(&mut self, scores: &[f64]) -> u64 {
        let mut n_missing = 0;
        for &score in scores {
            if score.is_nan() {
                n_missing += 1;
                continue;
            }
            self.n += 1;
            self.lowest = self.lowest.min(score);
            self.moments.see(&[score]);
            self.counts[(key(score) >> (64 - DIGIT)) as usize] += 1;
            match &mut self.held {
                Some(held) if held.len() < self.most => held.push(score),
                held => *held = None,
            }
        }
        n_missing
    }

    /// The scores ascending, where they are few enough to be held.
    pub(super) fn take_sorted(&mut self) -> Option<Vec<f64>> {
        let mut held = self.held.take()?;
        held.sort_unstable_by(f64::total_cmp);
        Some(held)
    }
}

/// Scores too many to be held.
pub(super) struct Selection<'a, P> {
    passes: &'a P,
    tally: Tally,
    /// The mean and the standard deviation.
    spread: (f64, f64),
    /// Neighbours in the order of the scores, ascending, and how many lie below them.
    held: (u64, Vec<f64>),
}

impl<'a, P: Passes> Selection<'a, P> {
    /// Of the scores of `passes`, at least one, of which `tally` has seen all.
    pub(super) fn new(passes: &'a P, tally: Tally) -> Self {
        let found = tally.moments.clone().finish();
        Selection { passes, tally, spread: (found.mean[0], found.deviation[0]), held: (0, Vec::new()) }
    }

    /// Goes through the scores again, which must be as many as before.
    fn each(&self, mut see: impl FnMut(f64)) -> Result<(), MergeError> {
        let mut n = 0;
        self.passes.pass(&mut |scores| {
            scores.iter().filter(|score| !score.is_nan()).for_each(|score| {
                n += 1;
                see(*score);
            });
        })?;
        if n == self.tally.n { Ok(()) } else { Err(MergeError::Changed) }
    }

    /// How many lie above `threshold`.
    pub(super) fn above(&self, threshold: f64) -> Result<u64, MergeError> {
        let mut n = 0;
        self.each(|score| n += u64::from(score > threshold))?;
        Ok(n)
    }

    /// The score of this rank, from 0, in ascending order.
    fn at(&mut self, rank: u64) -> Result<f64, MergeError> {
        let among_held = rank.checked_sub(self.held.0).and_then(|i| self.held.1.get(usize::try_from(i).ok()?));
        if let Some(score) = among_held {
            return Ok(*score);
        }
        // Keys whose highest `bits` bits are those of `low`, of which `below` others lie below.
        let (mut low, mut bits, mut below) = (0_u64, 0, 0);
        let mut counts = self.tally.counts.clone();
        loop {
            let Some(digit) = digit_of(&counts, rank - below) else { return Err(MergeError::Changed) };
            below += counts[..digit].iter().sum::<u64>();
            bits += DIGIT;
            low |= (digit as u64) << (64 - bits);
            if bits == 64 {
                return Ok(number(low));
            }
            let is_among = |key: u64| key >> (64 - bits) == low >> (64 - bits);
            let n = counts[digit];
            if n <= self.tally.most as u64 {
                let mut held = Vec::with_capacity(n as usize);
                self.each(|score| {
                    if is_among(key(score)) && (held.len() as u64) < n {
                        held.push(score);
                    }
                })?;
                held.sort_unstable_by(f64::total_cmp);
                let score = held.get((rank - below) as usize).copied().ok_or(MergeError::Changed)?;
                self.held = (below, held);
                return Ok(score);
            }
            counts.fill(0);
            self.each(|score| {
                let key = key(score);
                if is_among(key) {
                    counts[(key >> (64 - bits - DIGIT) & ((1 << DIGIT) - 1)) as usize] += 1;
                }
            })?;
        }
    }
}

/// The digit whose count the rank falls into.
fn digit_of(counts: &[u64], rank: u64) -> Option<usize> {
    let mut up_to = 0;
    counts.iter().position(|n| {
        up_to += n;
        rank < up_to
    })
}

impl<P: Passes> ScoreSet for Selection<'_, P> {
    type Error = MergeError;

    fn len(&self) -> u64 {
        self.tally.n
    }

    fn quantile(&mut self, p: f64) -> Result<f64, MergeError> {
        let place = QuantilePlace::new(self.tally.n, p);
        Ok(place.between(self.at(place.below)?, self.at(place.above)?))
    }

    fn mean_and_deviation(&self) -> (f64, f64) {
        self.spread
    }

    fn excesses(&mut self, start: f64) -> Result<Vec<f64>, MergeError> {
        let (mut excesses, mut n) = (Vec::new(), 0_u64);
        let most = self.tally.most;
        self.each(|score| {
            if score > start {
                n += 1;
                if excesses.len() < most {
                    excesses.push(score - start);
                }
            }
        })?;
        if n > most as u64 {
            return Err(MergeError::TooMany { rule: "pot", most });
        }
        Ok(excesses)
    }
}
