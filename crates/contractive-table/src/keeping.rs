//! Rows kept in memory, of a table that may be damaged further on.

use crate::error::TableError;
use crate::frame_source::ReadOptions;
use crate::limits::is_accounted_for;
use crate::table_source::TableSource;

/// What is kept in memory of a table. Beyond what the table's size accounts for, it is first read to its end, once.
pub struct Keeping<'a> {
    source: TableSource<'a>,
    options: ReadOptions,
    size: u64,
    kept: u64,
    is_sound: bool,
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
        Keeping { source, options: options.clone(), size, kept: 0, is_sound }
    }

    /// Takes note of `bytes` that are about to be kept.
    ///
    /// # Errors
    /// Any [`TableError`] of the rows that follow.
    pub fn take(&mut self, bytes: u64) -> Result<(), TableError> {
        self.kept = self.kept.saturating_add(bytes);
        if self.is_sound || is_accounted_for(self.kept, self.size) {
            return Ok(());
        }
        self.source.open(&self.options)?.try_for_each(|frame| frame.map(drop))?;
        self.is_sound = true;
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
        assert!(Keeping::of(&path, &options).take(FREE_KEPT).is_ok());
        let error = Keeping::of(&path, &options).take(FREE_KEPT + 100).unwrap_err();
        assert!(matches!(error, TableError::Ragged { line: 3, .. }), "{error}");
        std::fs::write(&path, "a,b\n1,2\n3,4\n").unwrap();
        assert!(Keeping::of(&path, &options).take(u64::MAX).is_ok());
    }
}
