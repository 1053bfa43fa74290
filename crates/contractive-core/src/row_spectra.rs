//! Singular values and right singular vectors of J = ∂h/∂x row by row, from J's small side.
//!
//! ```text
//! J = A W₁        A = D_L W_L … W_2 D_1, (k, m₁): all that changes from row to row
//! W₁ = B Q        B (m₁, m₁), Q (m₁, d) with QQᵀ = I: once, by Householder reflections, where m₁ < d
//! J = (A B) Q     A B, (k, m₁), has J's singular values; Qᵀ makes J's right singular vectors of its own
//! ```
//!
//! Where m₁ ≥ d, or the rows are too few to pay for Q, J itself is decomposed. Never through JJᵀ, which would lose every
//! value below 1e-8 of the largest. Everything is f64.
//!
//! Judge: [`crate::jacobian`], and the definition JᵀJ v = s²v (tests). Source: Golub & Van Loan, Matrix Computations, 5.2
//! (reflections) and 8.6.3 (one-sided Jacobi rotations). Right singular vectors as tangents of the data's manifold: Rifai
//! et al. 2011, The Manifold Tangent Classifier.
#![allow(non_snake_case)] // matrices are upper case, as in the formulas

use crate::architecture::Architecture;
use crate::parameters::Parameters;
use crate::reference::network::{Layer, forward};
use crate::reference::{Matrix, Network};
use crate::row_network::dot;
use crate::singular_values::{reflect, reflector, singular_values};

/// Beyond so many times less than the largest, a singular value is rounding, and its vector means nothing.
const ROUNDING: f64 = 1e-13;
/// Sweeps of rotations; they end after six to ten.
const MOST_SWEEPS: usize = 60;

/// An encoder made ready for the spectra of many rows.
pub struct RowSpectra {
    encoder: Vec<Layer>,
    /// B, or W₁ as it is.
    first: Matrix,
    /// The reflections whose product is Q, each (d − i); none where W₁ stays as it is.
    reflections: Vec<Vec<f64>>,
}

/// The directions in which a code moves most at a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tangents {
    /// Singular values of J, largest first.
    pub singular_values: Vec<f64>,
    /// Right singular vectors of J, (as many, d): unit length, each with its largest entry positive; zeros where the
    /// singular value is 0 up to rounding.
    pub directions: Vec<f64>,
}

impl RowSpectra {
    /// For the spectra of about `n_rows` rows, which decide whether Q pays.
    pub fn new(parameters: &Parameters, n_rows: usize) -> Self {
        let architecture = parameters.architecture();
        let encoder = Network::from(parameters).encoder().to_vec();
        let mut first = encoder[0].W.clone();
        let mut reflections = Vec::new();
        if pays(architecture, n_rows) {
            (first, reflections) = reduced(first);
        }
        RowSpectra { encoder, first, reflections }
    }

    /// Rows, at least 1, whose spectra cost about this many multiplications and additions.
    pub fn rows_within(architecture: &Architecture, work: usize) -> usize {
        let rows = |[once, each]: [usize; 2]| work.saturating_sub(once) / each.max(1);
        rows(as_it_is(architecture)).max(by_q(architecture).map_or(0, rows)).max(1)
    }

    /// The singular values of J at `row`, min(k, d) of them, largest first; all NaN where an entry of J is not finite.
    ///
    /// # Panics
    /// When `row` has not as many numbers as the network has inputs.
    pub fn singular_values(&self, row: &[f32]) -> Vec<f64> {
        let small = self.small(row);
        let mut values = if small.values().iter().all(|v| v.is_finite()) {
            singular_values(small.values(), small.rows(), small.columns())
        } else {
            vec![f64::NAN; small.rows().min(small.columns())]
        };
        // A first layer narrower than the code and the rows bounds J's rank.
        values.resize(
            small.rows().min(row.len()),
            if values.first().is_some_and(|v| v.is_nan()) { f64::NAN } else { 0.0 },
        );
        values
    }

