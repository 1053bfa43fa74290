//! Arrays as data sets: which are images, and what their values mean.

use contractive_core::patches::PictureShape;
use contractive_table::TableError;
use contractive_table::array::{Array, ArrayValues, Arrays, byte_image_shape};

use super::Dataset;

/// The rows with their labels.
pub(super) fn dataset(arrays: Arrays, name: &str, divide_bytes: Option<bool>) -> Result<Dataset, TableError> {
    let data = of_array(arrays.rows, name, divide_bytes)?;
    match arrays.labels {
        None => Ok(data),
        Some(labels) => match labels.whole_numbers() {
            Some(labels) => data.with_labels(labels),
            None => Ok(data.with_note(format!("{name}: `y` is not one whole number a row, so there are no labels"))),
        },
    }
}

/// The rows of an array of two dimensions (a table), three (grey images), or four with one channel, or three at the end.
///
/// Bytes in three dimensions, or in 784 columns, are images of 0 to 255 and stay bytes, unless none is above 1: those,
/// and truth values, are 0 and 1 as they are.
///
/// # Errors
/// [`TableError::Shape`] for another number of dimensions, [`TableError::NonFinite`], [`TableError::Empty`].
pub fn dataset_of_array(array: Array, name: &str) -> Result<Dataset, TableError> {
    of_array(array, name, None)
}

fn of_array(array: Array, name: &str, divide_bytes: Option<bool>) -> Result<Dataset, TableError> {
    let (columns, image) = array.row_shape()?;
    let what = array.path().display().to_string();
    let data = match array.into_values() {
        ArrayValues::Bytes(bytes) => match byte_image_shape(columns, image) {
            Some(shape) => return images(bytes, shape_of(shape), image.is_some(), divide_bytes, name),
            None => Dataset::from_f32(name, columns, bytes.into_iter().map(f32::from).collect()),
        },
        ArrayValues::Booleans(bytes) => Dataset::from_f32(name, columns, bytes.into_iter().map(f32::from).collect()),
        ArrayValues::F32(values) => Dataset::from_f32(name, columns, values),
        ArrayValues::F64(values) => Dataset::from_f64(name, columns, values),
    };
    // The message names the file where a value is not finite.
    let data = data.map_err(|error| match error {
        TableError::NonFinite { row, column, value, .. } => TableError::NonFinite { what, row, column, value },
        other => other,
    })?;
    match image {
        Some(shape) => Ok(with_range_note(data.with_picture_shape(shape_of(shape))?)),
        None => Ok(data),
    }
}

/// The shape that an array has.
pub(crate) fn shape_of([height, width, channels]: [usize; 3]) -> PictureShape {
    PictureShape { height, width, channels }
}

/// Images of bytes; `is_shaped` says whether the array's own shape tells so.
fn images(
    bytes: Vec<u8>,
    shape: PictureShape,
    is_shaped: bool,
    divide: Option<bool>,
    name: &str,
) -> Result<Dataset, TableError> {
    if !bytes.is_empty() && !divide.unwrap_or_else(|| bytes.iter().any(|byte| *byte > 1)) {
        let values = bytes.into_iter().map(f32::from).collect();
        let data = Dataset::from_f32(name, shape.n_values(), values)?.with_picture_shape(shape)?;
        return Ok(if divide.is_none() { data.with_note(bits_note(name)) } else { data });
    }
    let data = Dataset::from_u8_pictures(name, shape, bytes)?;
    Ok(match is_shaped {
        true => data,
        false => data.with_note(format!(
            "{name}: bytes in {} columns are read as images of {shape}, scaled by 1/255",
            shape.n_values()
        )),
    })
}

/// What a user should know of bytes that are taken as they are.
pub(crate) fn bits_note(name: &str) -> String {
    format!("{name}: no byte is above 1, so they are read as 0 and 1, not divided by 255")
}

/// Images whose values look like bytes but are not: they are not scaled, and that is worth a note.
fn with_range_note(data: Dataset) -> Dataset {
    let (low, high) = data.range();
    if low >= 0.0 && high > 1.0 && high <= 255.0 {
        let name = data.name().to_owned();
        return data.with_note(format!(
            "{name}: images with values up to {high} that are not bytes are taken as they are; save them as uint8, or \
             divide them by 255, to have them in [0, 1]"
        ));
    }
    data
}
