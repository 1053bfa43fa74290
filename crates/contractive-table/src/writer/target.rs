//! Files and standard output, as the writers of formats see them.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::atomic::AtomicFile;

/// Where the bytes go.
pub(super) enum Target {
    File(BufWriter<AtomicFile>),
    Stdout(BufWriter<io::Stdout>),
}

impl Target {
    /// Flushes and, if it is a file, names it.
    pub(super) fn commit(self) -> io::Result<()> {
        match self {
            Target::File(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.commit(),
            Target::Stdout(mut out) => out.flush(),
        }
    }

    pub(super) fn file(&mut self) -> io::Result<&mut File> {
        match self {
            Target::File(file) => {
                file.flush()?;
                Ok(file.get_mut().file_mut())
            }
            Target::Stdout(_) => Err(io::Error::other("standard output has no beginning to go back to")),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File(file) => file.flush(),
            Target::Stdout(out) => out.flush(),
        }
    }
}
