//! The one rule for results: what is not finite is no result, but an error that names the row and what is wrong there.
//!
//! A network is computed in 32 bits, which hold numbers up to 3.4e38. Cells or weights near that can make more of it, and
//! JSON has no word for ∞ and NaN. Sums of squares that only pass through larger numbers are taken in 64 bits where they are made
//! ([`contractive_core`]), so that what is refused here cannot be told in 32 bits at all.

use contractive_core::engine::Engine;
use contractive_core::{Batch, Objective, Terms};

use super::error::ModelError;

/// Refuses numbers that are not finite, of rows that lie one after the other, `width` numbers each: `first` is the number of
/// the first in `data`, and `name` says what the numbers of a column are.
///
/// # Errors
/// [`ModelError::NotFinite`].
pub fn check_rows<T: Copy + Into<f64>>(
    data: &str,
    first: usize,
    values: &[T],
    width: usize,
    name: impl Fn(usize) -> String,
) -> Result<(), ModelError> {
    match values.iter().position(|value| !Into::<f64>::into(*value).is_finite()) {
        None => Ok(()),
        Some(i) => {
            let row = first + i / width.max(1);
            let (what, value) = (name(i % width.max(1)), values[i].into());
            Err(ModelError::NotFinite { data: data.to_owned(), row, what, value })
        }
    }
}

/// Refuses terms of a batch that are not finite, naming the first row where one is not: `first` is the number of the batch's
/// first row in `data`, and `objective` the engine's.
///
/// # Errors
/// [`ModelError::NotFinite`], and what the engine refuses.
pub(crate) fn check_terms(
    data: &str,
    first: usize,
    terms: &Terms,
    objective: &Objective,
    engine: &mut dyn Engine,
    batch: &Batch<'_>,
) -> Result<(), ModelError> {
    let Some(term) = terms.not_finite() else { return Ok(()) };
    let n = batch.rows.rows();
    let (mut losses, mut penalties) = (vec![0.0; n], vec![0.0; n]);
    engine.row_terms(batch, &mut losses, &mut penalties)?;
    check_row_terms(data, first, objective, &losses, &penalties)?;
    // Of all rows alike, or in the sum.
    let what = format!("the {term} of the objective");
    Err(ModelError::NotFinite { data: data.to_owned(), row: first, what, value: terms.total })
}

/// Refuses losses and penalties of rows that are not finite.
///
/// # Errors
/// [`ModelError::NotFinite`].
pub(crate) fn check_row_terms(
    data: &str,
    first: usize,
    objective: &Objective,
    losses: &[f64],
    penalties: &[f64],
) -> Result<(), ModelError> {
    check_rows(data, first, losses, 1, |_| format!("the loss `{}`", objective.loss))?;
    check_rows(data, first, penalties, 1, |_| format!("the penalty `{}`", objective.penalty))
}

/// Refuses ‖J‖²_F of rows that are not finite.
///
/// # Errors
/// [`ModelError::NotFinite`].
pub(crate) fn check_squares(data: &str, first: usize, squares: &[f64]) -> Result<(), ModelError> {
    check_rows(data, first, squares, 1, |_| "‖J‖² of the encoder".to_owned())
}

/// What a number of a code is called in messages.
pub(crate) fn code_unit(unit: usize) -> String {
    format!("code unit {unit}")
}

/// What a singular value, counted from 0, is called.
pub fn singular_value(j: usize) -> String {
    format!("singular value {} of J", j + 1)
}

/// What an entry of something (rows, columns) is called.
///
/// # Example
/// ```
/// assert_eq!(contractive::model::finite::entry("J", 3)(7), "J[2, 1]");
/// ```
pub fn entry(what: &'static str, columns: usize) -> impl Fn(usize) -> String {
    move |i| format!("{what}[{}, {}]", i / columns.max(1), i % columns.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_and_the_column_are_named() {
        let values = [1.0_f32, 2.0, 3.0, 4.0, f32::INFINITY, f32::NAN];
        check_rows("t.csv", 10, &values[..4], 2, code_unit).unwrap();
        let error = check_rows("t.csv", 10, &values, 2, code_unit).unwrap_err();
        assert_eq!(
            error.to_string(),
            "t.csv row 12 (from 0): code unit 0 must be finite, got inf; the row or the model's weights are too large for 32 bits"
        );
    }
}
