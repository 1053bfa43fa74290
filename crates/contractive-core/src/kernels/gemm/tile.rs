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
use crate::prefetch::{fetch, fetch_near};

/// Steps of k without a look at anything else: a line of A's rows. The loop over them holds a step and nothing more; with a
/// prefetch or a branch in it, or unrolled, compilers move loads ahead until the sums no longer fit the registers.
const CHUNK: usize = 16;

/// Rows of the next tile where `left` are left: six, then four, two and one.
#[inline(always)]
pub(super) fn height(left: usize) -> usize {
    match left {
        6.. => 6,
        4.. => 4,
        2.. => 2,
        left => left,
    }
}

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
    /// Whether `a` points to strips of a copy instead, whose strides are those of the tile.
    pub is_strips: bool,
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
    let (mut a, mut b) = (at.a, at.b);
    // Each row of C is a line or two, far from the next.
    for r in 0..R {
        fetch_near(at.c.wrapping_add(r * at.c_stride).cast_const());
        fetch_near(at.c.wrapping_add(r * at.c_stride + V * lanes - 1).cast_const());
    }
    // The next tile's rows of A: the processor's own prefetch follows a row, and cannot know where the next begins.
    let rows_ahead = at.a.wrapping_add(R * row);
    let mut done = 0;
    while done < at.k {
        let some = (at.k - done).min(CHUNK);
        if step == 1 {
            for r in 0..R {
                fetch(rows_ahead.wrapping_add(r * row + done));
            }
        }
        if !at.ahead.is_null() {
            for p in done..done + some {
                fetch(at.ahead.wrapping_add(p * at.ahead_stride));
            }
        }
        for _ in 0..some {
            // SAFETY: as this function's.
            unsafe { step_of(registers, &mut sums, a, row, b) };
            a = a.wrapping_add(step);
            b = b.wrapping_add(at.b_stride);
        }
        done += some;
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

/// sums\[r\] += A\[r\] B for one step of k.
///
/// # Safety
/// R numbers of A, `row` apart, and V vectors of B can be read.
#[inline(always)]
unsafe fn step_of<T, G, const R: usize, const V: usize>(
    registers: G,
    sums: &mut [[G::Vector; V]; R],
    a: *const T,
    row: usize,
    b: *const T,
) where
    T: Copy + Default,
    G: Registers<T>,
{
    // SAFETY: v·lanes + lanes ≤ V·lanes, r < R: the caller guarantees them.
    unsafe {
        let mut from_b = [registers.splat(T::default()); V];
        for v in 0..V {
            from_b[v] = b.add(v * lanes::<T, G>()).cast::<G::Vector>().read_unaligned();
        }
        for r in 0..R {
            let from_a = registers.splat(*a.add(r * row));
            for v in 0..V {
                sums[r][v] = registers.mul_add(from_a, from_b[v], sums[r][v]);
            }
        }
    }
}
