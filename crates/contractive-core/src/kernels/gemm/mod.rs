//! C = α A B, C += α A B or C = A B + 1 bᵀ over strided views, on the calling thread.
//!
//! ```text
//! for each block of k, for each group of rows, for each panel of columns:   tiles of six rows, one under the other
//! ```
//!
//! A group of A's rows stays in the L2 cache while all panels pass. A panel of B, and a group of A, are copied into one
//! piece of memory where they lie far apart and several tiles read them ([`copies`]). Views ([`View`], [`ViewMut`]) carry
//! shape and strides, so that a transpose of A is a view, and so is a block of a wider matrix. The instructions are chosen
//! for the machine at run time ([`instructions`]); sums run over p in order within a block, so the bits of an entry of C
//! depend on k, on the instructions and on nothing else: not on how C is cut, nor on what is copied.
//!
//! Judge: three loops in f64, and the `gemm` crate (tests). The rates of the workloads' shapes: `shapes_timed`. Source of
//! the shape: Goto & van de Geijn 2008.
#![allow(unsafe_code)] // pointers into views, each checked against its slice when it was made

mod chains;
mod copies;
mod panel;
mod registers;
#[cfg(test)]
mod shapes_timed;
#[cfg(test)]
mod tests;
mod tile;
mod view;

use pulp::{Simd, WithSimd};

pub use self::chains::multiply_adds;
use self::copies::{BLOCK, Copied, GROUP, PANEL, copy_group, copy_panel};
use self::panel::{narrow, panel};
use self::registers::{Portable, Registers, Vectors, lanes};
use self::tile::{Finish, TileOperands, height};
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

/// A panel of B is copied for at least so many rows of A for each cache line of its width, where B's rows lie far apart.
const ROWS_WORTH_A_COPY: usize = 24;
/// A group of A is copied for at least so many panels of B, where its steps lie far apart...
const PANELS_WORTH_A_COPY: usize = 4;
/// ... or where it must be turned to be copied.
const PANELS_WORTH_A_TURN: usize = 16;
/// Rows closer than this many bytes are read where they lie.
const FAR: usize = 1024;

/// The whole product. Same shapes, same bits.
///
/// # Panics
/// When the shapes do not fit each other, or the columns of B do not lie side by side.
pub fn gemm<T: Element>(C: ViewMut<'_, T>, into: Destination<'_, T>, alpha: T, A: View<'_, T>, B: View<'_, T>) {
    T::multiply(C, into, alpha, A, B, false);
}

/// The entries on and above the diagonal of a symmetric product, and some below it, which are left for [`mirror`]: C is
/// square, and the caller knows that A B is symmetric.
///
/// # Panics
/// As [`gemm`], and when C is not square.
pub fn gemm_upper<T: Element>(C: ViewMut<'_, T>, into: Destination<'_, T>, alpha: T, A: View<'_, T>, B: View<'_, T>) {
    assert_eq!(C.rows(), C.columns(), "a symmetric matrix is square");
    T::multiply(C, into, alpha, A, B, true);
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

/// What every `unsafe` block below relies on.
fn check_shapes<T>(C: &ViewMut<'_, T>, into: Destination<'_, T>, A: View<'_, T>, B: View<'_, T>) {
    let shapes = (A.rows(), A.columns(), B.columns());
    assert_eq!(shapes, (C.rows(), B.rows(), C.columns()), "shapes of C (m, n) = A (m, k) B (k, n)");
    assert!(B.is_by_rows(), "the columns of B must lie side by side");
    if let Destination::Bias(bias) = into {
        assert_eq!(bias.len(), C.columns(), "one bias a column");
    }
}

struct Product<'c, 'a, T> {
    C: ViewMut<'c, T>,
    into: Destination<'a, T>,
    alpha: T,
    A: View<'a, T>,
    B: View<'a, T>,
    upper: bool,
    /// Room for a group of A and for a panel of B.
    copies: [*mut T; 2],
}

/// A number that the kernels multiply: f32 in the engine, f64 where a difference would be lost to rounding.
pub trait Element: Copied + Copy + Default {
    /// The whole product, with the instructions chosen for this machine.
    ///
    /// # Panics
    /// As [`gemm`].
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
                check_shapes(&C, into, A, B);
                Self::with_copies(|copies| {
                    instructions::arch().dispatch(Product { C, into, alpha, A, B, upper, copies });
                });
            }
        }
    };
}

element!(f32);
element!(f64);

impl<T: Element> Product<'_, '_, T> {
    #[inline(always)]
    fn run<G: Registers<T>>(mut self, registers: G) {
        // What `copy_panel` and `narrow` have room for.
        const { assert!(lanes::<T, G>() <= PANEL / 4) };
        let (m, k) = (self.C.rows(), self.A.columns());
        let mut p = 0;
        loop {
            let block = (k - p).min(BLOCK);
            let mut i = 0;
            while i < m {
                let rows = (m - i).min(GROUP);
                self.group(registers, [i, p], [rows, block]);
                i += rows;
            }
            p += block;
            if p >= k {
                return;
            }
            self.into = Destination::Add;
        }
    }

