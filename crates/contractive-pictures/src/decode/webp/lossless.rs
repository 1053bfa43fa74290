//! A lossless stream up to its pixels (RFC 9649, sections 3.4, 3.5 and 3.7.2.2), and to its end where that is asked for.
//!
//! Before the picture's own image come those of its transforms, blocks of the picture a pixel, each with one group of prefix
//! codes; then, with the meta prefix flag, the entropy image, whose red and green are the number of a block's group. There are
//! as many groups as the largest number says, and one. Pixels are kept of the entropy image alone: whether a stream is sound does
//! not depend on any others.

use super::bits::{BitReader, Broken};
use super::pixels::{Codes, Entropy, Group, Kept, read_pixels};
use super::prefix::{CodeLengths, MOST_SYMBOLS};

/// What the five codes of a group take in `image-webp` 0.2.4 beside their tables, and how many such places its list has room
/// for at most: it doubles, and holds both for a moment.
const GROUP: u64 = 5 * 56;
/// The most that a group takes with its tables: five of 2^10 entries, and each codeword longer than these.
const MOST_A_GROUP: u64 = 3 * GROUP + 5 * (4 << 10) + 32 * (MOST_SYMBOLS as u64 + 3 * 256 + 40);

/// The groups of a picture's own image, and the bytes of their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tables {
    pub groups: u64,
    pub bytes: u64,
}

impl Tables {
    /// The most bytes of a picture of this size, whatever its stream says: a block has 4 × 4 pixels at least.
    pub fn most_of((width, height): (u32, u32)) -> u64 {
        let blocks = u64::from(width.div_ceil(4)) * u64::from(height.div_ceil(4));
        blocks.min(1 << 16) * MOST_A_GROUP
    }
}

/// A stream that was read up to the groups of the picture's own image.
pub(super) struct LosslessStream<'a> {
    bits: BitReader<'a>,
    /// Pixels a row, after the transforms, and rows.
    size: (u32, u32),
    cache_bits: u32,
    entropy: Option<Entropy>,
}

impl<'a> LosslessStream<'a> {
    /// Of a `VP8L` chunk: a signature, the size, a flag and the version come first.
    pub fn of_picture(chunk: &'a [u8], size: (u32, u32)) -> Result<Self, Broken> {
        let mut bits = BitReader::new(chunk);
        if bits.read(8)? != 0x2f {
            return Err(Broken::Damaged("its lossless stream has another signature"));
        }
        if (1 + bits.read(14)?, 1 + bits.read(14)?) != size {
            return Err(Broken::Damaged("its lossless stream has another size"));
        }
        bits.read(1)?;
        if bits.read(3)? != 0 {
            return Err(Broken::Damaged("its lossless stream has another version"));
        }
        LosslessStream::new(bits, size)
    }

    /// Of an `ALPH` chunk after its first byte.
    pub fn of_alpha(chunk: &'a [u8], size: (u32, u32)) -> Result<Self, Broken> {
        LosslessStream::new(BitReader::new(chunk), size)
    }

    fn new(mut bits: BitReader<'a>, (width, height): (u32, u32)) -> Result<Self, Broken> {
        let width = after_transforms(&mut bits, width, height)?;
        let cache_bits = cache_bits(&mut bits)?;
        let entropy = if bits.read(1)? == 1 { Some(entropy_image(&mut bits, width, height)?) } else { None };
        Ok(LosslessStream { bits, size: (width, height), cache_bits, entropy })
    }

    /// The most bytes of the groups' tables, whatever their code lengths.
    pub fn most(&self) -> u64 {
        self.n_groups() as u64 * MOST_A_GROUP
    }

    fn n_groups(&self) -> usize {
        self.entropy.as_ref().map_or(1, Entropy::n_groups)
    }

    /// What the groups' tables take, counted until it is more than `most`: code lengths are read, and none is kept.
    pub fn tables(&self, most: u64) -> Result<Tables, Broken> {
        let (mut bits, mut room) = (self.bits.clone(), [0; MOST_SYMBOLS]);
        let groups = self.n_groups() as u64;
        let places = groups.next_power_of_two();
        let mut bytes = (places + places / 2) * GROUP;
        for _ in 0..groups {
            for n in Group::alphabets(self.cache_bits) {
                bytes += CodeLengths::read(&mut bits, n, &mut room)?.table_bytes();
            }
            if bytes > most {
                break;
            }
        }
        Ok(Tables { groups, bytes })
    }

    /// Reads the stream to its end, with codes that take less than [`Tables::bytes`].
    pub fn check_pixels(mut self) -> Result<(), Broken> {
        let n = self.n_groups();
        let mut groups = Vec::with_capacity(n);
        for _ in 0..n {
            groups.push(Group::read(&mut self.bits, self.cache_bits)?);
        }
        let codes = Codes { groups, entropy: self.entropy };
        read_pixels(&mut self.bits, &codes, self.size, &mut Kept::Nothing)
    }
}

/// Reads the transforms, and gives the width that is left: the colour indexing one packs up to 8 pixels into one.
fn after_transforms(bits: &mut BitReader, width: u32, height: u32) -> Result<u32, Broken> {
    let (mut width, mut met) = (width, [false; 4]);
    while bits.read(1)? == 1 {
        let kind = bits.read(2)?;
        if std::mem::replace(&mut met[kind as usize], true) {
            return Err(Broken::Damaged("a transform comes twice"));
        }
        match kind {
            // Predictor and colour transform: a pixel a block.
            0 | 1 => {
                let block = 1 << (2 + bits.read(3)?);
                sub_image(bits, (width.div_ceil(block), height.div_ceil(block)), false)?;
            }
            // Subtract green: nothing more.
            2 => {}
            // Colour indexing: a row of colours.
            _ => {
                let colours = 1 + bits.read(8)?;
                sub_image(bits, (colours, 1), false)?;
                width = width.div_ceil(match colours {
                    ..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                });
            }
        }
    }
    Ok(width)
}

fn entropy_image(bits: &mut BitReader, width: u32, height: u32) -> Result<Entropy, Broken> {
    let block_bits = 2 + bits.read(3)?;
    let size = (width.div_ceil(1 << block_bits), height.div_ceil(1 << block_bits));
    let pixels = sub_image(bits, size, true)?;
    Ok(Entropy::new(block_bits, size.0, &pixels))
}

/// Reads an image that has one group of codes; its pixels, where they are kept.
fn sub_image(bits: &mut BitReader, size: (u32, u32), is_kept: bool) -> Result<Vec<u32>, Broken> {
    let cache_bits = cache_bits(bits)?;
    let codes = Codes { groups: vec![Group::read(bits, cache_bits)?], entropy: None };
    let mut kept = if is_kept { Kept::all(size, cache_bits) } else { Kept::Nothing };
    read_pixels(bits, &codes, size, &mut kept)?;
    Ok(kept.pixels())
}

/// The size of the colour cache as a power of two, 1 to 11; 0 without one.
fn cache_bits(bits: &mut BitReader) -> Result<u32, Broken> {
    if bits.read(1)? == 0 {
        return Ok(0);
    }
    match bits.read(4)? {
        n @ 1..=11 => Ok(n),
        _ => Err(Broken::Damaged("its colour cache must have 2 to 2048 places")),
    }
}