    /// The `most` largest singular values of J at `row` with their right singular vectors; fewer where min(k, d) is less.
    /// All NaN where an entry of J is not finite.
    ///
    /// # Panics
    /// When `row` has not as many numbers as the network has inputs.
    pub fn tangents(&self, row: &[f32], most: usize) -> Tangents {
        let small = self.small(row);
        let (k, d) = (small.rows(), row.len());
        let n = most.min(k).min(d);
        if !small.values().iter().all(|v| v.is_finite()) {
            return Tangents { singular_values: vec![f64::NAN; n], directions: vec![f64::NAN; n * d] };
        }
        let rotated = orthogonal_rows(small);
        let mut order: Vec<(f64, usize)> =
            (0..rotated.rows()).map(|i| (dot(rotated.row(i), rotated.row(i)).sqrt(), i)).collect();
        order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let largest = order.first().map_or(0.0, |(value, _)| *value);
        let mut tangents = Tangents { singular_values: Vec::with_capacity(n), directions: Vec::with_capacity(n * d) };
        for j in 0..n {
            let (value, row) = order.get(j).map_or((0.0, None), |(value, i)| (*value, Some(rotated.row(*i))));
            tangents.singular_values.push(value);
            let row = row.filter(|_| value > ROUNDING * largest);
            tangents.directions.extend(row.map_or_else(|| vec![0.0; d], |row| self.unit(row, value, d)));
        }
        tangents
    }

    /// A B at `row`, or J.
    fn small(&self, row: &[f32]) -> Matrix {
        let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        let trace = forward(&self.encoder, &x);
        let slopes =
            |l: usize| -> Vec<f64> { trace.z[l].iter().map(|z| self.encoder[l].activation.derivative(*z)).collect() };
        let above = (1..self.encoder.len()).rev().map(|l| self.encoder[l].W.scaled_rows(&slopes(l)));
        let first = self.first.scaled_rows(&slopes(0));
        match above.reduce(|product, factor| product.product(&factor)) {
            None => first,
            Some(A) => A.product(&first),
        }
    }

    /// Qᵀ `row` / `length`, its largest entry positive.
    fn unit(&self, row: &[f64], length: f64, d: usize) -> Vec<f64> {
        let mut v: Vec<f64> = row.iter().map(|x| x / length).collect();
        v.resize(d, 0.0);
        for (i, u) in self.reflections.iter().enumerate().rev() {
            reflect(u, &mut v[i..]);
        }
        let largest = v.iter().fold(0.0, |most: f64, x| if x.abs() > most.abs() { *x } else { most });
        if largest < 0.0 {
            v.iter_mut().for_each(|x| *x = -*x);
        }
        v
    }
}

/// Whether `n_rows` rows pay for Q.
fn pays(architecture: &Architecture, n_rows: usize) -> bool {
    let cost = |[once, each]: [usize; 2]| each.saturating_mul(n_rows).saturating_add(once);
    by_q(architecture).is_some_and(|work| cost(work) < cost(as_it_is(architecture)))
}

/// Multiplications and additions once and a row where J itself is decomposed.
fn as_it_is(architecture: &Architecture) -> [usize; 2] {
    [0, of_row(architecture, architecture.input_size())]
}

/// The same through Q, where W₁ has fewer rows than columns.
fn by_q(architecture: &Architecture) -> Option<[usize; 2]> {
    let (d, m) = (architecture.encoder_sizes[0], architecture.encoder_sizes[1]);
    (m < d).then(|| [m.saturating_mul(m).saturating_mul(2 * d), of_row(architecture, m)])
}

