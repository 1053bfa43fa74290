//! Parquet files as frames. A page a column is in memory at a time, and the frame that is made.
//!
//! Where these pages are more together than the file's size accounts for, all columns are read one by one before, and what
//! they unpack to is dropped: damage shows in little memory.

mod checking;
mod codec;
mod description;
mod failure;
mod groups;
mod layout;
mod needs;
mod pages;
mod thrift;
mod values;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::SchemaDescriptor;

use crate::arrow_batches::{Batches, Given};
use crate::arrow_values;
use crate::contained::contained;
use crate::error::TableError;
use crate::frame::Field;
use crate::frame::{Frame, Kind};
use crate::frame_source::{Choice, FrameSource, Selection};
use crate::limits::{check_columns, check_rows, frame_rows};
use crate::pandas_note::index_columns;
use crate::source::open_file;
use description::{columns, load};
use failure::{failure, reason};
use groups::{Groups, Texts};
use pages::Shared;

/// An open Parquet file.
pub(super) struct ParquetSource {
    batches: GroupBatches,
    given: Given,
    left_out: Vec<String>,
    notes: Vec<String>,
    said: Vec<(String, String)>,
}

/// The batches of its row groups.
struct GroupBatches {
    groups: Groups,
    levels: FieldLevels,
    /// Which columns of a batch are texts, and their places in the file's schema.
    texts: Vec<Option<(usize, Texts)>>,
    /// Rows a batch.
    chunk_rows: usize,
    /// Of all columns, once it is known that they may be read together.
    reader: Option<ParquetRecordBatchReader>,
    /// Bytes that are held where the file may be damaged; `None` before any page was read.
    held: Option<u64>,
    is_sound: bool,
    n_rows: u64,
    /// Where in the file the rows end that are read, and those that were.
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
        let size = file.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        let shared = Shared::new(file, path.to_path_buf(), size);
        let metadata = load(&shared)?;
        check_rows(path, rows_of(metadata.metadata().row_groups()), 1, size)?;
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
        let shared = Shared::new(file, path.to_path_buf(), size);
        let metadata = load(&shared)?;
        let all = &columns(&metadata);
        check_columns(path, all.fields().len() as u64, size)?;
        let names: Vec<String> = all.fields().iter().map(|field| field.name().clone()).collect();
        let mut choice = selection.choose(path, &names, &index_columns(all))?;
        let fields = arrow_values::fields(path, all, &mut choice, selection)?;
        let Choice { places: chosen, left_out, note } = choice;
        let parquet = metadata.parquet_schema();
        // Leaves of chosen columns are the columns themselves: nested ones were refused.
        let leaves: HashMap<usize, usize> =
            (0..parquet.num_columns()).rev().map(|leaf| (parquet.get_column_root_idx(leaf), leaf)).collect();
        let leaf = |&column: &usize| {
            let leaf = leaves.get(&column).copied().filter(|leaf| parquet.column(*leaf).max_rep_level() == 0);
            let reason = || format!("column `{}` is not what the schema says", names[column]);
            leaf.ok_or_else(|| TableError::Corrupt { path: path.to_path_buf(), reason: reason() })
        };
        let leaves = chosen.iter().map(leaf).collect::<Result<Vec<usize>, _>>()?;
        let mask = ProjectionMask::roots(parquet, chosen.iter().copied());
        let hints = as_views(all);
        let levels = parquet_to_arrow_field_levels(parquet, mask, Some(&hints)).map_err(failed)?;
        let n_groups = metadata.metadata().num_row_groups();
        let wanted = selection.options.row_groups.clone().unwrap_or(0..n_groups);
        let first = wanted.start.min(n_groups);
        let wanted = first..wanted.end.clamp(first, n_groups);
        let chunk_rows = rows_a_frame(chunk_rows, &fields, &chosen, all, (parquet, &leaves));
        let columns = chosen.into_iter().zip(leaves).collect();
        let groups = Groups { metadata: metadata.metadata().clone(), shared, hints, columns, wanted };
        groups.check_codecs(path)?;
        let texts = groups.texts_of_a_batch();
        let all = groups.metadata.row_groups();
        check_rows(path, rows_of(all), fields.len(), size)?;
        let (done, end) = (rows_of(&all[..groups.wanted.start]), rows_of(&all[..groups.wanted.end]));
        let said = groups.metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let said = said.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect();
        let (notes, n_rows) = (note.into_iter().collect(), end - done);
        Ok(ParquetSource {
            given: Given::none(fields, chunk_rows, done),
            left_out,
            notes,
            said,
            batches: GroupBatches {
                groups,
                levels,
                texts,
                chunk_rows,
                reader: None,
                held: None,
                is_sound: false,
                n_rows,
                end,
                done,
            },
        })
    }
}

