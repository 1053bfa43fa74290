//! The bytes of a TIFF as its decoder is given them.

use std::io::{Error, ErrorKind, Read, Result as IoResult, Seek, SeekFrom};
use std::ops::Range;

/// Reads from where a strip or tile begins to where its bytes end, and no further: a stream of deflate may hold nothing but empty blocks,
/// and would be read on through the strips that follow, for each strip anew.
pub(super) struct Stream<'a> {
    all: &'a [u8],
    at: u64,
    end: u64,
    /// Strips or tiles by where they begin, of which there is one each.
    ends: Vec<Range<u64>>,
    /// Whether their bytes have their bits from the last to the first.
    is_reversed: bool,
    /// Where tags stand that the decoder is not to see.
    hidden: Vec<u64>,
}

impl<'a> Stream<'a> {
    /// All bytes; where tags of two bytes stand that are `hidden`, others.
    pub fn new(all: &'a [u8], hidden: Vec<u64>) -> Self {
        Stream { all, at: 0, end: u64::MAX, ends: Vec::new(), is_reversed: false, hidden }
    }

    /// With these strips or tiles; of those that begin at one place the longest counts.
    pub fn set_ends(&mut self, mut ends: Vec<Range<u64>>) {
        ends.sort_unstable_by_key(|strip| (strip.start, std::cmp::Reverse(strip.end)));
        ends.dedup_by_key(|strip| strip.start);
        self.ends = ends;
    }

    /// Strips or tiles whose bytes have their bits from the last to the first.
    pub fn reverse(&mut self) {
        self.is_reversed = true;
    }

    /// With the strips or tiles of another.
    pub fn set_ends_of(&mut self, other: &Stream) {
        self.ends.clone_from(&other.ends);
        self.is_reversed = other.is_reversed;
    }

    /// The end of a strip or tile that begins at `at`.
    pub fn end_of(&self, at: u64) -> Option<u64> {
        let found = self.ends.binary_search_by_key(&at, |strip| strip.start);
        found.ok().map(|i| self.ends[i].end)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let end = self.all.len().min(self.end as usize);
        let rest = self.all.get(self.at as usize..end).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        if self.is_reversed && self.end != u64::MAX {
            buffer[..n].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        for at in self.hidden.iter().flat_map(|&at| [at, at + 1]) {
            if let Some(byte) = at.checked_sub(self.at).and_then(|i| buffer[..n].get_mut(i as usize)) {
                *byte = 0xff;
            }
        }
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Stream<'_> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => (self.all.len() as u64).checked_add_signed(by),
        };
        let at = at.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        // Where it stands is asked within a strip too.
        if at != self.at || matches!(to, SeekFrom::Start(_)) {
            self.end = self.end_of(at).unwrap_or(u64::MAX);
        }
        self.at = at;
        Ok(at)
    }
}
