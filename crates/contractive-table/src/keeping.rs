//! Rows kept in memory, of a table that may be damaged further on.

use crate::error::TableError;
use crate::frame::Frame;
use crate::frame_source::ReadOptions;
use crate::limits::{is_accounted_for_beside, unpacks_to_too_much};
use crate::reader::FrameReader;
use crate::table_source::TableSource;

/// What is kept in memory of a table. Beyond what the table's size accounts for, it is first read to its end, once.
pub struct Keeping<'a> {
    source: TableSource<'a>,
    options: ReadOptions,
    size: u64,
    kept: u64,
    is_sound: bool,
    /// Cells that are counted of a row, and how many of them there may be.
    most_cells: (u64, u64),
}

impl<'a> Keeping<'a> {
    /// Of a table that is read by `options`.
    pub fn of(source: impl Into<TableSource<'a>>, options: &ReadOptions) -> Self {
        let source = source.into();
        // What cannot be read twice is taken as it comes.
        let is_sound = match source {
            TableSource::File(path) => !path.is_file(),
            TableSource::Share(_) => false,
            TableSource::Held { .. } => true,
        };
        let size = source.size().unwrap_or(0);
        Keeping { source, options: options.clone(), size, kept: 0, is_sound, most_cells: (0, u64::MAX) }
    }

    /// Refuses the table where all of its rows, of so many cells each, come to more than `most` cells.
    pub fn of_at_most(mut self, cells_a_row: usize, most: usize) -> Self {
        self.most_cells = (cells_a_row as u64, most as u64);
        self
    }

    /// Takes note of `bytes` that are about to be kept of rows that `reader` gave.
    ///
    /// # Errors
    /// Any [`TableError`] of the rows that follow.
    pub fn take(&mut self, bytes: u64, reader: &mut FrameReader) -> Result<(), TableError> {
        if self.is_beyond(bytes, reader) {
            let most = self.most_rows();
            match reader.check(most)? {
                Some(true) => {}
                Some(false) => return Err(unpacks_to_too_much(reader.path())),
                None => self.read(most, |_| Ok::<(), TableError>(()))?,
            }
            self.is_sound = true;
        }
        Ok(())
    }

    /// The same where rows may be refused for more than what the table's format asks: what `check` refuses is refused before
    /// more is kept.
    ///
    /// # Errors
    /// As [`Keeping::take`], and those of `check`.
    pub fn take_checked<E: From<TableError>>(
        &mut self,
        bytes: u64,
        reader: &mut FrameReader,
        check: impl FnMut(&Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_beyond(bytes, reader) {
            let most = self.most_rows();
            if reader.check(most)? == Some(false) {
                return Err(unpacks_to_too_much(reader.path()).into());
            }
            self.read(most, check)?;
            self.is_sound = true;
        }
        Ok(())
    }

    /// Whether what is kept comes to more than the table's size accounts for, and the table is not known to be sound.
    fn is_beyond(&mut self, bytes: u64, reader: &FrameReader) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        !self.is_sound && !is_accounted_for_beside(self.kept, reader.held_at_most(), self.size)
    }

    fn most_rows(&self) -> u64 {
        let (cells, most) = self.most_cells;
        most.checked_div(cells).unwrap_or(u64::MAX)
    }

    /// Reads all rows, of which there are at most `most`, once more.
    fn read<E: From<TableError>>(&self, most: u64, mut check: impl FnMut(&Frame) -> Result<(), E>) -> Result<(), E> {
        let (mut reader, mut n_rows) = (self.source.open(&self.options)?, 0_u64);
        while let Some(frame) = reader.next() {
            let frame = frame?;
            n_rows += frame.n_rows() as u64;
            if n_rows > most {
                return Err(unpacks_to_too_much(reader.path()).into());
            }
            check(&frame)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FREE_KEPT;

    #[test]
    fn of_a_table_that_is_damaged_at_its_end_little_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "a,b\n1,2\n3\n").unwrap();
        let options = ReadOptions::default();
        let begun = folder.path().join("begun.csv");
        std::fs::write(&begun, "a,b\n1,2\n").unwrap();
        let mut reader = FrameReader::open(&begun, &options).unwrap();
        let mut take = |bytes| Keeping::of(&path, &options).take(bytes, &mut reader);
        assert!(take(FREE_KEPT).is_ok());
        let error = take(FREE_KEPT + 100).unwrap_err();
        assert!(matches!(error, TableError::Ragged { line: 3, .. }), "{error}");
        std::fs::write(&path, "a,b\n1,2\n3,4\n").unwrap();
        assert!(take(u64::MAX).is_ok());
        let mut at_most =
            |rows: usize| Keeping::of(&path, &options).of_at_most(2, 2 * rows).take(u64::MAX, &mut reader);
        assert!(at_most(2).is_ok());
        assert!(at_most(1).unwrap_err().to_string().contains("200 times"));
    }
}
