//! What a killed process was writing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::hold::is_forsaken;

/// What the names of unfinished files and folders begin with.
pub(super) const UNFINISHED: &str = ".writing-";
/// Entries of a folder that are looked at: to look through a folder of a million files takes longer than to write one.
const MOST_ENTRIES: usize = 10_000;
/// A writer takes its lock right after it has made the file. One that did not within this time never will.
pub(super) const SURELY_LOCKED: Duration = Duration::from_secs(5);

/// Whether a name is that of something unfinished.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// Removes what processes that are gone left unfinished in `folder`, which is held by this one: nobody else begins to write
/// there. What cannot be removed stays.
pub fn remove_leftovers(folder: &Path) {
    remove_older(folder, Duration::ZERO);
}

/// The same of what was last written `age` ago or before.
pub(super) fn remove_older(folder: &Path, age: Duration) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().take(MOST_ENTRIES).filter(|entry| is_unfinished(&entry.file_name())) {
        let _ = remove_forsaken(&entry.path(), age);
    }
}

fn remove_forsaken(path: &Path, age: Duration) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    // Anything else is not ours, and to open a pipe would wait for its other end.
    if !kind.is_file() && !kind.is_dir() {
        return Ok(());
    }
    let opened = File::open(path)?;
    let is_old = age.is_zero() || opened.metadata()?.modified()?.elapsed().is_ok_and(|since| since >= age);
    if !is_old || !is_forsaken(&opened) {
        return Ok(());
    }
    if kind.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::super::AtomicFile;
    use super::*;

    #[test]
    fn what_is_being_written_stays_and_what_was_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let live = AtomicFile::create(&folder.path().join("live.csv")).unwrap();
        fs::write(folder.path().join(".writing-dead"), "half").unwrap();
        fs::create_dir_all(folder.path().join(".writing-folder/new")).unwrap();
        fs::write(folder.path().join("mine"), "whole").unwrap();
        remove_older(folder.path(), SURELY_LOCKED);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "they are too young to be sure");
        remove_leftovers(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        live.commit().unwrap();
        assert!(folder.path().join("live.csv").exists() && folder.path().join("mine").exists());
    }
}
