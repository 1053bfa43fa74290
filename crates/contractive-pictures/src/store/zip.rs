//! Pictures in a .zip, read one at a time.
//!
//! Entries are stored or deflated; links in them are passed over. Of two entries of one name the later counts. An archive may hold far more than
//! memory does: only its directory is held, names among it, and the pictures that are under way.

use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::entry::{Entry, Found};
use super::folder::all_of;
use super::section::Section;
use super::unpacked::damaged;
use crate::error::{PictureError, PictureFault};
use crate::limits::MOST_FILE;
use contractive_table::most_expanded;

/// The directory of an archive.
#[derive(Clone, Debug)]
pub(crate) struct ZipStore {
    archive: ZipArchive<Section>,
    /// The place in the archive of each picture.
    places: Vec<usize>,
    /// Bytes of the archive.
    size: u64,
}

impl ZipStore {
    /// Reads the directory.
    pub fn open(path: &Path, file: Section) -> Result<(Self, Vec<Entry>), PictureError> {
        let size = file.len();
        let mut archive = ZipArchive::new(file).map_err(|e| damaged(path, e.to_string()))?;
        let (mut found, mut packed) = (Found::within(u64::MAX), 0_u64);
        for place in 0..archive.len() {
            let entry = archive.by_index_raw(place).map_err(|e| damaged(path, format!("entry {place}: {e}")))?;
            packed = packed.saturating_add(entry.compressed_size());
            if entry.is_dir() || entry.is_symlink() {
                continue;
            }
            // Names that are no UTF-8 and not declared as another encoding are shown as far as they go.
            let name = entry.name().unwrap_or_else(|_| String::from_utf8_lossy(entry.name_raw())).into_owned();
            found.add(&name, entry.size(), place).map_err(|reason| damaged(path, reason))?;
        }
        // Entries that lie over one another would be unpacked once for each of their names.
        if packed > size {
            let reason = format!("its entries claim {packed} bytes, and it has {size}");
            return Err(damaged(path, reason));
        }
        let (entries, places) = found.pictures(path)?;
        Ok((ZipStore { archive, places, size }, entries))
    }

    /// Bytes of the archive.
    pub fn packed(&self) -> u64 {
        self.size
    }

    /// All bytes of picture `i`, and how many they are in the archive.
    pub fn bytes(&self, i: usize, reserve: &mut dyn FnMut(u64)) -> Result<(Vec<u8>, u64), PictureFault> {
        let mut archive = self.archive.clone();
        let method = archive.by_index_raw(self.places[i]).map_err(fault)?.compression();
        if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(PictureFault::Packing { method: method.to_string() });
        }
        let entry = archive.by_index(self.places[i]).map_err(fault)?;
        let (packed, claimed) = (entry.compressed_size(), entry.size());
        let most = most_expanded(packed);
        if claimed > most {
            return Err(PictureFault::FileSize { size: claimed, most: most.min(MOST_FILE) });
        }
        reserve(claimed.min(MOST_FILE));
        // The size that the directory tells is a claim as well; what comes beyond it is no more than was reserved.
        let bytes = all_of(std::io::Read::take(entry, claimed + 1), claimed).map_err(|fault| match fault {
            PictureFault::Io(e) if e.raw_os_error().is_none() => PictureFault::Entry { reason: e.to_string() },
            other => other,
        })?;
        match bytes.len() as u64 == claimed {
            true => Ok((bytes, packed)),
            false => {
                Err(PictureFault::Entry { reason: format!("the archive promises {claimed} bytes, and others came") })
            }
        }
    }
}

fn fault(error: ZipError) -> PictureFault {
    match error {
        ZipError::Io(e) if e.raw_os_error().is_some() => PictureFault::Io(e),
        ZipError::UnsupportedArchive(method) => PictureFault::Packing { method: method.into() },
        other => PictureFault::Entry { reason: other.to_string() },
    }
}
