//! The nearest rows of a bank, exactly, by matrix products.
//!
//! ```text
//! |x − y|² = |x|² + |y|² − 2⟨x, y⟩        for 64 rows x and all rows y of the bank at once: one product in f32
//! ```
//!
//! The product's rounding is bounded: |error| ≤ c_d (|x|² + |y|²). A row of the bank that is nearer than the k-th by no more
//! than the bounds is a candidate, and candidates are compared in f64, sums in one fixed order. So the neighbours, and their
//! distances to the bit, depend on the row and on the bank alone: not on the instructions, nor on what else is in the call.

use crate::matrix::{MatRef, product};

/// Rows that pass through the product together.
const BLOCK: usize = 64;
/// Of a distance of which f32 says nothing.
const UNBOUNDED: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

/// A row of the bank with its squared distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its place in the bank.
    pub row: u32,
    /// |x − y|², in f64.
    pub square: f64,
}

/// Rows among which neighbours are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    rows: Vec<f32>,
    n_features: usize,
    /// The rows as columns, (d, M).
    columns: Vec<f32>,
    /// |y|² of each row.
    squares: Vec<f32>,
}

/// What [`Bank::nearest`] writes over: kept by the caller from call to call.
#[derive(Debug, Clone, Default)]
pub struct NearestScratch {
    products: Vec<f32>,
    order: Vec<f32>,
    candidates: Vec<Neighbour>,
}

impl Bank {
    /// A bank of rows of `n_features` finite numbers, row-major.
    ///
    /// # Panics
    /// When the numbers do not fill whole rows, or there is no row.
    pub fn new(rows: Vec<f32>, n_features: usize) -> Self {
        assert!(n_features > 0 && !rows.is_empty(), "a bank has at least one row of one feature");
        assert!(rows.len().is_multiple_of(n_features), "{} numbers in rows of {n_features}", rows.len());
        let n = rows.len() / n_features;
        assert!(u32::try_from(n).is_ok(), "a bank has fewer than 2^32 rows, got {n}");
        let mut columns = vec![0.0; rows.len()];
        for (r, row) in rows.chunks_exact(n_features).enumerate() {
            row.iter().enumerate().for_each(|(j, v)| columns[j * n + r] = *v);
        }
        let squares = rows.chunks_exact(n_features).map(square).collect();
        Bank { rows, n_features, columns, squares }
    }

    /// Number of rows M.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// Never: a bank has at least one row.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Features d of a row.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Row `r`.
    ///
    /// # Panics
    /// When `r` is not below [`Bank::len`].
    pub fn row(&self, r: usize) -> &[f32] {
        &self.rows[r * self.n_features..][..self.n_features]
    }

    /// All rows, row-major.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// Calls `each` with the place in `queries` of every row and its `k` nearest rows of the bank, or all where the bank
    /// has fewer, the nearest first, of equal ones the one that stands first. Numbers must be finite.
    ///
    /// # Panics
    /// When the rows have another number of features, or `k` is 0.
    pub fn nearest(
        &self,
        queries: MatRef<'_>,
        k: usize,
        scratch: &mut NearestScratch,
        mut each: impl FnMut(usize, &[Neighbour]),
    ) {
        assert_eq!(queries.columns(), self.n_features, "features of the rows, and of the bank");
        assert!(k > 0, "at least one neighbour");
        let (m, d) = (self.len(), self.n_features);
        let NearestScratch { products, order, candidates } = scratch;
        for from in (0..queries.rows()).step_by(BLOCK) {
            let block = queries.slice(from..(from + BLOCK).min(queries.rows()));
            products.resize(block.rows() * m, 0.0);
            product(products, block, MatRef::new(&self.columns, d, m));
            for (r, products) in products.chunks_exact_mut(m).enumerate() {
                let x = block.row(r);
                self.candidates(x, products, k, order, candidates);
                candidates.sort_unstable_by(|a, b| a.square.total_cmp(&b.square).then(a.row.cmp(&b.row)));
                candidates.truncate(k);
                each(from + r, candidates);
            }
        }
    }

    /// Adds to `out` the mean distance of every row of `queries` to its `k` nearest rows of the bank, as [`Bank::nearest`]
    /// finds them.
    ///
    /// # Panics
    /// As [`Bank::nearest`].
    pub fn mean_distances(&self, queries: MatRef<'_>, k: usize, scratch: &mut NearestScratch, out: &mut Vec<f64>) {
        self.nearest(queries, k, scratch, |_, near| {
            out.push(near.iter().map(|n| n.square.sqrt()).sum::<f64>() / near.len() as f64);
        });
    }

