//! Writing files for the data tests and reading them back through the public door.

#![allow(dead_code)] // each test file uses its own part of this

use std::io::Write;
use std::path::{Path, PathBuf};

use contractive::data::{self, Dataset, FileOptions, TableError};

/// A folder that goes away with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub fn load(path: &Path) -> Result<Dataset, TableError> {
    load_with(path, &FileOptions::default())
}

pub fn load_with(path: &Path, options: &FileOptions) -> Result<Dataset, TableError> {
    data::load(path, options)
}

/// Loads `bytes` from a file called `name`.
pub fn load_bytes(name: &str, bytes: &[u8]) -> Result<Dataset, TableError> {
    load(&Folder::new().write(name, bytes))
}

/// The error that `bytes` must give: damage of the file, not a wrong request.
pub fn bad_bytes(name: &str, bytes: &[u8]) -> TableError {
    let error = load_bytes(name, bytes).expect_err("must be refused");
    assert!(!matches!(error, TableError::Io { .. } | TableError::MissingColumns { .. }), "{error:?}");
    assert!(error.to_string().contains(name), "the message must name the file: {error}");
    error
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
