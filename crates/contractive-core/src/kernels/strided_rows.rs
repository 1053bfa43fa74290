//! A matrix in f32 whose rows may lie in wider records: a layer's activations or adjoints in a lane's store.

use super::gemm::View;

/// A matrix of `rows` rows of `columns` numbers, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct StridedRows<'a> {
    /// The numbers, from the first row's first.
    pub data: &'a [f32],
    /// Number of rows N.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Distance between rows.
    pub stride: usize,
}

impl<'a> StridedRows<'a> {
    /// Rows that lie side by side.
    pub fn dense(data: &'a [f32], rows: usize, columns: usize) -> Self {
        StridedRows { data, rows, columns, stride: columns }
    }

    /// The matrix as a view for [`gemm`](super::gemm::gemm).
    pub fn view(self) -> View<'a, f32> {
        View::strided(self.data, self.rows, self.columns, self.stride)
    }
}
