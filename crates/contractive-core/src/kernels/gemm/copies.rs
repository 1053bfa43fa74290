//! Copies of pieces of A and B, side by side in the order in which tiles read them.
//!
//! Rows of a wide matrix lie a page or more apart: every step of a tile would meet new pages (the processor keeps the
//! addresses of 64 or so) and, where the distance is a power of two, lines that push each other out of the cache. A piece
//! is copied once and read by many tiles.
//!
//! ```text
//! panel of B: `block` rows of `padded` columns                       B[p, j] at p·padded + j
//! group of A: strips of R rows, one after the other, each by p       A[i + r, p] of the strip from row i at i·block + p·R + r
//! ```
//!
//! Each thread keeps one set of copies, and allocates it at its first product.

use std::cell::RefCell;

use super::tile::height;

/// Steps of k in a block: a panel of 16 columns of f32 is then 16 KiB, half of the smallest L1 cache, one of 64 columns
/// 64 KiB.
pub(super) const BLOCK: usize = 256;
/// Columns of the widest panel: four registers of sixteen f32.
pub(super) const PANEL: usize = 64;
/// Rows of a group of A: 192 KiB of f32, for the L2 cache beside the panel of B.
pub(super) const GROUP: usize = 192;

/// Numbers that begin on a cache line: one line of f32, two of f64.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Lines<T>([T; NUMBERS]);

const NUMBERS: usize = 16;

/// Room for a group of A and a panel of B.
pub(super) struct Copies<T> {
    a: Vec<Lines<T>>,
    b: Vec<Lines<T>>,
}

impl<T: Copy + Default> Copies<T> {
    pub(super) const fn new() -> Self {
        Copies { a: Vec::new(), b: Vec::new() }
    }

    /// The room for the copies of A and of B: GROUP · BLOCK and BLOCK · PANEL numbers.
    pub(super) fn room(&mut self) -> [*mut T; 2] {
        self.a.resize(GROUP * BLOCK / NUMBERS, Lines([T::default(); NUMBERS]));
        self.b.resize(PANEL * BLOCK / NUMBERS, Lines([T::default(); NUMBERS]));
        [self.a.as_mut_ptr().cast(), self.b.as_mut_ptr().cast()]
    }
}

/// A number that a thread can keep copies of.
pub trait Copied: Sized {
    /// Calls `work` with the thread's copies.
    #[doc(hidden)]
    fn with_copies<R>(work: impl FnOnce([*mut Self; 2]) -> R) -> R;
}

macro_rules! copied {
    ($number:ty) => {
        impl Copied for $number {
            fn with_copies<R>(work: impl FnOnce([*mut Self; 2]) -> R) -> R {
                thread_local! {
                    static COPIES: RefCell<Copies<$number>> = const { RefCell::new(Copies::new()) };
                }
                COPIES.with_borrow_mut(|copies| work(copies.room()))
            }
        }
    };
}

copied!(f32);
copied!(f64);

/// Copies `rows` rows and `block` columns of A, from `from` on, as strips of as many rows as tiles have.
///
/// # Safety
/// They can be read, and `to` holds rows · block numbers.
#[inline(always)]
pub(super) unsafe fn copy_group<T: Copy>(to: *mut T, from: *const T, strides: [usize; 2], rows: usize, block: usize) {
    let mut i = 0;
    while i < rows {
        let some = height(rows - i);
        let (to, from) = (to.wrapping_add(i * block), from.wrapping_add(i * strides[0]));
        // SAFETY: at most `rows` − i rows are left to each strip.
        unsafe {
            match some {
                6 => copy_strip::<T, 6>(to, from, strides, block),
                4 => copy_strip::<T, 4>(to, from, strides, block),
                2 => copy_strip::<T, 2>(to, from, strides, block),
                _ => copy_strip::<T, 1>(to, from, strides, block),
            }
        }
        i += some;
    }
}

/// One strip of R rows.
///
/// # Safety
/// As [`copy_group`] for R rows.
#[inline(always)]
unsafe fn copy_strip<T: Copy, const R: usize>(to: *mut T, from: *const T, [row, step]: [usize; 2], block: usize) {
    for p in 0..block {
        // SAFETY: r < R and p < block: the caller guarantees both.
        unsafe {
            let (to, from) = (to.add(p * R), from.add(p * step));
            if row == 1 {
                // A transpose has them side by side.
                std::ptr::copy_nonoverlapping(from, to, R);
            } else {
                for r in 0..R {
                    to.add(r).write(from.add(r * row).read());
                }
            }
        }
    }
}

/// Copies `block` rows of `width` numbers, `stride` apart, into rows of `padded`, the rest 0.
///
/// # Safety
/// The rows can be read, and `to` holds block · padded numbers.
#[inline(always)]
pub(super) unsafe fn copy_panel<T: Copy + Default>(
    to: *mut T,
    from: *const T,
    stride: usize,
    block: usize,
    width: usize,
    padded: usize,
) {
    for p in 0..block {
        // SAFETY: p < block, width ≤ padded: the caller guarantees both.
        unsafe {
            let row = to.add(p * padded);
            std::ptr::copy_nonoverlapping(from.add(p * stride), row, width);
            for j in width..padded {
                row.add(j).write(T::default());
            }
        }
    }
}
