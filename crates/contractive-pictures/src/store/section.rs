//! A part of an open file, read by several threads.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at a time.
const BUFFER: usize = 1 << 14;

/// A part of a file with a place of its own in it; clones have theirs. The file's own place is nobody's: it is set before each read.
#[derive(Debug)]
pub(crate) struct Section {
    file: Arc<Mutex<File>>,
    start: u64,
    len: u64,
    at: u64,
    /// Bytes of the part from `buffered_at` on.
    buffer: Vec<u8>,
    buffered_at: u64,
}

impl Clone for Section {
    fn clone(&self) -> Self {
        Section { file: self.file.clone(), buffer: Vec::new(), ..*self }
    }
}

impl Section {
    /// A whole file.
    pub fn whole(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Section { file: Arc::new(Mutex::new(file)), start: 0, len, at: 0, buffer: Vec::new(), buffered_at: 0 })
    }

    /// Bytes of the part.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// `len` bytes from `start` of this part on, as far as it has them.
    pub fn part(&self, start: u64, len: u64) -> Section {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        Section { start: self.start + start, len, at: 0, buffered_at: 0, ..self.clone() }
    }

    /// The first bytes, at most `most`.
    pub fn first(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.part(0, most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.len - at.min(self.len)).min(out.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start + at))?;
        file.read(&mut out[..wanted])
    }

    fn buffered(&self) -> &[u8] {
        let skip =
            self.at.checked_sub(self.buffered_at).map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        self.buffer.get(skip..).unwrap_or_default()
    }
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = if self.buffered().is_empty() && out.len() >= BUFFER {
            self.read_at(self.at, out)?
        } else {
            let ready = self.fill_buf()?;
            let n = ready.len().min(out.len());
            out[..n].copy_from_slice(&ready[..n]);
            n
        };
        self.at += n as u64;
        Ok(n)
    }
}

impl BufRead for Section {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffered().is_empty() {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(BUFFER, 0);
            let n = self.read_at(self.at, &mut buffer)?;
            buffer.truncate(n);
            (self.buffer, self.buffered_at) = (buffer, self.at);
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, n: usize) {
        self.at += n as u64;
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning"))?;
        Ok(self.at)
    }
}
