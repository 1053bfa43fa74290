//! A file without a name until it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::disk::{folder_of, sync_folder};
use super::hold::mark;
use super::leftovers::{SURELY_LOCKED, UNFINISHED, remove_older};

/// A file that has no name until it is whole. Dropped before, it leaves nothing.
pub struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file beside the place it will take.
    pub fn create(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        remove_older(&folder, SURELY_LOCKED);
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        with_usual_permissions(&mut builder);
        let temporary = builder.tempfile_in(folder)?;
        mark(temporary.as_file());
        Ok(AtomicFile { temporary, path: path.to_path_buf() })
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

// Temporary files are made for their owner alone; results get what the user's umask says.
#[cfg(unix)]
fn with_usual_permissions(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn with_usual_permissions(_: &mut tempfile::Builder<'_, '_>) {}
