//! Changes of inputs, drawn from a seed: for machines without a fuzzer that sees coverage.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Numbers at which sizes, counts and offsets go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0x1_0000_0001,
    1 << 40,
];

/// Texts at which readers of text go wrong.
const TEXTS: [&[u8]; 20] = [
    b"\n",
    b"\"",
    b",",
    b";",
    b"\t",
    b"\r\n",
    b"nan",
    b"-inf",
    b"1e999",
    b"1e-320",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"null",
    b"{",
    b"]",
    b"''",
    b"=",
];

/// The longest input.
const LONGEST: usize = 1 << 16;

/// Changes inputs; the same seed makes the same changes.
#[derive(Debug)]
pub struct Mutator(ChaCha8Rng);

impl Mutator {
    /// Changes drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Mutator(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A place below `n`; 0 where there is none.
    fn below(&mut self, n: usize) -> usize {
        match n {
            0 => 0,
            n => (self.0.next_u64() % n as u64) as usize,
        }
    }

    /// One of `inputs`, changed in one to eight ways; a part of another one among them.
    ///
    /// # Panics
    /// If there are no inputs.
    pub fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(8) {
            let other = &inputs[self.below(inputs.len())];
            self.change(&mut bytes, other);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len());
        // Most sizes and counts stand near the front or the end.
        let at = match self.below(4) {
            0 => at.min(self.below(64)),
            1 => bytes.len().saturating_sub(1 + self.below(64)).max(at),
            _ => at,
        };
        let most = if self.below(4) == 0 { 256 } else { 8 };
        let length = 1 + self.below(most);
        let end = (at + length).min(bytes.len());
        match self.below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = self.0.next_u32() as u8;
                }
            }
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let from = self.below(other.len());
                let part = &other[from..(from + length).min(other.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            5 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
                let n = [1, 2, 4, 8][self.below(4)].min(bytes.len() - at);
                bytes[at..at + n].copy_from_slice(&number[..n]);
            }
            6 => {
                let text = TEXTS[self.below(TEXTS.len())];
                bytes.splice(at..at, text.iter().copied());
            }
            7 => bytes.truncate(at),
            _ => {
                // A digit of a number in text becomes another one.
                if let Some(byte) = bytes[at..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                    *byte = b'0' + (self.0.next_u32() % 10) as u8;
                }
            }
        }
    }
}
