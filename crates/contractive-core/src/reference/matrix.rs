//! A small row-major matrix of f64, with the few operations that the formulas need, as plain loops.

use std::ops::{Index, IndexMut};

use crate::matrix::MatRef;

/// A row-major matrix of f64: entry (i, j) is `values[i·columns + j]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// `rows` × `columns` numbers, row after row.
    ///
    /// # Panics
    /// When `values.len() != rows · columns`: a bug in the caller.
    pub fn new(rows: usize, columns: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix of {} numbers", values.len());
        Matrix { rows, columns, values }
    }

    /// All zero.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix { rows, columns, values: vec![0.0; rows * columns] }
    }

    /// The identity I of size `n` × `n`.
    pub fn identity(n: usize) -> Self {
        let mut I = Matrix::zeros(n, n);
        for i in 0..n {
            I[(i, i)] = 1.0;
        }
        I
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Row `i`.
    ///
    /// # Panics
    /// When `i` is not below [`Matrix::rows`].
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }

    /// Row `i`, to be written.
    ///
    /// # Panics
    /// When `i` is not below [`Matrix::rows`].
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.values[i * self.columns..(i + 1) * self.columns]
    }

    /// A B, where A is `self`.
    ///
    /// # Panics
    /// When the inner sizes differ, as do the products below.
    pub fn product(&self, B: &Matrix) -> Matrix {
        assert_eq!(self.columns, B.rows, "A B: columns of A, rows of B");
        let mut AB = Matrix::zeros(self.rows, B.columns);
        for i in 0..self.rows {
            for l in 0..self.columns {
                let a = self[(i, l)];
                for (ab, b) in AB.row_mut(i).iter_mut().zip(B.row(l)) {
                    *ab += a * b;
                }
            }
        }
        AB
    }

    /// Aᵀ B, where A is `self`.
    ///
    /// # Panics
    /// When the row counts differ.
    pub fn transpose_product(&self, B: &Matrix) -> Matrix {
        self.transposed().product(B)
    }

    /// A Bᵀ, where A is `self`.
    ///
    /// # Panics
    /// When the column counts differ.
    pub fn product_transpose(&self, B: &Matrix) -> Matrix {
        self.product(&B.transposed())
    }

    /// A v, where A is `self`.
    ///
    /// # Panics
    /// When `v` has not as many entries as A has columns.
    pub fn times_vector(&self, v: &[f64]) -> Vec<f64> {
        assert_eq!(self.columns, v.len(), "A v: columns of A, entries of v");
        (0..self.rows).map(|i| dot(self.row(i), v)).collect()
    }

    /// Aᵀ v, where A is `self`.
    ///
    /// # Panics
    /// When `v` has not as many entries as A has rows.
    pub fn transpose_times_vector(&self, v: &[f64]) -> Vec<f64> {
        self.transposed().times_vector(v)
    }

    /// Aᵀ, where A is `self`.
    pub fn transposed(&self) -> Matrix {
        let mut T = Matrix::zeros(self.columns, self.rows);
        for i in 0..self.rows {
            for j in 0..self.columns {
                T[(j, i)] = self[(i, j)];
            }
        }
        T
    }

    /// diag(d) A, where A is `self`: row i times d_i.
    ///
    /// # Panics
    /// When `d` has not as many entries as A has rows.
    pub fn scaled_rows(&self, d: &[f64]) -> Matrix {
        assert_eq!(self.rows, d.len(), "diag(d) A: entries of d, rows of A");
        let mut S = self.clone();
        for (i, d_i) in d.iter().enumerate() {
            S.row_mut(i).iter_mut().for_each(|s| *s *= d_i);
        }
        S
    }

    /// c A, where A is `self`.
    pub fn scaled(&self, c: f64) -> Matrix {
        Matrix { values: self.values.iter().map(|a| c * a).collect(), ..*self }
    }

    /// A ∘ B, entry by entry, where A is `self`.
    ///
    /// # Panics
    /// When the shapes differ, as do [`Matrix::minus`] and [`Matrix::add`].
    pub fn hadamard(&self, B: &Matrix) -> Matrix {
        self.entry_by_entry(B, |a, b| a * b)
    }

    /// A − B, where A is `self`.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn minus(&self, B: &Matrix) -> Matrix {
        self.entry_by_entry(B, |a, b| a - b)
    }

    /// A += B, where A is `self`.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn add(&mut self, B: &Matrix) {
        *self = self.entry_by_entry(B, |a, b| a + b);
    }

    /// A += u vᵀ, where A is `self`.
    ///
    /// # Panics
    /// When u has not as many entries as A has rows, or v as A has columns.
    pub fn add_outer(&mut self, u: &[f64], v: &[f64]) {
        assert_eq!((self.rows, self.columns), (u.len(), v.len()), "A += u vᵀ: shapes");
        for (i, u_i) in u.iter().enumerate() {
            for (a, v_j) in self.row_mut(i).iter_mut().zip(v) {
                *a += u_i * v_j;
            }
        }
    }

    /// The sum of each row's entries.
    pub fn row_sums(&self) -> Vec<f64> {
        (0..self.rows).map(|i| self.row(i).iter().sum()).collect()
    }

    /// ‖A‖²_F = Σ a_ij².
    pub fn squared_norm(&self) -> f64 {
        dot(&self.values, &self.values)
    }

    fn entry_by_entry(&self, B: &Matrix, f: impl Fn(f64, f64) -> f64) -> Matrix {
        assert_eq!((self.rows, self.columns), (B.rows, B.columns), "entry by entry: shapes");
        Matrix { values: self.values.iter().zip(&B.values).map(|(a, b)| f(*a, *b)).collect(), ..*self }
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.values[i * self.columns + j]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.values[i * self.columns + j]
    }
}

impl From<MatRef<'_>> for Matrix {
    fn from(A: MatRef<'_>) -> Self {
        Matrix::new(A.rows(), A.columns(), A.values().iter().map(|v| f64::from(*v)).collect())
    }
}

/// u · v.
///
/// # Panics
/// When the lengths differ: a bug in the caller.
pub(super) fn dot(u: &[f64], v: &[f64]) -> f64 {
    assert_eq!(u.len(), v.len(), "u · v: lengths");
    u.iter().zip(v).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_agree_with_hand_computation() {
        let A = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let B = Matrix::new(3, 2, vec![1.0, -1.0, 0.0, 2.0, 3.0, 1.0]);
        assert_eq!(A.product(&B), Matrix::new(2, 2, vec![10.0, 6.0, 22.0, 12.0]));
        assert_eq!(A.product_transpose(&A), Matrix::new(2, 2, vec![14.0, 32.0, 32.0, 77.0]));
        assert_eq!(A.transpose_product(&A), A.transposed().product(&A));
        assert_eq!(A.times_vector(&[1.0, 0.0, -1.0]), [-2.0, -2.0]);
        assert_eq!(A.transpose_times_vector(&[1.0, -1.0]), [-3.0, -3.0, -3.0]);
        assert_eq!(A.scaled_rows(&[2.0, 0.0]).values(), [2.0, 4.0, 6.0, 0.0, 0.0, 0.0]);
        assert_eq!((A.squared_norm(), A.row_sums()), (91.0, vec![6.0, 15.0]));
        let mut O = Matrix::identity(2);
        O.add_outer(&[1.0, 2.0], &[3.0, 4.0]);
        assert_eq!(O.values(), [4.0, 4.0, 6.0, 9.0]);
    }
}
