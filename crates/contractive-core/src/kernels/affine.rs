//! One dense layer, rows at a time.
//!
//! ```text
//! Z = A Wᵀ + 1 bᵀ        A (N, n), W (m, n), b (m), Z (N, m)
//! dA = dZ W              dW += dZᵀ A              db += Σ_rows dZ
//! ```
//!
//! A tied decoder layer uses the encoder's W (m, n) the other way round: Z = A W + 1 cᵀ with A (N, m), Z (N, n), so
//! dA = dZ Wᵀ and dW += Aᵀ dZ. Matrices may lie in wider records: each comes with the distance between its rows.
//!
//! The tiles read rows of the right factor, but Wᵀ of a large layer is not worth keeping beside W: then the small matrices
//! are transposed instead, Zᵀ = W Aᵀ + b 1ᵀ, which gives the same bits.
//! Source: Rumelhart, Hinton & Williams 1986.

use pulp::Arch;

use crate::buffer::Buffer;
use crate::instructions::vectorised;

use super::gemm::{Destination, View, ViewMut, gemm};
use super::strided_rows::StridedRows;
use super::transpose::transpose;

/// Scratch for the transposes of a large layer's small matrices.
#[derive(Debug, Clone, Default)]
pub struct TransposeScratch {
    left: Buffer,
    product: Buffer,
}

/// Z = A·M + 1 bᵀ, where M is Wᵀ (n, m), or W for a tied decoder layer, whichever way round it lies in memory. Z's rows
/// lie `stride` apart.
pub fn affine_forward(
    Z: &mut [f32],
    stride: usize,
    A: StridedRows<'_>,
    M: View<'_, f32>,
    b: &[f32],
    transposes: &mut TransposeScratch,
) {
    rows_times(Z, stride, Destination::Bias(b), A, M, transposes);
}

/// dA = dZ·M, dense, where M is W (m, n), or Wᵀ for a tied decoder layer with n inputs, whichever way round it lies.
pub fn affine_backward_input(
    dA: &mut [f32],
    dZ: StridedRows<'_>,
    M: View<'_, f32>,
    n: usize,
    transposes: &mut TransposeScratch,
) {
    rows_times(dA, n, Destination::Set, dZ, M, transposes);
}

/// C = A·M (+ 1 bᵀ), and by Cᵀ = Mᵀ Aᵀ (+ b 1ᵀ) where the rows of Mᵀ lie side by side.
fn rows_times(
    C: &mut [f32],
    stride: usize,
    into: Destination<'_, f32>,
    A: StridedRows<'_>,
    M: View<'_, f32>,
    transposes: &mut TransposeScratch,
) {
    let (rows, k, m) = (A.rows, M.rows(), M.columns());
    if M.is_by_rows() {
        return gemm(ViewMut::strided(C, rows, m, stride), into, 1.0, A.view(), M);
    }
    let TransposeScratch { left, product } = transposes;
    left.resize(k * rows);
    transpose(left, rows, A);
    product.resize(m * rows);
    let into = match into {
        Destination::Bias(b) => {
            product.chunks_exact_mut(rows.max(1)).zip(b).for_each(|(of_one, &b)| of_one.fill(b));
            Destination::Add
        }
        other => other,
    };
    gemm(ViewMut::new(product, m, rows), into, 1.0, M.t(), View::new(left, k, rows));
    transpose(C, stride, StridedRows::dense(product, m, rows));
}

/// A block of dW = dZᵀ A or dW += dZᵀ A, of the columns of dZ and of A that begin at `from`.
pub fn affine_backward_weight(
    dW: ViewMut<'_, f32>,
    into: Destination<'_, f32>,
    from: [usize; 2],
    dZ: StridedRows<'_>,
    A: StridedRows<'_>,
) {
    let dZ = dZ.view().columns_in(from[0]..from[0] + dW.rows());
    let A = A.view().columns_in(from[1]..from[1] + dW.columns());
    gemm(dW, into, 1.0, dZ.t(), A);
}

