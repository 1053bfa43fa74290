//! Rows of numbers in memory.

mod as_patches;
mod joined;
mod patches;
mod rows;

use std::fmt;
use std::sync::Arc;

use contractive_core::patches::PictureShape;
use contractive_table::{Column, TableError};

use self::patches::Patches;
use super::singles::Singles;
use crate::encoding::TableEncoding;

pub use patches::PatchError;

/// How values are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    /// Pixels 0 to 255, channel by channel; each is scaled by 1/255 as rows are read out.
    U8(Vec<u8>),
    /// Values that 32 bits hold exactly.
    F32(Singles),
    /// All others: they become 32-bit numbers only once they are centred and scaled.
    F64(Vec<f64>),
}

/// A table of N rows and d features, all finite, with what is known about it.
///
/// Images stay bytes in memory and become numbers in [0, 1] as rows are read: Fashion-MNIST takes 47 MB, not 188.
#[derive(Clone, PartialEq)]
pub struct Dataset {
    name: String,
    /// Shared between copies: a data set is cloned at no cost.
    storage: Arc<Storage>,
    n_rows: usize,
    n_features: usize,
    picture_shape: Option<PictureShape>,
    /// Where rows are patches of the pictures that the values are of.
    patches: Option<Arc<Patches<Dataset>>>,
    labels: Option<Vec<i64>>,
    class_names: Option<Vec<String>>,
    feature_names: Option<Vec<String>>,
    sha256: Option<String>,
    notes: Vec<String>,
    /// How the features came of a table's columns, where those were not all numbers.
    encoding: Option<Arc<TableEncoding>>,
    /// Columns that go along.
    carried: Arc<Vec<Column>>,
}

impl Dataset {
    /// A table from row-major values, `n_features` a row.
    ///
    /// # Errors
    ///
    /// [`TableError::Empty`] without rows or features, [`TableError::Shape`] when the values do not fill whole rows,
    /// [`TableError::NonFinite`] naming the first NaN or infinity.
    pub fn from_f32(name: impl Into<String>, n_features: usize, values: Vec<f32>) -> Result<Dataset, TableError> {
        Self::from_singles(name, n_features, values.into())
    }

