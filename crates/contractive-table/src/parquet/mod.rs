//! Parquet files as frames. A page a column is in memory at a time, and the frame that is made.

mod codec;
mod pages;
mod thrift;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Fields, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::PageIterator;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::arrow_values;
use crate::contained::contained;
use crate::error::TableError;
use crate::frame::Field;
use crate::frame::Frame;
use crate::frame_source::{Choice, FrameSource, Selection};
use crate::limits::{check_columns, chunk_rows as rows_a_frame, most_unpacked};
use crate::source::open_file;
use codec::Codec;
use pages::{Chunk, Chunks, Shared};

/// An open Parquet file.
pub(super) struct ParquetSource {
    shared: Shared,
    fields: Vec<Field>,
    left_out: Vec<String>,
    notes: Vec<String>,
    said: Vec<(String, String)>,
    batches: ParquetRecordBatchReader,
    n_rows: u64,
    /// Where in the file the rows end that are read.
    end: u64,
    done: u64,
}

/// A row group, as the file describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroup {
    pub rows: u64,
    /// Packed.
    pub bytes: u64,
}

/// The row groups of a file.
pub(super) fn row_groups(path: &Path) -> Result<Vec<RowGroup>, TableError> {
    let file = open_file(path)?;
    contained(path, || {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| failure(path, e))?;
        let row_group = |group: &RowGroupMetaData| {
            let (rows, bytes) = (group.num_rows().max(0) as u64, group.compressed_size().max(0) as u64);
            RowGroup { rows, bytes }
        };
        Ok(metadata.metadata().row_groups().iter().map(row_group).collect())
    })
}

impl ParquetSource {
    /// Opens a file and decides on its columns.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let io = |e| TableError::io("open", path, e);
        let file = open_file(path)?;
        let size = file.metadata().map_err(io)?.len();
        contained(path, || Self::open_file(file, path, size, selection, chunk_rows))
    }

    fn open_file(
        file: File,
        path: &Path,
        size: u64,
        selection: &Selection,
        chunk_rows: usize,
    ) -> Result<Self, TableError> {
        let failed = |e| failure(path, e);
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failed)?;
        let all = metadata.schema();
        check_columns(path, all.fields().len() as u64, size)?;
        let names: Vec<String> = all.fields().iter().map(|field| field.name().clone()).collect();
        let choice = selection.choose(path, &names, &arrow_values::index_columns(all))?;
        let Choice { places: chosen, left_out, note } = choice;
        let fields = arrow_values::fields(path, all, &chosen, selection)?;
        let parquet = metadata.parquet_schema();
        // Leaves of chosen columns are the columns themselves: nested ones were refused.
        let leaves: HashMap<usize, usize> =
            (0..parquet.num_columns()).rev().map(|leaf| (parquet.get_column_root_idx(leaf), leaf)).collect();
        for &column in &chosen {
            let leaf = leaves.get(&column).copied();
            let is_flat = leaf.is_some_and(|leaf| parquet.column(leaf).max_rep_level() == 0);
            if !is_flat {
                let reason = format!("column `{}` is not what the schema says", names[column]);
                return Err(TableError::Corrupt { path: path.to_path_buf(), reason });
            }
        }
        let mask = ProjectionMask::roots(parquet, chosen.iter().copied());
        let hints = as_views(all);
        let levels = parquet_to_arrow_field_levels(parquet, mask, Some(&hints)).map_err(failed)?;
        let shared = Shared::new(file, path.to_path_buf(), size);
        let n_groups = metadata.metadata().num_row_groups();
        let wanted = selection.options.row_groups.clone().unwrap_or(0..n_groups);
        let first = wanted.start.min(n_groups);
        let wanted = first..wanted.end.clamp(first, n_groups);
        let groups = Groups { metadata: metadata.metadata().clone(), shared: shared.clone(), wanted };
        groups.check(path, &chosen)?;
        let rows = |groups: &[RowGroupMetaData]| groups.iter().map(|group| group.num_rows().max(0) as u64).sum::<u64>();
        let all = groups.metadata.row_groups();
        let (done, end) = (rows(&all[..groups.wanted.start]), rows(&all[..groups.wanted.end]));
        let chunk_rows = rows_a_frame(chunk_rows, chosen.len());
        let batches = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, chunk_rows, None);
        let batches = batches.map_err(failed)?;
        let said = groups.metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let said = said.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect();
        let (notes, n_rows) = (note.into_iter().collect(), end - done);
        Ok(ParquetSource { shared, fields, left_out, notes, said, batches, n_rows, end, done })
    }
}

