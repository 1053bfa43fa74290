//! The bits of a lossless stream, the least significant of a byte first (RFC 9649, section 3: `ReadBits(n)`).

/// Why a stream cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Its bits end too early.
    CutOff,
    /// It says what a stream cannot say.
    Damaged(&'static str),
}

/// A place in a stream.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, from the least significant on; zeros after the end.
    buffer: u64,
    /// How many of the buffer are taken from `rest`. Those above are zeros or the bits that follow.
    held: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        BitReader { rest: bytes, buffer: 0, held: 0 }
    }

    /// The next 32 bits and some more, with zeros after the end.
    pub fn peek(&mut self) -> u64 {
        if self.held < 32 {
            let room = ((64 - self.held) / 8) as usize;
            let (word, taken) = match self.rest.first_chunk::<8>() {
                Some(eight) => (u64::from_le_bytes(*eight), room),
                None => {
                    let mut eight = [0; 8];
                    eight[..self.rest.len()].copy_from_slice(self.rest);
                    (u64::from_le_bytes(eight), room.min(self.rest.len()))
                }
            };
            // Bits beyond those taken are the same when they come again.
            self.buffer |= word << self.held;
            self.held += 8 * taken as u32;
            self.rest = &self.rest[taken..];
        }
        self.buffer
    }

    /// Goes on by `n` bits, at most 32, that were seen.
    pub fn skip(&mut self, n: u32) -> Result<(), Broken> {
        self.held = self.held.checked_sub(n).ok_or(Broken::CutOff)?;
        self.buffer >>= n;
        Ok(())
    }

    /// A number of `n` bits, at most 32.
    pub fn read(&mut self, n: u32) -> Result<u32, Broken> {
        let bits = self.peek();
        self.skip(n)?;
        Ok((bits & ((1 << n) - 1)) as u32)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The bytes of numbers, each with how many bits it has.
    pub fn bytes_of(numbers: &[(u32, usize)]) -> Vec<u8> {
        let bits: Vec<u32> = numbers.iter().flat_map(|&(value, n)| (0..n).map(move |i| value >> i & 1)).collect();
        bits.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
    }

    #[test]
    fn bits_come_from_the_least_significant_on() {
        let mut bits = BitReader::new(&[0b1010_0110, 0b1111_0001, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!((bits.read(1), bits.read(2), bits.read(0), bits.read(5)), (Ok(0), Ok(0b11), Ok(0), Ok(0b10100)));
        assert_eq!((bits.read(4), bits.read(12), bits.read(32)), (Ok(1), Ok(0x12f), Ok(0x9a78_5634)));
        assert_eq!(bits.peek(), 0xdebc);
        assert_eq!((bits.read(9), bits.read(7), bits.read(0)), (Ok(0xbc), Ok(0x6f), Ok(0)));
        assert_eq!(bits.read(1), Err(Broken::CutOff));
    }

    #[test]
    fn numbers_are_the_same_however_they_are_parted() {
        let bytes: Vec<u8> = (0..40_u8).map(|i| i.wrapping_mul(151) ^ 29).collect();
        let bit = |i: usize| u32::from(bytes[i / 8] >> (i % 8) & 1);
        for first in 0..=32 {
            let (mut bits, mut at) = (BitReader::new(&bytes), 0);
            for n in [first, 7, 32, 1, 15, 18, 32, 32, 3].into_iter().cycle() {
                let n = n as usize;
                if at + n > 8 * bytes.len() {
                    assert_eq!(bits.read(n as u32), Err(Broken::CutOff));
                    break;
                }
                let expected = (0..n).map(|i| bit(at + i) << i).sum();
                assert_eq!(bits.read(n as u32), Ok(expected), "{n} bits at {at}, the first of {first}");
                at += n;
            }
        }
    }
}
