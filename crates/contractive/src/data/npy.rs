//! NPY arrays, as `numpy.save` writes them. Object arrays are refused: reading one would run code.

mod header;

use std::io;
use std::path::Path;

use super::source::{Source, read_up_to};
use super::{DataError, Dataset};
pub(crate) use header::{Header, Kind};

/// Values decoded at a time.
const CHUNK: usize = 1 << 14;

/// Reads a file of one array.
pub(crate) fn load(path: &Path, name: &str) -> Result<Dataset, DataError> {
    let mut source = Source::open(path)?;
    let array = Header::read(&mut source.reader, path)?;
    table(&mut source, &array, name)
}

/// The rows of an array of two dimensions (a table), three (images), or four with one channel.
///
/// Bytes in three dimensions, or in 784 columns, are images and stay bytes.
pub(crate) fn table(source: &mut Source, array: &Header, name: &str) -> Result<Dataset, DataError> {
    source.check_claim(array.n_bytes())?;
    let (columns, image) = row_shape(&source.path, array)?;
    let rows = array.shape[0];
    if let Some((height, width)) = byte_image_shape(array, columns, image) {
        let bytes = source.check_claim(array.n_bytes())?;
        let pixels = in_row_order(source.payload(bytes)?, array, rows);
        let dataset = Dataset::from_u8_images(name, height, width, pixels)?;
        return Ok(match image {
            Some(_) => dataset,
            None => dataset
                .with_note(format!("{name}: bytes in 784 columns are read as images of 28 × 28, scaled by 1/255")),
        });
    }
    let values = in_row_order(numbers(source, array, |value| value as f32)?, array, rows);
    if let Some(i) = values.iter().position(|value| !value.is_finite()) {
        let what = source.path.display().to_string();
        return Err(DataError::NonFinite { what, row: i / columns, column: i % columns, value: f64::from(values[i]) });
    }
    let dataset = Dataset::from_f32(name, columns, values)?;
    match image {
        Some((height, width)) => dataset.with_image_shape(height, width),
        None => Ok(dataset),
    }
}

/// Values a row, and (height, width) where the array's shape says that rows are images.
pub(crate) fn row_shape(path: &Path, array: &Header) -> Result<(usize, Option<(usize, usize)>), DataError> {
    let wrong = || DataError::Shape {
        what: format!("the shape of the array in {}", path.display()),
        expected: "(rows, columns) or (images, height, width)".into(),
        got: array.shape_text(),
    };
    match array.shape[..] {
        [_, columns] => Ok((columns, None)),
        [_, height, width] | [_, height, width, 1] | [_, 1, height, width] => {
            Ok((height.checked_mul(width).ok_or_else(wrong)?, Some((height, width))))
        }
        _ => Err(wrong()),
    }
}

/// (height, width) where rows are images of bytes: by their shape, or 784 columns of them.
pub(crate) fn byte_image_shape(
    array: &Header,
    columns: usize,
    image: Option<(usize, usize)>,
) -> Option<(usize, usize)> {
    let is_bytes = array.kind == Kind::Unsigned && array.size == 1;
    image.or((columns == 784).then_some((28, 28))).filter(|_| is_bytes)
}

/// Labels: one dimension, or one column. `None` when a value is no whole number.
pub(crate) fn labels(source: &mut Source, array: &Header) -> Result<Option<Vec<i64>>, DataError> {
    let values = numbers(source, array, |value| value)?;
    let whole = |&value: &f64| (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
    Ok(values.iter().map(whole).collect())
}

/// Every value in the order of the file, through f64, which holds all of them closely enough for f32 and labels.
fn numbers<T>(source: &mut Source, array: &Header, keep: fn(f64) -> T) -> Result<Vec<T>, DataError> {
    let claimed = source.check_claim(array.n_bytes())?;
    let decode = array.decoder();
    let mut values = Vec::with_capacity(source.trusted(claimed) / array.size);
    let mut bytes = vec![0; CHUNK * array.size];
    let mut left = claimed;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let got = match read_up_to(&mut source.reader, &mut bytes[..wanted]) {
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(e) => return Err(DataError::reading(&source.path, e)),
        };
        if got < wanted {
            let got = claimed - left + got as u64;
            return Err(DataError::Truncated { path: source.path.clone(), expected: claimed, got });
        }
        values.extend(bytes[..got].chunks_exact(array.size).map(|value| keep(decode(value))));
        left -= got as u64;
    }
    source.expect_end(claimed)?;
    Ok(values)
}

/// Turns Fortran order, where the row index runs fastest, into rows.
fn in_row_order<T: Copy>(values: Vec<T>, array: &Header, rows: usize) -> Vec<T> {
    if !array.is_fortran || values.is_empty() {
        return values;
    }
    let columns = values.len() / rows;
    let place_of = |mut feature: usize| {
        let (mut place, mut stride) = (0, columns);
        for &dim in array.shape[1..].iter().rev() {
            stride /= dim;
            place += feature % dim * stride;
            feature /= dim;
        }
        place
    };
    let places: Vec<usize> = (0..columns).map(place_of).collect();
    let mut out = Vec::with_capacity(values.len());
    for row in 0..rows {
        out.extend(places.iter().map(|place| values[place * rows + row]));
    }
    out
}