impl FrameSource for ParquetSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn metadata(&self) -> &[(String, String)] {
        &self.said
    }

    fn n_rows(&self) -> Option<u64> {
        Some(self.n_rows)
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let path = self.shared.path.clone();
        let most_text = most_unpacked(self.shared.size);
        contained(&path, || {
            let Some(batch) = self.batches.next() else {
                return match self.done == self.end {
                    true => Ok(None),
                    false => Err(TableError::Corrupt {
                        path: path.clone(),
                        reason: format!("it promises {} rows and holds {}", self.end, self.done),
                    }),
                };
            };
            let batch = batch.map_err(|e| TableError::Corrupt { path: path.clone(), reason: e.to_string() })?;
            let frame = arrow_values::frame(&path, &batch, &self.fields, self.done, most_text)?;
            self.done += frame.n_rows() as u64;
            if self.done > self.end || frame.n_rows() == 0 {
                let reason = format!("it promises {} rows and holds others", self.end);
                return Err(TableError::Corrupt { path: path.clone(), reason });
            }
            Ok(Some(frame))
        })
    }
}

/// Text as views: a page of few texts that many rows repeat then stays small until its cells are made.
fn as_views(schema: &Schema) -> Fields {
    let view = |field: &Arc<arrow_schema::Field>| {
        let is_text = |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8);
        let is_dictionary = matches!(field.data_type(), DataType::Dictionary(_, of) if is_text(of));
        if is_text(field.data_type()) || is_dictionary {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        } else {
            field.clone()
        }
    };
    schema.fields().iter().map(view).collect()
}

fn failure(path: &Path, error: ParquetError) -> TableError {
    match error {
        ParquetError::External(e) => match e.downcast::<std::io::Error>() {
            Ok(e) => TableError::reading(path, *e),
            Err(e) => TableError::Corrupt { path: path.to_path_buf(), reason: e.to_string() },
        },
        e => {
            let text = e.to_string();
            let reason = text.strip_prefix("Parquet error: ").unwrap_or(&text).to_owned();
            TableError::Corrupt { path: path.to_path_buf(), reason }
        }
    }
}

/// Row groups of a file, read through our own pages.
struct Groups {
    metadata: Arc<ParquetMetaData>,
    shared: Shared,
    wanted: Range<usize>,
}

impl Groups {
    fn wanted(&self) -> &[RowGroupMetaData] {
        &self.metadata.row_groups()[self.wanted.clone()]
    }

    /// The groups with rows: a group without any has no pages either, and writers give it no place in the file.
    fn filled(&self) -> impl Iterator<Item = &RowGroupMetaData> {
        self.wanted().iter().filter(|group| group.num_rows() != 0)
    }

    /// Refuses codecs that are not read before any page is.
    fn check(&self, path: &Path, columns: &[usize]) -> Result<(), TableError> {
        let schema = self.metadata.file_metadata().schema_descr();
        for group in self.metadata.row_groups() {
            for (leaf, column) in group.columns().iter().enumerate() {
                if !columns.contains(&schema.get_column_root_idx(leaf)) {
                    continue;
                }
                if let Err(codec) = Codec::of(column.compression()) {
                    return Err(TableError::Codec {
                        path: path.to_path_buf(),
                        codec,
                        read: "SNAPPY, ZSTD, GZIP, LZ4_RAW or none",
                    });
                }
            }
        }
        Ok(())
    }
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.wanted().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let has_levels = self.metadata.file_metadata().schema_descr().column(leaf).max_def_level() > 0;
        let chunk = |group: &RowGroupMetaData| {
            let column = group.column(leaf);
            let first = column.dictionary_page_offset().filter(|&at| at > 0).unwrap_or(i64::MAX);
            let start = u64::try_from(first.min(column.data_page_offset())).ok()?;
            let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
            let codec = Codec::of(column.compression()).ok()?;
            (end <= self.shared.size).then_some(Chunk { start, end, codec, has_levels })
        };
        let chunks: Option<Vec<Chunk>> = self.filled().map(chunk).collect();
        let outside = || ParquetError::General("a column is said to lie beyond the end of the file".into());
        let chunks = chunks.ok_or_else(outside)?.into_iter();
        Ok(Box::new(Chunks { source: self.shared.clone(), chunks }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.filled())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}
