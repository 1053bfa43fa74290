//! Singular values of a small dense matrix, without its vectors.
//!
//! ```text
//! A = U B Vᵀ            Householder, B upper bidiagonal: diagonal d_1 … d_n, above it e_1 … e_{n−1}
//! T = tridiag(0; d_1, e_1, d_2, …, e_{n−1}, d_n)      (2n × 2n), eigenvalues ±σ_j
//! ```
//!
//! The eigenvalues of T are found by bisection on Sturm counts: it cannot fail to converge, and its error is that of the
//! reduction, about 1e-15 of the largest value. Never through AᵀA, which would lose every value below 1e-8 of the largest.
//!
//! Source: Golub & Kahan 1965; Demmel, Applied Numerical Linear Algebra, 5.3.4 and 5.4.
#![allow(non_snake_case)] // A as in the formulas

use crate::row_network::dot;

/// Singular values of `A` (rows, columns), row-major, largest first, min(rows, columns) of them. Entries must be finite.
///
/// # Panics
/// When `A` has not rows · columns entries.
pub fn singular_values(A: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    assert_eq!(A.len(), rows * columns, "a {rows} x {columns} matrix of {} numbers", A.len());
    let n = rows.min(columns);
    let largest = A.iter().fold(0.0_f64, |most, a| most.max(a.abs()));
    if largest == 0.0 {
        return vec![0.0; n];
    }
    // Column-major and tall; scaled, so that squares neither overflow nor vanish.
    let m = rows.max(columns);
    let entry = |i: usize, j: usize| if rows >= columns { A[i * columns + j] } else { A[j * columns + i] };
    let mut tall: Vec<f64> = (0..n).flat_map(|j| (0..m).map(move |i| entry(i, j) / largest)).collect();
    let off_diagonal = bidiagonalise(&mut tall, m, n);
    let mut values = bisect(&off_diagonal, n);
    values.iter_mut().for_each(|value| *value *= largest);
    values
}

/// Reduces the column-major `A` (m, n), m ≥ n, and returns d_1, e_1, d_2, …, d_n.
fn bidiagonalise(A: &mut [f64], m: usize, n: usize) -> Vec<f64> {
    let mut off_diagonal = Vec::with_capacity(2 * n);
    let mut row = vec![0.0; n];
    for k in 0..n {
        // From the left: column k below the diagonal becomes 0.
        let (done, right) = A.split_at_mut((k + 1) * m);
        let v = &mut done[k * m + k..];
        off_diagonal.push(reflector(v));
        for column in right.chunks_exact_mut(m) {
            reflect(v, &mut column[k..]);
        }
        if k + 1 == n {
            break;
        }
        // From the right: row k beyond the entry beside the diagonal becomes 0.
        let rest = &mut row[..n - k - 1];
        rest.iter_mut().enumerate().for_each(|(j, x)| *x = A[(k + 1 + j) * m + k]);
        off_diagonal.push(reflector(rest));
        // All rows below at once: A ← A − 2 (A v) vᵀ.
        let mut product = vec![0.0; m - k - 1];
        for (x, column) in rest.iter().zip(A[(k + 1) * m..].chunks_exact(m)) {
            product.iter_mut().zip(&column[k + 1..]).for_each(|(p, a)| *p += x * a);
        }
        for (x, column) in rest.iter().zip(A[(k + 1) * m..].chunks_exact_mut(m)) {
            column[k + 1..].iter_mut().zip(&product).for_each(|(a, p)| *a -= 2.0 * p * x);
        }
    }
    off_diagonal
}

/// Turns `v` into the unit vector u with (I − 2uuᵀ) v = (α, 0, …, 0), and returns α; all zeros where nothing is to be done.
pub fn reflector(v: &mut [f64]) -> f64 {
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm == 0.0 {
        return 0.0;
    }
    // The sign that adds, so that no digits cancel.
    let alpha = if v[0] > 0.0 { -norm } else { norm };
    v[0] -= alpha;
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    v.iter_mut().for_each(|x| *x /= length);
    alpha
}

/// x ← (I − 2uuᵀ) x.
pub fn reflect(u: &[f64], x: &mut [f64]) {
    let along = 2.0 * dot(u, x);
    x.iter_mut().zip(u).for_each(|(x, u)| *x -= along * u);
}

