//! Row-major f32 views that carry their shape, their product, and the multiply-adds that bound its rate.
#![allow(non_snake_case)] // matrices are upper case, as in the papers

pub use crate::kernels::gemm::multiply_adds;
use crate::kernels::gemm::{Destination, View, ViewMut, gemm};

/// A read-only row-major matrix: row r is `values[r·columns .. (r+1)·columns]`.
#[derive(Debug, Clone, Copy)]
pub struct MatRef<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> MatRef<'a> {
    /// A view of `rows` × `columns` numbers.
    ///
    /// # Panics
    /// When `values.len() != rows · columns`: a bug in the caller.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix over {} numbers", values.len());
        MatRef { values, rows, columns }
    }

    /// All numbers, row after row.
    pub fn values(self) -> &'a [f32] {
        self.values
    }

    /// Number of rows N.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Row `r`.
    ///
    /// # Panics
    /// When `r` is not below [`MatRef::rows`].
    pub fn row(self, r: usize) -> &'a [f32] {
        &self.values[r * self.columns..(r + 1) * self.columns]
    }

    /// Rows `range` as a matrix.
    ///
    /// # Panics
    /// When the range leaves the matrix.
    pub fn slice(self, range: std::ops::Range<usize>) -> MatRef<'a> {
        MatRef::new(&self.values[range.start * self.columns..range.end * self.columns], range.len(), self.columns)
    }
}

/// C = A B by the matrix product of the kernels, on the calling thread; C has A's rows and B's columns, row-major.
///
/// # Panics
/// When the shapes do not fit each other.
pub fn product(C: &mut [f32], A: MatRef<'_>, B: MatRef<'_>) {
    assert_eq!(C.len(), A.rows * B.columns, "a product of {} x {} into {} numbers", A.rows, B.columns, C.len());
    let (a, b) = (View::new(A.values, A.rows, A.columns), View::new(B.values, B.rows, B.columns));
    gemm(ViewMut::new(C, A.rows, B.columns), Destination::Set, 1.0, a, b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_rows_by_columns() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let mut c = [9.0; 4];
        product(&mut c, MatRef::new(&a, 2, 3), MatRef::new(&b, 3, 2));
        assert_eq!(c, [4.0, 5.0, 10.0, 11.0]);
    }
}
