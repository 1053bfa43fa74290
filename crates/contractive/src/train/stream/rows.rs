//! A file's rows as numbers, by chunks.

use super::StreamedRows;
use crate::data::columnar::not_a_feature;
use crate::data::{DataError, Format};
use crate::table::{FrameReader, ReadOptions};

/// Bytes of rows a chunk, and the most rows.
const CHUNK: (usize, usize) = (2 << 20, 8192);

/// A walk through the file.
pub(super) struct Rows {
    reader: FrameReader,
    label_at: Option<usize>,
    left: u64,
}

impl Rows {
    /// Opens the file; also says how many features a row has.
    pub fn open(rows: &StreamedRows) -> Result<(Self, usize), DataError> {
        if Format::of(&rows.path) == Some(Format::Idx) {
            return Err(DataError::NotAStream { name: rows.path.display().to_string() });
        }
        // How wide rows are is known only once it is open, and with it how many make a chunk.
        let probe = FrameReader::open(&rows.path, &rows.options)?;
        let chunk_rows = (CHUNK.0 / (size_of::<f32>() * probe.fields().len())).clamp(1, CHUNK.1);
        drop(probe);
        let reader = FrameReader::open(&rows.path, &ReadOptions { chunk_rows, ..rows.options.clone() })?;
        let fields = reader.fields();
        let label_at = match &rows.label_column {
            None => None,
            Some(column) => {
                let place = fields.iter().position(|field| field.name == *column && reader.has_names());
                Some(place.ok_or_else(|| DataError::NoSuchColumn {
                    path: rows.path.clone(),
                    column: column.clone(),
                    available: fields.iter().filter(|_| reader.has_names()).map(|f| f.name.clone()).collect(),
                })?)
            }
        };
        for (i, field) in fields.iter().enumerate() {
            if Some(i) != label_at && !field.kind.is_numeric() {
                return Err(not_a_feature(&rows.path, &field.name, &field.kind, label_at.is_none()));
            }
        }
        let n_features = fields.len() - usize::from(label_at.is_some());
        if n_features == 0 {
            return Err(DataError::Empty { what: rows.path.display().to_string() });
        }
        Ok((Rows { reader, label_at, left: rows.most_rows }, n_features))
    }

    /// Names of the features, where the file has them.
    pub fn feature_names(&self) -> Option<Vec<String>> {
        let names = self.reader.fields().iter().enumerate().filter(|(i, _)| Some(*i) != self.label_at);
        self.reader.has_names().then(|| names.map(|(_, field)| field.name.clone()).collect())
    }

    /// (height, width) where rows are images.
    pub fn image_shape(&self) -> Option<(usize, usize)> {
        self.reader.image_shape()
    }

    /// The next rows, row-major and finite, in place of what is in `values`; false at the end.
    pub fn next(&mut self, values: &mut Vec<f32>, n_features: usize) -> Result<bool, DataError> {
        values.clear();
        if self.left == 0 {
            return Ok(false);
        }
        if !self.reader.next_rows(self.label_at, values)? {
            return Ok(false);
        }
        let n = (values.len() / n_features) as u64;
        values.truncate(n.min(self.left) as usize * n_features);
        self.left -= n.min(self.left);
        Ok(true)
    }
}
