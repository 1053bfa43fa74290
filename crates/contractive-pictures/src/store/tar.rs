//! Pictures in a .tar: where each begins is found once, then they are read one at a time. A file that is another's hard link is that file; symbolic links
//! are passed over. Sparse files are named, and not read.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use super::entry::{Entry, Found};
use super::headers::{TarEntry, TarKind, walk};
use super::section::Section;
use super::unpacked::damaged;
use crate::error::{PictureError, PictureFault};
use crate::limits::{MOST_FILE, most_held};

/// An archive whose pictures are known.
#[derive(Debug)]
pub(crate) struct TarStore {
    file: Section,
    places: Vec<Place>,
    /// Bytes of the archive on the disk.
    packed: u64,
}

/// Where a picture begins, and its bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    size: u64,
    is_sparse: bool,
}

impl TarStore {
    /// Goes from header to header.
    pub fn open(path: &Path, file: Section, packed: u64) -> Result<(Self, Vec<Entry>), PictureError> {
        let (mut found, mut links) = (Found::within(most_held(packed)), Vec::new());
        let has_end = walk(file.clone(), |entry| {
            if entry.start.saturating_add(entry.size) > file.len() {
                return Err(format!("it is cut off within {:?}", entry.name));
            }
            match (place(&entry), entry.kind) {
                (Some(place), _) => found.add(&entry.name, place.size, place)?,
                (None, TarKind::Link(to)) => {
                    found.take(entry.name.len() + to.len())?;
                    links.push((entry.name, to));
                }
                (None, _) => {}
            }
            Ok(ControlFlow::Continue(()))
        });
        let added = has_end.and_then(|has_end| match has_end {
            true => link(&mut found, &links, &file),
            false => Err("it is cut off: the mark of its end is missing".into()),
        });
        added.map_err(|reason| damaged(path, reason))?;
        let (entries, places) = found.pictures(path)?;
        Ok((TarStore { file, places, packed }, entries))
    }

    /// Bytes of the archive on the disk.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// Picture `i`, and how many bytes there are of it on the disk, at most.
    pub fn section(&self, i: usize) -> Result<(Section, u64), PictureFault> {
        let Place { start, size, is_sparse } = self.places[i];
        if is_sparse {
            return Err(PictureFault::Packing { method: "a sparse file of tar, without its zeros".into() });
        }
        match size <= MOST_FILE {
            true => Ok((self.file.part(start, size), size.min(self.packed))),
            false => Err(PictureFault::FileSize { size, most: MOST_FILE }),
        }
    }
}

/// Whether an archive has an entry whose name `is_wanted`; or is damaged, so that it is looked into and that is said.
pub(super) fn has_entry(stream: impl Read + Seek, is_wanted: impl Fn(&str) -> bool) -> bool {
    let mut has_one = false;
    let walked = walk(stream, |entry| {
        has_one = is_wanted(&entry.name);
        Ok(if has_one { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    has_one || walked.is_err()
}

fn place(entry: &TarEntry) -> Option<Place> {
    let is_sparse = match entry.kind {
        TarKind::File => false,
        TarKind::Sparse => true,
        TarKind::Link(_) | TarKind::Other => return None,
    };
    Some(Place { start: entry.start, size: entry.size, is_sparse })
}

/// Adds the files of links, which may have any name: they are looked for by another walk, so that archives without links hold no names but
/// those of pictures.
fn link(found: &mut Found<Place>, links: &[(String, String)], file: &Section) -> Result<(), String> {
    if links.is_empty() {
        return Ok(());
    }
    let mut places: HashMap<&str, Option<Place>> = links.iter().map(|(_, to)| (to.as_str(), None)).collect();
    walk(file.clone(), |entry| {
        if let (Some(place), Some(wanted)) = (place(&entry), places.get_mut(entry.name.as_str())) {
            *wanted = Some(place);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for (name, to) in links {
        if let Some(place) = places[to.as_str()] {
            found.add(name, place.size, place)?;
        }
    }
    Ok(())
}
