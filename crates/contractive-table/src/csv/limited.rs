//! The bytes of a text table, as its parser takes them: no further than a record may go, and not to an end within quotes.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::records::Quotes;
use super::text::Text;
use crate::limits::{MOST_COLUMNS, most_record};

/// Of a record the cells are not counted up to so many bytes.
const UNCOUNTED: u64 = 1 << 20;

/// A stream that fails where a record never ends, or has more cells than any table has columns. So it does where the text
/// ends within quotes: the parser would take all that follows them for a cell.
pub(super) struct Limited {
    inner: BufReader<Box<dyn Read + Send>>,
    /// Bytes since the last record.
    since: Arc<AtomicU64>,
    most: u64,
    separator: u8,
    /// Separators since then, where there are many bytes.
    cells: usize,
    quotes: Quotes,
    /// Lines of the file before its text.
    skipped_lines: u64,
}

impl Limited {
    /// The bytes of `text`; `since` are those since the last record, which its reader sets to none.
    pub fn new(text: Text, since: Arc<AtomicU64>) -> Self {
        let Text { reader, separator, skipped_lines, size } = text;
        let (inner, most) = (BufReader::with_capacity(1 << 16, reader), most_record(size));
        Limited { inner, since, most, separator, cells: 0, quotes: Quotes::default(), skipped_lines }
    }
}

impl Read for Limited {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        let wrong = |text: String| Err(io::Error::new(io::ErrorKind::InvalidData, text));
        self.quotes.see(&out[..n], self.separator);
        if let (0, false, Some(before)) = (n, out.is_empty(), self.quotes.open()) {
            let line = self.skipped_lines + before + 1;
            return wrong(format!("line {line} opens a quote that is never closed, and the rest would be one cell"));
        }
        let since = self.since.fetch_add(n as u64, Ordering::Relaxed) + n as u64;
        if since <= UNCOUNTED {
            self.cells = 0;
            return Ok(n);
        }
        self.cells += out[..n].iter().filter(|byte| **byte == self.separator).count();
        let endless =
            |what: String| wrong(format!("{what}: a quote is opened and never closed, or it is no text table"));
        if since > self.most {
            let mib = self.most >> 20;
            return endless(format!("a line of more than {mib} MiB, the most in a file of its size"));
        }
        if self.cells > MOST_COLUMNS {
            return endless(format!("a line of more than {MOST_COLUMNS} cells, the most columns of any table"));
        }
        Ok(n)
    }
}
