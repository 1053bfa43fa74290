//! Files as streams of bytes, plain or gzip, never taken at their header's word.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::TableError;
use crate::opening::{FOLDER, what_else};

/// Compressed contents are followed to this many times the compressed size …
const MOST_EXPANSION: u64 = 200;
/// … or to this many bytes, whichever is more: far above any data, far below what deflate's 1032 allows a bomb.
const FREE_EXPANSION: u64 = 64 << 20;

/// The most bytes that `compressed` bytes are allowed to become.
pub fn most_expanded(compressed: u64) -> u64 {
    compressed.saturating_mul(MOST_EXPANSION).max(FREE_EXPANSION)
}

/// Opens a file. A folder is refused here: some systems open it, and fail only where it is read. So is a pipe: its bytes are
/// there once, and tables are read more than once.
pub(crate) fn open_file(path: &Path) -> Result<File, TableError> {
    let failed = |e| TableError::io("open", path, e);
    match what_else(path.metadata().map_err(failed)?.file_type()) {
        None => File::open(path).map_err(failed),
        Some(FOLDER) => Err(TableError::Folder { path: path.to_path_buf() }),
        Some(kind) => Err(TableError::NotAFile { path: path.to_path_buf(), kind }),
    }
}

/// An open file, decompressed as it is read.
pub struct Source<'a> {
    pub path: PathBuf,
    pub reader: Box<dyn Read + Send + 'a>,
    /// The most bytes that can come.
    pub most: u64,
    /// Bytes reserved on a header's word: the size of a plain file, an ordinary expansion of a compressed one.
    trusted: u64,
}

impl<'a> Source<'a> {
    /// A stream of `packed` bytes that unpack to at most `most`.
    pub fn bounded(path: PathBuf, reader: impl Read + Send + 'a, packed: u64, most: u64) -> Self {
        let trusted = packed.saturating_mul(12).min(most);
        Source { path, reader: Box::new(Bounded { inner: reader, left: most }), most, trusted }
    }

    /// Opens a file; gzip is recognised by its first two bytes, whatever the name.
    pub fn open(path: &Path) -> Result<Source<'static>, TableError> {
        let file = open_file(path)?;
        let size = file.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let is_gzip =
            io::BufRead::fill_buf(&mut reader).map_err(|e| TableError::io("read", path, e))?.starts_with(&[0x1f, 0x8b]);
        let path = path.to_path_buf();
        Ok(if is_gzip {
            Source::bounded(path, MultiGzDecoder::new(reader), size, most_expanded(size))
        } else {
            Source { path, reader: Box::new(reader), most: size, trusted: size }
        })
    }

    /// Reads a header of exactly `N` bytes.
    pub fn header<const N: usize>(&mut self) -> Result<[u8; N], TableError> {
        let mut bytes = [0; N];
        let got = read_up_to(&mut self.reader, &mut bytes).map_err(|e| TableError::reading(&self.path, e))?;
        if got < N {
            let reason = format!("it ends within its header, after {got} of {N} bytes");
            return Err(TableError::Corrupt { path: self.path.clone(), reason });
        }
        Ok(bytes)
    }

    /// Reads the `claimed` bytes after the header and refuses more or fewer.
    ///
    /// Memory grows with the bytes that really come. Where the file could hold the claim at an ordinary compression,
    /// it is reserved at once, so that a good file is never held twice.
    pub fn payload(&mut self, claimed: u64) -> Result<Vec<u8>, TableError> {
        self.check_claim(Some(claimed))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.trusted(claimed)).map_err(|_| self.no_memory(claimed))?;
        let end = (&mut self.reader).take(claimed).read_to_end(&mut bytes);
        let is_cut =
            end.as_ref().map_or_else(|e| e.kind() == io::ErrorKind::UnexpectedEof, |&got| (got as u64) < claimed);
        if is_cut {
            let got = bytes.len() as u64;
            return Err(TableError::Truncated { path: self.path.clone(), expected: claimed, got });
        }
        end.map_err(|e| TableError::reading(&self.path, e))?;
        self.expect_end(claimed)?;
        Ok(bytes)
    }

    /// Bytes of a claim that may be reserved before they are seen.
    pub fn trusted(&self, claimed: u64) -> usize {
        usize::try_from(claimed.min(self.trusted)).unwrap_or(0)
    }

    /// Refuses a claim that overflows (`None`) or that a file of this size cannot meet.
    pub fn check_claim(&self, claimed: Option<u64>) -> Result<u64, TableError> {
        match claimed {
            Some(claimed) if claimed <= self.most => Ok(claimed),
            _ => Err(TableError::Oversized {
                path: self.path.clone(),
                claimed: claimed.map_or_else(|| "more than 2^64".into(), |n| n.to_string()),
                most: self.most,
            }),
        }
    }

    /// Refuses bytes after the values.
    pub fn expect_end(&mut self, expected: u64) -> Result<(), TableError> {
        let mut one = [0];
        match read_up_to(&mut self.reader, &mut one) {
            Ok(0) => Ok(()),
            Ok(_) => Err(TableError::Trailing { path: self.path.clone(), expected }),
            Err(e) => Err(TableError::reading(&self.path, e)),
        }
    }

    fn no_memory(&self, bytes: u64) -> TableError {
        let source =
            io::Error::new(io::ErrorKind::OutOfMemory, format!("the system does not give {bytes} bytes of memory"));
        TableError::io("read", &self.path, source)
    }
}

