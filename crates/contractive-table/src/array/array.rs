//! An array in memory, and what its shape says.

use std::path::{Path, PathBuf};

use crate::error::TableError;
use crate::source::Source;

/// An array, its values in row order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub(super) path: PathBuf,
    pub(super) shape: Vec<usize>,
    pub(super) values: ArrayValues,
}

/// The values of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrayValues {
    /// Unsigned bytes.
    Bytes(Vec<u8>),
    /// Truth values, as 0 and 1.
    Booleans(Vec<u8>),
    /// Numbers that 32 bits hold exactly: float16, float32, and integers of up to 16 bits.
    F32(Vec<f32>),
    /// All others. Integers beyond 2⁵³ are rounded.
    F64(Vec<f64>),
}

/// What a file of arrays holds: a table or images, and labels where there are some.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrays {
    /// The rows.
    pub rows: Array,
    /// One label a row: `y` beside `X` of an archive, the labels file beside an IDX file of images.
    pub labels: Option<Array>,
}

impl Array {
    /// The file, and of an archive the member, as messages name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn into_values(self) -> ArrayValues {
        self.values
    }

    /// Values a row, and (height, width, channels) where the shape says that rows are images: two dimensions are a table,
    /// three are grey images, and four with one channel, or with three at the end, images too.
    ///
    /// # Errors
    /// [`TableError::Shape`] for another number of dimensions.
    pub fn row_shape(&self) -> Result<RowShape, TableError> {
        row_shape(&self.path, &self.shape)
    }

    /// The values as labels: one dimension, or one column, of whole numbers below 9·10¹⁵; `None` for any other array.
    pub fn whole_numbers(&self) -> Option<Vec<i64>> {
        if !matches!(self.shape[..], [_] | [_, 1]) {
            return None;
        }
        let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
        match &self.values {
            ArrayValues::Bytes(values) | ArrayValues::Booleans(values) => {
                Some(values.iter().map(|v| i64::from(*v)).collect())
            }
            ArrayValues::F32(values) => values.iter().map(|v| whole(f64::from(*v))).collect(),
            ArrayValues::F64(values) => values.iter().map(|v| whole(*v)).collect(),
        }
    }
}

/// Values a row, and (height, width, channels) where rows are images.
pub type RowShape = (usize, Option<[usize; 3]>);

/// As [`Array::row_shape`], of a shape.
pub(crate) fn row_shape(path: &Path, shape: &[usize]) -> Result<RowShape, TableError> {
    let wrong = || TableError::Shape {
        what: format!("the shape of the array in {}", path.display()),
        expected: "(rows, columns), (images, height, width) or (images, height, width, 1 or 3), channels last".into(),
        got: shape_text(shape),
    };
    match *shape {
        [_, columns] => Ok((columns, None)),
        [_, height, width] | [_, height, width, 1] | [_, 1, height, width] => {
            Ok((height.checked_mul(width).ok_or_else(wrong)?, Some([height, width, 1])))
        }
        [_, height, width, 3] => {
            let values = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(3));
            Ok((values.ok_or_else(wrong)?, Some([height, width, 3])))
        }
        _ => Err(wrong()),
    }
}

/// Bytes of the number that a byte of an array becomes: none where it is of an image.
pub(crate) fn bytes_of_a_byte(path: &Path, shape: &[usize]) -> u64 {
    let is_of_an_image =
        row_shape(path, shape).is_ok_and(|(columns, image)| byte_image_shape(columns, image).is_some());
    if is_of_an_image { 1 } else { size_of::<f32>() as u64 }
}

/// Refuses labels, one a row, whose numbers come to more than their file accounts for.
pub(crate) fn check_labels_room(source: &Source<'_>, shape: &[usize]) -> Result<(), TableError> {
    match shape {
        [n] | [n, 1] => source.check_kept((*n as u64).saturating_mul(size_of::<i64>() as u64)),
        _ => Ok(()),
    }
}

/// (height, width, channels) where rows are images of bytes: by their shape, or 784 columns of them.
pub fn byte_image_shape(columns: usize, image: Option<[usize; 3]>) -> Option<[usize; 3]> {
    image.or((columns == 784).then_some([28, 28, 1]))
}

/// That labels are as many as the rows, where they are one number each: known by the headers, before any is read.
pub(crate) fn check_labels(path: &Path, labels: &[usize], rows: &[usize]) -> Result<(), TableError> {
    match (labels, rows) {
        ([got] | [got, 1], [n, ..]) if got != n => Err(TableError::Shape {
            what: format!("the number of labels in {}", path.display()),
            expected: format!("{n}, one a row"),
            got: got.to_string(),
        }),
        _ => Ok(()),
    }
}

/// A shape as numpy prints it.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}
