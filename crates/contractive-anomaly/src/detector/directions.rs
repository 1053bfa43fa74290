//! The leading principal directions of many rows, by iteration on a few directions at a time.
//!
//! With the centred rows X (n, d) and b directions Q (b, d), orthonormal:
//!
//! ```text
//! Q ← orthonormal rows of (Q Xᵀ) X          ROUNDS times, from random ones: the leading directions grow fastest
//! Q C Qᵀ = E Λ Eᵀ,  C = XᵀX/n               b × b, by Jacobi rotations; the directions are Eᵀ Q, their variances Λ
//! ```
//!
//! Of few numbers a row C is made first; of many (Q Xᵀ) X is, so that memory is that of the rows and of b directions. With
//! b = d they are exact after the first round. The rows are added up in so many parts, the same for any number of threads.
//!
//! Source: Halko, Martinsson & Tropp 2011, algorithm 4.4 and 5.3; Golub & Van Loan, 8.5 (Jacobi rotations).
#![allow(non_snake_case)] // Q as in the formulas

use super::jobs::for_each;
use contractive_core::random::Stream;
use contractive_core::row_network::dot;

/// Most numbers of a row that C is made of.
const MOST_OF_COVARIANCE: usize = 512;
/// Most parts that the rows are added up in, and about the most numbers of their sums.
const MOST_PARTS: usize = 8;
const MOST_SUMS: usize = 1 << 24;
/// Rounds of the iteration.
const ROUNDS: usize = 8;
/// Most sweeps of rotations: they end by themselves after about eight.
const MOST_SWEEPS: usize = 50;
/// A direction shorter than this, relative to what it was, lies among those before it.
const NOTHING: f64 = 1e-10;

/// How many directions there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The share of the variance that they hold: as few as do, at least one.
    pub(super) held: f64,
    pub(super) most: usize,
}