/// db += Σ_rows dZ, row after row.
pub fn affine_backward_bias(arch: Arch, db: &mut [f32], dZ: StridedRows<'_>) {
    vectorised(
        arch,
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

#[cfg(test)]
mod tests {
    use super::super::trial::{ROUNDING, assert_close, numbers, wide};
    use super::*;

    const N: usize = 5;
    const INPUTS: usize = 7;
    const M: usize = 4;

    /// Entry (i, j) of a dense matrix with `columns` columns.
    fn at(data: &[f32], columns: usize, i: usize, j: usize) -> f64 {
        f64::from(data[i * columns + j])
    }

    /// Wᵀ, (n, m), of W (m, n).
    fn transposed(W: &[f32], m: usize, n: usize) -> Vec<f32> {
        (0..m * n).map(|e| W[e % m * n + e / m]).collect()
    }

    fn dense(data: &[f32], columns: usize) -> StridedRows<'_> {
        StridedRows { data, rows: data.len() / columns, columns, stride: columns }
    }

    /// A dense matrix in records of `stride`, with 9 in between.
    fn spread(data: &[f32], columns: usize, stride: usize) -> Vec<f32> {
        let record = |row: &[f32]| [row, &vec![9.0; stride - columns]].concat();
        data.chunks_exact(columns).flat_map(record).collect()
    }

    #[test]
    fn gradients_agree_with_the_formulas_and_add_up() {
        let (dZ, A, W) = (numbers(1, N * M), numbers(2, N * INPUTS), numbers(3, M * INPUTS));
        let dA_want = |b, i| (0..M).map(|j| at(&dZ, M, b, j) * at(&W, INPUTS, j, i)).sum::<f64>();
        let dW_want = |j, i| (0..N).map(|b| at(&dZ, M, b, j) * at(&A, INPUTS, b, i)).sum::<f64>();
        let db_want = |j| (0..N).map(|b| at(&dZ, M, b, j)).sum::<f64>();

        let (dZ_records, A_records) = (spread(&dZ, M, 6), spread(&A, INPUTS, 11));
        let dZ_rows = StridedRows { data: &dZ_records, rows: N, columns: M, stride: 6 };
        let A_rows = StridedRows { data: &A_records, rows: N, columns: INPUTS, stride: 11 };

        let mut dA = vec![7.0; N * INPUTS];
        affine_backward_input(&mut dA, dZ_rows, View::new(&W, M, INPUTS), INPUTS, &mut TransposeScratch::default());
        let want: Vec<f64> = (0..N * INPUTS).map(|i| dA_want(i / INPUTS, i % INPUTS)).collect();
        assert_close("dA, set", &wide(&dA), &want, ROUNDING);

        // Twice, in three blocks: parameter gradients are added to.
        let (mut dW, mut db) = (vec![0.0; M * INPUTS], vec![0.0; M]);
        for _ in 0..2 {
            let (top, bottom) = dW.split_at_mut(INPUTS);
            let (left, right) = ViewMut::new(bottom, M - 1, INPUTS).split_columns(4);
            affine_backward_weight(ViewMut::new(top, 1, INPUTS), Destination::Add, [0, 0], dZ_rows, A_rows);
            affine_backward_weight(left, Destination::Add, [1, 0], dZ_rows, A_rows);
            affine_backward_weight(right, Destination::Add, [1, 4], dZ_rows, A_rows);
            affine_backward_bias(Arch::new(), &mut db, dZ_rows);
        }
        let want: Vec<f64> = (0..M * INPUTS).map(|i| 2.0 * dW_want(i / INPUTS, i % INPUTS)).collect();
        assert_close("dW, added twice", &wide(&dW), &want, ROUNDING);
        let want: Vec<f64> = (0..M).map(|j| 2.0 * db_want(j)).collect();
        assert_close("db, added twice", &wide(&db), &want, ROUNDING);
    }

    #[test]
    fn forward_adds_the_bias_and_leaves_the_rest_of_the_record_alone() {
        let (A, W, b) = (numbers(4, N * INPUTS), numbers(5, M * INPUTS), numbers(6, M));
        let mut Z = vec![9.0; N * 6];
        affine_forward(
            &mut Z,
            6,
            dense(&A, INPUTS),
            View::new(&transposed(&W, M, INPUTS), INPUTS, M),
            &b,
            &mut TransposeScratch::default(),
        );
        for (r, z) in Z.chunks_exact(6).enumerate() {
            let product = |j| (0..INPUTS).map(|i| at(&A, INPUTS, r, i) * at(&W, INPUTS, j, i)).sum::<f64>();
            let want: Vec<f64> = (0..M).map(|j| f64::from(b[j]) + product(j)).collect();
            assert_close("z", &wide(&z[..M]), &want, ROUNDING);
            assert_eq!(z[M..], [9.0, 9.0]);
        }
    }

    /// The decoder layer z = Wᵀa + c of a tied network, m inputs and n outputs, shares W and its gradient.
    #[test]
    fn a_tied_layer_is_the_transpose_of_its_own() {
        let (A, W, c, dZ) = (numbers(7, N * M), numbers(8, M * INPUTS), numbers(9, INPUTS), numbers(10, N * INPUTS));
        let mut Z = vec![0.0; N * INPUTS];
        affine_forward(&mut Z, INPUTS, dense(&A, M), View::new(&W, M, INPUTS), &c, &mut TransposeScratch::default());
        let product = |b, i| (0..M).map(|j| at(&A, M, b, j) * at(&W, INPUTS, j, i)).sum::<f64>();
        let want: Vec<f64> =
            (0..N * INPUTS).map(|e| f64::from(c[e % INPUTS]) + product(e / INPUTS, e % INPUTS)).collect();
        assert_close("z", &wide(&Z), &want, ROUNDING);

        let mut dA = vec![0.0; N * M];
        affine_backward_input(
            &mut dA,
            dense(&dZ, INPUTS),
            View::new(&transposed(&W, M, INPUTS), INPUTS, M),
            M,
            &mut TransposeScratch::default(),
        );
        let product = |b, j| (0..INPUTS).map(|i| at(&dZ, INPUTS, b, i) * at(&W, INPUTS, j, i)).sum::<f64>();
        let want: Vec<f64> = (0..N * M).map(|e| product(e / M, e % M)).collect();
        assert_close("dA", &wide(&dA), &want, ROUNDING);

        let mut dW = vec![0.0; M * INPUTS];
        affine_backward_weight(
            ViewMut::new(&mut dW, M, INPUTS),
            Destination::Add,
            [0, 0],
            dense(&A, M),
            dense(&dZ, INPUTS),
        );
        let product = |j, i| (0..N).map(|b| at(&A, M, b, j) * at(&dZ, INPUTS, b, i)).sum::<f64>();
        let want: Vec<f64> = (0..M * INPUTS).map(|e| product(e / INPUTS, e % INPUTS)).collect();
        assert_close("dW", &wide(&dW), &want, ROUNDING);
    }

    /// Transposed or not, the same sums in the same order.
    #[test]
    fn a_matrix_that_lies_the_other_way_round_gives_the_same_bits() {
        // Over more than one block of k, with tiles of every height and width.
        for (rows, n, m) in [(1, 300, 7), (5, 40, 70), (33, 530, 19), (64, 3, 100)] {
            let (A, W, b) = (numbers(12, rows * (n + 3)), numbers(13, m * n), numbers(14, m));
            let A = StridedRows { data: &A, rows, columns: n, stride: n + 3 };
            let (WT, mut transposes) = (transposed(&W, m, n), TransposeScratch::default());
            let run = |matrix: View<'_, f32>, transposes: &mut TransposeScratch| {
                let (mut Z, mut dA) = (vec![0.0; rows * (m + 2)], vec![0.0; rows * m]);
                affine_forward(&mut Z, m + 2, A, matrix, &b, transposes);
                affine_backward_input(&mut dA, A, matrix, m, transposes);
                Z.iter().chain(&dA).map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            let by_rows = run(View::new(&WT, n, m), &mut transposes);
            assert_eq!(run(View::new(&W, m, n).t(), &mut transposes), by_rows, "{rows} rows, {n} to {m}");
        }
    }

    #[test]
    fn without_rows_nothing_changes() {
        let W = numbers(11, M * INPUTS);
        let (mut dW, mut db) = (vec![0.5; M * INPUTS], vec![0.5; M]);
        affine_forward(
            &mut [],
            M,
            dense(&[], INPUTS),
            View::new(&W, INPUTS, M),
            &[1.0; M],
            &mut TransposeScratch::default(),
        );
        affine_backward_input(
            &mut [],
            dense(&[], M),
            View::new(&W, M, INPUTS),
            INPUTS,
            &mut TransposeScratch::default(),
        );
        affine_backward_bias(Arch::new(), &mut db, dense(&[], M));
        affine_backward_weight(
            ViewMut::new(&mut dW, M, INPUTS),
            Destination::Add,
            [0, 0],
            dense(&[], M),
            dense(&[], INPUTS),
        );
        assert!(dW.iter().chain(&db).all(|&g| g == 0.5));
    }
}
