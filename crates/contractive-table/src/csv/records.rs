//! The parser of text tables: one for files, standard input and files that grow.

use std::io::Read;

pub use csv::{ByteRecord, Position};

/// The records of a text table, its first line among them. Records of other lengths are given as they are, for their
/// reader to refuse with the line's number.
pub fn records<R: Read>(separator: u8, text: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(text)
}

/// Follows text that comes piece by piece, and tells where its lines end outside quotes: by the rules of [`records`], by which
/// a quote opens a cell only at its beginning, so that one within a cell is a character as any other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineEnds {
    within: Within,
    cells: usize,
}

/// What the byte before was within.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    /// Nothing yet: a cell begins.
    #[default]
    Beginning,
    Cell,
    Quotes,
    /// A quote within quotes: their end, or the first one of two that stand for one.
    QuotesOrEnd,
}

impl Within {
    /// What the byte behind is within, where `separator` parts cells.
    fn after(self, byte: u8, separator: u8) -> Within {
        match (self, byte) {
            (Within::Quotes, b'"') => Within::QuotesOrEnd,
            (Within::Quotes, _) | (Within::Beginning | Within::QuotesOrEnd, b'"') => Within::Quotes,
            (_, b'\n' | b'\r') => Within::Beginning,
            (_, byte) if byte == separator => Within::Beginning,
            _ => Within::Cell,
        }
    }
}

impl LineEnds {
    /// Whether the next byte ends a line, where `separator` parts cells.
    pub fn see(&mut self, byte: u8, separator: u8) -> bool {
        self.within = self.within.after(byte, separator);
        let ends_cell = self.within == Within::Beginning;
        match byte {
            b'\n' | b'\r' if ends_cell => self.cells = 0,
            _ if ends_cell => self.cells += 1,
            _ => {}
        }
        byte == b'\n' && ends_cell
    }

    /// Whether the byte that was seen last stands within quotes, the one that opens them among them.
    pub fn is_within_quotes(&self) -> bool {
        self.within == Within::Quotes
    }

    /// Cells of the line at hand that are ended.
    pub fn cells(&self) -> usize {
        self.cells
    }
}

/// Follows text by the same rules, and tells whether it ends within quotes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quotes {
    within: Within,
    /// Line breaks so far, and before the quote that was opened last.
    breaks: u64,
    before: u64,
}

impl Quotes {
    /// Takes note of the bytes that follow.
    pub fn see(&mut self, bytes: &[u8], separator: u8) {
        let n_breaks = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if !bytes.contains(&b'"') {
            // Nothing is opened or closed, and the last byte tells the rest: most text has few quotes.
            self.breaks += n_breaks(bytes);
            self.within = bytes.last().map_or(self.within, |last| self.within.after(*last, separator));
            return;
        }
        for &byte in bytes {
            let within = self.within.after(byte, separator);
            if self.within == Within::Beginning && within == Within::Quotes {
                self.before = self.breaks;
            }
            self.breaks += u64::from(byte == b'\n');
            self.within = within;
        }
    }

    /// The line breaks before the quote that is open.
    pub fn open(&self) -> Option<u64> {
        (self.within == Within::Quotes).then_some(self.before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let cells = |record: ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
        records(b',', text).into_byte_records().map(|record| cells(record.unwrap())).collect()
    }

    /// The pieces of `text` that end where lines do; the last one is not ended.
    fn lines(text: &[u8]) -> Vec<&[u8]> {
        let mut ends = LineEnds::default();
        text.split_inclusive(|byte| ends.see(*byte, b',')).collect()
    }

    proptest! {
        #[test]
        fn lines_end_where_the_parser_ends_records(text in "[a, \"\r\n]{0,40}") {
            let by_lines: Vec<_> = lines(text.as_bytes()).into_iter().flat_map(parsed).collect();
            prop_assert_eq!(by_lines, parsed(text.as_bytes()));
        }

        #[test]
        fn a_quote_is_open_where_the_parser_takes_a_line_break_into_the_cell(
            text in "[a, \"\r\n]{0,40}", piece in 1_usize..9,
        ) {
            let mut quotes = Quotes::default();
            text.as_bytes().chunks(piece).for_each(|piece| quotes.see(piece, b','));
            let more = parsed(format!("{text}\na,a").as_bytes());
            let is_within = more.last().and_then(|cells| cells.last()).is_some_and(|cell| cell.ends_with(b"\na,a"));
            prop_assert_eq!(quotes.open().is_some(), is_within, "{:?}", text);
        }
    }

    #[test]
    fn a_quote_opens_a_cell_at_its_beginning_alone() {
        let n = |text: &str| lines(text.as_bytes()).len();
        assert_eq!((n("1,a 5\" pipe\n2,b\n"), n("1,\"5\n6\"\n2\n"), n("\"a \"\" \n\",b\n2\n")), (2, 2, 2));
        let mut ends = LineEnds::default();
        assert!(!b"1,\",\",".iter().any(|byte| ends.see(*byte, b',')));
        assert_eq!(ends.cells(), 2);
    }

    #[test]
    fn an_open_quote_is_known_by_the_line_breaks_before_it() {
        for (text, open) in
            [("a,b\n\"1\n", Some(1)), ("\"a\n\"\n\n1,\"\"\"\n", Some(3)), ("\"a\n\"\n", None), ("a\"\n", None)]
        {
            for piece in [1, 2, 100] {
                let mut quotes = Quotes::default();
                text.as_bytes().chunks(piece).for_each(|piece| quotes.see(piece, b','));
                assert_eq!(quotes.open(), open, "{text:?} by {piece}");
            }
        }
    }
}
