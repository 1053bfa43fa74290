//! Multiply-adds in registers alone: what bounds every product, measured by those who hold a clock.

use pulp::{Simd, WithSimd};

use super::registers::{Portable, Registers, Vectors, lanes};
use crate::instructions;

/// Chains of multiply-adds that run side by side: enough to hide the unit's latency, few enough for 16 registers.
const CHAINS: usize = 12;
/// Multiply-adds a chain; in an interpreter enough to converge.
const LINKS: usize = if cfg!(miri) { 100 } else { 100_000 };

/// Does x ← ¾ x + ¼ in every number of twelve registers, 100,000 times, with the instructions in use: x goes to 1, never
/// to a subnormal number. Gives back how many multiply-adds that was.
pub fn multiply_adds(x: &mut f32) -> usize {
    instructions::arch().dispatch(Chains(x))
}

struct Chains<'a>(&'a mut f32);

impl Chains<'_> {
    #[inline(always)]
    fn run<G: Registers<f32>>(self, registers: G) -> usize {
        let (scale, shift) = (registers.splat(0.75), registers.splat(0.25));
        let mut x = [registers.splat(*self.0); CHAINS];
        for _ in 0..LINKS {
            for x in &mut x {
                *x = registers.mul_add(*x, scale, shift);
            }
        }
        let n = CHAINS * lanes::<f32, G>();
        // SAFETY: a register is that many f32 side by side, all of them written.
        let numbers = unsafe { std::slice::from_raw_parts(x.as_ptr().cast::<f32>(), n) };
        *self.0 = numbers.iter().sum::<f32>() / n as f32;
        n * LINKS
    }
}

impl WithSimd for Chains<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        if lanes::<f32, Vectors<S>>() == 1 { self.run(Portable) } else { self.run(Vectors(simd)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chains_converge_as_their_formula_says() {
        for arch in [instructions::arch(), pulp::Arch::Scalar] {
            let mut x = 0.5;
            assert!(arch.dispatch(Chains(&mut x)) >= 4 * CHAINS * LINKS);
            assert!((x - 1.0).abs() < 1e-5, "{x}");
        }
    }
}
