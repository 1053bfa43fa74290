//! Where a table comes from: a file, several, or a frame that a program holds.

use std::path::Path;

use crate::error::TableError;
use crate::frame::Frame;
use crate::frame_source::ReadOptions;
use crate::reader::FrameReader;
use crate::share::Share;

/// A table to be read.
#[derive(Debug, Clone, Copy)]
pub enum TableSource<'a> {
    /// The file at a path, `-` being CSV on standard input.
    File(&'a Path),
    /// What this process reads of a table in files. Of an empty share the reader has columns, and ends at once.
    Share(&'a Share),
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
            TableSource::Share(share) => FrameReader::share(share, options),
            TableSource::Held { name, frame } => FrameReader::held(name, frame, options),
        }
    }

    /// The file, of a share the first one, or the name as one: what messages call the table.
    pub fn path(&self) -> &'a Path {
        match self {
            TableSource::File(path) => path,
            TableSource::Share(share) => share.first_path(),
            TableSource::Held { name, .. } => Path::new(*name),
        }
    }

    /// Bytes of the file, against which what it claims is judged; `None` of rows that are there already, and of streams.
    pub fn size(&self) -> Option<u64> {
        match self {
            TableSource::File(path) => path.metadata().ok().map(|m| m.len()),
            TableSource::Share(share) => Some(share.bytes()),
            TableSource::Held { .. } => None,
        }
    }
}

impl<'a> From<&'a Share> for TableSource<'a> {
    fn from(share: &'a Share) -> Self {
        TableSource::Share(share)
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for TableSource<'a> {
    fn from(path: &'a P) -> Self {
        TableSource::File(path.as_ref())
    }
}