/// One row's, with `r` columns beside A.
fn of_row(architecture: &Architecture, r: usize) -> usize {
    let (sizes, k) = (&architecture.encoder_sizes, architecture.code_size());
    let layers = sizes[1..].windows(2).fold(0_usize, |sum, pair| sum.saturating_add(pair[0].saturating_mul(pair[1])));
    let beside = if sizes.len() > 2 { sizes[1].saturating_mul(r) } else { r };
    let decomposed = r.saturating_mul(k.min(r));
    k.saturating_mul(layers.saturating_add(beside).saturating_add(decomposed)).saturating_add(sizes[0] * sizes[1])
}

/// B and the reflections that make Q, A = B Q, for fewer rows than columns.
fn reduced(mut A: Matrix) -> (Matrix, Vec<Vec<f64>>) {
    let m = A.rows();
    let mut B = Matrix::zeros(m, m);
    let mut reflections = Vec::with_capacity(m);
    for i in 0..m {
        let mut u = A.row(i)[i..].to_vec();
        B.row_mut(i)[..i].copy_from_slice(&A.row(i)[..i]);
        B[(i, i)] = reflector(&mut u);
        for below in i + 1..m {
            reflect(&u, &mut A.row_mut(below)[i..]);
        }
        reflections.push(u);
    }
    (B, reflections)
}

/// Rotates the rows of `B` until they are orthogonal: their lengths are B's singular values, their directions its right
/// singular vectors.
fn orthogonal_rows(B: Matrix) -> Matrix {
    let largest = B.values().iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    if largest == 0.0 {
        return B;
    }
    // With more rows than columns, first the square factor that has the same right singular vectors.
    let mut B = if B.rows() > B.columns() { reduced(B.transposed()).0.transposed() } else { B };
    let n = B.columns();
    let mut rows: Vec<Vec<f64>> =
        B.values().chunks_exact(n).map(|row| row.iter().map(|v| v / largest).collect()).collect();
    for _ in 0..MOST_SWEEPS {
        let mut is_done = true;
        for q in 1..rows.len() {
            let (before, from_q) = rows.split_at_mut(q);
            for p in before {
                is_done &= !rotate(p, &mut from_q[0]);
            }
        }
        if is_done {
            break;
        }
    }
    for (i, row) in rows.iter().enumerate() {
        B.row_mut(i).iter_mut().zip(row).for_each(|(b, v)| *b = v * largest);
    }
    B
}

