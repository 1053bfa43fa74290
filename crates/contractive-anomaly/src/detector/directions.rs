//! The leading principal directions of many rows, by iteration on a few directions at a time.
//!
//! With the centred rows X (n, d) and b directions Q (b, d), orthonormal:
//!
//! ```text
//! Q ← orthonormal rows of (Q Xᵀ) X          ROUNDS times, from random ones: the leading directions grow fastest
//! Q C Qᵀ = E Λ Eᵀ,  C = XᵀX/n               b × b, by Jacobi rotations; the directions are Eᵀ Q, their variances Λ
//! ```
//!
//! Memory is that of the rows and of b directions; the covariance (d, d) is never there. With b = d they are exact after the
//! first round.
//!
//! Source: Halko, Martinsson & Tropp 2011, algorithm 4.4 and 5.3; Golub & Van Loan, 8.5 (Jacobi rotations).
#![allow(non_snake_case)] // Q as in the formulas

use contractive_core::random::Stream;
use contractive_core::row_network::dot;

/// Rounds of the iteration.
const ROUNDS: usize = 8;
/// Most sweeps of rotations: they end by themselves after about eight.
const MOST_SWEEPS: usize = 50;
/// A direction shorter than this, relative to what it was, lies among those before it.
const NOTHING: f64 = 1e-10;

/// Directions of unit length, row-major (k, d), largest variance first: as few of the `rows` (n, d), at least one, as hold
/// the share `held` of their variance about `centre`, at most `most`. None where the rows do not vary.
pub(super) fn principal_directions(
    rows: &[f32],
    centre: &[f64],
    held: f64,
    most: usize,
    stream: &mut Stream,
) -> Vec<f64> {
    let d = centre.len();
    let n = rows.len() / d;
    let mut Q: Vec<f64> = (0..most.min(d) * d).map(|_| stream.uniform() - 0.5).collect();
    orthonormalise(&mut Q, d);
    for _ in 0..ROUNDS {
        Q = times_covariance(rows, centre, &Q).0;
        orthonormalise(&mut Q, d);
    }
    let (product, whole) = times_covariance(rows, centre, &Q);
    let b = Q.len() / d;
    let mut small: Vec<f64> = (0..b * b).map(|i| dot(&Q[i / b * d..][..d], &product[i % b * d..][..d])).collect();
    let vectors = rotate_to_diagonal(&mut small, b);
    let mut order: Vec<usize> = (0..b).collect();
    order.sort_by(|i, j| small[j * b + j].total_cmp(&small[i * b + i]));
    // Beyond the rank of the rows there is rounding alone.
    let least = whole * 1e-12;
    let (mut sum, mut directions) = (0.0, Vec::new());
    for &i in order.iter().take(n) {
        let variance = small[i * b + i];
        if sum >= held * whole || variance <= least {
            break;
        }
        sum += variance;
        let mut direction = vec![0.0; d];
        for (j, q) in Q.chunks_exact(d).enumerate() {
            direction.iter_mut().zip(q).for_each(|(v, q)| *v += vectors[j * b + i] * q);
        }
        directions.extend(direction);
    }
    directions
}

/// Q C, and the trace of C: the whole variance.
fn times_covariance(rows: &[f32], centre: &[f64], Q: &[f64]) -> (Vec<f64>, f64) {
    let d = centre.len();
    let n = (rows.len() / d) as f64;
    let (mut product, mut whole, mut away) = (vec![0.0; Q.len()], 0.0, vec![0.0; d]);
    for x in rows.chunks_exact(d) {
        away.iter_mut().zip(x.iter().zip(centre)).for_each(|(a, (x, m))| *a = f64::from(*x) - m);
        whole += dot(&away, &away) / n;
        for (q, out) in Q.chunks_exact(d).zip(product.chunks_exact_mut(d)) {
            let along = dot(q, &away) / n;
            out.iter_mut().zip(&away).for_each(|(p, a)| *p += along * a);
        }
    }
    (product, whole)
}

/// Gram–Schmidt, twice over each row; rows that lie among those before them are dropped.
fn orthonormalise(Q: &mut Vec<f64>, d: usize) {
    let mut done = 0;
    for i in 0..Q.len() / d {
        let (before, rest) = Q.split_at_mut(i * d);
        let row = &mut rest[..d];
        let length = dot(row, row).sqrt();
        for _ in 0..2 {
            for q in before[..done * d].chunks_exact(d) {
                let along = dot(q, row);
                row.iter_mut().zip(q).for_each(|(r, q)| *r -= along * q);
            }
        }
        let left = dot(row, row).sqrt();
        if left > NOTHING * length {
            row.iter_mut().for_each(|r| *r /= left);
            Q.copy_within(i * d..(i + 1) * d, done * d);
            done += 1;
        }
    }
    Q.truncate(done * d);
}

