//! The register tile: the only loop that multiplies.
//!
//! ```text
//! C[0..R, 0..V·lanes]  =  into( α Σ_p A[0..R, p] B[p, 0..V·lanes] )
//! ```
//!
//! R·V vectors of sums stay in registers; a step p loads V vectors of B and one number of A a row, broadcast. A is read
//! through two strides, so that a transpose costs nothing; B's rows are contiguous. On 32 registers R = 6, V = 4 leaves
//! four for B and one for A; on 16, R = 6, V = 2 leaves two and one.

use super::registers::{Registers, lanes};
use crate::prefetch::{LINE, fetch};

/// What becomes of a finished sum.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finish<T> {
    /// C = α·sum.
    Set,
    /// C += α·sum.
    Add,
    /// C = α·sum + b, one b a column; the pointer is to the tile's first column.
    Bias(*const T),
}

/// Pointers and strides of one tile.
#[derive(Clone, Copy)]
pub(super) struct TileOperands<T> {
    /// Steps p.
    pub k: usize,
    pub a: *const T,
    /// Distance between rows of A, and between its columns.
    pub a_strides: [usize; 2],
    pub b: *const T,
    /// Distance between rows of B.
    pub b_stride: usize,
    /// What a later tile will read, as far apart as rows of the view of B, and that distance: fetched meanwhile. Null for
    /// nothing.
    pub ahead: *const T,
    pub ahead_stride: usize,
    pub c: *mut T,
    /// Distance between rows of C.
    pub c_stride: usize,
    pub alpha: T,
    pub finish: Finish<T>,
}

/// One tile of R rows and V vectors.
///
/// # Safety
/// For r < R, p < k and j < V·lanes: `a + r·a_strides[0] + p·a_strides[1]` and `b + p·b_stride + j` can be read,
/// `c + r·c_stride + j` can be written, and read with `Finish::Add`, and a bias has V·lanes numbers.
#[inline(always)]
pub(super) unsafe fn tile<T, G, const R: usize, const V: usize>(registers: G, at: TileOperands<T>)
where
    T: Copy + Default,
    G: Registers<T>,
{
    let lanes = lanes::<T, G>();
    let zero = registers.splat(T::default());
    let mut sums = [[zero; V]; R];
    let [row, step] = at.a_strides;
    let (mut a, mut b, mut ahead) = (at.a, at.b, at.ahead);
    // The next tile's rows of A: the processor's own prefetch follows a row, and cannot know where the next begins.
    let rows_ahead = at.a.wrapping_add(R * row);
    for p in 0..at.k {
        if step == 1 && p % (LINE / size_of::<T>()) == 0 {
            for r in 0..R {
                fetch(rows_ahead.wrapping_add(r * row + p));
            }
        }
        // SAFETY: p < k and v·lanes + lanes ≤ V·lanes, r < R: within what the caller guarantees. `wrapping_add` moves the
        // pointers on, so that the step behind the last row is never one of a pointer out of its allocation.
        unsafe {
            let mut from_b = [zero; V];
            for v in 0..V {
                from_b[v] = b.add(v * lanes).cast::<G::Vector>().read_unaligned();
            }
            for r in 0..R {
                let from_a = registers.splat(*a.add(r * row));
                for v in 0..V {
                    sums[r][v] = registers.mul_add(from_a, from_b[v], sums[r][v]);
                }
            }
        }
        if !at.ahead.is_null() {
            fetch(ahead);
            ahead = ahead.wrapping_add(at.ahead_stride);
        }
        a = a.wrapping_add(step);
        b = b.wrapping_add(at.b_stride);
    }
    let alpha = registers.splat(at.alpha);
    for r in 0..R {
        for v in 0..V {
            // SAFETY: r < R and v < V: the caller guarantees C and the bias.
            unsafe {
                let c = at.c.add(r * at.c_stride + v * lanes).cast::<G::Vector>();
                c.write_unaligned(match at.finish {
                    Finish::Set => registers.mul(alpha, sums[r][v]),
                    Finish::Add => registers.mul_add(alpha, sums[r][v], c.read_unaligned()),
                    Finish::Bias(bias) => {
                        let bias = bias.add(v * lanes).cast::<G::Vector>().read_unaligned();
                        registers.mul_add(alpha, sums[r][v], bias)
                    }
                });
            }
        }
    }
}
