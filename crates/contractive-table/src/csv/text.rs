//! The text of a table as UTF-8, from its first line on.

use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use super::first_line::separator;
use super::records::LineEnds;
use crate::error::TableError;
use crate::source::{Source, read_up_to};

/// Bytes that tell the encoding and the separator.
const START: usize = 1 << 16;

/// Of so many bytes one is a zero at least in text of another encoding.
const LETTERS_A_ZERO: usize = 8;

/// A text table, opened.
pub(crate) struct Text {
    /// From its first line on: after the byte order mark, and the line `sep=;` that Excel understands.
    pub reader: Box<dyn Read + Send>,
    /// What parts its cells.
    pub separator: u8,
    /// Lines that were passed over.
    pub skipped_lines: u64,
    /// Bytes of the file; of a stream as many as there may be.
    pub size: u64,
}

/// Opens a file, plain or gzip.
pub(crate) fn open_text(path: &Path) -> Result<Text, TableError> {
    let source = Source::open(path)?;
    text(path, source.reader, source.packed)
}

/// The text of `input`: UTF-8, or UTF-16 with its byte order mark.
pub(crate) fn text(path: &Path, input: Box<dyn Read + Send>, size: u64) -> Result<Text, TableError> {
    let failed = |e| TableError::reading(path, e);
    let (mark, input) = start_of(input, 3).map_err(failed)?;
    let input: Box<dyn Read + Send> = match mark.as_slice() {
        [0xff, 0xfe, ..] => Box::new(Utf16::new(input, u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Box::new(Utf16::new(input, u16::from_be_bytes)),
        _ => input,
    };
    let (start, mut reader) = start_of(input, START).map_err(failed)?;
    let has_mark = start.starts_with(b"\xef\xbb\xbf");
    if has_mark {
        reader.read_exact(&mut [0; 3]).map_err(failed)?;
    }
    let start = &start[if has_mark { 3 } else { 0 }..];
    let named = named_separator(start);
    let separator = named.map_or_else(|| separator(path, start), |(separator, _)| separator);
    if let Some(encoding) = other_encoding(start, separator, mark.starts_with(&[0xff, 0xfe])) {
        let reason =
            format!("it begins as {encoding} does; it must be text in UTF-8, or in UTF-16 with its byte order mark");
        return Err(TableError::Corrupt { path: path.to_path_buf(), reason });
    }
    if let Some((_, length)) = named {
        reader.read_exact(&mut vec![0; length]).map_err(failed)?;
    }
    Ok(Text { reader, separator, skipped_lines: named.is_some().into(), size })
}

/// The encoding of which text that begins so seems to be, told by zeros between its letters: those in a cell or two are no
/// sign of any, and those within quotes neither, for text of another encoding has them beside its quotes as well.
/// `is_decoded` of what was read as UTF-16.
fn other_encoding(start: &[u8], separator: u8, is_decoded: bool) -> Option<&'static str> {
    if !start.contains(&0) {
        return None;
    }
    let (mut ends, mut n_zeros) = (LineEnds::default(), 0);
    let (mut is_empty, mut is_of_names, mut has_name) = (true, true, true);
    for &byte in start {
        let ends_line = ends.see(byte, separator);
        is_empty &= matches!(byte, b'\n' | b'\r');
        if byte == 0 && !ends.is_within_quotes() {
            n_zeros += 1;
            has_name &= !is_of_names;
        }
        is_of_names &= is_empty || !ends_line;
    }
    if n_zeros == 0 || has_name && n_zeros * LETTERS_A_ZERO < start.len() {
        return None;
    }
    Some(match start {
        _ if is_decoded => "UTF-32",
        [0, 0, ..] | [_, 0, 0, 0, ..] => "UTF-32 without a byte order mark",
        [0, ..] => "UTF-16 (big-endian) without a byte order mark",
        [_, 0, ..] => "UTF-16 (little-endian) without a byte order mark",
        _ => "UTF-16 or UTF-32 without a byte order mark",
    })
}

/// The first bytes of a stream, at most `n`, and the whole stream again.
fn start_of(mut input: Box<dyn Read + Send>, n: usize) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut start = vec![0; n];
    let got = read_up_to(&mut input, &mut start)?;
    start.truncate(got);
    Ok((start.clone(), Box::new(Cursor::new(start).chain(input))))
}

/// The separator that a first line such as `sep=;` names, and the length of that line.
pub fn named_separator(start: &[u8]) -> Option<(u8, usize)> {
    let end = start.iter().position(|&byte| byte == b'\n')?;
    let line = start[..end].strip_suffix(b"\r").unwrap_or(&start[..end]);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', separator @ (b';' | b',' | b'\t' | b'|' | b':')]
            if [*s, *e, *p].eq_ignore_ascii_case(b"sep") =>
        {
            Some((*separator, end + 1))
        }
        _ => None,
    }
}

/// UTF-16 as UTF-8.
struct Utf16 {
    input: BufReader<Box<dyn Read + Send>>,
    unit: fn([u8; 2]) -> u16,
    /// The first half of a pair.
    high: Option<u16>,
    /// Text that was not asked for yet, and how much of it was given.
    ready: Vec<u8>,
    given: usize,
}

