//! The pixels of an image by their prefix codes (RFC 9649, sections 3.6.2 and 3.7.2.3).
//!
//! A symbol S of the first code is a literal's green, S < 256, after which come red, blue and alpha, each by its code; a length,
//! S < 280, of pixels copied from a distance, which comes by the fifth code; or a place in the colour cache, S − 280.

use std::sync::LazyLock;

use super::bits::{BitReader, Broken};
use super::prefix::{CodeLengths, MOST_SYMBOLS, PrefixCode};

/// Distances up to here are of pixels near by, in two dimensions.
const NEAR: usize = 120;
/// The multiplier of the colour cache's hash.
const HASH: u32 = 0x1e35_a7bd;

/// The five prefix codes of a group: green with lengths and places of the colour cache, red, blue, alpha, distances.
pub(super) struct Group([PrefixCode; 5]);

impl Group {
    /// How many symbols each code has.
    pub fn alphabets(cache_bits: u32) -> [usize; 5] {
        let places = if cache_bits > 0 { 1 << cache_bits } else { 0 };
        [256 + 24 + places, 256, 256, 256, 40]
    }

    pub fn read(bits: &mut BitReader, cache_bits: u32) -> Result<Self, Broken> {
        let (mut codes, mut room): ([PrefixCode; 5], _) = (Default::default(), [0; MOST_SYMBOLS]);
        for (code, n) in codes.iter_mut().zip(Self::alphabets(cache_bits)) {
            *code = CodeLengths::read(bits, n, &mut room)?.code();
        }
        Ok(Group(codes))
    }
}

/// Which group the pixels of a block are of.
pub(super) struct Entropy {
    block_bits: u32,
    /// Blocks a row.
    width: usize,
    groups: Vec<u16>,
}

impl Entropy {
    /// Of the pixels of the entropy image.
    pub fn new(block_bits: u32, width: u32, pixels: &[u32]) -> Self {
        let groups = pixels.iter().map(|argb| (argb >> 8) as u16).collect();
        Entropy { block_bits, width: width as usize, groups }
    }

    pub fn n_groups(&self) -> usize {
        1 + usize::from(self.groups.iter().copied().max().unwrap_or(0))
    }
}

/// The codes of an image.
pub(super) struct Codes {
    pub groups: Vec<Group>,
    pub entropy: Option<Entropy>,
}

impl Codes {
    /// The group of the pixel at (x, y), and the x at which its block ends.
    fn group(&self, x: usize, y: usize, width: usize) -> (&Group, usize) {
        match &self.entropy {
            None => (&self.groups[0], width),
            Some(Entropy { block_bits, width: blocks, groups }) => {
                let group = groups[(y >> block_bits) * blocks + (x >> block_bits)];
                (&self.groups[usize::from(group)], width.min(((x >> block_bits) + 1) << block_bits))
            }
        }
    }
}

/// What is kept of the pixels that are read.
pub(super) enum Kept {
    Nothing,
    /// Alpha, red, green and blue of each, the first in the highest bits; and the colour cache with 32 less its bits.
    All(Vec<u32>, Vec<u32>, u32),
}

impl Kept {
    pub fn all((width, height): (u32, u32), cache_bits: u32) -> Self {
        Kept::All(Vec::with_capacity(width as usize * height as usize), vec![0; 1 << cache_bits], 32 - cache_bits)
    }

    pub fn pixels(self) -> Vec<u32> {
        match self {
            Kept::Nothing => Vec::new(),
            Kept::All(pixels, ..) => pixels,
        }
    }

    fn push(&mut self, argb: u32) {
        if let Kept::All(pixels, cache, shift) = self {
            pixels.push(argb);
            if *shift < 32 {
                cache[(HASH.wrapping_mul(argb) >> *shift) as usize] = argb;
            }
        }
    }

    fn push_cached(&mut self, place: usize) {
        if let Kept::All(pixels, cache, _) = self {
            pixels.push(cache[place]);
        }
    }

