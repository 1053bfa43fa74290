//! Where inputs become files: readers that take a path alone are given one.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = folder();
}

/// In memory where the system has such a place (a file that is synced there costs nothing), unless `TMPDIR` says otherwise.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match std::env::var_os("TMPDIR").is_none() && memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.expect("a folder for inputs can be made")
}

/// A path of this thread's own.
pub(crate) fn path(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.path().join(name))
}

/// A file of these bytes.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = path(name);
    fs::write(&path, bytes).expect("an input can be written");
    path
}

/// A folder of these files and no others; names may have folders in them.
pub(crate) fn folder_of(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = emptied(name);
    for (name, bytes) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes)).expect("an input can be written");
    }
    folder
}

/// A folder's name, under which nothing lies.
pub(crate) fn emptied(name: &str) -> PathBuf {
    let path = path(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("an earlier input can be removed");
    }
    path
}

/// Every file below a folder, with its bytes.
pub(crate) fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("its entries can be read").path();
        match path.is_dir() {
            true => files.extend(files_of(&path)),
            false => {
                let bytes = fs::read(&path).expect("what was written can be read");
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    files
}
