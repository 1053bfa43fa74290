//! The bytes of a file that is being written, over what becomes of it.
//!
//! | what is seen at its name | what it means |
//! |---|---|
//! | the file that was read, longer | it grew |
//! | another file that is not empty | the one read was renamed or removed by what rotates it: it is read to its end, then the other from its beginning |
//! | another file that is empty; none | nothing yet: who writes may still write to the one read, which is read on |
//! | the file that was read, shorter, or with other bytes where reading ended | it was cut short, as by `copytruncate`: it is read from its beginning |
//!
//! Nothing that one writer writes is lost where it opens the new file before it writes there and writes to the old one no
//! more after, and where each file keeps its name for longer than two looks are apart. What was written between the last
//! look and a cut is lost: rename a file to rotate it.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use contractive_table::opening::{identity, open_regular};

use super::error::SeriesError;

/// Bytes taken at a time: in rows of two bytes each becomes some hundred in memory.
const MOST_READ: u64 = 256 << 10;
/// Bytes before the place where reading ended that must stay as they were.
const KEPT: usize = 64;

/// Why reading began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Another file took its name.
    Replaced,
    /// It was cut short.
    Cut,
}

/// What was added to the bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Whether there may be more at once.
    pub has_more: bool,
    /// What is added from now on is of the beginning of a file.
    pub turn: Option<Turn>,
    /// Whether no file has the name.
    pub is_gone: bool,
}

/// A file by its name, and by what was read of it.
#[derive(Debug)]
pub(super) struct FollowedFile {
    path: PathBuf,
    file: File,
    /// Bytes read so far.
    read: u64,
    /// The last of them, up to [`KEPT`].
    tail: Vec<u8>,
    /// Files that had its name since, of which none was seen with a byte.
    others: VecDeque<File>,
}

impl FollowedFile {
    pub fn open(path: &Path) -> Result<FollowedFile, SeriesError> {
        let file = open_regular(path).map_err(|source| failed("open", path, source))?;
        Ok(FollowedFile { path: path.to_path_buf(), file, read: 0, tail: Vec::new(), others: VecDeque::new() })
    }

    /// Bytes of the file at hand that were read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Adds to `bytes` what there is more; nothing at a turn.
    ///
    /// # Errors
    /// [`SeriesError::File`].
    pub fn take(&mut self, bytes: &mut Vec<u8>) -> Result<Taken, SeriesError> {
        let failed = |path: &Path, source| failed("read", path, source);
        if self.was_cut().map_err(|e| failed(&self.path, e))? {
            (self.read, self.tail) = (0, Vec::new());
            return Ok(Taken { has_more: true, turn: Some(Turn::Cut), is_gone: false });
        }
        // A turn comes alone, when what is before it was taken.
        if self.append(bytes)? > 0 {
            return Ok(Taken { has_more: true, ..Taken::default() });
        }
        let is_gone = self.look_for_others().map_err(|e| failed(&self.path, e))?;
        let has_bytes = |file: &File| file.metadata().is_ok_and(|known| known.len() > 0);
        if !self.others.iter().any(has_bytes) {
            return Ok(Taken { is_gone, ..Taken::default() });
        }
        // Who writes to another one has written the last of this one before.
        if self.append(bytes)? > 0 {
            return Ok(Taken { has_more: true, ..Taken::default() });
        }
        if let Some(other) = self.others.pop_front() {
            (self.file, self.read, self.tail) = (other, 0, Vec::new());
        }
        Ok(Taken { has_more: true, turn: Some(Turn::Replaced), is_gone })
    }

    /// Opens the file that has the name, where it is a new one; whether none has it.
    fn look_for_others(&mut self) -> std::io::Result<bool> {
        let opened = self.path.metadata().and_then(|at_path| {
            let mut known = self.others.iter().chain([&self.file]);
            let is_known = known.any(|file| file.metadata().is_ok_and(|known| is_same_file(&at_path, &known)));
            if is_known { Ok(None) } else { open_regular(&self.path).map(Some) }
        });
        match opened {
            Ok(other) => self.others.extend(other),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(true),
            Err(e) => return Err(e),
        }
        Ok(false)
    }

    /// Adds up to [`MOST_READ`] bytes; how many.
    fn append(&mut self, bytes: &mut Vec<u8>) -> Result<u64, SeriesError> {
        let before = bytes.len();
        let mut limited = (&self.file).take(MOST_READ);
        let got = limited.read_to_end(bytes).map_err(|e| failed("read", &self.path, e))?;
        let new = &bytes[before..];
        self.tail.extend_from_slice(&new[new.len().saturating_sub(KEPT)..]);
        self.tail.drain(..self.tail.len().saturating_sub(KEPT));
        self.read += got as u64;
        Ok(got as u64)
    }

    /// Whether the file is shorter than what was read, or no longer what was read; leaves off where reading goes on.
    fn was_cut(&mut self) -> std::io::Result<bool> {
        if self.file.metadata()?.len() < self.read {
            self.file.rewind()?;
            return Ok(true);
        }
        let mut now = vec![0; self.tail.len()];
        self.file.seek(SeekFrom::Start(self.read - now.len() as u64))?;
        match self.file.read_exact(&mut now) {
            Ok(()) if now == self.tail => return Ok(false),
            // Cut in this moment.
            Err(e) if e.kind() != ErrorKind::UnexpectedEof => return Err(e),
            _ => {}
        }
        self.file.rewind()?;
        Ok(true)
    }
}

fn failed(verb: &'static str, path: &Path, source: std::io::Error) -> SeriesError {
    SeriesError::File { verb, path: path.to_path_buf(), source }
}

/// Where the system does not tell, an open file cannot be renamed, and one that is replaced is noticed by its bytes.
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    identity(a) == identity(b)
}
