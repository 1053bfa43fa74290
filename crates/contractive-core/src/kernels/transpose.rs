//! Transposes of weights, square by square.
//!
//! ```text
//! T = Wᵀ          W (m, n), T (n, m)
//! ```
//!
//! A step needs Wᵀ of every layer anew, since its tiles read rows of the right factor. A square of four by four is four
//! registers: read row by row, interleaved, written row by row. Compilers make sixteen single loads of it, which take
//! twice as long, hence the shuffles by hand; they are in every x86-64.
//! Judge: the definition (tests).

/// Rows and columns of a square.
const SIDE: usize = 4;
/// Four rows of four numbers.
type Square = [[f32; SIDE]; SIDE];

/// Rows `from..` of T = Wᵀ, as many as `T` holds: W has shape (m, n), T has rows of m.
pub fn transpose(T: &mut [f32], W: &[f32], m: usize, n: usize, from: usize) {
    let rows = T.len() / m;
    let (whole_rows, whole) = (rows / SIDE * SIDE, m / SIDE * SIDE);
    // Few rows of W at a time, so that few pages are open at once.
    for j0 in (0..whole).step_by(SIDE) {
        let band: [&[f32]; SIDE] = std::array::from_fn(|j| &W[(j0 + j) * n + from..][..rows]);
        for i0 in (0..whole_rows).step_by(SIDE) {
            let mut square = Square::default();
            for (row, band) in square.iter_mut().zip(band) {
                row.copy_from_slice(&band[i0..i0 + SIDE]);
            }
            for (i, column) in transposed(square).iter().enumerate() {
                T[(i0 + i) * m + j0..][..SIDE].copy_from_slice(column);
            }
        }
    }
    for i in 0..rows {
        for j in if i < whole_rows { whole } else { 0 }..m {
            T[i * m + j] = W[j * n + from + i];
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
    fn every_number_goes_to_its_place_in_any_band() {
        for (m, n) in [(1, 1), (4, 4), (37, 21), (8, 30), (5, 3)] {
            let W: Vec<f32> = (0..m * n).map(|i| i as f32).collect();
            for cut in [0, 1, n / 2, n] {
                let mut T = vec![-1.0; m * n];
                let (top, bottom) = T.split_at_mut(cut * m);
                transpose(top, &W, m, n, 0);
                transpose(bottom, &W, m, n, cut);
                for i in 0..n {
                    for j in 0..m {
                        assert_eq!(T[i * m + j], W[j * n + i], "({i}, {j}) of {n} x {m}, cut at {cut}");
                    }
                }
            }
        }
    }
}
