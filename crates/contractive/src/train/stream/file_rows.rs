//! A file's rows as numbers, by chunks.

use contractive_core::patches::PictureShape;
use contractive_table::{Field, Format, FrameReader, ReadOptions, TableError, is_sparse};

#[cfg(feature = "pictures")]
use super::picture_rows::PictureRows;
#[cfg(feature = "pictures")]
use super::streamed_pictures::StreamedPictures;
use super::streamed_rows::StreamedRows;
use crate::data::{not_a_feature, shape_of};
use crate::train::error::TrainError;

/// Bytes of rows a chunk, and the most rows.
const CHUNK: (usize, usize) = (2 << 20, 8192);

/// A walk through the file.
pub(super) struct FileRows {
    rows: Rows,
    left: u64,
    divides: bool,
}

/// What is walked through.
enum Rows {
    Table(Box<FrameReader>),
    #[cfg(feature = "pictures")]
    Pictures(Box<PictureRows>, PictureShape),
}

impl FileRows {
    /// Opens the file, which must be the one that was surveyed; also says how many features a row has.
    pub fn open(rows: &StreamedRows) -> Result<(Self, usize), TrainError> {
        #[cfg(feature = "pictures")]
        if let Some(pictures) = &rows.pictures {
            rows.check_unchanged()?;
            return Self::of_pictures(pictures, PictureRows::all(pictures, rows.most_rows), rows);
        }
        let opened = Self::open_any(rows);
        // First: another file may be refused for what the user knows nothing of.
        rows.check_unchanged()?;
        opened
    }

    /// As [`FileRows::open`], for the rows of epoch `epoch`, those held out perhaps among them: pictures come in an order of
    /// its own.
    pub fn of_epoch(rows: &StreamedRows, epoch: usize) -> Result<(Self, usize), TrainError> {
        #[cfg(feature = "pictures")]
        if let Some(pictures) = &rows.pictures {
            rows.check_unchanged()?;
            return Self::of_pictures(pictures, PictureRows::of_epoch(pictures, rows, epoch), rows);
        }
        let _ = epoch;
        Self::open(rows)
    }

    #[cfg(feature = "pictures")]
    fn of_pictures(
        of: &StreamedPictures,
        pictures: PictureRows,
        rows: &StreamedRows,
    ) -> Result<(Self, usize), TrainError> {
        let shape = of.row_shape().ok_or_else(|| TrainError::SeveralSizes { path: rows.path.clone() })?;
        let rows = Rows::Pictures(Box::new(pictures), shape);
        // How many are looked at is settled by their order.
        Ok((FileRows { rows, left: u64::MAX, divides: true }, shape.n_values()))
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
            return Ok((FileRows::of_table(probe, rows), n_features));
        }
        drop(probe);
        let reader = FrameReader::open(&rows.path, &options)?;
        Ok((FileRows::of_table(reader, rows), n_features))
    }

    fn of_table(reader: FrameReader, rows: &StreamedRows) -> Self {
        FileRows { rows: Rows::Table(Box::new(reader)), left: rows.most_rows, divides: rows.divides }
    }

    /// Names of the features, where the file has them.
    pub fn feature_names(&self) -> Option<Vec<String>> {
        match &self.rows {
            Rows::Table(reader) => {
                reader.has_names().then(|| reader.fields().iter().map(|field| field.name.clone()).collect())
            }
            #[cfg(feature = "pictures")]
            Rows::Pictures(..) => None,
        }
    }

    /// What a user should know of how the file was understood.
    pub fn notes(&self) -> Vec<String> {
        match &self.rows {
            Rows::Table(reader) => reader.notes().to_vec(),
            #[cfg(feature = "pictures")]
            Rows::Pictures(..) => Vec::new(),
        }
    }

    /// Whether rows are images of bytes of which one is above 1; goes through the file up to there. Pictures of a folder are.
    pub fn has_grey(self) -> Result<bool, TableError> {
        let mut reader = match self.rows {
            Rows::Table(reader) => reader,
            #[cfg(feature = "pictures")]
            Rows::Pictures(..) => return Ok(true),
        };
        let mut values = Vec::new();
        while reader.has_pixels() && reader.next_rows(&mut values)? {
            if values.iter().any(|value| *value > 1.0) {
                return Ok(true);
            }
            values.clear();
        }
        Ok(false)
    }

    /// Whether rows are images of bytes.
    pub fn has_pixels(&self) -> bool {
        match &self.rows {
            Rows::Table(reader) => reader.has_pixels(),
            #[cfg(feature = "pictures")]
            Rows::Pictures(..) => true,
        }
    }

    /// Their shape where rows are pictures.
    pub fn picture_shape(&self) -> Option<PictureShape> {
        match &self.rows {
            Rows::Table(reader) => reader.image_shape().map(shape_of),
            #[cfg(feature = "pictures")]
            Rows::Pictures(_, shape) => Some(*shape),
        }
    }

    /// What decides whether the rows last given, of which `row` is the number of one, are held out: the number itself, of
    /// pictures that of the picture.
    pub fn group(&self, row: u64) -> u64 {
        match &self.rows {
            Rows::Table(_) => row,
            #[cfg(feature = "pictures")]
            Rows::Pictures(pictures, _) => pictures.group(),
        }
    }

    /// The next rows, row-major and finite, in place of what is in `values`; false at the end.
    pub fn next(&mut self, values: &mut Vec<f64>, n_features: usize) -> Result<bool, TrainError> {
        values.clear();
        let reader = match &mut self.rows {
            Rows::Table(reader) => reader,
            #[cfg(feature = "pictures")]
            Rows::Pictures(pictures, _) => return pictures.next(values),
        };
        if self.left == 0 || !reader.next_rows(values)? {
            return Ok(false);
        }
        if reader.has_pixels() && self.divides {
            // As a data set in memory scales them: divided in 32 bits.
            values.iter_mut().for_each(|value| *value = f64::from(*value as f32 / 255.0));
        }
        let n = (values.len() / n_features) as u64;
        values.truncate(n.min(self.left) as usize * n_features);
        self.left -= n.min(self.left);
        Ok(true)
    }
}