impl Utf16 {
    fn new(input: Box<dyn Read + Send>, unit: fn([u8; 2]) -> u16) -> Self {
        Utf16 { input: BufReader::with_capacity(START, input), unit, high: None, ready: Vec::new(), given: 0 }
    }

    /// Decodes some more; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 1 << 13];
        let got = read_up_to(&mut self.input, &mut bytes)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it begins as UTF-16 does, and goes on otherwise");
        let (pairs, rest) = bytes[..got].as_chunks();
        if !rest.is_empty() || (got == 0 && self.high.is_some()) {
            return Err(wrong());
        }
        (self.ready, self.given) = (Vec::with_capacity(2 * got), 0);
        let units = self.high.take().into_iter().chain(pairs.iter().map(|pair| (self.unit)(*pair)));
        for decoded in char::decode_utf16(units) {
            match decoded {
                _ if self.high.is_some() => return Err(wrong()),
                Ok(c) => self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                // The last unit may be the first half of a pair.
                Err(e) if (0xd800..0xdc00).contains(&e.unpaired_surrogate()) => {
                    self.high = Some(e.unpaired_surrogate())
                }
                Err(_) => return Err(wrong()),
            }
        }
        Ok(got > 0)
    }
}

impl Read for Utf16 {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && self.refill()? {}
        let n = out.len().min(self.ready.len() - self.given);
        out[..n].copy_from_slice(&self.ready[self.given..][..n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<(String, u8)> {
        let mut text = text(Path::new("t.csv"), Box::new(Cursor::new(bytes)), 0).map_err(io::Error::other)?;
        let mut all = String::new();
        text.reader.read_to_string(&mut all)?;
        Ok((all, text.separator))
    }

    #[test]
    fn other_encodings_are_named_and_not_read_as_letters_with_zeros() {
        let text = "time,load\n0,1\n";
        let utf_16_of = |text: &str, of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        let utf_16 = |of| utf_16_of(text, of);
        let utf_32 = |of: fn(u32) -> [u8; 4], mark: &str| {
            mark.chars().chain(text.chars()).flat_map(|c| of(c as u32)).collect::<Vec<u8>>()
        };
        for (bytes, encoding) in [
            (utf_16(u16::to_be_bytes), "UTF-16 (big-endian) without"),
            (utf_16(u16::to_le_bytes), "UTF-16 (little-endian) without"),
            (utf_32(u32::to_be_bytes, ""), "UTF-32 without"),
            (utf_32(u32::to_le_bytes, ""), "UTF-32 without"),
            (utf_32(u32::to_le_bytes, "\u{feff}"), "UTF-32 does"),
            (utf_32(u32::to_be_bytes, "\u{feff}"), "UTF-32 without"),
            // Names are on the first line that is not empty.
            ([&b"\r\n\nx\0,y\n"[..], &b"1,2\n".repeat(100)].concat(), "UTF-16 or UTF-32 without"),
            // Quotes have their zeros beside them.
            (utf_16_of("\"time\",\"load\"\n", u16::to_le_bytes), "UTF-16 (little-endian) without"),
            (utf_16_of("\"time\n of day\"\n", u16::to_be_bytes), "UTF-16 (big-endian) without"),
            ([&b"\"a\"\0,y\n"[..], &b"1,2\n".repeat(100)].concat(), "UTF-16 or UTF-32 without"),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(encoding) && error.contains("must be text in UTF-8"), "{encoding}: {error}");
        }
    }

    #[test]
    fn zeros_within_quotes_are_those_of_a_cell_wherever_it_stands() {
        for text in [
            "\"\n\x1b\0\0\0\0\",y\n1,2\n",
            "\"\x1b\0\0\0\0\",y\n1,2\n",
            "sep=;\n\"a,\0\";y\n1;2\n",
            "x,y\n\"\0\0\0\0\0\0\0\0\",\"\0\0\0\"\n",
        ] {
            let lines = text.strip_prefix("sep=;\n").unwrap_or(text);
            assert_eq!(read(text.as_bytes().to_vec()).unwrap().0, lines, "{text:?}");
        }
    }

    #[test]
    fn utf_16_and_named_separators_are_understood() {
        let long = "größe;😀\n".repeat(5000);
        for of in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let bytes: Vec<u8> = std::iter::once(0xfeff).chain(long.encode_utf16()).flat_map(of).collect();
            assert_eq!(read(bytes.clone()).unwrap(), (long.clone(), b';'));
            assert!(read(bytes[..bytes.len() - 1].to_vec()).is_err());
        }
        for (line, separator) in [("sep=;\r\n", b';'), ("\"SEP=,\"\n", b','), ("\u{feff}sep=\t\n", b'\t')] {
            assert_eq!(read(format!("{line}a,b;c\td\n").into_bytes()).unwrap(), ("a,b;c\td\n".into(), separator));
        }
        let padded = b"a,b\n1,x\0\0\0\n2,y and more of it\n";
        assert_eq!(read(padded.to_vec()).unwrap().0.as_bytes(), padded);
        assert_eq!(read(b"sep=xy\n1\n".to_vec()).unwrap().0, "sep=xy\n1\n");
    }
}
