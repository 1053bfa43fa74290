//! C = α A B, C += α A B or C = A B + 1 bᵀ over strided views, on the calling thread.
//!
//! ```text
//! for each block of k, for each panel of columns, for each group of rows:   one register tile (tile.rs)
//! ```
//!
//! A panel of B is copied into one piece of memory where several groups of rows read it and its rows lie far apart; it
//! then stays in the L2 cache. Views ([`View`], [`ViewMut`]) carry shape and strides, so a transpose of A costs nothing
//! and a block of a wider matrix is a view. The instructions are chosen for the machine at run time
//! ([`instructions`]); sums run over p in order within a block, so the bits of an entry of C depend
//! on k, on the instructions and on nothing else: not on how C is cut.
//!
//! Judge: three loops in f64, and the `gemm` crate (tests). Source of the shape: Goto & van de Geijn 2008.
#![allow(unsafe_code)] // pointers into views, each checked against its slice when it was made

mod registers;
#[cfg(test)]
mod tests;
mod tile;
mod view;

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use self::registers::{Portable, Registers, Vectors, lanes};
use self::tile::{Finish, TileOperands, tile};
pub use self::view::{View, ViewMut};
use crate::instructions;
use crate::prefetch::LINE;

/// What the product becomes.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a, T> {
    /// C = α A B; C is not read.
    Set,
    /// C += α A B.
    Add,
    /// C = α A B + 1 bᵀ, one b a column; C is not read.
    Bias(&'a [T]),
}

/// Steps of k in a block: a panel of 64 columns of f32 is then 64 KiB.
const BLOCK: usize = 256;
/// Columns of the widest panel: four registers of sixteen f32.
const PANEL: usize = 64;
/// Groups of fewer rows read B where it lies.
const ROWS_WORTH_A_COPY: usize = 96;
/// Rows of B closer than this many bytes are read where they lie.
const FAR: usize = 1024;

/// The whole product. Same shapes, same bits.
///
/// # Panics
/// When the shapes do not fit each other, or the columns of B do not lie side by side.
pub fn gemm<T: Element>(C: ViewMut<'_, T>, into: Destination<'_, T>, alpha: T, A: View<'_, T>, B: View<'_, T>) {
    product(C, into, alpha, A, B, false);
}

/// The entries on and above the diagonal of a symmetric product, and some below it, which are left for [`mirror`]: C is
/// square, and the caller knows that A B is symmetric.
///
/// # Panics
/// As [`gemm`], and when C is not square.
pub fn gemm_upper<T: Element>(C: ViewMut<'_, T>, into: Destination<'_, T>, alpha: T, A: View<'_, T>, B: View<'_, T>) {
    assert_eq!(C.rows(), C.columns(), "a symmetric matrix is square");
    product(C, into, alpha, A, B, true);
}

/// Copies what lies above the diagonal of C (m, m) below it.
pub fn mirror<T: Element>(C: &mut [T], m: usize) {
    // By blocks, so that both sides of a block stay in cache.
    const SIDE: usize = 16;
    for i0 in (0..m).step_by(SIDE) {
        for j0 in (0..=i0).step_by(SIDE) {
            for i in i0..(i0 + SIDE).min(m) {
                for j in j0..(j0 + SIDE).min(i) {
                    C[i * m + j] = C[j * m + i];
                }
            }
        }
    }
}

fn product<T: Element>(
    C: ViewMut<'_, T>,
    into: Destination<'_, T>,
    alpha: T,
    A: View<'_, T>,
    B: View<'_, T>,
    upper: bool,
) {
    let shapes = (A.rows(), A.columns(), B.columns());
    assert_eq!(shapes, (C.rows(), B.rows(), C.columns()), "shapes of C (m, n) = A (m, k) B (k, n)");
    assert!(B.is_by_rows(), "the columns of B must lie side by side");
    if let Destination::Bias(bias) = into {
        assert_eq!(bias.len(), C.columns(), "one bias a column");
    }
    T::multiply(C, into, alpha, A, B, upper);
}

struct Product<'c, 'a, T> {
    C: ViewMut<'c, T>,
    into: Destination<'a, T>,
    alpha: T,
    A: View<'a, T>,
    B: View<'a, T>,
    upper: bool,
}

