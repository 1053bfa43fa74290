//! Where the columns of a file lie in its row groups.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Fields};
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{ConvertedType, Type as Physical};
use parquet::column::page::PageIterator;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::codec::Codec;
use super::layout::Layout;
use super::pages::{Chunk, Chunks, Shared};
use crate::error::TableError;

/// Row groups of a file, read through our own pages.
pub(super) struct Groups {
    pub metadata: Arc<ParquetMetaData>,
    pub shared: Shared,
    /// All columns of the file as batches have them.
    pub hints: Fields,
    /// Places of the chosen ones in the file's schema, and of their leaves.
    pub columns: Vec<(usize, usize)>,
    pub wanted: Range<usize>,
}

/// A column of texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts {
    /// By the file's own word, which the decoder holds it to; JSON is not, nor what only its Arrow schema calls text.
    is_utf_8: bool,
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
    pub fn check_codecs(&self, path: &Path) -> Result<(), TableError> {
        for group in self.metadata.row_groups() {
            for &(_, leaf) in &self.columns {
                let column = group.columns().get(leaf);
                if let Some(Err(codec)) = column.map(|column| Codec::of(column.compression())) {
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

    /// The texts of a column that is read as such; `None` of others.
    pub fn texts(&self, column: usize, leaf: usize) -> Option<Texts> {
        let schema = self.metadata.file_metadata().schema_descr();
        let is_text = matches!(self.hints[column].data_type(), DataType::Utf8View);
        is_text.then(|| Texts { is_utf_8: schema.column(leaf).converted_type() == ConvertedType::UTF8 })
    }

    /// The columns of a batch that are texts, and their places in the file's schema. Batches have the columns in the order of
    /// the file, whatever the order in which they are chosen.
    pub fn texts_of_a_batch(&self) -> Vec<Option<(usize, Texts)>> {
        let mut columns = self.columns.clone();
        columns.sort_unstable();
        columns.into_iter().map(|(column, leaf)| Some((column, self.texts(column, leaf)?))).collect()
    }

    /// Refuses texts that are none, where the decoder has not looked at each of them.
    pub fn check_texts(&self, texts: Texts, column: &ArrayRef) -> Result<(), ParquetError> {
        if (!texts.is_utf_8 || self.shared.joins_texts()) && !is_utf_8(column) {
            return Err(ParquetError::General("a text is not UTF-8".into()));
        }
        Ok(())
    }

    /// Where a column lies in each of the groups.
    pub fn chunks(&self, leaf: usize) -> Result<std::vec::IntoIter<Chunk>, ParquetError> {
        let schema = self.metadata.file_metadata().schema_descr();
        let (column, place) = (schema.column(leaf), schema.get_column_root_idx(leaf));
        let layout = Layout {
            max_level: column.max_def_level().unsigned_abs(),
            physical: column.physical_type(),
            length: u64::try_from(column.type_length()).unwrap_or(0),
            is_viewed: matches!(self.hints[place].data_type(), DataType::Utf8View),
            unit: match self.hints[place].data_type() {
                DataType::Timestamp(unit, _) if column.physical_type() == Physical::INT96 => Some(*unit),
                _ => None,
            },
        };
        let chunk = |group: &RowGroupMetaData| {
            let column = group.columns().get(leaf)?;
            let first = column.dictionary_page_offset().filter(|&at| at > 0).unwrap_or(i64::MAX);
            let start = u64::try_from(first.min(column.data_page_offset())).ok()?;
            let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
            let codec = Codec::of(column.compression()).ok()?;
            (end <= self.shared.size).then_some(Chunk { start, end, codec, layout })
        };
        let chunks: Option<Vec<Chunk>> = self.filled().map(chunk).collect();
        let outside = || ParquetError::General("a column is said to lie beyond the end of the file".into());
        Ok(chunks.ok_or_else(outside)?.into_iter())
    }
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.wanted().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        Ok(Box::new(Chunks { source: self.shared.clone(), chunks: self.chunks(leaf)? }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.filled())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// Whether the texts of a column are UTF-8.
fn is_utf_8(column: &ArrayRef) -> bool {
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    column.as_string_view_opt().is_none_or(|texts| texts.clone().to_binary_view().iter().flatten().all(is_text))
}
