//! Pictures in a .tar: where each begins is found once, then they are read one at a time. A file that is another's hard link is that file; symbolic links
//! are passed over.

use std::collections::HashMap;
use std::path::Path;

use tar::{Archive, EntryType};

use super::entry::{Entry, Found};
use super::section::Section;
use super::unpacked::damaged;
use crate::error::{PictureError, PictureFault};
use crate::limits::MOST_FILE;

/// Headers, and the mark of the end, are of so many bytes.
const BLOCK: u64 = 512;

/// An archive whose pictures are known.
#[derive(Debug)]
pub(crate) struct TarStore {
    file: Section,
    /// Where each picture begins, and its bytes.
    places: Vec<(u64, u64)>,
    /// Bytes of the archive on the disk.
    packed: u64,
}

/// Whether a file of these first bytes is a .tar.
pub(super) fn is_tar(first: &[u8]) -> bool {
    first.get(257..262) == Some(b"ustar")
}

impl TarStore {
    /// Goes from header to header.
    pub fn open(path: &Path, file: Section, packed: u64) -> Result<(Self, Vec<Entry>), PictureError> {
        let failed = |e: std::io::Error| damaged(path, e.to_string());
        let mut archive = Archive::new(file.clone());
        let (mut found, mut all, mut links, mut end) = (Found::default(), HashMap::new(), Vec::new(), 0);
        for entry in archive.entries_with_seek().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (start, size) = (entry.raw_file_position(), entry.size());
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            let holds = if kind == EntryType::Link { 0 } else { size };
            end = start.saturating_add(holds);
            if end > file.len() {
                return Err(damaged(path, format!("it is cut off within {name:?}")));
            }
            match kind {
                EntryType::Regular | EntryType::Continuous => {
                    found.add(&name, size, (start, size));
                    all.insert(name, (start, size));
                }
                EntryType::Link => {
                    let to = entry.link_name_bytes().unwrap_or_default();
                    links.push((name, String::from_utf8_lossy(&to).into_owned()));
                }
                _ => {}
            }
        }
        let mark = file.part(end.next_multiple_of(BLOCK), BLOCK).first(BLOCK).map_err(failed)?;
        if mark.len() as u64 != BLOCK || mark.iter().any(|&byte| byte != 0) {
            return Err(damaged(path, "it is cut off: the mark of its end is missing".into()));
        }
        for (name, to) in links {
            if let Some(&place) = all.get(&to) {
                found.add(&name, place.1, place);
            }
        }
        let (entries, places) = found.pictures(path)?;
        Ok((TarStore { file, places, packed }, entries))
    }

    /// Picture `i`, and how many bytes there are of it on the disk, at most.
    pub fn section(&self, i: usize) -> Result<(Section, u64), PictureFault> {
        let (start, size) = self.places[i];
        match size <= MOST_FILE {
            true => Ok((self.file.part(start, size), size.min(self.packed))),
            false => Err(PictureFault::FileSize { size, most: MOST_FILE }),
        }
    }
}
