//! What can be wrong with the numbers given to a figure.

use thiserror::Error;

/// Why a figure could not be drawn.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("`{what}` must hold at least one value, got none")]
    Empty {
        /// The argument that is empty or zero.
        what: &'static str,
    },
    /// A slice does not have the length that the sizes given beside it call for.
    #[error("`{what}` must hold {expected} values ({sizes}), got {got}")]
    Length {
        /// The argument of the wrong length.
        what: &'static str,
        /// How the expected length is made up, such as `n × height × width`.
        sizes: &'static str,
        /// The length called for.
        expected: usize,
        /// The length found.
        got: usize,
    },
    /// A value is NaN or infinite where a pixel or a cell must show it.
    #[error("`{what}` must be finite, got {value} at row {row}, column {column} (both counted from 0)")]
    NonFinite {
        /// The argument that holds the value.
        what: &'static str,
        /// Row of the value.
        row: usize,
        /// Column of the value within its row.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// A whole curve holds no value that can be drawn.
    #[error("`{what}` must hold at least one finite value at a finite position, got none in {length}")]
    NothingFinite {
        /// The argument that holds no finite value.
        what: &'static str,
        /// How many values it holds.
        length: usize,
    },
    /// The picture would be too small to read or too large to hold.
    #[error(
        "a picture must have {least} to {most} pixels a side and at most {area} in all, got {width} × {height}; \
         draw fewer rows or choose another scale"
    )]
    Size {
        /// Width asked for, in pixels; saturated where it would overflow.
        width: usize,
        /// Height asked for, in pixels; saturated where it would overflow.
        height: usize,
        /// Fewest pixels a side.
        least: usize,
        /// Most pixels a side.
        most: usize,
        /// Most pixels in all.
        area: usize,
    },
    /// The drawing library or the PNG encoder refused its input: a fault in this crate.
    #[error("could not draw the {stage}: {reason}")]
    Drawing {
        /// The part of the work that failed.
        stage: &'static str,
        /// What the library said.
        reason: String,
    },
}

/// A template refuses nothing of its own: what it reports is a fault in this crate.
impl From<askama::Error> for FigureError {
    fn from(error: askama::Error) -> Self {
        FigureError::Drawing { stage: "page", reason: error.to_string() }
    }
}

/// Requires `got` to be the product of `sizes`, each at least 1.
pub(crate) fn check_length(
    what: &'static str,
    names: &'static str,
    got: usize,
    sizes: &[usize],
) -> Result<(), FigureError> {
    let expected = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)).unwrap_or(usize::MAX);
    if expected == 0 {
        return Err(FigureError::Empty { what });
    }
    if expected != got {
        return Err(FigureError::Length { what, sizes: names, expected, got });
    }
    Ok(())
}

/// Requires every value to be finite; `row_length` turns an index into row and column.
pub(crate) fn check_finite(what: &'static str, values: &[f32], row_length: usize) -> Result<(), FigureError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(FigureError::NonFinite {
            what,
            row: at / row_length.max(1),
            column: at % row_length.max(1),
            value: values[at],
        }),
    }
}
