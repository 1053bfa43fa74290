//! Lossless WebP pictures made so that the tables of their prefix codes take far more than the file (RFC 9649, section 3).
//!
//! A code whose codewords all have one length takes 8 bytes of the file, and 1 kB of tables where that length is 8, 70 kB where
//! it is 11. A picture may have a group of codes for each of its blocks, up to 65,536.

use crate::judge::{Judge, PICTURES, peak_of};

const MEBIBYTE: usize = 1 << 20;
/// The order in which lengths of codewords are given.
const ORDER: [u32; 15] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11];
/// What a frame of 16 × 16 blocks of 16 × 16 pixels takes when it says nothing but zeros, and more.
const LOSSY: usize = 4096;

/// Bits, the least significant of a byte first.
#[derive(Default, Clone)]
struct Bits(Vec<u8>, usize);

impl Bits {
    fn put(&mut self, value: u32, n: usize) {
        for i in 0..n {
            if self.1.is_multiple_of(8) {
                self.0.push(0);
            }
            *self.0.last_mut().unwrap() |= ((value >> i & 1) as u8) << (self.1 % 8);
            self.1 += 1;
        }
    }

    /// A codeword: its first bit is the most significant.
    fn codeword(&mut self, value: u32, length: usize) {
        self.put(value.reverse_bits() >> (32 - length), length);
    }

    /// A code of 2^`length` symbols, from 0 on, each with a codeword of `length` bits, which is its own number.
    fn even_code(&mut self, length: u32) {
        let given = 1 + ORDER.iter().position(|&other| other == length).unwrap();
        self.put(0, 1);
        self.put(given as u32 - 4, 4);
        ORDER[..given].iter().for_each(|&other| self.put(u32::from(other == length), 3));
        // So many code lengths follow, and as all are the same they take no bit.
        self.put(1 | 5 << 1, 4);
        self.put((1 << length) - 2, 12);
    }

    /// A code of the one symbol 0 or 1, which takes no bit.
    fn one_code(&mut self, symbol: u32) {
        self.put(1 | symbol << 3, 4);
    }
}

/// A stream of the colour or alpha of `side` × `side` pixels.
#[derive(Clone, Copy)]
struct Made {
    side: u32,
    /// Groups of codes, of blocks of 2^`block_bits`.
    groups: u32,
    block_bits: u32,
    /// The length of a group's codewords.
    length: u32,
}

impl Made {
    fn write(&self, bits: &mut Bits) {
        let Made { side, groups, block_bits, length } = *self;
        // No transform, a colour cache of 2^11, meta prefix codes.
        bits.put(1 << 1 | 11 << 2 | 1 << 6, 7);
        bits.put(block_bits - 2, 3);
        bits.put(0, 1);
        (0..2).for_each(|_| bits.even_code(8));
        (0..3).for_each(|_| bits.one_code(0));
        for block in 0..side.div_ceil(1 << block_bits).pow(2) {
            let group = block.min(groups - 1);
            bits.codeword(group & 255, 8);
            bits.codeword(group >> 8, 8);
        }
        for _ in 0..groups {
            bits.even_code(length);
            (0..3).for_each(|_| bits.one_code(0));
            bits.one_code(1);
        }
        // A pixel, and copies of the one before: up to 4,096 with the last symbol of lengths.
        let (mut left, width) = (side * side - 1, length as usize);
        bits.codeword(0, width);
        while left > 3072 {
            let n = left.min(4096);
            bits.codeword(279, width);
            bits.put(n - 3073, 10);
            left -= n;
        }
        (0..left).for_each(|_| bits.codeword(0, width));
    }

    fn picture(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(0x2f, 8);
        bits.put((self.side - 1) | ((self.side - 1) << 14), 32);
        self.write(&mut bits);
        chunk(b"VP8L", &bits.0)
    }

    /// The picture without its last pixels.
    fn cut(&self) -> Vec<u8> {
        let whole = self.picture();
        chunk(b"VP8L", &whole[8..whole.len() - 40])
    }

