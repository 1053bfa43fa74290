//! What readers take at most, in one place.
//!
//! A file that is damaged, or made to do harm, must not decide how much memory is taken: reading one ends with an error
//! and has then taken at most 64 MiB and 4 times its size on the disk. A sound file may take more. What follows keeps the
//! promise: limits that grow with the file, and [`Keeping`](crate::Keeping), by which a table is read to its end before more is kept of it
//! than its size accounts for.

use std::io::{self, Read};
use std::path::Path;

use crate::error::TableError;
use crate::opening::open_once;

/// More columns than any table has.
pub const MOST_COLUMNS: usize = 1 << 20;
/// Columns that a file of any size may have: each takes some hundred bytes before a row is read.
const FREE_COLUMNS: u64 = 1 << 16;
/// Bytes of a file for each column more.
const BYTES_A_COLUMN: u64 = 40;

/// The longest record of a text table, in bytes: a longer one is a quote that nobody closed, or no text table.
pub const MOST_RECORD: u64 = 32 << 20;
/// The longest record of a file of any size; a longer one must be uncompressed in the file.
const FREE_RECORD: u64 = 8 << 20;
/// The longest line of a Matrix Market file, which holds an entry or a comment.
pub(crate) const MOST_ENTRY_LINE: u64 = 1 << 16;

/// Cells of a frame, unless one row has more.
pub(crate) const FRAME_CELLS: usize = 1 << 20;

/// Bytes of rows that are kept of any file before it was read to its end …
pub(crate) const FREE_KEPT: u64 = 16 << 20;
/// … and for each byte of the file: what the shortest cells of a text table come to as numbers.
const KEPT_A_BYTE: u64 = 4;

/// Compressed contents are followed to this many times the compressed size …
const MOST_EXPANSION: u64 = 200;
/// … or to this many bytes, whichever is more: far above any data, far below what deflate's 1032 allows a bomb.
const FREE_EXPANSION: u64 = 64 << 20;

/// The most columns of a file of `size` bytes.
pub(crate) fn most_columns(size: u64) -> usize {
    (FREE_COLUMNS + size / BYTES_A_COLUMN).min(MOST_COLUMNS as u64) as usize
}

/// The most bytes of a record in a text table of `size` bytes.
pub(crate) fn most_record(size: u64) -> u64 {
    FREE_RECORD.saturating_add(size).min(MOST_RECORD)
}

/// The most bytes that `compressed` bytes are allowed to become.
pub fn most_expanded(compressed: u64) -> u64 {
    compressed.saturating_mul(MOST_EXPANSION).max(FREE_EXPANSION)
}

/// Parts of any sound columnar file that are unpacked at a time may become this large.
#[cfg(any(feature = "arrow", feature = "h5ad"))]
const FREE_SOUND: u64 = 40 << 20;
/// What readers of columns hold of any file before it is known to be sound, rows that are kept of it among it: with a
/// batch, the frame that is made of it and what the decoders need it is less than 64 MiB.
const FREE_HELD: u64 = 32 << 20;

/// Bytes of a frame and of the batch that it is made of, unless one row has more.
#[cfg(feature = "arrow")]
const FRAME_BYTES: usize = 24 << 20;
/// Bytes of texts in a frame, unless one row has more.
pub(crate) const FRAME_TEXT: usize = 8 << 20;

/// The most bytes that those parts of a sound columnar file may become which are unpacked at a time, or the texts of a row.
#[cfg(any(feature = "arrow", feature = "h5ad"))]
pub(crate) fn most_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(MOST_EXPANSION).max(FREE_SOUND)
}

/// The most bytes that a reader of columns holds of a file of `size` bytes which may be damaged.
pub(crate) fn most_held(size: u64) -> u64 {
    FREE_HELD.saturating_add(size.saturating_mul(KEPT_A_BYTE))
}

/// The most bytes that the description of a columnar file of `size` bytes may take: before its columns are read.
#[cfg(feature = "arrow")]
pub(crate) fn most_described(size: u64) -> u64 {
    most_held(size).saturating_add(FREE_HELD / 2)
}

/// Whether a file of `size` bytes accounts for `bytes` in memory before it was read to its end.
pub fn is_accounted_for(bytes: u64, size: u64) -> bool {
    bytes <= FREE_KEPT.saturating_add(size.saturating_mul(KEPT_A_BYTE))
}

