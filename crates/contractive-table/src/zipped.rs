//! Archives of a few members, each of which may be looked at.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

/// Opens a zip whose entries lie apart. Those that lie on one another would be read as often as the archive names them. The head
/// of each entry is read: an archive of very many is better judged by its directory alone.
///
/// # Errors
/// [`ZipError`], also of entries that overlap.
pub fn open<R: Read + Seek>(file: R) -> Result<ZipArchive<R>, ZipError> {
    let mut archive = ZipArchive::new(file)?;
    match archive.has_overlapping_entries()? {
        true => Err(ZipError::InvalidArchive("its entries lie on one another".into())),
        false => Ok(archive),
    }
}
