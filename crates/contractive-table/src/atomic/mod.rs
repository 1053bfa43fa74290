//! Atomic writing: a file is whole or not there, and so is a folder.
//!
//! What is being written has a name that begins with `.writing-`. Its writer holds a lock on it, so that what a killed
//! process left is told from what another one is writing, and removed by the next that writes there. Bytes are flushed to
//! the disk before they get their name, and the folder after: what has its name survives a loss of power.

mod disk;
mod exchange;
mod file;
mod folder;
mod hold;
mod leftovers;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

pub use disk::{behind_links, folder_of, is_free, make_folder, sync_folder};
pub use file::AtomicFile;
pub use folder::{FolderParts, ReservedFolder};
pub use hold::{Hold, is_held_elsewhere};
pub use leftovers::{is_unfinished, remove_leftovers};

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