/// Makes two rows orthogonal; whether there was anything to do.
fn rotate(p: &mut [f64], q: &mut [f64]) -> bool {
    let (pp, qq, pq) = (dot(p, p), dot(q, q), dot(p, q));
    if pq.abs() <= 1e-15 * (pp * qq).sqrt() || pq == 0.0 {
        return false;
    }
    let zeta = (qq - pp) / (2.0 * pq);
    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = c * t;
    for (p, q) in p.iter_mut().zip(q) {
        (*p, *q) = (c * *p - s * *q, s * *p + c * *q);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;
    use crate::initialisation::Initialisation;
    use crate::jacobian;
    use crate::matrix::MatRef;
    use crate::random::{Purpose, Stream};

    fn encoder(d: usize, hidden: &[usize], phi: Activation) -> Parameters {
        let net = Architecture::mirrored(d, hidden, phi, phi, Activation::Identity, false);
        let mut stream = Stream::new(d as u64, Purpose::Initialisation, 0, 0);
        Initialisation::GlorotUniform.parameters(&net, || stream.uniform()).unwrap()
    }

    fn row(d: usize) -> Vec<f32> {
        (0..d).map(|i| (i as f32 * 1.3).sin()).collect()
    }

    #[test]
    fn both_ways_give_the_singular_values_and_vectors_of_the_explicit_jacobian() {
        for (d, hidden) in [
            (30, &[9, 4][..]),
            (30, &[9, 14]),
            (40, &[6]),
            (5, &[11, 7]),
            (5, &[8]),
            (20, &[12, 3, 10]),
            (50, &[4, 30]),
        ] {
            let p = encoder(d, hidden, Activation::Tanh);
            let (x, k) = (row(d), hidden[hidden.len() - 1]);
            let J: Vec<f32> = jacobian::explicit(&p, MatRef::new(&x, 1, d));
            let want = jacobian::singular_values(&J, k, d);
            let J = Matrix::new(k, d, J.into_iter().map(f64::from).collect());
            for n_rows in [0, 1_000_000] {
                let spectra = RowSpectra::new(&p, n_rows);
                assert_eq!(spectra.reflections.is_empty(), n_rows == 0 || hidden[0] >= d, "{hidden:?}");
                let got = spectra.singular_values(&x);
                let tangents = spectra.tangents(&x, 3);
                assert_eq!((got.len(), tangents.singular_values.len()), (k.min(d), 3.min(k)));
                for (j, (got, want)) in got.iter().zip(&want).enumerate() {
                    assert!((got - want).abs() < 1e-6 * want.max(0.1), "{d} {hidden:?}: {got} not {want}");
                    let beside = tangents.singular_values.get(j).unwrap_or(got);
                    assert!((got - beside).abs() < 1e-13, "{d} {hidden:?}: {got} and {beside}");
                }
                for (i, (v, s)) in tangents.directions.chunks_exact(d).zip(&tangents.singular_values).enumerate() {
                    // JᵀJ v = s²v, vᵀv = 1, and v is orthogonal to the others.
                    let back = J.transpose_times_vector(&J.times_vector(v));
                    assert!(back.iter().zip(v).all(|(b, v)| (b - s * s * v).abs() < 1e-6), "{d} {hidden:?}");
                    for (j, other) in tangents.directions.chunks_exact(d).enumerate() {
                        assert!((dot(v, other) - f64::from(u8::from(i == j))).abs() < 1e-12, "{d} {hidden:?}");
                    }
                    assert!(v.iter().fold(0.0, |m: f64, x| if x.abs() > m.abs() { *x } else { m }) > 0.0);
                }
            }
        }
    }

    #[test]
    fn small_values_beside_large_ones_are_kept_and_still_units_leave_zeros() {
        // W = diag(1, 1e-6, 0) over seven features: of JJᵀ the second would be rounding.
        let mut p = encoder(7, &[3], Activation::Identity);
        let weight = p.tensor_mut("encoder.0.weight").unwrap();
        weight.fill(0.0);
        (weight[0], weight[8]) = (1.0, 1e-6);
        for n_rows in [0, 1_000_000] {
            let spectra = RowSpectra::new(&p, n_rows);
            let tangents = spectra.tangents(&row(7), 9);
            assert_eq!(spectra.singular_values(&row(7)).len(), 3);
            for (got, want) in spectra.singular_values(&row(7)).iter().zip([1.0, f64::from(1e-6_f32), 0.0]) {
                assert!((got - want).abs() <= 1e-14 * want, "{got} {want}");
            }
            let mut axes = vec![0.0; 21];
            (axes[0], axes[8]) = (1.0, 1.0);
            assert!(tangents.directions.iter().zip(axes).all(|(got, want)| (got - want).abs() < 1e-14));
        }
        p.tensor_mut("encoder.0.weight").unwrap()[0] = f32::MAX;
        p.tensor_mut("encoder.0.weight").unwrap()[8] = f32::NAN;
        assert!(RowSpectra::new(&p, 1).singular_values(&row(7)).iter().all(|value| value.is_nan()));
        assert!(RowSpectra::new(&p, 1).tangents(&row(7), 2).directions.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn wide_encoders_are_worth_fewer_rows_and_wide_tables_as_many_as_narrow_ones() {
        let within = |d: usize, hidden: &[usize]| {
            let phi = Activation::Tanh;
            RowSpectra::rows_within(&Architecture::mirrored(d, hidden, phi, phi, phi, false), 1_500_000_000)
        };
        assert!(within(784, &[16]) > 200 && within(20_000, &[64, 16]) > 200);
        assert_eq!(within(784, &[1000]), 2);
        assert_eq!(within(1 << 20, &[1 << 20]), 1);
    }
}
