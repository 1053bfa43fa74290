//! Counts, such as those of genes in cells, made comparable before they are scaled: each row divided by its sum, and the
//! logarithm taken.

use contractive_core::communicator::{CommunicationError, Group};
use serde::{Deserialize, Serialize};

use super::error::PreprocessError;
use super::sample::{ALONE, Sample};
use crate::data::Dataset;

/// What a row's sum becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LibrarySize {
    /// The median of the sums of the training rows.
    Median,
    /// A given sum, finite and above 0.
    Target(f64),
}

impl LibrarySize {
    /// The word for [`LibrarySize::Median`].
    pub const MEDIAN: &'static str = "median";
}

impl Serialize for LibrarySize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            LibrarySize::Median => serializer.serialize_str(LibrarySize::MEDIAN),
            LibrarySize::Target(target) => serializer.serialize_f64(*target),
        }
    }
}

impl<'de> Deserialize<'de> for LibrarySize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = LibrarySize;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`median` or a number")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<LibrarySize, E> {
                match word {
                    LibrarySize::MEDIAN => Ok(LibrarySize::Median),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_f64<E: serde::de::Error>(self, target: f64) -> Result<LibrarySize, E> {
                Ok(LibrarySize::Target(target))
            }

            fn visit_i64<E: serde::de::Error>(self, target: i64) -> Result<LibrarySize, E> {
                Ok(LibrarySize::Target(target as f64))
            }

            fn visit_u64<E: serde::de::Error>(self, target: u64) -> Result<LibrarySize, E> {
                Ok(LibrarySize::Target(target as f64))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What is done to the counts of a row before it is scaled: x′ = log(1 + x · target/Σx), either step where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Counts {
    /// What the sum of each row becomes; a row of zeros stays one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library_size: Option<f64>,
    /// Whether log(1 + x) is taken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log1p: bool,
}

impl Counts {
    /// Whether rows stay as they are.
    pub fn is_none(&self) -> bool {
        *self == Counts::default()
    }

    /// What is asked for; a median is that of the sums of the rows `rows` of `data`.
    pub fn learn(library_size: Option<LibrarySize>, log1p: bool, data: &Dataset, rows: &[u32]) -> Self {
        Counts::learn_shared(library_size, log1p, data, &Sample::alone(rows, &Group::alone())).expect(ALONE)
    }

    /// [`Counts::learn`] of the rows of all ranks.
    pub(crate) fn learn_shared(
        library_size: Option<LibrarySize>,
        log1p: bool,
        data: &Dataset,
        of: &Sample<'_>,
    ) -> Result<Self, CommunicationError> {
        let target = match library_size {
            None => None,
            Some(LibrarySize::Target(target)) => Some(target),
            Some(LibrarySize::Median) => {
                let mut sums = Vec::with_capacity(of.rows.len());
                data.for_each_row(of.rows, |row| sums.push(row.iter().sum()));
                Some(median(of.group.gather(sums)?))
            }
        };
        Ok(Counts { library_size: target, log1p })
    }

    /// What a row's values are multiplied by.
    fn factor(&self, sum: f64) -> f64 {
        match self.library_size {
            Some(target) if sum > 0.0 => target / sum,
            _ => 1.0,
        }
    }

    /// Transforms a row in place.
    pub fn apply(&self, row: &mut [f64]) {
        if self.library_size.is_some() {
            let factor = self.factor(row.iter().sum());
            row.iter_mut().for_each(|x| *x *= factor);
        }
        if self.log1p {
            // libm, not the platform's, whose last bit differs between systems.
            row.iter_mut().for_each(|x| *x = libm::log1p(*x));
        }
    }

    /// Undoes it for a row whose counts have the sum `sum`.
    pub fn invert(&self, row: &mut [f64], sum: f64) {
        if self.log1p {
            row.iter_mut().for_each(|x| *x = libm::expm1(*x));
        }
        let factor = self.factor(sum);
        row.iter_mut().for_each(|x| *x /= factor);
    }

    /// Refuses the first value below 0 of `values`, rows of `d`, of which the first is row `first` of `what`.
    pub(crate) fn check(&self, what: &str, d: usize, first: usize, values: &[f64]) -> Result<(), PreprocessError> {
        match values.iter().position(|value| *value < 0.0).filter(|_| !self.is_none()) {
            None => Ok(()),
            Some(i) => {
                let (row, column) = (first + i / d, i % d);
                Err(PreprocessError::Negative { what: what.to_owned(), row, column, value: values[i] })
            }
        }
    }

    /// [`Counts::check`] of all rows.
    pub(crate) fn check_rows(&self, data: &Dataset) -> Result<(), PreprocessError> {
        if self.is_none() {
            return Ok(());
        }
        let (mut row, mut found) = (0, Ok(()));
        let all: Vec<u32> = (0..data.len() as u32).collect();
        data.for_each_row(&all, |values| {
            if found.is_ok() {
                found = self.check(data.name(), data.n_features(), row, values);
            }
            row += 1;
        });
        found
    }

    /// Why stored numbers cannot be; `None` where they can.
    pub(crate) fn fault(&self) -> Option<String> {
        let target = self.library_size.filter(|target| !(target.is_finite() && *target > 0.0))?;
        Some(format!("`counts.library_size` must be finite and above 0, got {target}"))
    }
}

/// The median of sums that are above 0; 1 where there are none.
pub(crate) fn median(mut sums: Vec<f64>) -> f64 {
    sums.retain(|sum| *sum > 0.0 && sum.is_finite());
    sums.sort_unstable_by(f64::total_cmp);
    if sums.is_empty() { 1.0 } else { contractive_core::statistics::quantile_of_sorted(&sums, 0.5) }
}

/// Rows of a data set with their counts transformed.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub data: &'a Dataset,
    pub counts: Counts,
}

impl Seen<'_> {
    pub fn n_features(&self) -> usize {
        self.data.n_features()
    }

    pub fn for_each_row(&self, rows: &[u32], mut visit: impl FnMut(&[f64])) {
        if self.counts.is_none() {
            return self.data.for_each_row(rows, visit);
        }
        let mut wide = Vec::new();
        self.data.for_each_row(rows, |row| {
            wide.clear();
            wide.extend_from_slice(row);
            self.counts.apply(&mut wide);
            visit(&wide);
        });
    }
}

#[cfg(test)]
mod tests;
