//! Atomic writing: a file is whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

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

/// Puts a folder that `fill` writes at `path`, whole: under a temporary name beside it first, then renamed. What was there
/// is deleted, but not before the new folder has its place: until then every failure leaves it there. `failed` tells the
/// caller's error of the system's.
pub fn replace_folder<E>(
    path: &Path,
    failed: impl Fn(io::Error) -> E,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let parent = folder_of(path);
    fs::create_dir_all(&parent).map_err(&failed)?;
    let temporary = tempfile::Builder::new().prefix(".writing-").tempdir_in(&parent).map_err(&failed)?;
    let whole = temporary.path().join("new");
    fs::create_dir(&whole).map_err(&failed)?;
    fill(&whole)?;
    sync_folder(&whole);
    // The old one goes where it is deleted with the temporary folder.
    let old = temporary.path().join("old");
    let has_old = path.exists();
    if has_old {
        fs::rename(path, &old).map_err(&failed)?;
    }
    if let Err(e) = fs::rename(&whole, path) {
        if has_old && fs::rename(&old, path).is_err() {
            // It cannot go back: better under a strange name than deleted.
            let _ = temporary.keep();
        }
        return Err(failed(e));
    }
    sync_folder(&parent);
    Ok(())
}

/// A file that has no name until it is whole. Dropped before, it leaves nothing.
pub struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file beside the place it will take.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-");
        with_usual_permissions(&mut builder);
        Ok(AtomicFile { temporary: builder.tempfile_in(folder_of(path))?, path: path.to_path_buf() })
    }

    /// The file as it is written.
    pub fn file_mut(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Flushes the file to the disk and gives it its name.
    pub fn commit(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.path).map_err(|e| e.error)?;
        sync_folder(&folder_of(&self.path));
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file_mut().flush()
    }
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

/// Whether `path` is a folder without entries, or is not there.
pub fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}

// Temporary files are made for their owner alone; results get what the user's umask says.
#[cfg(unix)]
fn with_usual_permissions(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn with_usual_permissions(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_replaced_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("model");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("weights"), "old").unwrap();
        // Without the new folder its renaming fails, after that of the old one.
        replace_folder(&path, |e| e, |whole| fs::remove_dir(whole)).unwrap_err();
        assert_eq!(fs::read(path.join("weights")).unwrap(), b"old");
        replace_folder(&path, |e| e, |whole| fs::write(whole.join("weights"), "new")).unwrap();
        assert_eq!(fs::read(path.join("weights")).unwrap(), b"new");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