    /// Copies, of which `image-webp` puts those from next to them not into the cache: their colour is there, or is that of a
    /// place where none was.
    fn copy(&mut self, distance: usize, length: usize) {
        for _ in 0..length {
            if let Kept::All(pixels, ..) = self {
                let argb = pixels[pixels.len() - distance];
                match distance {
                    1 => pixels.push(argb),
                    _ => self.push(argb),
                }
            }
        }
    }
}

/// Reads the pixels of an image of `width` × `height`.
pub(super) fn read_pixels(
    bits: &mut BitReader,
    codes: &Codes,
    (width, height): (u32, u32),
    kept: &mut Kept,
) -> Result<(), Broken> {
    let (width, n) = (width as usize, width as usize * height as usize);
    let (mut at, mut block_end) = (0, 0);
    let mut group = &codes.groups[0].0;
    while at < n {
        if at >= block_end {
            let (x, y) = (at % width, at / width);
            let (of_block, end) = codes.group(x, y, width);
            (group, block_end) = (&of_block.0, at - x + end);
        }
        let [green, red, blue, alpha, distances] = group;
        let symbol = usize::from(green.symbol(bits)?);
        if symbol < 256 {
            let [red, blue, alpha] = [red.symbol(bits)?, blue.symbol(bits)?, alpha.symbol(bits)?].map(u32::from);
            kept.push(alpha << 24 | red << 16 | (symbol as u32) << 8 | blue);
            at += 1;
        } else if symbol < 256 + 24 {
            let length = number(bits, symbol - 256)?;
            let code = usize::from(distances.symbol(bits)?);
            let distance = in_pixels(number(bits, code)?, width);
            if distance > at || length > n - at {
                return Err(Broken::Damaged("pixels are copied from or to outside of the picture"));
            }
            kept.copy(distance, length);
            at += length;
        } else {
            kept.push_cached(symbol - 280);
            at += 1;
        }
    }
    Ok(())
}

/// A length or a distance, of its symbol and the bits that follow (section 3.6.2.2).
fn number(bits: &mut BitReader, symbol: usize) -> Result<usize, Broken> {
    if symbol < 4 {
        return Ok(symbol + 1);
    }
    let extra = (symbol as u32 - 2) >> 1;
    Ok(((2 + (symbol & 1)) << extra) + bits.read(extra)? as usize + 1)
}

/// The pixels that were read before and lie next, the nearest first: up to 8 to the left, or 7 rows above and up to 8 to the
/// left or 7 to the right. Of those as near, the nearest column first, the left one of two.
static NEAREST: LazyLock<Vec<(isize, isize)>> = LazyLock::new(|| {
    let above = (1..8).flat_map(|rows| (-7..=8).map(move |left| (left, rows)));
    let mut all: Vec<_> = (1..=8).map(|left| (left, 0)).chain(above).collect();
    all.sort_by_key(|&(left, rows): &(isize, isize)| (left * left + rows * rows, left.abs(), left < 0));
    all
});

/// How many pixels back a distance is.
fn in_pixels(distance: usize, width: usize) -> usize {
    match distance.checked_sub(NEAR + 1) {
        Some(beyond) => beyond + 1,
        None => {
            let (left, rows) = NEAREST[distance - 1];
            (left + rows * width as isize).max(1) as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the table of section 3.6.2.2 begins and ends, in between and beyond.
    #[test]
    fn distances_are_of_pixels_near_by_or_in_a_row() {
        assert_eq!(NEAREST.len(), NEAR);
        assert_eq!(NEAREST[..8], [(0, 1), (1, 0), (1, 1), (-1, 1), (0, 2), (2, 0), (1, 2), (-1, 2)]);
        assert_eq!(NEAREST[32..40], [(4, 2), (-4, 2), (0, 5), (3, 4), (-3, 4), (4, 3), (-4, 3), (5, 0)]);
        assert_eq!(NEAREST[112..], [(-6, 7), (7, 6), (-7, 6), (8, 5), (7, 7), (-7, 7), (8, 6), (8, 7)]);
        assert_eq!([1, 2, 3, 4, 121, 130].map(|distance| in_pixels(distance, 100)), [100, 1, 101, 99, 1, 10]);
        assert_eq!(in_pixels(4, 1), 1);
    }
}
