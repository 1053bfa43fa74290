//! A vector of f32 that is aligned to cache lines, and lies on large pages where it is large.
//!
//! A load of sixteen numbers across a cache line boundary is two loads, and the allocator aligns to 16 bytes only. The
//! processor keeps the addresses of a few thousand pages (TLB): a weight of twenty million numbers has as many pages of
//! 4 KiB, and reading down a column meets a new one in every row. Pages of 2 MiB avoid that; Linux gives them on request
//! (`madvise`) unless it is configured not to. Alignment and large pages together are worth 60 % of the rate of such a
//! weight's products.
#![allow(unsafe_code)] // lines read as numbers, and one hint to the system

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Numbers of a cache line.
const LINE: usize = 16;
/// Bytes of a large page: smaller buffers do not ask for one.
const LARGE_PAGE: usize = 2 << 20;

/// A cache line of numbers.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A vector of f32 that begins on a cache line, and lies on large pages where it has many of them.
///
/// It dereferences to a slice, grows to the size asked for and no more, and keeps its capacity when it shrinks.
#[derive(Default)]
pub struct Buffer {
    /// At least `len` numbers, all written.
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// No numbers, and no memory.
    pub const fn new() -> Self {
        Buffer { lines: Vec::new(), len: 0 }
    }

    /// `n` zeros.
    pub fn zeros(n: usize) -> Self {
        let mut buffer = Buffer::new();
        buffer.resize(n);
        buffer
    }

    /// Makes room for `n` numbers in all.
    pub fn reserve(&mut self, n: usize) {
        let lines = n.div_ceil(LINE);
        if lines <= self.lines.capacity() {
            return;
        }
        // Not `self.lines.reserve`: numbers that must move anyway can move to large pages.
        let mut larger = Vec::with_capacity(lines);
        if lines * size_of::<Line>() >= LARGE_PAGE {
            ask_for_large_pages(&mut larger);
        }
        larger.extend_from_slice(&self.lines);
        self.lines = larger;
    }

    /// As many as `n` numbers: the first ones as they are, new ones 0.
    pub fn resize(&mut self, n: usize) {
        self.reserve(n);
        let (old, written) = (self.len, self.lines.len() * LINE);
        self.lines.resize(n.div_ceil(LINE), Line([0.0; LINE]));
        self.len = n;
        // The rest of the old last line may hold numbers from when the buffer was longer.
        if old < n {
            self[old..n.min(written)].fill(0.0);
        }
    }

    /// `n` zeros, whatever was there.
    pub fn reset(&mut self, n: usize) {
        self.len = 0;
        self.lines.clear();
        self.resize(n);
    }

    /// A copy of `numbers`, whatever was there.
    pub fn copy_from(&mut self, numbers: &[f32]) {
        self.resize(numbers.len());
        self.copy_from_slice(numbers);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds len/16 lines or more, each of sixteen f32 without a gap between (size and alignment are
        // both 64 bytes), all of them written.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<'a> IntoIterator for &'a Buffer {
    type Item = &'a f32;
    type IntoIter = std::slice::Iter<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Buffer::from(&**self)
    }

    fn clone_from(&mut self, other: &Self) {
        self.copy_from(other);
    }
}

impl From<&[f32]> for Buffer {
    fn from(numbers: &[f32]) -> Self {
        let mut buffer = Buffer::new();
        buffer.copy_from(numbers);
        buffer
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(numbers: Vec<f32>) -> Self {
        Buffer::from(&numbers[..])
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Asks for large pages under the capacity of `lines`; the system uses those that lie in it entirely.
#[cfg(all(target_os = "linux", not(miri)))]
fn ask_for_large_pages(lines: &mut Vec<Line>) {
    const SMALL_PAGE: usize = 4096;
    let (place, bytes) = (lines.as_mut_ptr(), lines.capacity() * size_of::<Line>());
    let start = place.addr().next_multiple_of(SMALL_PAGE);
    let end = (place.addr() + bytes) / SMALL_PAGE * SMALL_PAGE;
    if start < end {
        // SAFETY: start..end lies in memory that the vector owns. The advice changes no content and no right to it; a
        // system without large pages refuses, and the buffer works without: the result is ignored.
        let _ = unsafe { libc::madvise(place.with_addr(start).cast(), end - start, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn ask_for_large_pages(_: &mut Vec<Line>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_hold_what_vectors_hold() {
        let large = LARGE_PAGE / size_of::<f32>();
        let sizes = [0, 1, 15, 16, 17, 1000, large - 1, large, 3 * large + 5];
        // An interpreter does not get through pages.
        for n in sizes.into_iter().take(if cfg!(miri) { 6 } else { 9 }) {
            let mut buffer = Buffer::zeros(n);
            assert_eq!(buffer[..], vec![0.0; n]);
            assert_eq!(buffer.as_ptr().addr() % 64, 0);
            buffer.iter_mut().enumerate().for_each(|(i, v)| *v = i as f32 + 1.0);
            assert_eq!(Buffer::from(&buffer[..]), buffer);
            buffer.resize(n / 2);
            assert_eq!(buffer.len(), n / 2);
            buffer.resize(n + 40);
            assert!(buffer[..n / 2].iter().enumerate().all(|(i, &v)| v == i as f32 + 1.0), "{n}");
            assert!(buffer[n / 2..].iter().all(|&v| v == 0.0), "{n}: shrinking forgets");
            buffer.fill(3.0);
            buffer.reset(n);
            assert_eq!(buffer[..], vec![0.0; n]);
        }
    }

    /// Capacity is reused: a step allocates nothing after the first.
    #[test]
    fn a_buffer_that_is_large_enough_stays_where_it_is() {
        let mut buffer = Buffer::zeros(1000);
        let place = buffer.as_ptr();
        buffer.reset(10);
        buffer.resize(1000);
        buffer.copy_from(&[1.0; 999]);
        assert_eq!(buffer.as_ptr(), place);
    }
}
