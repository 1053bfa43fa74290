//! SHA-256 sums, as lower-case hexadecimal text.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::TableError;
use crate::opening::open_regular;

/// A running SHA-256 sum.
#[derive(Default)]
pub struct Sha256Sum(Sha256);

impl Sha256Sum {
    /// Of no bytes yet.
    pub fn new() -> Self {
        Sha256Sum(Sha256::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum, in hexadecimal.
    pub fn finish(self) -> String {
        use std::fmt::Write;
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
            text
        })
    }
}

/// The sum of a file's bytes as they lie on disk.
pub fn sha256_of_file(path: impl AsRef<Path>) -> Result<String, TableError> {
    let path = path.as_ref();
    let mut file = open_regular(path).map_err(|e| TableError::io("open", path, e))?;
    let mut sum = Sha256Sum::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(sum.finish()),
            Ok(n) => sum.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(TableError::io("read", path, e)),
        }
    }
}
