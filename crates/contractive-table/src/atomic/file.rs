//! A file without a name until it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::disk::{behind_links, folder_of, sync_folder};
use super::hold::mark;
use super::leftovers::{SURELY_LOCKED, UNFINISHED, remove_older};

/// A file that has no name until it is whole. Dropped before, it leaves nothing.
pub struct AtomicFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file beside the place it will take. A link stays, and what it leads to is written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let path = behind_links(path)?;
        let folder = folder_of(&path);
        remove_older(&folder, SURELY_LOCKED);
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        with_usual_permissions(&mut builder);
        let temporary = builder.tempfile_in(folder)?;
        mark(temporary.as_file());
        Ok(AtomicFile { temporary, path })
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
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn with_usual_permissions(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("elsewhere")).unwrap();
        symlink("elsewhere/new.csv", path("link.csv")).unwrap();
        symlink("link.csv", path("second.csv")).unwrap();
        for text in ["first", "second"] {
            write(&path("second.csv"), text).unwrap();
            assert_eq!(fs::read_to_string(path("elsewhere/new.csv")).unwrap(), text);
        }
        assert_eq!(fs::read_link(path("second.csv")).unwrap(), Path::new("link.csv"));
        assert_eq!(fs::read_link(path("link.csv")).unwrap(), Path::new("elsewhere/new.csv"));
        symlink("circle", path("circle")).unwrap();
        assert!(write(&path("circle"), "").is_err());
    }
}
