//! Frames as rows of finite numbers.

use std::path::Path;

use crate::error::{TableError, shown};
use crate::frame::{Frame, Values};
use crate::limits::make_room;
use crate::place::Place;
use crate::text_options::TextOptions;

/// Adds a frame's rows to `values`, row-major, all columns but `left_out`; the first cell that is no finite number is an
/// error.
///
/// # Errors
/// [`TableError::Cell`].
pub fn append(
    path: impl AsRef<Path>,
    frame: &Frame,
    left_out: Option<usize>,
    values: &mut Vec<f64>,
) -> Result<(), TableError> {
    append_in(path, frame, left_out, &TextOptions::default(), values)
}

/// [`append`] of a table that is read by `text`.
///
/// # Errors
/// [`TableError::Cell`].
pub fn append_in(
    path: impl AsRef<Path>,
    frame: &Frame,
    left_out: Option<usize>,
    text: &TextOptions,
    values: &mut Vec<f64>,
) -> Result<(), TableError> {
    let path = path.as_ref();
    let n_rows = frame.n_rows();
    let start = values.len();
    let columns = frame.columns.iter().enumerate().filter(|(i, _)| Some(*i) != left_out);
    let d = frame.columns.len() - usize::from(left_out.is_some());
    make_room(values, n_rows * d, path)?;
    values.resize(start + n_rows * d, 0.0);
    let mut first_wrong: Option<(usize, usize)> = None;
    for (j, (place, column)) in columns.enumerate() {
        let converted;
        let cells = match &column.values {
            Values::Numbers(cells) => cells,
            other => {
                // Text and times are no numbers in any row.
                converted = other.to_numbers().unwrap_or_else(|| vec![f64::NAN; n_rows]);
                &converted
            }
        };
        let mut are_finite = true;
        for (out, &x) in values[start..].iter_mut().skip(j).step_by(d).zip(cells) {
            *out = x;
            are_finite &= x.is_finite();
        }
        if !are_finite {
            let row = cells.iter().position(|x| !x.is_finite());
            first_wrong = row.map(|row| (row, place)).into_iter().chain(first_wrong).min();
        }
    }
    let Some((row, place)) = first_wrong else { return Ok(()) };
    let column = &frame.columns[place];
    Err(TableError::Cell {
        path: path.to_path_buf(),
        place: Place::of_row_in(path, frame.first_row + row as u64, text),
        column: column.name.clone(),
        must_be: "a finite number",
        got: column.values.text(row).map_or_else(|| "a missing value".into(), |text| shown(&text)),
        prefix: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Column;

    #[test]
    fn a_column_of_text_is_no_column_of_zeros() {
        let column = |name: &str, values| Column { name: name.into(), values };
        let text = Values::Text(vec![Some("Oslo".into()), Some("Lyon".into())]);
        let columns = vec![column("x", Values::Numbers(vec![1.0, 2.0])), column("city", text)];
        let error = append("t.parquet", &Frame { first_row: 3, columns }, None, &mut Vec::new()).unwrap_err();
        let TableError::Cell { place, column, got, .. } = &error else { panic!("{error}") };
        assert_eq!((*place, column.as_str(), got.as_str()), (Place::Row(3), "city", "`Oslo`"));
    }
}