    /// Vectors of the widest panel.
    #[inline(always)]
    fn widest<G: Registers<T>>(&self) -> usize {
        match (G::COUNT >= 32, self.upper) {
            (true, false) => 4,
            // Narrower panels follow the diagonal more closely.
            _ => 2,
        }
    }

    /// Whether groups of A are worth a copy.
    #[inline(always)]
    fn copies_a<G: Registers<T>>(&self) -> bool {
        let panels = self.C.columns().div_ceil(self.widest::<G>() * lanes::<T, G>());
        let [row, step] = [self.A.row_stride(), self.A.column_stride()].map(|stride| stride * size_of::<T>());
        if step > size_of::<T>() {
            step > LINE && panels >= PANELS_WORTH_A_COPY
        } else {
            row >= FAR && panels >= PANELS_WORTH_A_TURN
        }
    }

    /// `rows` rows of C from row i on, for k in p..p + block: panel by panel.
    #[inline(always)]
    fn group<G: Registers<T>>(&mut self, registers: G, [i, p]: [usize; 2], [rows, block]: [usize; 2]) {
        let (n, lanes, widest) = (self.C.columns(), lanes::<T, G>(), self.widest::<G>());
        let is_far = self.B.row_stride() * size_of::<T>() >= FAR;
        let lines = (widest * size_of::<G::Vector>()).div_ceil(LINE);
        let copies_b = is_far && rows >= ROWS_WORTH_A_COPY * lines;
        let [a_copy, b_copy] = self.copies;
        let copies_a = self.copies_a::<G>();
        if copies_a {
            let at = self.operands([i, 0, p], block);
            // SAFETY: rows i..i + rows ≤ GROUP and columns p..p + block ≤ BLOCK of A exist.
            unsafe { copy_group(a_copy, at.a, at.a_strides, rows, block) };
        }
        let mut j = 0;
        while j < n {
            let mut vectors = ((n - j) / lanes).min(widest);
            if vectors == 0 && n >= lanes && !matches!(self.into, Destination::Add) {
                // What is left over is less than a vector: the last whole one, some of it once more, to the same bits.
                (j, vectors) = (n - lanes, 1);
            }
            let width = if vectors == 0 { n - j } else { vectors * lanes };
            // Rows below the diagonal are left for `mirror`, but for those of a tile that begins above it.
            let above = (j + width).saturating_sub(i).next_multiple_of(height(usize::MAX));
            let rows = if self.upper { rows.min(above) } else { rows };
            let mut at = self.operands([i, j, p], block);
            if copies_a {
                (at.a, at.is_strips) = (a_copy, true);
            }
            if is_far {
                // The next panel: to the right, or at the left of the next block of k.
                let below = self.B.row_stride() * block;
                at.ahead =
                    if j + width < n { at.b.wrapping_add(width) } else { at.b.wrapping_add(below).wrapping_sub(j) };
            }
            if vectors == 0 || copies_b {
                let padded = vectors.max(1) * lanes;
                // SAFETY: rows p..p + block ≤ BLOCK and columns j..j + width of B exist; padded ≤ PANEL: lanes is at most
                // 16 and vectors at most 4.
                unsafe { copy_panel(b_copy, at.b, at.b_stride, block, width, padded) };
                (at.b, at.b_stride) = (b_copy, padded);
            }
            // SAFETY: A and C are checked views, and block, width and rows stay inside them, or A is the copy of `rows` or
            // more rows; B is a view too, or the copy of `padded` columns; the bias has n numbers. With the last, narrow
            // panel C and the bias pass through memory of a whole vector.
            unsafe {
                match vectors {
                    0 => narrow(registers, at, rows, width),
                    1 => panel::<T, G, 1>(registers, at, rows),
                    2 => panel::<T, G, 2>(registers, at, rows),
                    3 => panel::<T, G, 3>(registers, at, rows),
                    _ => panel::<T, G, 4>(registers, at, rows),
                }
            }
            j += width;
        }
    }

    /// The operands of the tiles from row i and column j on, for k in p..p + block.
    #[inline(always)]
    fn operands(&mut self, [i, j, p]: [usize; 3], block: usize) -> TileOperands<T> {
        let finish = match self.into {
            Destination::Set => Finish::Set,
            Destination::Add => Finish::Add,
            Destination::Bias(bias) => Finish::Bias(bias[j..].as_ptr()),
        };
        let (A, B) = (&self.A, &self.B);
        TileOperands {
            k: block,
            // wrapping: without steps or rows there may be nothing to point to, and nothing is read.
            a: A.as_ptr().wrapping_add(i * A.row_stride() + p * A.column_stride()),
            a_strides: [A.row_stride(), A.column_stride()],
            is_strips: false,
            b: B.as_ptr().wrapping_add(p * B.row_stride() + j),
            b_stride: B.row_stride(),
            ahead: std::ptr::null(),
            ahead_stride: B.row_stride(),
            c: self.C.as_mut_ptr().wrapping_add(i * self.C.row_stride() + j),
            c_stride: self.C.row_stride(),
            alpha: self.alpha,
            finish,
        }
    }
}
