//! Elementwise loops over short rows, in pieces of sixteen, four and one numbers.
//!
//! A loop over slices whose overlap the compiler cannot rule out begins with a comparison of their addresses, and ends with
//! a number at a time: for rows of ten or twenty numbers both cost more than the row. A piece is read into arrays, which
//! overlap nothing, and its length is known when compiled. The same operations on the same numbers: the same bits.

/// The N numbers from `at` on.
#[inline(always)]
pub fn piece<const N: usize>(from: &[f32], at: usize) -> [f32; N] {
    *from[at..at + N].first_chunk().unwrap_or(&[0.0; N])
}

/// Runs the block for all of 0..`$m`: N numbers from `at` on at a time.
macro_rules! in_pieces {
    ($m:expr, |$at:ident, $n:ident| $block:block) => {{
        let (m, mut from) = ($m, 0);
        in_pieces!(@while 16, m, from, $at, $n, $block);
        in_pieces!(@while 4, m, from, $at, $n, $block);
        in_pieces!(@while 1, m, from, $at, $n, $block);
    }};
    (@while $size:literal, $m:ident, $from:ident, $at:ident, $n:ident, $block:block) => {
        while $m - $from >= $size {
            const $n: usize = $size;
            let $at = $from;
            $block
            $from += $size;
        }
    };
}

pub(crate) use in_pieces;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once_whatever_the_length() {
        for m in 0..70 {
            let numbers: Vec<f32> = (0..m).map(|i| i as f32).collect();
            let mut seen = Vec::new();
            in_pieces!(m, |at, N| { seen.extend(piece::<N>(&numbers, at)) });
            assert_eq!(seen, numbers);
        }
    }
}
