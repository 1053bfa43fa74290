//! A network and rows drawn by Lehmer's generator, whose state fits a double exactly: other languages draw the same.
//!
//! In the order of the parameters: a weight of n inputs is (2u − 1)/√n, a bias 0 (its numbers are drawn all the same).
//! Then the rows, u³: between 0 and 1, most of them small, as pixels are.

use contractive_core::{Architecture, ArgumentError, Parameters};

/// Lehmer's multiplicative generator modulo 2³¹ − 1.
#[derive(Debug, Clone)]
pub struct Lehmer(u64);

const MODULUS: u64 = 2_147_483_647;

impl Lehmer {
    /// A generator; `seed` is taken modulo 2³¹ − 1, and 0 becomes 1.
    pub fn new(seed: u64) -> Self {
        Lehmer((seed % MODULUS).max(1))
    }

    /// The next number between 0 and 1, both excluded.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % MODULUS;
        self.0 as f64 / MODULUS as f64
    }
}

/// Parameters of a network.
///
/// # Errors
/// When the architecture is refused.
pub fn parameters(architecture: &Architecture, random: &mut Lehmer) -> Result<Parameters, ArgumentError> {
    let mut parameters = Parameters::zeros(architecture)?;
    for place in parameters.places().to_vec() {
        let bound = if place.shape.len() == 2 { 1.0 / (place.shape[1] as f64).sqrt() } else { 0.0 };
        for value in &mut parameters.values_mut()[place.range()] {
            *value = ((2.0 * random.uniform() - 1.0) * bound) as f32;
        }
    }
    Ok(parameters)
}

/// `n` numbers between 0 and 1.
pub fn rows(n: usize, random: &mut Lehmer) -> Vec<f32> {
    (0..n).map(|_| random.uniform().powi(3) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Park & Miller's check: with this multiplier the 10,000th number after seed 1 is 399268537 / (2³¹ − 1).
    #[test]
    fn the_ten_thousandth_number_is_the_published_one() {
        let mut random = Lehmer::new(1);
        let last = (0..10_000).map(|_| random.uniform()).last().unwrap();
        assert_eq!(last, 399_268_537.0 / MODULUS as f64);
    }
}
