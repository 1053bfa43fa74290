//! Arrays of one dimension in an archive, whole or a part at a time, and a word in it.

use std::path::Path;

use super::array::{ArrayValues, shape_text};
use super::header::Header;
use super::npz;
use crate::error::TableError;
use crate::source::{Source, read_up_to};

/// No word is longer, with its header.
const MOST_WORD: u64 = 1 << 12;

/// The array `array` of the archive at `path`, of one dimension.
pub(crate) fn archive_vector(path: &Path, array: &str) -> Result<Vec<f64>, TableError> {
    let array = npz::read_named(path, array)?;
    check_dimension(array.path(), array.shape())?;
    Ok(match array.into_values() {
        ArrayValues::Bytes(values) | ArrayValues::Booleans(values) => values.into_iter().map(f64::from).collect(),
        ArrayValues::F32(values) => values.into_iter().map(f64::from).collect(),
        ArrayValues::F64(values) => values,
    })
}

/// The text in the array `array`, which holds one word; `None` where it does not, or is not there.
pub(crate) fn archive_text(path: &Path, array: &str) -> Option<String> {
    let bytes = npz::first_bytes(path, array, MOST_WORD)?;
    let length: [u8; 2] = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?.get(..2)?.try_into().ok()?;
    let word = bytes.get(10 + usize::from(u16::from_le_bytes(length))..)?;
    // Characters take one byte or four.
    String::from_utf8(word.iter().copied().filter(|byte| *byte != 0).collect()).ok()
}

/// An array of one dimension, read a part at a time.
pub(crate) struct NumberStream {
    source: Source<'static>,
    header: Header,
    bytes: Vec<u8>,
    done: u64,
}

impl NumberStream {
    /// Opens the array `array` of the archive at `path`.
    pub fn open(path: &Path, array: &str) -> Result<Self, TableError> {
        let mut source = npz::open(path, Some(array))?;
        let header = Header::read(&mut source.reader, &source.path)?;
        check_dimension(&source.path, &header.shape)?;
        source.check_claim(header.n_bytes())?;
        Ok(NumberStream { source, header, bytes: Vec::new(), done: 0 })
    }

    /// Numbers in all.
    pub fn len(&self) -> u64 {
        self.header.shape[0] as u64
    }

    /// The next `n` numbers, in place of what is in `values`.
    pub fn next(&mut self, n: usize, values: &mut Vec<f64>) -> Result<(), TableError> {
        self.bytes.resize(n * self.header.size, 0);
        let got = read_up_to(&mut self.source.reader, &mut self.bytes).or_else(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => Ok(0),
            _ => Err(TableError::reading(&self.source.path, e)),
        })?;
        if got < self.bytes.len() {
            let expected = self.header.n_bytes().unwrap_or(u64::MAX);
            return Err(TableError::Truncated {
                path: self.source.path.clone(),
                expected,
                got: self.done + got as u64,
            });
        }
        self.done += got as u64;
        values.clear();
        values.extend(self.bytes.chunks_exact(self.header.size).map(self.header.decoder()));
        Ok(())
    }

    /// Refuses anything after the last number.
    pub fn finish(&mut self) -> Result<(), TableError> {
        self.source.expect_end(self.done)
    }
}

fn check_dimension(path: &Path, shape: &[usize]) -> Result<(), TableError> {
    match shape {
        [_] => Ok(()),
        _ => Err(TableError::Shape {
            what: format!("the shape of the array in {}", path.display()),
            expected: "one number".into(),
            got: shape_text(shape),
        }),
    }
}
