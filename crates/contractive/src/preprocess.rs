//! Preprocessing: what is learnt from the training rows and applied to every row since, feature by feature.
//!
//! x′ = (x − offset) / factor. It is stored with the model, so a model takes rows as they are in the user's table.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::Dataset;

/// How features are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As they are.
    #[default]
    None,
    /// To [0, 1] over the training rows.
    Minmax,
    /// To mean 0 and standard deviation 1 (of the population) over the training rows.
    Standard,
}

impl Scale {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scale::None => "none",
            Scale::Minmax => "minmax",
            Scale::Standard => "standard",
        }
    }
}

/// Why rows do not fit a model's preprocessing.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The wrong number of columns.
    #[error("{what} has {got} columns, the model was trained on {expected}{}", names_text(names))]
    Columns {
        /// The table.
        what: String,
        /// Columns of the model.
        expected: usize,
        /// Columns found.
        got: usize,
        /// The model's feature names, if it has any.
        names: Option<Vec<String>>,
    },
    /// The right number of columns under other names.
    #[error("the columns of {what} are not those the model was trained on: missing {}; unexpected {}", missing.join(", "), unexpected.join(", "))]
    Names {
        /// The table.
        what: String,
        /// Names of the model that the table lacks.
        missing: Vec<String>,
        /// Names of the table that the model does not know.
        unexpected: Vec<String>,
    },
    /// The right columns in another order.
    #[error("column {position} of {what} must be `{expected}`, got `{got}`; put the columns in the order {}", order.join(", "))]
    Order {
        /// The table.
        what: String,
        /// First column out of place, from 1.
        position: usize,
        /// The name that belongs there.
        expected: String,
        /// The name found there.
        got: String,
        /// The model's order.
        order: Vec<String>,
    },
    /// The stored numbers contradict each other.
    #[error("the stored preprocessing is not valid: {reason}")]
    Stored {
        /// What is wrong.
        reason: String,
    },
}

fn names_text(names: &Option<Vec<String>>) -> String {
    names.as_ref().map_or_else(String::new, |n| format!(": {}", n.join(", ")))
}

/// Learnt scaling with the names of the features it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// How the numbers below were learnt.
    pub scale: Scale,
    /// Number of features d.
    pub n_features: usize,
    /// Names of the features, if the training table had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_names: Option<Vec<String>>,
    /// What is subtracted, one a feature; empty for [`Scale::None`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offset: Vec<f64>,
    /// What is divided by, one a feature, above 0; 1 for constant features; empty for [`Scale::None`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factor: Vec<f64>,
    /// Whether scaled values are cut off at 0 and 1. Set with `minmax` where the loss is a cross-entropy, which is not
    /// defined for the rare later row that lies outside the training rows' range.
    #[serde(default)]
    pub clip: bool,
}

impl Preprocessing {
    /// No scaling of `n_features` features.
    pub fn identity(n_features: usize) -> Self {
        let (offset, factor) = (Vec::new(), Vec::new());
        Preprocessing { scale: Scale::None, n_features, feature_names: None, offset, factor, clip: false }
    }

