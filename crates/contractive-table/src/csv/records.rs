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
