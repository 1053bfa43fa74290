//! Prefix codes (RFC 9649, section 3.7.2.1): the lengths of their codewords as a stream gives them, what `image-webp` takes
//! for their tables, and symbols by them.
//!
//! A code of lengths lᵢ is complete, and may be read, where Σ 2^−lᵢ = 1, or where there is one symbol, which takes no
//! bit. (A larger sum may overflow in `image-webp` and pass; it is refused here.)

use super::bits::{BitReader, Broken};

/// The most symbols: 256 of a channel, 24 of a length, 2^11 of the colour cache.
pub(super) const MOST_SYMBOLS: usize = 256 + 24 + (1 << 11);
/// The longest codeword.
const LONGEST: usize = 15;
/// Codewords up to here are looked up at once, longer ones bit by bit.
const SHORT: usize = 8;
/// An entry of a code's table that begins longer codewords: no symbol is so large.
const LONGER: u16 = u16::MAX;
/// The order in which the lengths of the code of code lengths come.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The lengths of the codewords of a prefix code that may be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CodeLengths<'a> {
    /// One symbol, of no bit.
    One(u16),
    /// Of one bit each, the symbol of bit 0 first. They may be the same.
    Two([u16; 2]),
    /// The length of each symbol, 0 where it has none, and how many there are of each length.
    Many(&'a [u8], [u16; LONGEST + 1]),
}

impl<'a> CodeLengths<'a> {
    /// Those of a code of `n` symbols, written into `room`.
    pub fn read(bits: &mut BitReader, n: usize, room: &'a mut [u8; MOST_SYMBOLS]) -> Result<Self, Broken> {
        if bits.read(1)? == 1 {
            return Self::simple(bits, n);
        }
        let mut lengths = [0; ORDER.len()];
        let given = 4 + bits.read(4)? as usize;
        for &i in &ORDER[..given] {
            lengths[i] = bits.read(3)? as u8;
        }
        let code = CodeLengths::checked(&lengths)?.code();
        let mut left = n;
        if bits.read(1)? == 1 {
            let width = 2 + 2 * bits.read(3)?;
            left = 2 + bits.read(width)? as usize;
            if left > n {
                return Err(Broken::Damaged("a prefix code has more code lengths than symbols"));
            }
        }
        let room = &mut room[..n];
        room.fill(0);
        let (mut at, mut before) = (0, 8);
        while at < n && left > 0 {
            left -= 1;
            let symbol = code.symbol(bits)?;
            let (length, times) = match symbol {
                16 => (before, 3 + bits.read(2)?),
                17 => (0, 3 + bits.read(3)?),
                18 => (0, 11 + bits.read(7)?),
                length => (length as u8, 1),
            };
            let all = room.get_mut(at..at + times as usize);
            all.ok_or(Broken::Damaged("a prefix code has more code lengths than symbols"))?.fill(length);
            at += times as usize;
            if length != 0 {
                before = length;
            }
        }
        Self::checked(room)
    }

    /// A code of one or two symbols, of 8 bits at most. `image-webp` gives bit 0 to the symbol that comes first, whichever is
    /// smaller, and takes the same twice as it comes.
    fn simple(bits: &mut BitReader, n: usize) -> Result<Self, Broken> {
        let has_second = bits.read(1)? == 1;
        let width = if bits.read(1)? == 1 { 8 } else { 1 };
        let first = bits.read(width)? as u16;
        let second = if has_second { bits.read(8)? as u16 } else { first };
        if usize::from(first.max(second)) >= n {
            return Err(Broken::Damaged("a prefix code has a symbol outside of its alphabet"));
        }
        Ok(if has_second { CodeLengths::Two([first, second]) } else { CodeLengths::One(first) })
    }

    fn checked(lengths: &'a [u8]) -> Result<Self, Broken> {
        let mut counts = [0; LONGEST + 1];
        lengths.iter().for_each(|&length| counts[usize::from(length)] += 1);
        counts[0] = 0;
        let sum: u32 = (1..).zip(&counts[1..]).map(|(length, &n)| u32::from(n) << (LONGEST - length)).sum();
        match lengths.iter().position(|&length| length > 0) {
            Some(symbol) if counts.iter().sum::<u16>() == 1 => Ok(CodeLengths::One(symbol as u16)),
            _ if sum == 1 << LONGEST => Ok(CodeLengths::Many(lengths, counts)),
            _ => Err(Broken::Damaged("a prefix code is not complete")),
        }
    }

