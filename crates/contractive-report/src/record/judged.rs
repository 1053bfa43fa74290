//! The rows that a run is judged on.

use std::fmt;

use serde::{Deserialize, Serialize};

use contractive::data::Dataset;
use contractive::train::TrainError;
use contractive::{Error, Prepared};

/// Which rows of a run were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedPart {
    /// The test part.
    Test,
    /// The rows held out for validation.
    Validation,
    /// The rows trained on: there are no others.
    Training,
    /// Rows that were given for a model alone.
    Given,
}

impl fmt::Display for JudgedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JudgedPart::Test => "test",
            JudgedPart::Validation => "validation",
            JudgedPart::Training => "training",
            JudgedPart::Given => "given",
        })
    }
}

/// The first rows, at most `most`, of the part that judges best.
pub(super) fn rows(prepared: &Prepared, most: usize) -> (JudgedPart, Dataset) {
    if let Some(test) = prepared.test().filter(|test| !test.is_empty()) {
        let all: Vec<u32> = (0..test.len() as u32).collect();
        return (JudgedPart::Test, spread(test, &all, most));
    }
    let (part, rows) = match prepared.validation_rows() {
        [] => (JudgedPart::Training, prepared.train_rows()),
        _ => (JudgedPart::Validation, prepared.validation_rows()),
    };
    (part, spread(prepared.data(), rows, most))
}

/// The first `most` of `rows`; of patches so many spread over all, since those of one picture follow each other. In an order
/// in which the first of them are spread again.
pub(super) fn spread(data: &Dataset, rows: &[u32], most: usize) -> Dataset {
    let n = rows.len().min(most);
    if data.patch_grid().is_none() {
        return data.select(&rows[..n]);
    }
    // Steps of the golden section of the rows, as near as a step that meets them all.
    let mut step = ((rows.len() as f64 * 0.618_034) as usize).max(1);
    while !is_coprime(step, rows.len()) {
        step += 1;
    }
    let some: Vec<u32> = (0..n).map(|i| rows[(i as u128 * step as u128 % rows.len() as u128) as usize]).collect();
    data.select(&some)
}

fn is_coprime(mut a: usize, mut b: usize) -> bool {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// The pictures that were not trained on where there are any, with their numbers: of the test part, else of the validation
/// rows. Of rows that are no patches, numbers of rows.
pub(super) fn pictures(prepared: &Prepared) -> (Dataset, Vec<u32>) {
    if let Some(test) = prepared.test().filter(|test| !test.is_empty()) {
        return (test.clone(), (0..test.pictures().len() as u32).collect());
    }
    let rows = if prepared.validation_rows().is_empty() { prepared.train_rows() } else { prepared.validation_rows() };
    let together = prepared.data().rows_a_picture() as u32;
    (prepared.data().clone(), rows.iter().step_by(together as usize).map(|row| row / together).collect())
}

/// The same rows where several ranks hold them: on every rank those that [`rows`] gives one process that has all.
///
/// # Errors
/// Where another rank is gone.
pub(super) fn rows_of_all(prepared: &Prepared, most: usize) -> Result<Dataset, Error> {
    let group = prepared.group();
    if group.is_alone() {
        return Ok(rows(prepared, most).1);
    }
    let (test, data) = (prepared.test().map_or(0, Dataset::len), prepared.data());
    let n_test: f64 = group.each(test as f64).map_err(TrainError::from)?.iter().sum();
    let own = match (n_test > 0.0, prepared.n_validation_rows()) {
        (true, _) => prepared.test().unwrap_or(data).select(&(0..test.min(most) as u32).collect::<Vec<u32>>()),
        (false, 0) => data.select(&prepared.train_rows()[..prepared.train_rows().len().min(most)]),
        (false, _) => data.select(&prepared.validation_rows()[..prepared.validation_rows().len().min(most)]),
    };
    // A rank sends no more than those before it leave to be looked at.
    let counts = group.each(own.len() as f64).map_err(TrainError::from)?;
    let before = counts[..group.rank()].iter().sum::<f64>() as usize;
    let own_rows: Vec<u32> = (0..own.len().min(most.saturating_sub(before)) as u32).collect();
    let mut values = Vec::with_capacity(own_rows.len() * own.n_features());
    own.for_each_row(&own_rows, |row| values.extend_from_slice(row));
    let values = group.gather(values).map_err(TrainError::from)?;
    let all = Dataset::from_f64(data.name(), data.n_features(), values)?;
    Ok(match data.encoding() {
        Some(encoding) => all.with_encoding(encoding.clone()),
        None => all,
    })
}