/// Directions of unit length, row-major (k, d), largest variance first: as few of the `rows` (n, d) as are `wanted`, about
/// `centre`. None where the rows do not vary.
pub(super) fn principal_directions(
    rows: &[f32],
    centre: &[f64],
    wanted: Wanted,
    stream: &mut Stream,
    threads: usize,
) -> Vec<f64> {
    let d = centre.len();
    let n = rows.len() / d;
    let about = About { rows, centre, threads };
    let (covariance, whole) = (about.covariance(), about.variance());
    let times = |Q: &[f64]| match &covariance {
        Some(C) => times_matrix(Q, C, d, threads),
        None => about.times_covariance(Q),
    };
    let mut Q: Vec<f64> = (0..wanted.most.min(d).min(n) * d).map(|_| stream.uniform() - 0.5).collect();
    orthonormalise(&mut Q, d);
    for _ in 0..ROUNDS {
        Q = times(&Q);
        orthonormalise(&mut Q, d);
    }
    let product = times(&Q);
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
        if sum >= wanted.held * whole || variance <= least {
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

/// Rows, and what is taken off them.
struct About<'a> {
    rows: &'a [f32],
    centre: &'a [f64],
    threads: usize,
}

impl About<'_> {
    /// The sum over the rows of what `add` adds to so many numbers of a row less the centre, divided by the rows.
    fn mean(&self, numbers: usize, add: impl Fn(&[f64], &mut [f64]) + Sync) -> Vec<f64> {
        let d = self.centre.len();
        let n = self.rows.len() / d;
        let n_parts = (MOST_SUMS / numbers).clamp(1, MOST_PARTS);
        let parts: Vec<&[f32]> = self.rows.chunks(n.div_ceil(n_parts).max(1) * d).collect();
        let mut sums = vec![0.0; parts.len() * numbers];
        for_each(parts.into_iter().zip(sums.chunks_mut(numbers)), self.threads, || {
            let (mut away, add) = (vec![0.0; d], &add);
            move |(rows, sums): (&[f32], &mut [f64])| {
                for x in rows.chunks_exact(d) {
                    away.iter_mut().zip(x.iter().zip(self.centre)).for_each(|(a, (x, m))| *a = f64::from(*x) - m);
                    add(&away, sums);
                }
            }
        });
        let (first, others) = sums.split_at_mut(numbers);
        for part in others.chunks_exact(numbers) {
            first.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sums.truncate(numbers);
        sums.iter_mut().for_each(|sum| *sum /= n as f64);
        sums
    }

    /// The trace of C.
    fn variance(&self) -> f64 {
        self.mean(1, |away, sum| sum[0] += dot(away, away))[0]
    }

    /// C, where a row is short enough.
    fn covariance(&self) -> Option<Vec<f64>> {
        let d = self.centre.len();
        (d <= MOST_OF_COVARIANCE).then(|| {
            let mut C = self.mean(d * d, |away, sums| {
                for (i, (sums, a)) in sums.chunks_exact_mut(d).zip(away).enumerate() {
                    sums[..=i].iter_mut().zip(away).for_each(|(sum, b)| *sum += a * b);
                }
            });
            for i in 0..d {
                for j in 0..i {
                    C[j * d + i] = C[i * d + j];
                }
            }
            C
        })
    }

    /// Q C.
    fn times_covariance(&self, Q: &[f64]) -> Vec<f64> {
        let d = self.centre.len();
        self.mean(Q.len(), |away, product| {
            for (q, out) in Q.chunks_exact(d).zip(product.chunks_exact_mut(d)) {
                let along = dot(q, away);
                out.iter_mut().zip(away).for_each(|(p, a)| *p += along * a);
            }
        })
    }
}

/// Q C, C symmetric (d, d).
fn times_matrix(Q: &[f64], C: &[f64], d: usize, threads: usize) -> Vec<f64> {
    let mut product = vec![0.0; Q.len()];
    for_each(Q.chunks_exact(d).zip(product.chunks_exact_mut(d)), threads, || {
        |(q, out): (&[f64], &mut [f64])| out.iter_mut().zip(C.chunks_exact(d)).for_each(|(out, c)| *out = dot(q, c))
    });
    product
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
        let of = |rows: &[f32], d: usize, held: f64, most: usize, threads: usize| {
            principal_directions(rows, &vec![0.0; d], Wanted { held, most }, &mut stream(), threads)
        };
        let found = of(&rows, d, 0.9999, 64, 1);
        assert_eq!(found.len(), 3 * d);
        for (found, wave) in found.chunks_exact(d).zip([&waves[1], &waves[2], &waves[0]]) {
            assert!(dot(found, wave).abs() > 0.99, "{}", dot(found, wave));
            assert!((dot(found, found) - 1.0).abs() < 1e-12);
        }
        assert_eq!(of(&rows, d, 0.9999, 64, 3), found);
        // As few as hold the share asked for, and no more than allowed.
        assert_eq!(of(&rows, d, 0.5, 64, 1).len(), d);
        assert_eq!(of(&rows, d, 0.9999, 2, 1).len(), 2 * d);
        assert!(of(&[0.0; 12], 3, 0.9, 64, 1).is_empty());
    }

    #[test]
    fn rows_without_their_covariance_give_the_same() {
        let d = 40;
        let directions: Vec<Vec<f64>> = (0..d).map(|i| (0..d).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        let rows = rows_along(&directions, &(0..d).map(|i| 1.0 / (1.0 + i as f64)).collect::<Vec<f64>>(), 301);
        let (centre, mut draw) = (vec![0.1; d], stream());
        let Q: Vec<f64> = (0..3 * d).map(|_| draw.uniform() - 0.5).collect();
        let about = |threads| About { rows: &rows, centre: &centre, threads };
        let C = about(1).covariance().unwrap();
        let (whole, trace) = (about(1).variance(), (0..d).map(|i| C[i * (d + 1)]).sum::<f64>());
        assert!((whole - trace).abs() < 1e-12 * whole);
        let (slow, quick) = (about(1).times_covariance(&Q), times_matrix(&Q, &C, d, 1));
        assert!(slow.iter().zip(&quick).all(|(a, b)| (a - b).abs() < 1e-12), "{slow:?} {quick:?}");
        assert_eq!((about(3).covariance(), about(3).times_covariance(&Q)), (Some(C.clone()), slow));
        assert_eq!(times_matrix(&Q, &C, d, 3), quick);
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
