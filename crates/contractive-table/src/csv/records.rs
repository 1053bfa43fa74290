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

impl LineEnds {
    /// Whether the next byte ends a line, where `separator` parts cells.
    pub fn see(&mut self, byte: u8, separator: u8) -> bool {
        self.within = match (self.within, byte) {
            (Within::Quotes, b'"') => Within::QuotesOrEnd,
            (Within::Quotes, _) | (Within::Beginning | Within::QuotesOrEnd, b'"') => Within::Quotes,
            (_, b'\n' | b'\r') => {
                self.cells = 0;
                Within::Beginning
            }
            (_, byte) if byte == separator => {
                self.cells += 1;
                Within::Beginning
            }
            _ => Within::Cell,
        };
        byte == b'\n' && self.within == Within::Beginning
    }

    /// Cells of the line at hand that are ended.
    pub fn cells(&self) -> usize {
        self.cells
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
    }

    #[test]
    fn a_quote_opens_a_cell_at_its_beginning_alone() {
        let n = |text: &str| lines(text.as_bytes()).len();
        assert_eq!((n("1,a 5\" pipe\n2,b\n"), n("1,\"5\n6\"\n2\n"), n("\"a \"\" \n\",b\n2\n")), (2, 2, 2));
        let mut ends = LineEnds::default();
        assert!(!b"1,\",\",".iter().any(|byte| ends.see(*byte, b',')));
        assert_eq!(ends.cells(), 2);
    }
}