    /// Learns the scaling of `scale` from the rows `rows` of `data`. A constant feature keeps its width: factor 1.
    pub fn fit(scale: Scale, data: &Dataset, rows: &[u32]) -> Self {
        let d = data.n_features();
        let mut fitted = Preprocessing::identity(d);
        fitted.scale = scale;
        fitted.feature_names = data.feature_names().map(<[String]>::to_vec);
        if scale == Scale::None {
            return fitted;
        }
        let (mut lowest, mut highest) = (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d]);
        let mut sums = vec![0.0; d];
        for_each_row(data, rows, |row| {
            for (j, &x) in row.iter().enumerate() {
                let x = f64::from(x);
                lowest[j] = lowest[j].min(x);
                highest[j] = highest[j].max(x);
                sums[j] += x;
            }
        });
        let n = rows.len().max(1) as f64;
        let mut factor: Vec<f64> = match scale {
            Scale::Standard => {
                let means: Vec<f64> = sums.iter().map(|s| s / n).collect();
                let mut squares = vec![0.0; d];
                for_each_row(data, rows, |row| {
                    for (j, &x) in row.iter().enumerate() {
                        squares[j] += (f64::from(x) - means[j]).powi(2);
                    }
                });
                fitted.offset = means;
                squares.iter().map(|s| (s / n).sqrt()).collect()
            }
            _ => {
                fitted.offset = lowest.clone();
                (0..d).map(|j| highest[j] - lowest[j]).collect()
            }
        };
        for j in 0..d {
            // Judged by the values, not by the deviation: rounding of the mean gives a constant column a tiny one.
            if !(lowest[j] < highest[j] && factor[j] > 0.0) {
                factor[j] = 1.0;
            }
            if !fitted.offset[j].is_finite() {
                fitted.offset[j] = 0.0;
            }
        }
        fitted.factor = factor;
        fitted
    }

    /// Scales rows in place, row-major (N, d).
    pub fn apply(&self, rows: &mut [f32]) {
        if self.scale == Scale::None {
            return;
        }
        for row in rows.chunks_exact_mut(self.n_features) {
            for ((x, offset), factor) in row.iter_mut().zip(&self.offset).zip(&self.factor) {
                let scaled = ((f64::from(*x) - offset) / factor) as f32;
                *x = if self.clip { scaled.clamp(0.0, 1.0) } else { scaled };
            }
        }
    }

    /// Undoes [`Preprocessing::apply`] in place, up to rounding and clipping.
    pub fn invert(&self, rows: &mut [f32]) {
        if self.scale == Scale::None {
            return;
        }
        for row in rows.chunks_exact_mut(self.n_features) {
            for ((x, offset), factor) in row.iter_mut().zip(&self.offset).zip(&self.factor) {
                *x = (f64::from(*x) * factor + offset) as f32;
            }
        }
    }

    /// Refuses a table with other columns than those trained on. Names are compared where both sides have them.
    ///
    /// # Errors
    /// [`PreprocessError::Columns`], [`PreprocessError::Names`] or [`PreprocessError::Order`].
    pub fn check(&self, data: &Dataset) -> Result<(), PreprocessError> {
        self.check_columns(data.name(), data.n_features(), data.feature_names())
    }

    /// [`Preprocessing::check`] for a table described by its name, its number of columns and their names.
    ///
    /// # Errors
    /// As [`Preprocessing::check`].
    pub fn check_columns(&self, what: &str, n: usize, names: Option<&[String]>) -> Result<(), PreprocessError> {
        let what = what.to_owned();
        let missing_from = |some: &[String], others: &[String]| -> Vec<String> {
            some.iter().filter(|name| !others.contains(name)).cloned().collect()
        };
        if n != self.n_features {
            let names = self.feature_names.clone();
            return Err(PreprocessError::Columns { what, expected: self.n_features, got: n, names });
        }
        let (Some(ours), Some(theirs)) = (&self.feature_names, names) else { return Ok(()) };
        let missing = missing_from(ours, theirs);
        let unexpected = missing_from(theirs, ours);
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(PreprocessError::Names { what, missing, unexpected });
        }
        match ours.iter().zip(theirs).position(|(a, b)| a != b) {
            None => Ok(()),
            Some(i) => Err(PreprocessError::Order {
                what,
                position: i + 1,
                expected: ours[i].clone(),
                got: theirs[i].clone(),
                order: ours.clone(),
            }),
        }
    }

    /// Refuses stored numbers of the wrong count, that are not finite, or factors that are not above 0.
    ///
    /// # Errors
    /// [`PreprocessError::Stored`].
    pub fn check_stored(&self) -> Result<(), PreprocessError> {
        let n = if self.scale == Scale::None { 0 } else { self.n_features };
        let names = self.feature_names.as_ref().map_or(self.n_features, Vec::len);
        for (what, expected, got) in [
            ("offset", n, self.offset.len()),
            ("factor", n, self.factor.len()),
            ("feature_names", self.n_features, names),
        ] {
            if expected != got {
                let reason = format!("`{what}` must have {expected} entries, got {got}");
                return Err(PreprocessError::Stored { reason });
            }
        }
        if let Some(i) = self.offset.iter().position(|v| !v.is_finite()) {
            let reason = format!("`offset` must be finite, but entry {i} is {}", self.offset[i]);
            return Err(PreprocessError::Stored { reason });
        }
        if let Some(i) = self.factor.iter().position(|v| !(v.is_finite() && *v > 0.0)) {
            let reason = format!("`factor` must be finite and above 0, but entry {i} is {}", self.factor[i]);
            return Err(PreprocessError::Stored { reason });
        }
        Ok(())
    }
}

fn for_each_row(data: &Dataset, rows: &[u32], mut visit: impl FnMut(&[f32])) {
    let d = data.n_features();
    let mut buffer = vec![0.0; d * rows.len().min(256)];
    for some in rows.chunks(256) {
        let filled = &mut buffer[..some.len() * d];
        data.fill(some, filled);
        filled.chunks_exact(d).for_each(&mut visit);
    }
}