    /// The rows that can be among the k nearest of `x`, with their distances in f64. `products` are ⟨x, y⟩ of all rows.
    fn candidates(&self, x: &[f32], products: &mut [f32], k: usize, order: &mut Vec<f32>, found: &mut Vec<Neighbour>) {
        let of_x = square(x);
        // Terms of a sum are rounded at most d + 2 times, and the two squares and the difference as often again; what is too
        // small for f32 is lost, less than the least normal number each time.
        let d = self.n_features as f32;
        let (unit, lost) = ((2.0 * d + 8.0) * f32::EPSILON, (4.0 * d + 8.0) * f32::MIN_POSITIVE);
        // Bounds from above: the k-th of them is no less than the k-th distance.
        order.resize(products.len(), 0.0);
        for ((product, of_y), above) in products.iter_mut().zip(&self.squares).zip(order.iter_mut()) {
            let (about, error) = (of_x + of_y - 2.0 * *product, unit * (of_x + of_y) + lost);
            // Squares that overflow bound nothing.
            let is_bound = about.is_finite() & error.is_finite();
            *above = if is_bound { about + error } else { UNBOUNDED[1] };
            *product = if is_bound { about - error } else { UNBOUNDED[0] };
        }
        let bound = match k {
            1 => least(order),
            k if k < order.len() => *order.select_nth_unstable_by(k - 1, |a, b| a.total_cmp(b)).1,
            _ => f32::INFINITY,
        };
        found.clear();
        for (row, below) in products.iter().enumerate() {
            if *below <= bound {
                found.push(Neighbour { row: row as u32, square: squared_distance(x, self.row(row)) });
            }
        }
    }
}

/// The least of numbers that are none of them NaN: by sixteen running ones, which vector registers hold.
fn least(numbers: &[f32]) -> f32 {
    let (sixteens, rest) = numbers.as_chunks::<16>();
    let mut running = [f32::INFINITY; 16];
    for sixteen in sixteens {
        for (least, number) in running.iter_mut().zip(sixteen) {
            *least = if number < least { *number } else { *least };
        }
    }
    running.into_iter().chain(rest.iter().copied()).fold(f32::INFINITY, f32::min)
}

fn square(x: &[f32]) -> f32 {
    x.iter().map(|v| v * v).sum()
}

/// |x − y|² in f64: four running sums.
fn squared_distance(x: &[f32], y: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 4];
    let (x4, x_rest) = x.as_chunks::<4>();
    let (y4, y_rest) = y.as_chunks::<4>();
    for (x, y) in x4.iter().zip(y4) {
        for i in 0..4 {
            let away = f64::from(x[i]) - f64::from(y[i]);
            sums[i] += away * away;
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        let away = f64::from(*x) - f64::from(*y);
        *sum += away * away;
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use proptest::prelude::*;

    fn found(bank: &Bank, queries: &[f32], k: usize) -> Vec<Vec<Neighbour>> {
        let mut all = Vec::new();
        let rows = MatRef::new(queries, queries.len() / bank.n_features(), bank.n_features());
        bank.nearest(rows, k, &mut NearestScratch::default(), |r, near| {
            assert_eq!(r, all.len());
            all.push(near.to_vec());
        });
        all
    }

    fn by_hand(bank: &Bank, x: &[f32], k: usize) -> Vec<Neighbour> {
        let of = |row| Neighbour { row: row as u32, square: squared_distance(x, bank.row(row)) };
        let mut all: Vec<Neighbour> = (0..bank.len()).map(of).collect();
        all.sort_by(|a, b| a.square.total_cmp(&b.square).then(a.row.cmp(&b.row)));
        all.truncate(k);
        all
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_search_through_all(
            (m, d, n, k) in (1..200_usize, 1..40_usize, 1..140_usize, 1..12_usize),
            seed in 0..1000_u64,
            // Far from the origin the products cancel, and their rounding is as large as the distances.
            offset in prop::sample::select(vec![0.0_f32, 3.0, 1000.0]),
            digits in prop::sample::select(vec![2.0_f32, 1e6]),
        ) {
            let mut stream = Stream::new(seed, Purpose::Analysis, 0, 0);
            let mut numbers = vec![0.0; (m + n) * d];
            stream.fill_normal(&mut numbers);
            // Few digits give many equal distances.
            numbers.iter_mut().for_each(|v| *v = (*v * digits).round() / digits + offset);
            let queries = numbers.split_off(m * d);
            let bank = Bank::new(numbers, d);
            for (near, x) in found(&bank, &queries, k).iter().zip(queries.chunks_exact(d)) {
                prop_assert_eq!(near, &by_hand(&bank, x, k));
            }
        }
    }

    #[test]
    fn a_row_of_the_bank_is_its_own_neighbour_and_equal_ones_come_in_order() {
        let bank = Bank::new(vec![5.0, 1.0, 5.0, 1.0, 2.0], 1);
        let near = found(&bank, &[5.0], 3);
        assert_eq!(near[0].iter().map(|n| (n.row, n.square)).collect::<Vec<_>>(), [(0, 0.0), (2, 0.0), (4, 9.0)]);
    }

    #[test]
    fn numbers_whose_squares_leave_f32_are_compared_too() {
        for (bank, x, want) in [
            (vec![1e30, -1e30, 3e30], 2.9e30, [2, 0]),
            // One square overflows, and the others must not be cut off by it.
            (vec![1e15, 1.5e15, 1e30], 1e15, [0, 1]),
            (vec![f32::MAX, 1.0, 2.0], 1.9, [2, 1]),
            // The squares are subnormal, or 0.
            (vec![1.258e-22, 1.11e-22, 5e-22], 1.221e-22, [0, 1]),
            (vec![4e-30, 3e-30, 1e-30], 2.9e-30, [1, 0]),
        ] {
            let bank = Bank::new(bank, 1);
            let near = found(&bank, &[x], 2);
            assert_eq!(near[0].iter().map(|n| n.row).collect::<Vec<_>>(), want, "{x}");
            assert_eq!(near[0], by_hand(&bank, &[x], 2));
        }
    }
}
