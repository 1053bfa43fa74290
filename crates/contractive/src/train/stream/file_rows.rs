//! A file's rows as numbers, by chunks.

use contractive_core::patches::PictureShape;
use contractive_table::{Field, Format, FrameReader, ReadOptions, TableError, is_sparse};

use super::streamed_rows::StreamedRows;
use crate::data::{not_a_feature, shape_of};
use crate::train::error::TrainError;

/// Bytes of rows a chunk, and the most rows.
const CHUNK: (usize, usize) = (2 << 20, 8192);

/// A walk through the file.
pub(super) struct FileRows {
    reader: FrameReader,
    left: u64,
    divides: bool,
}

impl FileRows {
    /// Opens the file, which must be the one that was surveyed; also says how many features a row has.
    pub fn open(rows: &StreamedRows) -> Result<(Self, usize), TrainError> {
        let opened = Self::open_any(rows);
        // First: another file may be refused for what the user knows nothing of.
        rows.check_unchanged()?;
        opened
    }

    fn open_any(rows: &StreamedRows) -> Result<(Self, usize), TrainError> {
        if Format::of(&rows.path) == Some(Format::Idx) {
            return Err(TrainError::NotAStream { name: rows.path.display().to_string() });
        }
        let label = rows.label_column.as_ref();
        // What its columns are is known only once it is open, and with it what to read, and how many rows make a chunk.
        let mut options = ReadOptions { as_text: label.into_iter().cloned().collect(), ..rows.options.clone() };
        let probe = FrameReader::open(&rows.path, &options)?;
        let features: Vec<&Field> = probe.fields().iter().filter(|field| Some(&field.name) != label).collect();
        if features.is_empty() {
            return Err(TableError::Empty { what: rows.path.display().to_string() }.into());
        }
        probe.check_spelling(|name| Some(name) != label.map(String::as_str))?;
        for field in &features {
            if !field.kind.is_numeric() {
                return Err(not_a_feature(&rows.path, &field.name, &field.kind).into());
            }
        }
        let n_features = features.len();
        options.chunk_rows = (CHUNK.0 / (size_of::<f32>() * n_features)).clamp(1, CHUNK.1);
        options.as_text.clear();
        if label.is_some() {
            options.columns = Some(features.iter().map(|field| field.name.clone()).collect());
        }
        // A matrix in memory is not read twice; its blocks are bounded whatever is asked for.
        if is_sparse(&rows.path, rows.options.array.as_deref()) && label.is_none() {
            return Ok((FileRows { reader: probe, left: rows.most_rows, divides: rows.divides }, n_features));
        }
        drop(probe);
        let reader = FrameReader::open(&rows.path, &options)?;
        Ok((FileRows { reader, left: rows.most_rows, divides: rows.divides }, n_features))
    }

    /// Names of the features, where the file has them.
    pub fn feature_names(&self) -> Option<Vec<String>> {
        self.reader.has_names().then(|| self.reader.fields().iter().map(|field| field.name.clone()).collect())
    }

    /// What a user should know of how the file was understood.
    pub fn notes(&self) -> Vec<String> {
        self.reader.notes().to_vec()
    }

    /// Whether rows are images of bytes of which one is above 1; goes through the file up to there.
    pub fn has_grey(mut self) -> Result<bool, TableError> {
        let mut values = Vec::new();
        while self.reader.has_pixels() && self.reader.next_rows(&mut values)? {
            if values.iter().any(|value| *value > 1.0) {
                return Ok(true);
            }
            values.clear();
        }
        Ok(false)
    }

    /// Whether rows are images of bytes.
    pub fn has_pixels(&self) -> bool {
        self.reader.has_pixels()
    }

    /// Their shape where rows are pictures.
    pub fn picture_shape(&self) -> Option<PictureShape> {
        self.reader.image_shape().map(shape_of)
    }

    /// The next rows, row-major and finite, in place of what is in `values`; false at the end.
    pub fn next(&mut self, values: &mut Vec<f64>, n_features: usize) -> Result<bool, TableError> {
        values.clear();
        if self.left == 0 || !self.reader.next_rows(values)? {
            return Ok(false);
        }
        if self.reader.has_pixels() && self.divides {
            // As a data set in memory scales them: divided in 32 bits.
            values.iter_mut().for_each(|value| *value = f64::from(*value as f32 / 255.0));
        }
        let n = (values.len() / n_features) as u64;
        values.truncate(n.min(self.left) as usize * n_features);
        self.left -= n.min(self.left);
        Ok(true)
    }
}
