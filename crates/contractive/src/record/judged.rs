//! The rows that a run is judged on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::error::Error;
use crate::train::Prepared;

/// Which rows of a run were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The test part.
    Test,
    /// The rows held out for validation.
    Validation,
    /// The rows trained on: there are no others.
    Training,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Test => "test",
            Part::Validation => "validation",
            Part::Training => "training",
        })
    }
}

/// The first rows, at most `most`, of the part that judges best.
pub(super) fn rows(prepared: &Prepared, most: usize) -> Result<(Part, Dataset), Error> {
    if let Some(test) = prepared.test.as_ref().filter(|test| !test.is_empty()) {
        let all: Vec<u32> = (0..test.len().min(most) as u32).collect();
        return Ok((Part::Test, some_rows(test, &all)?));
    }
    let (part, rows) = match prepared.validation_rows.as_slice() {
        [] => (Part::Training, &prepared.train_rows),
        _ => (Part::Validation, &prepared.validation_rows),
    };
    Ok((part, some_rows(&prepared.data, &rows[..rows.len().min(most)])?))
}

/// Rows of `data` with all that is known about them.
pub(super) fn some_rows(data: &Dataset, rows: &[u32]) -> Result<Dataset, Error> {
    let mut values = vec![0.0; rows.len() * data.n_features()];
    data.fill(rows, &mut values);
    let mut some = Dataset::from_f32(data.name(), data.n_features(), values)?;
    if let Some((height, width)) = data.image_shape() {
        some = some.with_image_shape(height, width)?;
    }
    if let Some(labels) = data.labels() {
        some = some.with_labels(rows.iter().map(|row| labels[*row as usize]).collect())?;
    }
    if let Some(names) = data.class_names() {
        some = some.with_class_names(names.to_vec());
    }
    if let Some(names) = data.feature_names() {
        some = some.with_feature_names(names.to_vec())?;
    }
    Ok(some)
}
