//! Where a table comes from: a file, or a frame that a program holds.

use std::path::Path;

use crate::error::TableError;
use crate::frame::Frame;
use crate::frame_source::ReadOptions;
use crate::reader::FrameReader;

/// A table to be read.
#[derive(Debug, Clone, Copy)]
pub enum TableSource<'a> {
    /// The file at a path, `-` being CSV on standard input.
    File(&'a Path),
    /// Rows that a program has already.
    Held {
        /// What messages call the table.
        name: &'a str,
        /// All of its rows.
        frame: &'a Frame,
    },
}

impl<'a> TableSource<'a> {
    /// A reader of the table.
    ///
    /// # Errors
    /// As [`FrameReader::open`].
    pub fn open(&self, options: &ReadOptions) -> Result<FrameReader, TableError> {
        match self {
            TableSource::File(path) => FrameReader::open(path, options),
            TableSource::Held { name, frame } => FrameReader::held(name, frame, options),
        }
    }

    /// The file, or the name as one: what messages call the table.
    pub fn path(&self) -> &'a Path {
        match self {
            TableSource::File(path) => path,
            TableSource::Held { name, .. } => Path::new(*name),
        }
    }

    /// Bytes of the file, against which what it claims is judged; `None` of rows that are there already, and of streams.
    pub fn size(&self) -> Option<u64> {
        match self {
            TableSource::File(path) => path.metadata().ok().map(|m| m.len()),
            TableSource::Held { .. } => None,
        }
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for TableSource<'a> {
    fn from(path: &'a P) -> Self {
        TableSource::File(path.as_ref())
    }
}
