//! Random streams keyed by (seed, purpose, epoch, step): nothing depends on what was drawn before.
//!
//! A resumed run needs no generator state, and the bits are the same on every platform: ChaCha8, and libm's logarithm.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for. Each purpose has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters.
    Initialisation = 1,
    /// The order of the rows in an epoch.
    Order = 2,
    /// Input noise of a step.
    Noise = 3,
    /// The penalty's draws of a step.
    Penalty = 4,
    /// The penalty's draws on validation rows: the same in every epoch, so that epochs compare.
    ValidationPenalty = 5,
    /// The penalty's draws on test rows.
    TestPenalty = 6,
    /// The penalty's draws when a model is evaluated.
    EvaluationPenalty = 7,
    /// Directions and rows of an analysis.
    Analysis = 16,
}

/// A stream of random numbers, the same on every platform.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of this seed, purpose, epoch and step.
    ///
    /// The four numbers are the generator's key, so that any two streams are independent.
    pub fn new(seed: u64, purpose: Purpose, epoch: u64, step: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.as_chunks_mut::<8>().0.iter_mut().zip([seed, purpose as u64, epoch, step]) {
            *bytes = word.to_le_bytes();
        }
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A whole number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        // The bias of the product is below n/2⁶⁴.
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u32
    }

    /// Fills with numbers in [0, 1) that f32 holds exactly.
    pub fn fill_uniform(&mut self, out: &mut [f32]) {
        out.iter_mut().for_each(|v| *v = (self.0.next_u32() >> 8) as f32 * (1.0 / (1_u32 << 24) as f32));
    }

    /// Fills with standard normal numbers (Marsaglia's polar method, in f64).
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for pair in out.chunks_mut(2) {
            let (a, b) = self.normal_pair();
            pair[0] = a as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = b as f32;
            }
        }
    }

    fn normal_pair(&mut self) -> (f64, f64) {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                // libm, not the platform's logarithm, whose last bit differs between systems.
                let factor = (-2.0 * libm::log(s) / s).sqrt();
                return (u * factor, v * factor);
            }
        }
    }

    /// Puts `rows` in random order (Fisher-Yates).
    pub fn shuffle(&mut self, rows: &mut [u32]) {
        for i in (1..rows.len()).rev() {
            let j = self.below((i + 1) as u32) as usize;
            rows.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_every_key() {
        let first = |seed, purpose, epoch, step| Stream::new(seed, purpose, epoch, step).uniform();
        let base = first(1, Purpose::Noise, 2, 3);
        assert_eq!(base, first(1, Purpose::Noise, 2, 3));
        for other in [
            first(2, Purpose::Noise, 2, 3),
            first(1, Purpose::Order, 2, 3),
            first(1, Purpose::Noise, 3, 3),
            first(1, Purpose::Noise, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn normals_have_the_moments_of_normals() {
        let mut v = vec![0.0; 100_001];
        Stream::new(0, Purpose::Noise, 0, 0).fill_normal(&mut v);
        let n = v.len() as f64;
        let moment = |p: i32| v.iter().map(|x| f64::from(*x).powi(p)).sum::<f64>() / n;
        // Five standard errors of each moment.
        assert!(moment(1).abs() < 5.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n).sqrt());
    }

    #[test]
    fn shuffling_keeps_every_row_and_moves_them() {
        let mut rows: Vec<u32> = (0..1000).collect();
        Stream::new(7, Purpose::Order, 1, 0).shuffle(&mut rows);
        assert!(rows.iter().enumerate().filter(|(i, r)| *i as u32 == **r).count() < 20);
        rows.sort_unstable();
        assert!(rows.iter().copied().eq(0..1000));
    }
}
