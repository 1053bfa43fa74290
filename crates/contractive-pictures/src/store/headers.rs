//! The entries of a .tar, from header to header, in bounded memory whatever they claim.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use tar::{Archive, Entry, EntryType, Header};

/// Headers, and the mark of the end, are of so many bytes.
const BLOCK: u64 = 512;
/// What may be said of an entry before its bytes: a long name, notes of pax, the parts of a sparse file.
const MOST_SAID: u64 = 1 << 20;
/// The longest name, which is that of a path.
const MOST_NAME: usize = 4096;

/// What a header says of an entry.
pub(super) struct TarEntry {
    pub name: String,
    /// Where its bytes begin.
    pub start: u64,
    /// How many of them lie there.
    pub size: u64,
    pub kind: TarKind,
}

/// What an entry is.
pub(super) enum TarKind {
    File,
    /// A file without its zeros.
    Sparse,
    /// Another name of this file.
    Link(String),
    /// A folder, a device, notes on the archive.
    Other,
}

/// Whether a file of these first bytes is a .tar: by its magic word, or, as before 1988, by the checksum of its header alone.
pub(super) fn is_tar(first: &[u8]) -> bool {
    let is_by_sum = |block: &[u8; BLOCK as usize]| {
        let header = Header::from_byte_slice(block);
        let sum: u32 =
            block.iter().enumerate().map(|(i, &byte)| if (148..156).contains(&i) { 32 } else { u32::from(byte) }).sum();
        block[0] != 0 && header.cksum().is_ok_and(|told| told == sum) && header.entry_size().is_ok()
    };
    first.get(257..262) == Some(b"ustar") || first.first_chunk().is_some_and(is_by_sum)
}

/// Calls `each` with every entry until it has enough, and tells whether the mark of the archive's end was met, or what is wrong. Behind the mark
/// there are zeros alone: a header that became zeros would hide all entries that follow.
pub(super) fn walk(
    stream: impl Read + Seek,
    mut each: impl FnMut(TarEntry) -> Result<ControlFlow<()>, String>,
) -> Result<bool, String> {
    let said = Cell::new(0);
    let mut archive = Archive::new(Bounded { stream, said: &said });
    for entry in archive.entries_with_seek().map_err(|e| e.to_string())? {
        let entry = described(entry.map_err(|e| e.to_string())?)?;
        if each(entry)?.is_break() {
            return Ok(false);
        }
    }
    // After the last seek a block of zeros was read, or nothing.
    let has_end = said.get() == BLOCK;
    if has_end && !is_zeros(archive.into_inner().stream).map_err(|e| e.to_string())? {
        return Err("it goes on after the block of zeros that is the mark of its end: what lies there is damaged, \
                    or another archive that was put behind it"
            .into());
    }
    Ok(has_end)
}

/// Whether nothing but zeros is left.
fn is_zeros(mut stream: impl Read) -> io::Result<bool> {
    let mut bytes = [0; 1 << 13];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(true),
            Ok(n) if bytes[..n].iter().all(|&byte| byte == 0) => {}
            Ok(_) => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn described<R: Read>(mut entry: Entry<'_, R>) -> Result<TarEntry, String> {
    let (kind, start, mut size) = (entry.header().entry_type(), entry.raw_file_position(), entry.size());
    let mut name = text(&entry.path_bytes())?;
    let kind = match kind {
        EntryType::Link => {
            size = 0;
            TarKind::Link(text(&entry.link_name_bytes().unwrap_or_default())?)
        }
        EntryType::GNUSparse => {
            size = entry.header().entry_size().map_err(|e| e.to_string())?;
            TarKind::Sparse
        }
        EntryType::Regular | EntryType::Continuous => match sparse_name(&mut entry)? {
            Some(own) => {
                name = own.unwrap_or(name);
                TarKind::Sparse
            }
            None => TarKind::File,
        },
        _ => TarKind::Other,
    };
    Ok(TarEntry { name, start, size, kind })
}

/// Whether pax says of a file that it is sparse, and if so its name where that is told there.
fn sparse_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<Option<String>>, String> {
    let Some(notes) = entry.pax_extensions().map_err(|e| e.to_string())? else { return Ok(None) };
    let mut found = None;
    for note in notes.flatten().filter(|note| note.key_bytes().starts_with(b"GNU.sparse.")) {
        let name = found.get_or_insert(None);
        if note.key_bytes() == b"GNU.sparse.name" {
            *name = Some(text(note.value_bytes())?);
        }
    }
    Ok(found)
}

fn text(name: &[u8]) -> Result<String, String> {
    match name.len() <= MOST_NAME {
        true => Ok(String::from_utf8_lossy(name).into_owned()),
        false => Err(format!("the name of an entry has {} bytes; at most {MOST_NAME} are read", name.len())),
    }
}

/// A stream of which only so much is read from one header on: bytes of entries are passed over by seeking.
struct Bounded<'a, R> {
    stream: R,
    /// Bytes read since the last seek.
    said: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.said.get() > MOST_SAID {
            let reason = format!("what is said of an entry before its bytes has more than {MOST_SAID} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let n = self.stream.read(out)?;
        self.said.set(self.said.get() + n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Bounded<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.said.set(0);
        self.stream.seek(to)
    }
}

/// A stream that is unpacked, in which only what comes is sought.
pub(super) struct Forward<R> {
    stream: R,
    at: u64,
}

impl<R> Forward<R> {
    pub fn new(stream: R) -> Self {
        Forward { stream, at: 0 }
    }
}

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(out)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<R: Read> Seek for Forward<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let by = match to {
            SeekFrom::Current(by) => u64::try_from(by).ok(),
            SeekFrom::Start(at) => at.checked_sub(self.at),
            SeekFrom::End(_) => None,
        };
        let by = by.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "a place that has gone by"))?;
        io::copy(&mut self.by_ref().take(by), &mut io::sink())?;
        Ok(self.at)
    }
}
