//! Sums over slices: sixteen f32 accumulators, then f64, so that loops vectorise and long sums keep their digits.

use pulp::Arch;

use crate::instructions::vectorised;

const LANES: usize = 16;
/// Terms summed in f32 before they go to f64.
const BLOCK: usize = 64 * LANES;

/// Σ_i term(a_i, b_i).
#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let (a16, a_rest) = a.as_chunks::<LANES>();
        let (b16, b_rest) = b.as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a16.iter().zip(b16) {
            for i in 0..LANES {
                sums[i] += term(a[i], b[i]);
            }
        }
        total += sums.iter().map(|&s| f64::from(s)).sum::<f64>();
        total += a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(term(a, b))).sum::<f64>();
    }
    total
}

/// Σ_i a_i b_i.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum(
        a,
        b,
        #[inline(always)]
        |a, b| a * b,
    )
}

/// Σ_i a_i² b_i.
#[inline(always)]
pub fn square_dot(a: &[f32], b: &[f32]) -> f64 {
    sum(
        a,
        b,
        #[inline(always)]
        |a, b| a * a * b,
    )
}

/// Σ_i v_i², vectorised for the machine. It is finite where every v_i is: squares beyond f32 are taken in f64.
pub fn square_norm(arch: Arch, v: &[f32]) -> f64 {
    vectorised(
        arch,
        #[inline(always)]
        || finite_square(v, dot(v, v)),
    )
}

/// `square`, which is Σ_i v_i² as f32 gives it, or the same taken in f64 where f32 has overflowed.
#[inline(always)]
pub fn finite_square(v: &[f32], square: f64) -> f64 {
    if square.is_finite() { square } else { v.iter().map(|&v| f64::from(v) * f64::from(v)).sum() }
}

/// Row norms squared of W, shape (m, n): q_j = ‖W_j‖².
pub fn row_square_norms(arch: Arch, q: &mut [f32], W: &[f32], n: usize) {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (q, row) in q.iter_mut().zip(W.chunks_exact(n)) {
                *q = dot(row, row) as f32;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_f64_over_block_edges() {
        for n in [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000] {
            let a: Vec<f32> = (0..n).map(|i| ((i * 29 % 83) as f32 - 41.0) / 41.0).collect();
            let b: Vec<f32> = (0..n).map(|i| ((i * 31 % 79) as f32) / 79.0).collect();
            let want: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let square: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a).powi(2) * f64::from(*b)).sum();
            assert!((dot(&a, &b) - want).abs() < 1e-4 * want.abs().max(1.0));
            assert!((square_dot(&a, &b) - square).abs() < 1e-4 * square.abs().max(1.0));
        }
    }
}
