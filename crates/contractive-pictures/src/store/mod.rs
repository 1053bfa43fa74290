//! Where the bytes of pictures lie.

mod folder;

use std::path::{Path, PathBuf};

use crate::decode::{self, Head};
use crate::error::{PictureError, PictureFault};
use crate::picture::Picture;

pub(crate) use folder::FolderStore;

/// A picture that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name, relative, parts joined by `/`.
    pub name: String,
    /// Bytes of its file.
    pub size: u64,
}

/// A folder or an archive, open.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(FolderStore),
}

impl Store {
    /// Opens what lies at `path`, and lists its pictures, sorted by the bytes of their names.
    pub fn open(path: &Path) -> Result<(Store, Vec<Entry>), PictureError> {
        let metadata = std::fs::metadata(path).map_err(|e| PictureError::io("open", path, e))?;
        if metadata.is_dir() {
            let (store, entries) = FolderStore::list(path)?;
            return Ok((Store::Folder(store), entries));
        }
        Err(PictureError::Source { path: PathBuf::from(path), begins: String::new() })
    }

    /// The header of picture `i`.
    pub fn head(&self, i: usize, entry: &Entry) -> Result<Head, PictureFault> {
        match self {
            Store::Folder(folder) => {
                let (stream, size) = folder.open(i, entry)?;
                decode::head(stream, size)
            }
        }
    }

    /// The pixels of picture `i`.
    pub fn picture(&self, i: usize, entry: &Entry, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
        match self {
            Store::Folder(folder) => decode::decode(&folder.bytes(i, entry, reserve)?, reserve),
        }
    }
}

/// Whether pictures are read from what lies at `path`: a folder or an archive in which a file has the ending of a picture.
pub fn is_pictures(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    path.is_dir() && folder::holds_pictures(path)
}
