//! Whether a file is sound, in the memory of one column.

use std::sync::Arc;

use arrow_schema::Fields;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::PageIterator;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::failure::failure;
use super::groups::Groups;
use super::needs::{Need, Needs};
use super::pages::{Chunks, Pages};
use crate::error::TableError;
use crate::limits::{most_held, most_unpacked};

/// The most rows a batch while columns are checked.
const CHECKED_ROWS: usize = 1 << 14;
/// Bytes for each column of the file beside its metadata: its names, its type.
const COLUMN_BYTES: u64 = 1 << 10;
/// Bytes for each column that is read, beside its pages: its decoders, its part of a batch and of a frame.
const READER_BYTES: u64 = 7 << 10;

/// How a file is read.
#[derive(Debug)]
pub(super) struct Plan {
    /// Rows a batch.
    pub rows: usize,
    /// Bytes that reading and checking take together, beside batches and frames.
    pub held: u64,
    /// Whether that is more than the size of a damaged file accounts for.
    pub must_be_sound: bool,
}

impl Groups {
    /// How the file is to be read, where `wanted` rows a batch are asked for.
    pub fn plan(&self, wanted: usize) -> Result<Plan, TableError> {
        let (size, failed) = (self.shared.size, |e| failure(&self.shared.path, e));
        let mut needs = Needs::new(wanted);
        for &(column, leaf) in &self.columns {
            let chunks = self.chunks(leaf).map_err(failed)?;
            let is_viewed = chunks.as_slice().first().is_some_and(|chunk| chunk.layout.is_viewed);
            needs.add(column, chunks.map(|chunk| Pages::of(&self.shared, chunk)), is_viewed).map_err(failed)?;
        }
        let (most, sound) = (most_held(size), most_unpacked(size));
        let described = self.metadata.memory_size() as u64 + COLUMN_BYTES * self.hints.len() as u64;
        let readers = READER_BYTES * self.columns.len() as u64;
        for need in needs.of() {
            let held = [need.together, readers, described].into_iter().fold(need.alone, u64::saturating_add);
            if held <= most {
                return Ok(Plan { rows: need.rows, held, must_be_sound: false });
            }
        }
        if let Some(Need { rows, alone, .. }) = needs.of().find(|need| need.alone <= most && need.together <= sound) {
            return Ok(Plan { rows, held: alone, must_be_sound: true });
        }
        let last = needs.of().last();
        let reason = match last.filter(|need| need.alone > most) {
            Some(Need { alone, column, .. }) => format!(
                "its column `{}` takes {alone} bytes to read, and in a file of its size at most {most}",
                self.hints[column].name()
            ),
            None => format!(
                "its pages unpack to {} bytes, a page a column, and those of a file of its size to at most {sound}",
                last.map_or(0, |need| need.together)
            ),
        };
        let reason = format!("{reason}: write it with smaller pages or row groups, or without compression");
        Err(TableError::Corrupt { path: self.shared.path.clone(), reason })
    }

    /// Reads all columns, one by one, each of which must have `n_rows` rows.
    pub fn check(&self, rows: usize, n_rows: u64) -> Result<(), TableError> {
        let path = &self.shared.path;
        let fields = self.metadata.file_metadata().schema_descr().root_schema().get_fields();
        for &(column, leaf) in &self.columns {
            let name = self.hints[column].name();
            let failed = |e| match failure(path, e) {
                TableError::Corrupt { path, reason } => {
                    TableError::Corrupt { path, reason: format!("{reason} (column `{name}`)") }
                }
                e => e,
            };
            let schema = Type::group_type_builder("schema").with_fields(vec![fields[column].clone()]).build();
            let schema = SchemaDescriptor::new(Arc::new(schema.map_err(failed)?));
            let hint = Fields::from(vec![self.hints[column].clone()]);
            let levels = parquet_to_arrow_field_levels(&schema, ProjectionMask::all(), Some(&hint)).map_err(failed)?;
            let one = OneColumn { groups: self, leaf };
            let rows = rows.min(CHECKED_ROWS);
            let batches =
                ParquetRecordBatchReader::try_new_with_row_groups(&levels, &one, rows, None).map_err(failed)?;
            let mut n = 0;
            for batch in batches {
                let batch = batch.map_err(|e| failed(ParquetError::General(e.to_string())))?;
                if let Some(texts) = self.texts(column, leaf) {
                    self.check_texts(texts, batch.column(0)).map_err(failed)?;
                }
                let got = batch.num_rows() as u64;
                n += got;
                if got == 0 || n > n_rows {
                    break;
                }
            }
            if n != n_rows {
                let reason = format!("it promises {n_rows} rows, and column `{name}` has others");
                return Err(TableError::Corrupt { path: path.clone(), reason });
            }
        }
        Ok(())
    }
}

/// The row groups of a file as if it had one column.
struct OneColumn<'a> {
    groups: &'a Groups,
    leaf: usize,
}

impl RowGroups for OneColumn<'_> {
    fn num_rows(&self) -> usize {
        self.groups.num_rows()
    }

    fn column_chunks(&self, _: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let chunks = self.groups.chunks(self.leaf)?;
        Ok(Box::new(Chunks { source: self.groups.shared.clone(), chunks }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        self.groups.row_groups()
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.groups.metadata
    }
}