    /// Bytes on the heap that `image-webp` 0.2.4 takes: a table of 4 bytes for each beginning of up to 10 bits, and two nodes
    /// of 16 bytes for each longer codeword.
    pub fn table_bytes(&self) -> u64 {
        match self {
            CodeLengths::One(_) => 0,
            CodeLengths::Two(_) => 2 * 4 + 3 * 16,
            CodeLengths::Many(_, counts) => {
                let longest = counts.iter().rposition(|&n| n > 0).unwrap_or(0);
                (4 << longest.min(10)) + 32 * counts[11..].iter().map(|&n| u64::from(n)).sum::<u64>()
            }
        }
    }

    /// The code itself.
    pub fn code(&self) -> PrefixCode {
        match *self {
            CodeLengths::One(symbol) => PrefixCode { table: [symbol].into(), ..PrefixCode::default() },
            CodeLengths::Two([zero, one]) => {
                PrefixCode { table: [1 << 12 | zero, 1 << 12 | one].into(), ..PrefixCode::default() }
            }
            CodeLengths::Many(lengths, counts) => PrefixCode::canonical(lengths, counts),
        }
    }
}

/// A code to read symbols by: at most three quarters of [`CodeLengths::table_bytes`], and 48 bytes.
#[derive(Debug, Default)]
pub(super) struct PrefixCode {
    /// By the next bits, as many as the longest short codeword has: its length times 2^12 and its symbol, or [`LONGER`].
    table: Box<[u16]>,
    /// Symbols of longer codewords, in the order of these.
    longer: Box<[u16]>,
    /// How many longer ones there are of each length, and the first that is one bit longer than short.
    counts: [u16; LONGEST - SHORT],
    first: u16,
}

impl PrefixCode {
    /// Codewords of a length are numbers that follow one another by symbol, after those that are shorter.
    fn canonical(lengths: &[u8], counts: [u16; LONGEST + 1]) -> Self {
        let longest = counts.iter().rposition(|&n| n > 0).unwrap_or(0).min(SHORT);
        let (mut next, mut place) = ([0_u16; LONGEST + 2], [0_u16; LONGEST + 2]);
        for length in 1..=LONGEST {
            next[length + 1] = (next[length] + counts[length]) << 1;
            place[length + 1] = if length > SHORT { place[length] + counts[length] } else { 0 };
        }
        let first = next[SHORT + 1];
        let mut table = vec![LONGER; 1 << longest];
        let mut longer = vec![0; usize::from(place[LONGEST + 1])];
        for (symbol, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let (symbol, length) = (symbol as u16, usize::from(length));
            if length > SHORT {
                longer[usize::from(place[length])] = symbol;
                place[length] += 1;
                continue;
            }
            let codeword = next[length].reverse_bits() >> (16 - length);
            next[length] += 1;
            table[usize::from(codeword)..]
                .iter_mut()
                .step_by(1 << length)
                .for_each(|e| *e = (length as u16) << 12 | symbol);
        }
        let mut of_longer = [0; LONGEST - SHORT];
        of_longer.copy_from_slice(&counts[SHORT + 1..]);
        PrefixCode { table: table.into(), longer: longer.into(), counts: of_longer, first }
    }

    /// The next symbol.
    #[inline]
    pub fn symbol(&self, bits: &mut BitReader) -> Result<u16, Broken> {
        let next = bits.peek();
        let entry = self.table[next as usize & (self.table.len() - 1)];
        if entry == LONGER {
            return self.longer_symbol(next, bits);
        }
        bits.skip(u32::from(entry >> 12))?;
        Ok(entry & 0xfff)
    }

