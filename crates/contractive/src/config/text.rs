//! The text of a configuration, whose length is bounded before it is parsed.

use std::io;
use std::path::Path;

use super::error::ConfigError;
use contractive_table::limits::read_at_most;

/// The longest configuration, in bytes: room for the names of some ten thousand columns. What a parser makes of a text takes a
/// hundred times as much.
pub(super) const MOST_TEXT: u64 = 1 << 19;

/// The text of a TOML file, which has at most 512 KiB.
///
/// # Errors
/// [`ConfigError::Read`], [`ConfigError::Long`], and [`ConfigError::Syntax`] where it is not UTF-8.
pub fn config_text(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_path_buf(), source };
    let bytes = read_at_most(path, MOST_TEXT).map_err(|e| match e.kind() {
        io::ErrorKind::FileTooLarge => ConfigError::Long { origin: path.display().to_string(), most: MOST_TEXT },
        _ => failed(e),
    })?;
    let not_text = |_| ConfigError::Syntax {
        origin: path.display().to_string(),
        line: None,
        reason: "it must be text in UTF-8".to_owned(),
    };
    String::from_utf8(bytes).map_err(not_text)
}