    fn alpha(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(1, 8);
        self.write(&mut bits);
        chunk(b"ALPH", &bits.0)
    }

    /// `VP8X` with these flags, and the size.
    fn head(&self, flags: u8) -> Vec<u8> {
        chunk(b"VP8X", &[[flags, 0, 0, 0].as_slice(), &self.size()].concat())
    }

    fn size(&self) -> Vec<u8> {
        (self.side - 1).to_le_bytes()[..3].repeat(2)
    }

    /// An animation of one frame of these chunks.
    fn animation(&self, flags: u8, chunks: &[u8]) -> Vec<u8> {
        let frame = [[0; 6].as_slice(), &self.size(), &[0; 4], chunks].concat();
        file(&[self.head(2 | flags), chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)])
    }

    /// Grey in lossy colours: a head, and bits that are all 0.
    fn lossy(&self) -> Vec<u8> {
        let side = (self.side as u16).to_le_bytes();
        let tag = (LOSSY as u32) << 5 | 1 << 4;
        let head = [&tag.to_le_bytes()[..3], &[0x9d, 0x01, 0x2a], &side, &side].concat();
        chunk(b"VP8 ", &[head, vec![0; 2 * LOSSY]].concat())
    }
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [name, &(body.len() as u32).to_le_bytes(), body, &vec![0; body.len() % 2]].concat()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

#[test]
fn tables_that_take_far_more_than_the_file_are_not_made() {
    let judge = Judge::new();
    let many = Made { side: 1024, groups: 1 << 16, block_bits: 2, length: 8 };
    judge.refused("a.webp", &file(&[many.picture()]), &[PICTURES], "Tables");
    let large = Made { side: 256, groups: 2700, block_bits: 2, length: 11 };
    let extended = file(&[large.head(0), large.picture()]);
    let frame = large.animation(0, &large.picture());
    let alpha = file(&[large.head(0x10), large.alpha(), large.lossy()]);
    let alpha_of_frame = large.animation(0x10, &[large.alpha(), large.lossy()].concat());
    for bytes in [file(&[large.picture()]), extended, frame, alpha, alpha_of_frame] {
        judge.refused("a.webp", &bytes, &[PICTURES], "Tables");
    }
}

/// Tables and pixels that each may be, and are too much together: where the end is missing, none of them is made.
#[test]
fn tables_and_pixels_are_taken_together_of_a_sound_picture_alone() {
    let judge = Judge::new();
    let made = Made { side: 1024, groups: 880, block_bits: 3, length: 11 };
    let tables = 880 * ((4 << 10) + (32 << 11));
    let peak = peak_of(|| read(&judge, &file(&[made.picture()])));
    let least = 1024 * 1024 * 7 + tables;
    assert!((least..least + MEBIBYTE).contains(&peak), "a sound picture takes {peak} bytes, of {least}");
    judge.refused("b.webp", &file(&[made.cut()]), &[PICTURES], "Truncated");
    // With the alpha of a frame all is refused: what comes after it is not known.
    let alpha = Made { side: 512, ..made };
    let bytes = alpha.animation(0x10, &[alpha.alpha(), chunk(b"VP8 ", &[0; 10])].concat());
    judge.refused("c.webp", &bytes, &[PICTURES], "Tables");
}

/// 21 megapixels, which a file of 400 kB may have, and which take 148 MB.
#[test]
fn pixels_beyond_what_is_free_are_taken_of_a_sound_picture_alone() {
    let judge = Judge::new();
    let made = Made { side: 4600, groups: 2, block_bits: 9, length: 11 };
    let notes = chunk(b"note", &vec![0; 400_000]);
    judge.refused("a.webp", &file(&[made.cut(), notes.clone()]), &[PICTURES], "Truncated");
    read(&judge, &file(&[made.picture(), notes]));
}

fn read(judge: &Judge, bytes: &[u8]) {
    std::fs::write(judge.at("a.webp"), bytes).unwrap();
    (PICTURES.1)(&judge.at("a.webp")).unwrap();
}