    fn longer_symbol(&self, next: u64, bits: &mut BitReader) -> Result<u16, Broken> {
        let mut codeword = u16::from((next as u8).reverse_bits());
        let (mut first, mut place) = (self.first, 0);
        for (i, &n) in self.counts.iter().enumerate() {
            codeword = codeword << 1 | (next >> (SHORT + i) & 1) as u16;
            if codeword.wrapping_sub(first) < n {
                bits.skip((SHORT + 1 + i) as u32)?;
                return Ok(self.longer[usize::from(place + (codeword - first))]);
            }
            place += n;
            first = (first + n) << 1;
        }
        Err(Broken::Damaged("a codeword is not of its prefix code"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::tests::bytes_of;
    use super::*;

    fn of(numbers: &[(u32, usize)], n: usize) -> Result<(u64, PrefixCode), Broken> {
        let (bytes, mut room) = (bytes_of(numbers), [0; MOST_SYMBOLS]);
        let lengths = CodeLengths::read(&mut BitReader::new(&bytes), n, &mut room)?;
        Ok((lengths.table_bytes(), lengths.code()))
    }

    fn symbols(code: &PrefixCode, numbers: &[(u32, usize)], n: usize) -> Vec<u16> {
        let bytes = bytes_of(numbers);
        let mut bits = BitReader::new(&bytes);
        (0..n).map(|_| code.symbol(&mut bits).unwrap()).collect()
    }

    #[test]
    fn simple_codes_have_one_symbol_or_two() {
        let (bytes, code) = of(&[(1, 1), (0, 1), (0, 1), (1, 1)], 40).unwrap();
        assert_eq!((bytes, symbols(&code, &[], 3)), (0, vec![1; 3]));
        let (bytes, code) = of(&[(1, 1), (1, 1), (1, 1), (200, 8), (7, 8)], 256).unwrap();
        assert_eq!((bytes, symbols(&code, &[(0b010, 3)], 3)), (56, vec![200, 7, 200]));
        assert!(matches!(of(&[(1, 1), (0, 1), (1, 1), (40, 8)], 40), Err(Broken::Damaged(_))));
        assert!(matches!(of(&[(1, 1), (1, 1), (0, 1)], 40), Err(Broken::CutOff)));
    }

    /// Code lengths by a code of code lengths of 2 bits: 0, 1, 2 and 17 (three zeros and more).
    #[test]
    fn code_lengths_have_a_code_of_their_own() {
        // In the order 17, 18, 0, 1, 2: codewords 00 of 0, 01 of 1, 10 of 2, 11 of 17.
        let head = [(0, 1), (1, 4), (2, 3), (0, 3), (2, 3), (2, 3), (2, 3)];
        // Symbol 1 has one bit, symbols 6 and 7 two, of eight given.
        let lengths = [(1, 1), (0, 3), (3, 2), (0b00, 2), (0b10, 2), (0b11, 2), (1, 3), (0b01, 2), (0b01, 2)];
        let (bytes, code) = of(&[head.as_slice(), &lengths].concat(), 40).unwrap();
        assert_eq!(bytes, 4 << 2);
        assert_eq!(symbols(&code, &[(0b0, 1), (0b01, 2), (0b11, 2), (0b0, 1)], 4), [1, 6, 7, 1]);
        // Two of one bit and one of two: too many; one of one bit and one of two: too few.
        for lengths in [[0b10, 0b10, 0b01], [0b10, 0b01, 0b00]] {
            let given = [(1, 1), (0, 3), (1, 2), (lengths[0], 2), (lengths[1], 2), (lengths[2], 2)];
            let outcome = of(&[head.as_slice(), &given].concat(), 40);
            assert_eq!(outcome.err(), Some(Broken::Damaged("a prefix code is not complete")));
        }
        // More zeros than there are symbols.
        let beyond = [(0, 1), (0b11, 2), (7, 3)].repeat(5);
        assert!(of(&[head.as_slice(), &[(0, 1)], &beyond[1..]].concat(), 40).is_err());
    }

    /// Lengths 1, 2, … 14, 15, 15: the symbol i is i ones and a zero, the last 15 ones.
    #[test]
    fn codewords_longer_than_the_table_are_found() {
        let lengths: Vec<u8> = (1..=15).chain([15]).collect();
        let code = CodeLengths::checked(&lengths).unwrap();
        assert_eq!(code.table_bytes(), (4 << 10) + 32 * 6);
        let code = code.code();
        for symbol in 0..16 {
            let n = lengths[symbol] as usize;
            let ones = (1 << symbol) - 1;
            assert_eq!(symbols(&code, &[(ones, n), (0, 1)], 2), [symbol as u16, 0]);
            let bytes = bytes_of(&[(ones, n)]);
            let mut bits = BitReader::new(&bytes[..n / 8]);
            assert_eq!(code.symbol(&mut bits).is_ok(), n.is_multiple_of(8), "{symbol}");
        }
    }
}