/// Fills `bytes` as far as the stream goes.
pub fn read_up_to(reader: &mut dyn Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match reader.read(&mut bytes[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// A stream that fails, rather than ends, beyond its bound.
pub struct Bounded<R> {
    pub inner: R,
    pub left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => {
                self.left = left;
                Ok(n)
            }
            None => Err(expands_too_much()),
        }
    }
}

fn expands_too_much() -> io::Error {
    let text = "it expands more than 200-fold; if it is what it should be, decompress it and give the plain file";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Gzip of unknown length, which fails once it has become more than its bytes so far may.
pub struct GzipStream<R> {
    inner: MultiGzDecoder<Counted<R>>,
    given: u64,
}

impl<R: Read> GzipStream<R> {
    pub fn new(packed: R) -> Self {
        GzipStream { inner: MultiGzDecoder::new(Counted { inner: packed, came: 0 }), given: 0 }
    }
}

impl<R: Read> Read for GzipStream<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.given += n as u64;
        if self.given > most_expanded(self.inner.get_ref().came) { Err(expands_too_much()) } else { Ok(n) }
    }
}

/// A stream that counts its bytes.
struct Counted<R> {
    inner: R,
    came: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.came += n as u64;
        Ok(n)
    }
}

/// A stream that fails at its end where its bytes do not have the checksum that was told beforehand.
#[cfg(feature = "npz")]
pub struct Checked<R> {
    inner: R,
    seen: flate2::Crc,
    crc32: u32,
}

#[cfg(feature = "npz")]
impl<R: Read> Checked<R> {
    pub fn new(inner: R, crc32: u32) -> Self {
        Checked { inner, seen: flate2::Crc::new(), crc32 }
    }
}

#[cfg(feature = "npz")]
impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.seen.update(&out[..n]);
        if n == 0 && !out.is_empty() && self.seen.sum() != self.crc32 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "Invalid checksum"));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_gzip_bomb_is_stopped_and_ordinary_compression_is_not() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
        let mebibyte = encoder.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zeros.gz");
        let read = |mebibytes: usize| {
            std::fs::write(&path, mebibyte.repeat(mebibytes)).unwrap();
            io::copy(&mut Source::open(&path).unwrap().reader, &mut io::sink())
        };
        assert_eq!(read(64).unwrap(), 64 << 20);
        let error = read(65).unwrap_err();
        assert!(error.to_string().contains("200-fold"), "{error}");
        assert!(matches!(TableError::reading(&path, error), TableError::Corrupt { .. }));
    }

    #[test]
    fn a_gzip_bomb_of_unknown_length_is_stopped() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(&vec![0; 65 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let error = io::copy(&mut GzipStream::new(bomb.as_slice()), &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("200-fold"), "{error}");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(b"a,b\n1,2\n").unwrap();
        let mut text = String::new();
        GzipStream::new(encoder.finish().unwrap().as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a,b\n1,2\n");
    }

    #[test]
    fn a_good_file_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain");
        std::fs::write(&path, vec![7; 100_000]).unwrap();
        let bytes = Source::open(&path).unwrap().payload(100_000).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (100_000, 100_000));
    }
}