/// A number that the kernels multiply: f32 in the engine, f64 where a difference would be lost to rounding.
pub trait Element: Copy + Default {
    /// The whole product, with the instructions chosen for this machine.
    #[doc(hidden)]
    fn multiply(
        C: ViewMut<'_, Self>,
        into: Destination<'_, Self>,
        alpha: Self,
        A: View<'_, Self>,
        B: View<'_, Self>,
        upper: bool,
    );
}

macro_rules! element {
    ($number:ty) => {
        impl WithSimd for Product<'_, '_, $number> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                if lanes::<$number, Vectors<S>>() == 1 { self.run(Portable) } else { self.run(Vectors(simd)) }
            }
        }

        impl Element for $number {
            fn multiply(
                C: ViewMut<'_, Self>,
                into: Destination<'_, Self>,
                alpha: Self,
                A: View<'_, Self>,
                B: View<'_, Self>,
                upper: bool,
            ) {
                instructions::arch().dispatch(Product { C, into, alpha, A, B, upper });
            }
        }
    };
}

element!(f32);
element!(f64);

/// A panel of B, copied.
#[repr(align(64))]
struct Copied<T>([MaybeUninit<T>; BLOCK * PANEL]);

impl<T: Copy + Default> Product<'_, '_, T> {
    #[inline(always)]
    fn run<G: Registers<T>>(mut self, registers: G) {
        let (m, n, k) = (self.C.rows(), self.C.columns(), self.A.columns());
        let lanes = lanes::<T, G>();
        let widest = match (G::COUNT >= 32, self.upper) {
            (true, false) => 4,
            // Narrower panels follow the diagonal more closely.
            _ => 2,
        };
        let is_far = self.B.row_stride() * size_of::<T>() >= FAR;
        let mut copied = Copied([MaybeUninit::uninit(); BLOCK * PANEL]);
        let mut p = 0;
        loop {
            let block = (k - p).min(BLOCK);
            let mut j = 0;
            while j < n {
                let vectors = ((n - j) / lanes).min(widest);
                let width = if vectors == 0 { n - j } else { vectors * lanes };
                let rows = if self.upper { m.min(j + width) } else { m };
                let mut at = self.operands(p, block, j);
                if is_far {
                    // The next panel: to the right, or at the left of the next block of k.
                    let below = self.B.row_stride() * block;
                    at.ahead =
                        if j + width < n { at.b.wrapping_add(width) } else { at.b.wrapping_add(below).wrapping_sub(j) };
                }
                if vectors == 0 || (is_far && rows >= ROWS_WORTH_A_COPY) {
                    let padded = vectors.max(1) * lanes;
                    // SAFETY: `operands` checked that rows p.. and columns j.. of B exist, and block ≤ BLOCK,
                    // padded ≤ PANEL: lanes is at most 16 and vectors at most 4.
                    unsafe { copy_panel(&mut copied, at.b, at.b_stride, block, width, padded) };
                    (at.b, at.b_stride) = (copied.0.as_ptr().cast(), padded);
                }
                // SAFETY: A and C are checked views, and block, width and rows stay inside them; B is one too, or the copy
                // of `padded` columns; the bias has n numbers. With the last, narrow panel C and the bias pass through
                // memory of a whole vector.
                unsafe {
                    match vectors {
                        0 => narrow(registers, at, rows, width),
                        1 => column::<T, G, 1>(registers, at, rows),
                        2 => column::<T, G, 2>(registers, at, rows),
                        3 => column::<T, G, 3>(registers, at, rows),
                        _ => column::<T, G, 4>(registers, at, rows),
                    }
                }
                j += width;
            }
            p += block;
            if p >= k {
                return;
            }
            self.into = Destination::Add;
        }
    }

    /// The operands of the panel that begins at column j, for k in p..p + block and every row.
    #[inline(always)]
    fn operands(&mut self, p: usize, block: usize, j: usize) -> TileOperands<T> {
        let finish = match self.into {
            Destination::Set => Finish::Set,
            Destination::Add => Finish::Add,
            Destination::Bias(bias) => Finish::Bias(bias[j..].as_ptr()),
        };
        let (A, B) = (&self.A, &self.B);
        TileOperands {
            k: block,
            // wrapping: without steps or rows there may be nothing to point to, and nothing is read.
            a: A.as_ptr().wrapping_add(p * A.column_stride()),
            a_strides: [A.row_stride(), A.column_stride()],
            b: B.as_ptr().wrapping_add(p * B.row_stride() + j),
            b_stride: B.row_stride(),
            ahead: std::ptr::null(),
            ahead_stride: B.row_stride(),
            c: self.C.as_mut_ptr().wrapping_add(j),
            c_stride: self.C.row_stride(),
            alpha: self.alpha,
            finish,
        }
    }
}