/// Makes the symmetric `A` (b, b) diagonal, and returns the rotations' product (b, b): column i belongs to entry i.
fn rotate_to_diagonal(A: &mut [f64], b: usize) -> Vec<f64> {
    let mut vectors: Vec<f64> = (0..b * b).map(|i| f64::from(u8::from(i / b == i % b))).collect();
    for _ in 0..MOST_SWEEPS {
        let mut has_turned = false;
        for p in 0..b {
            for q in p + 1..b {
                let off = A[p * b + q];
                if off.abs() <= 1e-15 * (A[p * b + p] * A[q * b + q]).abs().sqrt() || off.abs() < f64::MIN_POSITIVE {
                    continue;
                }
                has_turned = true;
                let theta = (A[q * b + q] - A[p * b + p]) / (2.0 * off);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cos = 1.0 / (t * t + 1.0).sqrt();
                turn(A, b, (p, q), (cos, t * cos));
                for row in vectors.chunks_exact_mut(b) {
                    (row[p], row[q]) = (cos * row[p] - t * cos * row[q], t * cos * row[p] + cos * row[q]);
                }
            }
        }
        if !has_turned {
            break;
        }
    }
    vectors
}

/// A ← Jᵀ A J, the rotation J in the plane of p and q.
fn turn(A: &mut [f64], b: usize, (p, q): (usize, usize), (cos, sin): (f64, f64)) {
    for row in A.chunks_exact_mut(b) {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
    for j in 0..b {
        let (x, y) = (A[p * b + j], A[q * b + j]);
        (A[p * b + j], A[q * b + j]) = (cos * x - sin * y, sin * x + cos * y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::Purpose;

    fn stream() -> Stream {
        Stream::new(0, Purpose::Analysis, 9, 0)
    }

    /// n rows of d numbers: `spread[i]` times a number along each of as many given directions.
    fn rows_along(directions: &[Vec<f64>], spread: &[f64], n: usize) -> Vec<f32> {
        let mut draw = Stream::new(1, Purpose::Analysis, 9, 0);
        let d = directions[0].len();
        let mut rows = Vec::new();
        for _ in 0..n {
            let along: Vec<f64> = spread.iter().map(|s| s * (draw.uniform() - 0.5)).collect();
            rows.extend((0..d).map(|j| along.iter().zip(directions).map(|(a, v)| a * v[j]).sum::<f64>() as f32));
        }
        rows
    }

    #[test]
    fn directions_of_known_rows_are_found_in_their_order() {
        let d = 90;
        let wave = |i: usize| -> Vec<f64> {
            (0..d)
                .map(|j| (std::f64::consts::TAU * (i * j) as f64 / d as f64).sin() * (2.0 / d as f64).sqrt())
                .collect()
        };
        let waves = [wave(1), wave(2), wave(3)];
        let rows = rows_along(&waves, &[1.0, 9.0, 3.0], 4000);
        let found = principal_directions(&rows, &vec![0.0; d], 0.9999, 64, &mut stream());
        assert_eq!(found.len(), 3 * d);
        for (found, wave) in found.chunks_exact(d).zip([&waves[1], &waves[2], &waves[0]]) {
            assert!(dot(found, wave).abs() > 0.99, "{}", dot(found, wave));
            assert!((dot(found, found) - 1.0).abs() < 1e-12);
        }
        // As few as hold the share asked for, and no more than allowed.
        assert_eq!(principal_directions(&rows, &vec![0.0; d], 0.5, 64, &mut stream()).len(), d);
        assert_eq!(principal_directions(&rows, &vec![0.0; d], 0.9999, 2, &mut stream()).len(), 2 * d);
        assert!(principal_directions(&[0.0; 12], &[0.0; 3], 0.9, 64, &mut stream()).is_empty());
    }

    #[test]
    fn a_symmetric_matrix_is_turned_to_its_eigenvalues() {
        let A = [2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0];
        let mut turned = A;
        let vectors = rotate_to_diagonal(&mut turned, 3);
        let mut values: Vec<f64> = (0..3).map(|i| turned[i * 4]).collect();
        for i in 0..3 {
            for row in 0..3 {
                let product: f64 = (0..3).map(|j| A[row * 3 + j] * vectors[j * 3 + i]).sum();
                assert!((product - values[i] * vectors[row * 3 + i]).abs() < 1e-14);
            }
        }
        values.sort_by(f64::total_cmp);
        let expected = [2.0 - 2_f64.sqrt(), 2.0, 2.0 + 2_f64.sqrt()];
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14), "{values:?}");
    }
}