impl GroupBatches {
    /// Before the first page is unpacked: as many rows a batch as the pages of their texts allow, and the check where all
    /// pages together are more than the file's size accounts for.
    fn prepare(&mut self) -> Result<(), TableError> {
        let plan = self.groups.plan(self.chunk_rows)?;
        self.chunk_rows = plan.rows;
        if plan.must_be_sound {
            self.must_be_sound()?;
        }
        self.held = Some(plan.held);
        // With many columns it takes more than the file's description.
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(&self.levels, &self.groups, plan.rows, None);
        self.reader = Some(reader.map_err(|e| failure(&self.groups.shared.path, e))?);
        Ok(())
    }
}

impl Batches for GroupBatches {
    /// No more rows than are left.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        if self.held.is_none() {
            self.prepare()?;
        }
        let damaged = |reason: String| TableError::Corrupt { path: self.groups.shared.path.clone(), reason };
        let Some(batch) = self.reader.as_mut().and_then(Iterator::next) else {
            return match self.done == self.end {
                true => Ok(None),
                false => Err(damaged(format!("it promises {} rows and holds {}", self.end, self.done))),
            };
        };
        let batch = batch.map_err(|e| damaged(reason(e)))?;
        self.done += batch.num_rows() as u64;
        if self.done > self.end || batch.num_rows() == 0 {
            return Err(damaged(format!("it promises {} rows and holds others", self.end)));
        }
        for (array, texts) in batch.columns().iter().zip(&self.texts) {
            let Some((column, texts)) = *texts else { continue };
            let wrong = |e| damaged(format!("{} (column `{}`)", reason(e), self.groups.hints[column].name()));
            self.groups.check_texts(texts, array).map_err(wrong)?;
        }
        Ok(Some(batch))
    }

    fn must_be_sound(&mut self) -> Result<(), TableError> {
        if !self.is_sound {
            self.groups.check(self.chunk_rows, self.n_rows)?;
            self.is_sound = true;
        }
        Ok(())
    }

    fn file(&self) -> (&Path, u64) {
        (&self.groups.shared.path, self.groups.shared.size)
    }
}

/// Rows that are claimed.
fn rows_of(groups: &[RowGroupMetaData]) -> u64 {
    groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).fold(0, u64::saturating_add)
}

/// Rows a frame, by what their cells take in it, in a batch, and on the way there.
fn rows_a_frame(
    wanted: usize,
    fields: &[Field],
    chosen: &[usize],
    schema: &Schema,
    (parquet, leaves): (&SchemaDescriptor, &[usize]),
) -> usize {
    let of = |((field, &column), &leaf): ((&Field, &usize), &usize)| {
        let (in_batch, in_frame) = arrow_values::cell_bytes(schema.field(column).data_type(), &field.kind);
        in_batch.max(usize::try_from(parquet.column(leaf).type_length()).unwrap_or(0)) + in_frame
    };
    let bytes = fields.iter().zip(chosen).zip(leaves).map(of).sum();
    frame_rows(wanted, fields.len(), bytes, fields.iter().any(|field| field.kind == Kind::Text))
}

impl FrameSource for ParquetSource {
    fn fields(&self) -> &[Field] {
        &self.given.fields
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
        Some(self.batches.n_rows)
    }

    fn held_at_most(&self) -> u64 {
        self.batches.held.filter(|_| !self.batches.is_sound).unwrap_or(0)
    }

    fn check(&mut self, _: u64) -> Option<Result<u64, TableError>> {
        let path = self.batches.groups.shared.path.clone();
        Some(contained(&path, || self.batches.must_be_sound()).map(|()| self.batches.n_rows))
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let path = self.batches.groups.shared.path.clone();
        contained(&path, || self.given.next_frame(&mut self.batches))
    }
}

/// Text as views: a page of few texts that many rows repeat then stays small until its cells are made.
fn as_views(schema: &Schema) -> Fields {
    let view = |field: &Arc<arrow_schema::Field>| {
        let is_text = |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let is_dictionary = matches!(field.data_type(), DataType::Dictionary(_, of) if is_text(of));
        if is_text(field.data_type()) || is_dictionary {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        } else {
            field.clone()
        }
    };
    schema.fields().iter().map(view).collect()
}