/// Whether it does where a reader that holds `held` bytes meanwhile gave the rows of which `bytes` are kept.
pub(crate) fn is_accounted_for_beside(bytes: u64, held: u64, size: u64) -> bool {
    is_accounted_for(bytes, size) && bytes.saturating_add(held) <= most_held(size)
}

/// Rows a frame, where `wanted` are asked for in a table of `columns`.
pub(crate) fn chunk_rows(wanted: usize, columns: usize) -> usize {
    wanted.min(FRAME_CELLS / columns.max(1)).max(1)
}

/// Rows a frame, where a row takes so many bytes in it and in the batch that it is made of, and may have texts beside.
#[cfg(feature = "arrow")]
pub(crate) fn frame_rows(wanted: usize, columns: usize, bytes_a_row: usize, has_text: bool) -> usize {
    let most = if has_text { FRAME_BYTES - FRAME_TEXT } else { FRAME_BYTES };
    chunk_rows(wanted, columns).min(most / bytes_a_row.max(1)).max(1)
}

/// Refuses more columns than a file of `size` bytes may have.
///
/// # Errors
/// [`TableError::Corrupt`].
pub fn check_columns(path: &Path, columns: u64, size: u64) -> Result<(), TableError> {
    let most = most_columns(size);
    if columns <= most as u64 {
        return Ok(());
    }
    let reason = format!("it claims {columns} columns; a file of its size may have at most {most}");
    Err(TableError::Corrupt { path: path.to_path_buf(), reason })
}

/// Makes room for `more` values, with little to spare: a vector that doubles takes twice what it holds.
///
/// # Errors
/// [`TableError::Io`] where the system gives no memory.
pub fn make_room<T>(values: &mut Vec<T>, more: usize, path: &Path) -> Result<(), TableError> {
    if values.capacity() - values.len() >= more {
        return Ok(());
    }
    values
        .try_reserve_exact(more.max(values.len() / 8))
        .map_err(|_| no_memory(path, more.saturating_mul(size_of::<T>())))
}

/// Bytes of what is no file of known size, a device or a pipe, where a document belongs.
const MOST_OF_A_PIPE: u64 = 1 << 20;

/// The bytes of a document, which has at most `most`: what does not end is not followed.
///
/// # Errors
/// The system's, and [`io::ErrorKind::FileTooLarge`].
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_once(path)?;
    let metadata = file.metadata()?;
    let size = if metadata.is_file() { metadata.len() } else { 0 };
    let most = if metadata.is_file() { most } else { most.min(MOST_OF_A_PIPE) };
    let mut bytes = Vec::new();
    if size <= most {
        bytes.try_reserve_exact(size as usize)?;
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if size > most || bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it must have at most {most} bytes")));
    }
    Ok(bytes)
}

/// The refusal of a table that repetition makes small in its file.
pub fn unpacks_to_too_much(path: &Path) -> TableError {
    let reason = "it unpacks to more than 200 times its size, which is not taken into memory; if it is what it should be, \
                  write it without compression and dictionaries, or as NPY";
    TableError::Corrupt { path: path.to_path_buf(), reason: reason.into() }
}

/// The refusal of what the system gives no memory for.
pub(crate) fn no_memory(path: &Path, bytes: usize) -> TableError {
    let text = format!("the system does not give {bytes} bytes of memory");
    TableError::io("read", path, io::Error::new(io::ErrorKind::OutOfMemory, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_rows_and_what_their_reader_holds_are_counted_together() {
        let mebibytes = |kept: u64, held: u64, size: u64| is_accounted_for_beside(kept << 20, held << 20, size << 20);
        assert!(mebibytes(16, 16, 0) && !mebibytes(17, 0, 0) && !mebibytes(16, 17, 0) && !mebibytes(0, 33, 0));
        assert!(mebibytes(416, 16, 100) && mebibytes(0, 432, 100) && !mebibytes(216, 217, 100));
        assert!(!is_accounted_for_beside(u64::MAX, u64::MAX, 1));
    }

    #[test]
    fn limits_grow_with_the_file_and_end() {
        assert_eq!(
            (most_columns(0), most_columns(6 << 20) > 200_000, most_columns(u64::MAX)),
            (1 << 16, true, 1 << 20)
        );
        assert_eq!((most_record(0), most_record(u64::MAX)), (8 << 20, 32 << 20));
        assert_eq!((chunk_rows(8192, 10), chunk_rows(8192, 1 << 20), chunk_rows(8192, 1024)), (8192, 1, 1024));
    }
}
