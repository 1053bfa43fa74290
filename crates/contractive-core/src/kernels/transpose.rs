//! Transposes, square by square.
//!
//! ```text
//! T = Wᵀ          W (m, n), T (n, m), each with its own distance between rows
//! ```
//!
//! The tiles read rows of the right factor, so a step transposes its smaller layers, and the small factors of the large ones
//! (affine.rs). A square of four by four is four registers: read row by row, interleaved, written row by
//! row. Compilers make sixteen single loads of it, which take twice as long, hence the shuffles by hand; they are in
//! every x86-64.
//! Judge: the definition (tests).

use super::strided_rows::StridedRows;

/// Rows and columns of a square.
const SIDE: usize = 4;
/// Rows of T that are written together: their lines stay in the nearest cache until they are full.
const BAND: usize = 32;
/// Four rows of four numbers.
type Square = [[f32; SIDE]; SIDE];

/// T = Wᵀ; rows of T lie `stride` apart.
///
/// # Panics
/// When T has fewer rows than W has columns, or they overlap.
pub fn transpose(T: &mut [f32], stride: usize, W: StridedRows<'_>) {
    let (m, n) = (W.rows, W.columns);
    let row = |j: usize| &W.data[j * W.stride..][..n];
    let whole = m / SIDE * SIDE;
    if m == 0 {
        return;
    }
    for from in (0..n).step_by(BAND) {
        let rows = (n - from).min(BAND);
        let whole_rows = rows / SIDE * SIDE;
        let T = &mut T[from * stride..][..(rows - 1) * stride + m];
        for j in (0..whole).step_by(SIDE) {
            let band: [&[f32]; SIDE] = std::array::from_fn(|r| &row(j + r)[from..from + rows]);
            for i in (0..whole_rows).step_by(SIDE) {
                let mut square = Square::default();
                for (row, band) in square.iter_mut().zip(band) {
                    row.copy_from_slice(&band[i..i + SIDE]);
                }
                for (r, column) in transposed(square).iter().enumerate() {
                    T[(i + r) * stride + j..][..SIDE].copy_from_slice(column);
                }
            }
        }
        for (i, T) in T.chunks_mut(stride).enumerate() {
            for j in if i < whole_rows { whole } else { 0 }..m {
                T[j] = row(j)[from + i];
            }
        }
    }
}

/// Columns of a square as rows.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)] // registers are arrays of four under another name
fn transposed(square: Square) -> Square {
    use std::arch::x86_64::{__m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};
    use std::mem::transmute;

    // SAFETY: a __m128 is four f32 in order, in the same number of bytes, and any bits are valid in both; the
    // instructions are SSE's, which every x86-64 has.
    unsafe {
        let [a, b, c, d] = transmute::<Square, [__m128; SIDE]>(square);
        let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        transmute::<[__m128; SIDE], Square>([
            _mm_movelh_ps(ab_low, cd_low),
            _mm_movehl_ps(cd_low, ab_low),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ])
    }
}

/// Columns of a square as rows.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(square: Square) -> Square {
    std::array::from_fn(|i| std::array::from_fn(|j| square[j][i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_goes_to_its_place_and_no_other_is_touched() {
        for (m, n) in [(1, 1), (4, 4), (37, 21), (8, 70), (5, 3), (0, 3), (3, 0)] {
            for apart in [0, 3] {
                let W: Vec<f32> = (0..m * (n + apart)).map(|i| i as f32).collect();
                let mut T = vec![-1.0; n * (m + apart)];
                transpose(&mut T, m + apart, StridedRows { data: &W, rows: m, columns: n, stride: n + apart });
                for (i, row) in T.chunks_exact((m + apart).max(1)).enumerate() {
                    for (j, &t) in row.iter().enumerate() {
                        let want = if j < m { W[j * (n + apart) + i] } else { -1.0 };
                        assert_eq!(t, want, "({i}, {j}) of {n} x {m}, {apart} apart");
                    }
                }
            }
        }
    }
}
