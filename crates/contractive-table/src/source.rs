//! Files as streams of bytes, plain or gzip, never taken at their header's word.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::TableError;
use crate::gzip::Members;
use crate::limits::{is_accounted_for, most_expanded, no_memory, unpacks_to_too_much};
use crate::opening::{FOLDER, what_else};

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

/// Opens the stream of a compressed file once more, from its beginning.
type Again = Box<dyn Fn() -> Result<Box<dyn Read>, TableError> + Send>;

/// An open file, decompressed as it is read.
pub struct Source<'a> {
    pub path: PathBuf,
    pub reader: Box<dyn Read + Send + 'a>,
    /// The most bytes that can come.
    pub most: u64,
    /// Bytes in the file.
    pub packed: u64,
    /// Bytes read so far.
    came: Arc<AtomicU64>,
    /// Of a compressed file.
    again: Option<Again>,
    /// Bytes reserved on a header's word: the size of a plain file, an ordinary expansion of a compressed one.
    trusted: u64,
}

impl<'a> Source<'a> {
    /// A stream of `packed` bytes that unpack to at most `most`.
    pub fn bounded(path: PathBuf, reader: impl Read + Send + 'a, packed: u64, most: u64) -> Self {
        let trusted = packed.saturating_mul(4).min(most);
        let reader = Bounded { inner: reader, left: most };
        Source { trusted, ..Source::plain(path, reader, most, packed) }
    }

    fn plain(path: PathBuf, inner: impl Read + Send + 'a, most: u64, packed: u64) -> Self {
        let came = Arc::new(AtomicU64::new(0));
        let reader = Box::new(Counted { inner, came: came.clone() });
        Source { path, reader, most, packed, came, again: None, trusted: packed }
    }

    /// With the way to open the stream once more.
    pub fn with_again(self, again: impl Fn() -> Result<Box<dyn Read>, TableError> + Send + 'static) -> Self {
        Source { again: Some(Box::new(again)), ..self }
    }

    /// Counts the bytes that follow, which must be `claimed`, where `kept` bytes would be made of them and the file does not
    /// account for so many.
    pub fn count(&self, claimed: u64, kept: u64) -> Result<(), TableError> {
        let Some(again) = self.again.as_ref().filter(|_| !is_accounted_for(kept, self.packed)) else { return Ok(()) };
        let mut all = again()?.take(self.most.saturating_add(1));
        let all = match io::copy(&mut all, &mut io::sink()) {
            Ok(all) => all,
            Err(e) => return Err(TableError::reading(&self.path, e)),
        };
        let got = all.saturating_sub(self.came.load(Ordering::Relaxed));
        let (path, expected) = (self.path.clone(), claimed);
        match got.cmp(&claimed) {
            std::cmp::Ordering::Less => Err(TableError::Truncated { path, expected, got }),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(TableError::Trailing { path, expected }),
        }
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
            let again = {
                let path = path.clone();
                move || Ok(Box::new(Members::new(BufReader::new(open_file(&path)?))) as Box<dyn Read>)
            };
            Source::bounded(path, Members::new(reader), size, most_expanded(size)).with_again(again)
        } else {
            Source::plain(path, reader, size, size)
        })
    }

    /// Refuses to make `bytes` of its values, which may take more as numbers than in the file.
    pub fn check_kept(&self, bytes: u64) -> Result<(), TableError> {
        if bytes <= most_expanded(self.packed) {
            return Ok(());
        }
        Err(unpacks_to_too_much(&self.path))
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
        self.count(claimed, claimed)?;
        let mut bytes = Vec::new();
        let reserved = self.trusted(claimed);
        bytes.try_reserve_exact(reserved).map_err(|_| no_memory(&self.path, reserved))?;
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
    inner: Members<BufReader<Counted<R>>>,
    came: Arc<AtomicU64>,
    given: u64,
}

impl<R: Read> GzipStream<R> {
    pub fn new(packed: R) -> Self {
        let came = Arc::new(AtomicU64::new(0));
        let packed = BufReader::new(Counted { inner: packed, came: came.clone() });
        GzipStream { inner: Members::new(packed), came, given: 0 }
    }
}

impl<R: Read> Read for GzipStream<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.given += n as u64;
        if self.given > most_expanded(self.came.load(Ordering::Relaxed)) { Err(expands_too_much()) } else { Ok(n) }
    }
}

/// A stream that counts its bytes.
struct Counted<R> {
    inner: R,
    came: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.came.fetch_add(n as u64, Ordering::Relaxed);
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
