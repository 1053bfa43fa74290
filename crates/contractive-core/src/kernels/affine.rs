//! One dense layer, rows at a time.
//!
//! ```text
//! Z = A Wᵀ + 1 bᵀ        A (N, n), W (m, n), b (m), Z (N, m)
//! dA = dZ W              dW += dZᵀ A              db += Σ_rows dZ
//! ```
//!
//! A tied decoder layer uses the encoder's W (m, n) the other way round: Z = A W + 1 cᵀ with A (N, m), Z (N, n), so
//! dA = dZ Wᵀ and dW += Aᵀ dZ. Matrices may lie in wider records: each comes with the distance between its rows.
//! Source: Rumelhart, Hinton & Williams 1986.

use pulp::Arch;

use super::gemm::{Into, View, ViewMut, gemm};

/// A matrix of `rows` rows of `columns` numbers, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The numbers, from the first row's first.
    pub data: &'a [f32],
    /// Number of rows N.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Distance between rows.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// The matrix as a view for [`gemm`].
    pub fn view(self) -> View<'a, f32> {
        View::strided(self.data, self.rows, self.columns, self.stride)
    }
}

/// Z = A·M + 1 bᵀ, where M is Wᵀ (n, m), or W for a tied decoder layer. Z's rows lie `stride` apart.
pub fn affine_forward(Z: &mut [f32], stride: usize, A: Rows<'_>, M: View<'_, f32>, b: &[f32]) {
    for z in Z.chunks_mut(stride).take(A.rows) {
        z[..b.len()].copy_from_slice(b);
    }
    gemm(ViewMut::strided(Z, A.rows, b.len(), stride), Into::Add, 1.0, A.view(), M);
}

/// dA = dZ·M, dense, where M is W (m, n), or Wᵀ for a tied decoder layer with n inputs.
pub fn affine_backward_input(dA: &mut [f32], dZ: Rows<'_>, M: View<'_, f32>, n: usize) {
    gemm(ViewMut::new(dA, dZ.rows, n), Into::Set, 1.0, dZ.view(), M);
}

/// Rows `from..from + dW.len()/n` of dW += dZᵀ A.
pub fn affine_backward_weight(dW: &mut [f32], from: usize, dZ: Rows<'_>, A: Rows<'_>) {
    let rows = dW.len() / A.columns;
    let dZ = Rows { data: &dZ.data[from..], columns: rows, ..dZ };
    gemm(ViewMut::new(dW, rows, A.columns), Into::Add, 1.0, dZ.view().t(), A.view());
}

/// db += Σ_rows dZ, row after row.
pub fn affine_backward_bias(arch: Arch, db: &mut [f32], dZ: Rows<'_>) {
    arch.dispatch(
        #[inline(always)]
        || {
            for row in dZ.data.chunks(dZ.stride).take(dZ.rows) {
                for (sum, &v) in db.iter_mut().zip(row) {
                    *sum += v;
                }
            }
        },
    );
}
