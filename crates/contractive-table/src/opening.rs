//! Files opened to be read, and not what only has a name like one: opening a named pipe that nobody writes to waits for ever,
//! and a device may have no end. And which file that is.

use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// The system's; [`io::ErrorKind::IsADirectory`] of a folder and [`io::ErrorKind::InvalidInput`] of a pipe, a socket or a
/// device, all refused at once.
pub fn open_regular(path: &Path) -> io::Result<File> {
    match what_else(fs::metadata(path)?.file_type()) {
        None => File::open(path),
        Some(kind) => Err(refusal(kind)),
    }
}

/// Opens what is read once, so that a pipe which the shell has opened (`<(…)`, `/dev/stdin`) will do, and a device.
///
/// # Errors
/// As [`open_regular`], of folders, sockets and other pipes.
pub(crate) fn open_once(path: &Path) -> io::Result<File> {
    // A pipe of the shell is open at its other end, and lies there or has no place among the folders.
    let is_open = || path.starts_with("/dev") || fs::canonicalize(path).is_err();
    match what_else(fs::metadata(path)?.file_type()) {
        Some(kind) if kind != DEVICE && !is_open() => Err(refusal(kind)),
        _ => File::open(path),
    }
}

/// What is one file under all of its names: the device and the place on it; `None` where the system does not tell.
#[cfg(unix)]
pub fn identity(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((file.dev(), file.ino()))
}

/// What is one file under all of its names; `None` where the system does not tell.
#[cfg(not(unix))]
pub fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// What folders are called.
pub(crate) const FOLDER: &str = "a folder";
const DEVICE: &str = "a device";

/// What that is, where it is no file.
#[cfg(unix)]
pub(crate) fn what_else(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some(FOLDER),
        _ if kind.is_fifo() => Some("a pipe"),
        _ if kind.is_socket() => Some("a socket"),
        _ => Some(DEVICE),
    }
}

/// What that is, where it is no file.
#[cfg(not(unix))]
pub(crate) fn what_else(kind: FileType) -> Option<&'static str> {
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some(FOLDER),
        _ => Some(DEVICE),
    }
}

fn refusal(kind: &str) -> io::Error {
    let of = if kind == FOLDER { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
    io::Error::new(of, format!("it must be a file, and it is {kind}"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once_and_a_pipe_of_the_shell_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("t.csv");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, what) in
            [(pipe.as_path(), "a pipe"), (folder.path(), "a folder"), (Path::new("/dev/zero"), "a device")]
        {
            let said = open_regular(path).unwrap_err().to_string();
            assert!(said.ends_with(what), "{said}");
        }
        assert!(open_once(&pipe).unwrap_err().to_string().ends_with("a pipe"));
        assert!(open_once(folder.path()).unwrap_err().to_string().ends_with("a folder"));
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"epochs = 2").unwrap();
        drop(writer);
        let mut text = String::new();
        let opened = open_once(Path::new(&format!("/dev/fd/{}", reader.as_raw_fd())));
        opened.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "epochs = 2");
        let file = folder.path().join("plain");
        fs::write(&file, "text").unwrap();
        assert_eq!(open_regular(&file).unwrap().metadata().unwrap().len(), 4);
    }
}
