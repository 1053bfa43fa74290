//! Folders on the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::leftovers::is_unfinished;

/// Where a path leads to when the links that it ends in are followed, whether or not there is anything.
///
/// # Errors
/// The system's where a link cannot be read, [`io::ErrorKind::InvalidInput`] where links lead in a circle.
pub fn behind_links(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 40; // as Linux has it
    let mut place = path.to_path_buf();
    for _ in 0..MOST {
        if !fs::symlink_metadata(&place).is_ok_and(|of| of.is_symlink()) {
            return Ok(place);
        }
        place = folder_of(&place).join(fs::read_link(&place)?);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its links lead in a circle"))
}

/// The folder a path lies in; `.` for a bare name.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Flushes a folder's entries. Not all systems can; where they cannot, the rename is as safe as they make it.
pub fn sync_folder(folder: &Path) {
    if let Ok(opened) = File::open(folder) {
        let _ = opened.sync_all();
    }
}

/// Makes a folder and those above it, each flushed into the one that holds it.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = folder_of(path);
    if parent != path {
        make_folder(&parent)?;
    }
    match fs::create_dir(path) {
        // Another process may have made it meanwhile.
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(e),
        _ => {
            sync_folder(&parent);
            Ok(())
        }
    }
}

/// Whether `path` is a folder without entries but unfinished ones, or is not there.
pub fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries {
                if !is_unfinished(&entry?.file_name()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}
