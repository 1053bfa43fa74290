//! Atomic writing: a file is whole or not there, and so is a folder.
//!
//! What is being written has a name that begins with `.writing-`. Its writer holds a lock on it, so that what a killed
//! process left is told from what another one is writing, and removed by the next that writes there. Bytes are flushed to
//! the disk before they get their name, and the folder after: what has its name survives a loss of power.

mod exchange;
mod file;
mod folder;
mod hold;
mod leftovers;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use file::AtomicFile;
pub use folder::{FolderParts, ReservedFolder, replace_folder};
pub use hold::{Hold, is_held_elsewhere};
pub use leftovers::remove_leftovers;

/// What the names of unfinished files and folders begin with.
pub const UNFINISHED: &str = ".writing-";

/// Writes `path` through a temporary file in the same folder, flushed to the disk before it takes the name.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    {
        let mut writer = BufWriter::new(file.file_mut());
        write(&mut writer)?;
        writer.flush()?;
    }
    file.commit()
}

/// Writes `path` as one line of JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer(&mut *file, value)?;
        file.write_all(b"\n")
    })
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
                if !leftovers::is_unfinished(&entry?.file_name()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}
