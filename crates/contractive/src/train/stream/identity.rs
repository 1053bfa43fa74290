//! Whether a file is still the one that was looked at.

use std::path::Path;
use std::time::SystemTime;

use contractive_table::TableError;
use contractive_table::opening::identity;

/// What tells a file from another one of its name, and from itself written anew. Its bytes are not looked at: an epoch would
/// take twice the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    /// The device and the place on it, where the system tells.
    place: Option<(u64, u64)>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl FileIdentity {
    /// Of the file that is at `path` now.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let file = path.metadata().map_err(|e| TableError::io("open", path, e))?;
        Ok(FileIdentity { place: identity(&file), bytes: file.len(), modified: file.modified().ok() })
    }

    /// Whether this is the file of `other` with other contents.
    pub fn is_rewritten(&self, other: &FileIdentity) -> bool {
        self.place == other.place && self != other
    }
}
