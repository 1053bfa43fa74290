//! The lines that errors name.

use std::io::{BufReader, Read};
use std::path::Path;

use super::text::open_text;

/// The line, from 1, of the record that begins at or after byte `start` of the text.
///
/// Counted afresh, and only for an error: the parser's own count falls behind at empty lines and at CR LF.
pub(crate) fn line_of(path: &Path, start: u64) -> u64 {
    let Ok(text) = open_text(path) else { return 0 };
    let mut bytes = BufReader::new(text.reader).bytes().map_while(Result::ok);
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let before = bytes.by_ref().take(start).filter(|&byte| byte == b'\n').count();
    let empty = bytes.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|&byte| byte == b'\n').count();
    text.skipped_lines + (before + empty) as u64 + 1
}