/// Copies `block` rows of `width` numbers, `stride` apart, into rows of `padded`, the rest 0.
///
/// # Safety
/// The rows can be read, and block · padded ≤ BLOCK · PANEL.
#[inline(always)]
unsafe fn copy_panel<T: Copy + Default>(
    to: &mut Copied<T>,
    from: *const T,
    stride: usize,
    block: usize,
    width: usize,
    padded: usize,
) {
    let to = to.0.as_mut_ptr().cast::<T>();
    for p in 0..block {
        // SAFETY: the caller guarantees both.
        unsafe {
            let row = to.add(p * padded);
            std::ptr::copy_nonoverlapping(from.add(p * stride), row, width);
            for j in width..padded {
                row.add(j).write(T::default());
            }
        }
    }
}

/// A panel of V vectors, by tiles of six rows, then four, two and one.
///
/// # Safety
/// As [`tile`], for all `rows`.
#[inline(always)]
unsafe fn column<T: Copy + Default, G: Registers<T>, const V: usize>(
    registers: G,
    mut at: TileOperands<T>,
    rows: usize,
) {
    let (mut i, mut tiles) = (0, 0);
    let fetches = !at.ahead.is_null();
    while i < rows {
        // SAFETY: at most `rows` − i rows are left to each tile.
        let done = unsafe {
            match rows - i {
                6.. => {
                    tile::<T, G, 6, V>(registers, at);
                    6
                }
                4.. => {
                    tile::<T, G, 4, V>(registers, at);
                    4
                }
                2.. => {
                    tile::<T, G, 2, V>(registers, at);
                    2
                }
                _ => {
                    tile::<T, G, 1, V>(registers, at);
                    1
                }
            }
        };
        i += done;
        // Each tile fetches one line of every row of the panel ahead, until all are under way.
        let lines = (V * size_of::<G::Vector>()).div_ceil(LINE);
        tiles += 1;
        at.ahead = if fetches && tiles < lines { at.ahead.wrapping_byte_add(LINE) } else { std::ptr::null() };
        at.a = at.a.wrapping_add(done * at.a_strides[0]);
        at.c = at.c.wrapping_add(done * at.c_stride);
    }
}

/// A panel of less than a vector, whose B is a copy padded to one: C and the bias go through memory of a vector a row.
///
/// # Safety
/// As [`column`] with V = 1, but only `width` columns of C and of the bias exist.
#[inline(always)]
unsafe fn narrow<T: Copy + Default, G: Registers<T>>(registers: G, at: TileOperands<T>, rows: usize, width: usize) {
    let lanes = lanes::<T, G>();
    let mut bias = [T::default(); PANEL];
    let finish = match at.finish {
        // SAFETY: the bias has `width` numbers, fewer than a vector.
        Finish::Bias(from) => unsafe {
            std::ptr::copy_nonoverlapping(from, bias.as_mut_ptr(), width);
            Finish::Bias(bias.as_ptr())
        },
        other => other,
    };
    let mut i = 0;
    while i < rows {
        let some = (rows - i).min(6);
        let mut c = [T::default(); 6 * PANEL / 4];
        let here = at.c.wrapping_add(i * at.c_stride);
        let tile = TileOperands {
            a: at.a.wrapping_add(i * at.a_strides[0]),
            c: c.as_mut_ptr(),
            c_stride: lanes,
            finish,
            ..at
        };
        // SAFETY: rows i..i + some of C have `width` columns; `c` has six rows of a vector of at most PANEL/4 numbers.
        unsafe {
            for r in 0..some {
                if matches!(finish, Finish::Add) {
                    std::ptr::copy_nonoverlapping(here.add(r * at.c_stride), c.as_mut_ptr().add(r * lanes), width);
                }
            }
            column::<T, G, 1>(registers, tile, some);
            for r in 0..some {
                std::ptr::copy_nonoverlapping(c.as_ptr().add(r * lanes), here.add(r * at.c_stride), width);
            }
        }
        i += some;
    }
}
