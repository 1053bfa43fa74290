//! The lines that errors name.

use std::io::{BufReader, Read};
use std::path::Path;

use super::text::open_text;

/// The line, from 1, of the record that begins at or after byte `start` of the text.
pub(crate) fn line_of(path: &Path, start: u64) -> u64 {
    lines_of(path, &[start])[0]
}

/// The lines, from 1, of the records that begin at or after these bytes of the text, which ascend.
///
/// Counted afresh, in one pass over the text, and only for what is told: the parser's own count falls behind at empty lines
/// and at CR LF.
pub(crate) fn lines_of(path: &Path, starts: &[u64]) -> Vec<u64> {
    let Ok(text) = open_text(path) else { return vec![0; starts.len()] };
    let mut lines = Vec::with_capacity(starts.len());
    let (mut line, mut left) = (text.skipped_lines + 1, starts.iter().peekable());
    for (byte, at) in BufReader::new(text.reader).bytes().map_while(Result::ok).zip(0_u64..) {
        // Empty lines before a record are none of its own.
        while !matches!(byte, b'\r' | b'\n') && left.next_if(|start| **start <= at).is_some() {
            lines.push(line);
        }
        if left.peek().is_none() {
            break;
        }
        line += u64::from(byte == b'\n');
    }
    lines.resize(starts.len(), line);
    lines
}