    /// The same of numbers that something else may hold: nothing is copied.
    ///
    /// # Errors
    ///
    /// As [`Dataset::from_f32`].
    pub fn from_singles(name: impl Into<String>, n_features: usize, values: Singles) -> Result<Dataset, TableError> {
        let name = name.into();
        let n_rows = whole_rows(&name, n_features, values.len())?;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let (row, column) = (i / n_features, i % n_features);
            return Err(TableError::NonFinite { what: name, row, column, value: f64::from(values[i]) });
        }
        Ok(Self::new(name, Storage::F32(values), n_rows, n_features))
    }

    /// A table from row-major values of 64 bits, `n_features` a row. They are kept in 32 bits where those hold every one
    /// exactly.
    ///
    /// # Errors
    ///
    /// As [`Dataset::from_f32`].
    pub fn from_f64(name: impl Into<String>, n_features: usize, values: Vec<f64>) -> Result<Dataset, TableError> {
        let name = name.into();
        let n_rows = whole_rows(&name, n_features, values.len())?;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let (row, column) = (i / n_features, i % n_features);
            return Err(TableError::NonFinite { what: name, row, column, value: values[i] });
        }
        let is_exact = values.iter().all(|value| f64::from(*value as f32) == *value);
        let storage = match is_exact {
            true => Storage::F32(values.into_iter().map(|value| value as f32).collect::<Vec<f32>>().into()),
            false => Storage::F64(values),
        };
        Ok(Self::new(name, storage, n_rows, n_features))
    }

    /// No rows of `n_features` features, at least 1, of bytes or numbers: what a rank has whose share is empty.
    pub fn without_rows(name: impl Into<String>, n_features: usize, of_bytes: bool) -> Dataset {
        let storage = if of_bytes { Storage::U8(Vec::new()) } else { Storage::F32(Vec::new().into()) };
        Self::new(name.into(), storage, 0, n_features.max(1))
    }

    /// Images of `height` × `width` grey pixels, one after the other, each row by row.
    ///
    /// # Errors
    ///
    /// [`TableError::Empty`] without images or pixels, [`TableError::Shape`] when the last image is not whole.
    pub fn from_u8_images(
        name: impl Into<String>,
        height: usize,
        width: usize,
        pixels: Vec<u8>,
    ) -> Result<Dataset, TableError> {
        Self::from_u8_pictures(name, PictureShape::grey(height, width), pixels)
    }

    /// Pictures of one shape, one after the other, each row by row with its channels last: (N, H, W, C).
    ///
    /// # Errors
    ///
    /// As [`Dataset::from_u8_images`].
    pub fn from_u8_pictures(
        name: impl Into<String>,
        shape: PictureShape,
        pixels: Vec<u8>,
    ) -> Result<Dataset, TableError> {
        let name = name.into();
        let n_features = shape.height.saturating_mul(shape.width).saturating_mul(shape.channels);
        let n_rows = whole_rows(&name, n_features, pixels.len())?;
        let mut dataset = Self::new(name, Storage::U8(pixels), n_rows, n_features);
        dataset.picture_shape = Some(shape);
        Ok(dataset)
    }

    fn new(name: String, storage: Storage, n_rows: usize, n_features: usize) -> Self {
        Dataset {
            name,
            storage: Arc::new(storage),
            n_rows,
            n_features,
            picture_shape: None,
            patches: None,
            labels: None,
            class_names: None,
            feature_names: None,
            sha256: None,
            notes: Vec::new(),
            encoding: None,
            carried: Arc::default(),
        }
    }

    /// Adds one label a row.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] when there are more or fewer labels than rows.
    pub fn with_labels(mut self, labels: Vec<i64>) -> Result<Self, TableError> {
        if labels.len() != self.n_rows {
            return Err(TableError::Shape {
                what: format!("the number of labels of {}", self.name),
                expected: format!("{}, one a row", self.n_rows),
                got: labels.len().to_string(),
            });
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// Adds the name of each class; label c has name c.
    pub fn with_class_names(mut self, names: Vec<String>) -> Self {
        self.class_names = Some(names);
        self
    }

    /// Adds one name a feature.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] when there are more or fewer names than features.
    pub fn with_feature_names(mut self, names: Vec<String>) -> Result<Self, TableError> {
        if names.len() != self.n_features {
            return Err(TableError::Shape {
                what: format!("the number of feature names of {}", self.name),
                expected: self.n_features.to_string(),
                got: names.len().to_string(),
            });
        }
        self.feature_names = Some(names);
        Ok(self)
    }

    /// Says that each row is an image of `height` × `width` grey pixels, row by row.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] when height · width is not the number of features.
    pub fn with_image_shape(self, height: usize, width: usize) -> Result<Self, TableError> {
        self.with_picture_shape(PictureShape::grey(height, width))
    }

    /// Says that each row is a picture, row by row with its channels last.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] when height · width · channels is not the number of features.
    pub fn with_picture_shape(mut self, shape: PictureShape) -> Result<Self, TableError> {
        if !shape.holds(self.n_features) {
            let sides = if shape.channels == 1 { "height × width" } else { "height × width × channels" };
            return Err(TableError::Shape {
                what: format!("{sides} of the images of {}", self.name),
                expected: format!("{} pixels", self.n_features),
                got: shape.to_string(),
            });
        }
        self.picture_shape = Some(shape);
        Ok(self)
    }

    /// Adds the SHA-256 sum of the source, in hexadecimal.
    pub fn with_sha256(mut self, sum: String) -> Self {
        self.sha256 = Some(sum);
        self
    }

    /// Adds a remark for the user on how the source was understood.
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says how the features came of a table's columns.
    pub fn with_encoding(mut self, encoding: Arc<TableEncoding>) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Adds columns that go along with the rows: keys, and labels as their file has them.
    ///
    /// # Errors
    ///
    /// [`TableError::Shape`] when one has more or fewer cells than there are rows.
    pub fn with_carried(mut self, columns: Vec<Column>) -> Result<Self, TableError> {
        if let Some(column) = columns.iter().find(|column| column.values.len() != self.n_rows) {
            return Err(TableError::Shape {
                what: format!("the cells of `{}`", column.name),
                expected: format!("{}, one a row", self.n_rows),
                got: column.values.len().to_string(),
            });
        }
        self.carried = Arc::new(columns);
        Ok(self)
    }

    /// Number of rows, N.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// Whether there are no rows; only [`Dataset::take`] and [`Dataset::select`] can make it so.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Number of features (columns, pixels), d.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// What the data are called: "fashion-mnist:train", "table.csv".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 sum of the source's bytes as found on disk; for generated data, of the pixels.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// (height, width) when rows are grey images; see [`Dataset::picture_shape`] for those in colour too.
    pub fn image_shape(&self) -> Option<(usize, usize)> {
        let grey = self.picture_shape.filter(|shape| shape.channels == 1);
        grey.map(|shape| (shape.height, shape.width))
    }

    /// Height, width and channels when rows are pictures, or patches of them.
    pub fn picture_shape(&self) -> Option<PictureShape> {
        self.picture_shape
    }

    /// One name a feature, from a header line.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// One label a row.
    pub fn labels(&self) -> Option<&[i64]> {
        self.labels.as_deref()
    }

    /// The name of each class, when labels were text or the data set is a known one.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }

    /// Remarks for the user on how the source was understood: no header line, bytes read as images, …
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How the features came of a table's columns, where those were not all numbers.
    pub fn encoding(&self) -> Option<&Arc<TableEncoding>> {
        self.encoding.as_ref()
    }

    /// Columns that go along with the rows: keys, and labels as their file has them.
    pub fn carried(&self) -> &[Column] {
        &self.carried
    }

    /// The values as kept, row-major, unscaled; where rows are patches, those of the pictures.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }
}

/// What the data are, without the values: there may be millions.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("name", &self.name)
            .field("n_rows", &self.n_rows)
            .field("n_features", &self.n_features)
            .field("picture_shape", &self.picture_shape)
            .field("patches", &self.patch_grid())
            .field("has_labels", &self.labels.is_some())
            .field("sha256", &self.sha256)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Rows in `n_values` values; rows are numbered by u32.
fn whole_rows(name: &str, n_features: usize, n_values: usize) -> Result<usize, TableError> {
    if n_features == 0 || n_values == 0 {
        return Err(TableError::Empty { what: name.to_string() });
    }
    if !n_values.is_multiple_of(n_features) {
        return Err(TableError::Shape {
            what: format!("the number of values of {name}"),
            expected: format!("a multiple of its {n_features} features"),
            got: n_values.to_string(),
        });
    }
    let n_rows = n_values / n_features;
    if u32::try_from(n_rows).is_err() {
        return Err(TableError::Shape {
            what: format!("the number of rows of {name}"),
            expected: format!("at most {}", u32::MAX),
            got: n_rows.to_string(),
        });
    }
    Ok(n_rows)
}
