//! A panel: tiles under each other, over all rows of a group.

use super::copies::PANEL;
use super::registers::{Registers, lanes};
use super::tile::{Finish, TileOperands, height, tile};
use crate::prefetch::LINE;

/// A panel of V vectors, tile by tile.
///
/// # Safety
/// As [`tile`], for all `rows`; with `is_strips` A is what [`copy_group`](super::copies::copy_group) wrote of at least
/// `rows` rows, and where it wrote of more, `rows` is a multiple of a whole tile's.
#[inline(always)]
pub(super) unsafe fn panel<T: Copy + Default, G: Registers<T>, const V: usize>(
    registers: G,
    mut at: TileOperands<T>,
    rows: usize,
) {
    let (mut i, mut tiles) = (0, 0);
    let fetches = !at.ahead.is_null();
    while i < rows {
        let some = height(rows - i);
        if at.is_strips {
            at.a_strides = [1, some];
        }
        // SAFETY: at most `rows` − i rows are left to each tile.
        unsafe {
            match some {
                6 => tile::<T, G, 6, V>(registers, at),
                4 => tile::<T, G, 4, V>(registers, at),
                2 => tile::<T, G, 2, V>(registers, at),
                _ => tile::<T, G, 1, V>(registers, at),
            }
        };
        i += some;
        // Each tile fetches one line of every row of the panel ahead, until all are under way.
        let lines = (V * size_of::<G::Vector>()).div_ceil(LINE);
        tiles += 1;
        at.ahead = if fetches && tiles < lines { at.ahead.wrapping_byte_add(LINE) } else { std::ptr::null() };
        at.a = at.a.wrapping_add(some * if at.is_strips { at.k } else { at.a_strides[0] });
        at.c = at.c.wrapping_add(some * at.c_stride);
    }
}

/// A panel of less than a vector, whose B is a copy padded to one: C and the bias go through memory of a vector a row.
///
/// # Safety
/// As [`panel`] with V = 1, but only `width` columns of C and of the bias exist.
#[inline(always)]
pub(super) unsafe fn narrow<T: Copy + Default, G: Registers<T>>(
    registers: G,
    at: TileOperands<T>,
    rows: usize,
    width: usize,
) {
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
        // Taken once: borrowing the array again would end what the tile's pointer may do.
        let c = c.as_mut_ptr();
        let here = at.c.wrapping_add(i * at.c_stride);
        let tile = TileOperands {
            a: at.a.wrapping_add(if at.is_strips { i * at.k } else { i * at.a_strides[0] }),
            c,
            c_stride: lanes,
            finish,
            ..at
        };
        // SAFETY: rows i..i + some of C have `width` columns; `c` has six rows of a vector of at most PANEL/4 numbers.
        unsafe {
            for r in 0..some {
                if matches!(finish, Finish::Add) {
                    std::ptr::copy_nonoverlapping(here.add(r * at.c_stride), c.add(r * lanes), width);
                }
            }
            panel::<T, G, 1>(registers, tile, some);
            for r in 0..some {
                std::ptr::copy_nonoverlapping(c.add(r * lanes).cast_const(), here.add(r * at.c_stride), width);
            }
        }
        i += some;
    }
}
