//! A folder held by one process: its lock is the folder's own, so there is no lock file, and none that is stale.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::opening::identity;

/// A folder is this one's to write in until it is dropped, or its process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    _folder: Option<File>,
}

impl Hold {
    /// Takes the folder at `path`, which must be there. Where the system has no locks of folders, nobody is kept out.
    ///
    /// # Errors
    /// Of the kind `ResourceBusy` where another one holds it ([`is_held_elsewhere`]); what the system says where it cannot
    /// be opened.
    pub fn folder(path: &Path) -> io::Result<Self> {
        let Some(folder) = opened(path)? else { return Ok(Hold { _folder: None }) };
        match folder.try_lock() {
            Ok(()) if is_still(&folder, path) => Ok(Hold { _folder: Some(folder) }),
            // Another folder has taken its name since it was opened.
            Ok(()) | Err(TryLockError::WouldBlock) => Err(busy()),
            Err(TryLockError::Error(_)) => Ok(Hold { _folder: None }),
        }
    }
}

/// Whether `error` says that another process, or another part of this one, is writing there.
pub fn is_held_elsewhere(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy && error.get_ref().is_some_and(|inner| inner.is::<Busy>())
}

/// Takes `file` as its writer, as far as the system can lock.
pub(super) fn mark(file: &File) {
    let _ = file.try_lock();
}

/// Whether no writer holds `file`; `false` too where the system cannot say.
pub(super) fn is_forsaken(file: &File) -> bool {
    file.try_lock().is_ok()
}

fn busy() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, Busy)
}

#[derive(Debug, thiserror::Error)]
#[error("another process is writing there")]
struct Busy;

#[cfg(unix)]
fn opened(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

/// Whether the folder that is held still has its name.
fn is_still(folder: &File, path: &Path) -> bool {
    matches!((std::fs::metadata(path), folder.metadata()), (Ok(there), Ok(held)) if identity(&there) == identity(&held))
}

// Folders cannot be opened there as files are.
#[cfg(not(unix))]
fn opened(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let hold = Hold::folder(folder.path()).unwrap();
        let error = Hold::folder(folder.path()).unwrap_err();
        assert!(is_held_elsewhere(&error), "{error}");
        drop(hold);
        Hold::folder(folder.path()).unwrap();
        let error = Hold::folder(&folder.path().join("absent")).unwrap_err();
        assert_eq!((error.kind(), is_held_elsewhere(&error)), (io::ErrorKind::NotFound, false));
    }
}