/// The n largest eigenvalues of the tridiagonal matrix with zero diagonal, largest first.
fn bisect(off_diagonal: &[f64], n: usize) -> Vec<f64> {
    let squares: Vec<f64> = off_diagonal.iter().map(|b| b * b).collect();
    // Gershgorin's bound.
    let beside = |i: usize| off_diagonal.get(i).map_or(0.0, |b| b.abs());
    let bound = (0..=off_diagonal.len()).map(|i| beside(i) + if i == 0 { 0.0 } else { beside(i - 1) });
    let bound = bound.fold(0.0, f64::max) * (1.0 + 1e-10) + f64::MIN_POSITIVE;
    (0..n)
        .map(|j| {
            // n eigenvalues lie below 0 or at it; the (j + 1)-th largest has 2n − 1 − j below it.
            let below = 2 * n - 1 - j;
            // Squares of smaller numbers vanish.
            let (mut low, mut high) = (1e-150 * bound, bound);
            if count_below(&squares, low) > below {
                return 0.0;
            }
            // To the last bit, the exponent first: of a bidiagonal matrix the small values are as well determined as
            // the large ones.
            loop {
                let middle = if high > 2.0 * low { (low * high).sqrt() } else { 0.5 * (low + high) };
                if middle <= low || middle >= high {
                    break;
                }
                if count_below(&squares, middle) > below { high = middle } else { low = middle }
            }
            low
        })
        .collect()
}

/// Eigenvalues below `x`: the negative pivots of T − xI.
fn count_below(squares: &[f64], x: f64) -> usize {
    let mut pivot = -x;
    let mut count = usize::from(pivot < 0.0);
    for square in squares {
        if pivot == 0.0 {
            pivot = f64::MIN_POSITIVE;
        }
        pivot = -x - square / pivot;
        count += usize::from(pivot < 0.0);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn drawn(rows: usize, columns: usize, seed: u64) -> Vec<f64> {
        let mut values = vec![0.0_f32; rows * columns];
        Stream::new(seed, Purpose::Analysis, 0, 0).fill_normal(&mut values);
        values.into_iter().map(f64::from).collect()
    }

    #[test]
    fn values_are_those_of_another_program() {
        for (seed, (rows, columns)) in
            [(1, 1), (1, 7), (7, 1), (5, 5), (16, 40), (40, 16), (33, 32)].into_iter().enumerate()
        {
            let values = drawn(rows, columns, seed as u64);
            let dense = nalgebra::DMatrix::from_row_slice(rows, columns, &values);
            let mut wanted: Vec<f64> = dense.singular_values().iter().copied().collect();
            wanted.sort_by(|a, b| b.total_cmp(a));
            let got = singular_values(&values, rows, columns);
            assert_eq!(got.len(), wanted.len());
            for (a, b) in got.iter().zip(&wanted) {
                assert!((a - b).abs() <= 1e-13 * wanted[0], "{rows} x {columns}: {a} {b}");
            }
        }
    }

    #[test]
    fn small_values_beside_large_ones_are_kept_and_rank_shows() {
        // Diagonal matrices turned by reflections have the values that they were made of.
        let sigma = [1e3, 1.0, 1e-6, 1e-9, 0.0];
        let (m, n) = (8, 5);
        let mut a = vec![0.0; m * n];
        sigma.iter().enumerate().for_each(|(j, s)| a[j * m + j] = *s);
        for seed in 0..3 {
            let mut u = drawn(m, 1, seed);
            reflector(&mut u);
            a.chunks_exact_mut(m).for_each(|column| reflect(&u, column));
        }
        let rows: Vec<f64> = (0..m).flat_map(|i| (0..n).map(|j| a[j * m + i]).collect::<Vec<_>>()).collect();
        for (got, wanted) in singular_values(&rows, m, n).iter().zip(sigma) {
            assert!((got - wanted).abs() <= 1e-14 * 1e3, "{got} {wanted}");
        }
        assert_eq!(singular_values(&[0.0; 6], 2, 3), [0.0, 0.0]);
        assert!(singular_values(&[], 0, 3).is_empty());
        // Neither overflow nor underflow.
        for scale in [1e-200, 1e200] {
            let got = singular_values(&[3.0 * scale, 0.0, 0.0, 4.0 * scale], 2, 2);
            assert!((got[0] / (4.0 * scale) - 1.0).abs() < 1e-14 && (got[1] / (3.0 * scale) - 1.0).abs() < 1e-14);
        }
    }
}
