//! A scaling as it was learnt.

use std::collections::HashSet;
use std::sync::Arc;

use contractive_core::communicator::{CommunicationError, Group};
use contractive_core::statistics::Statistics;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, Seen};
use super::error::PreprocessError;
use super::learning::{for_each_sorted_column, keep_levels, statistics};
use super::sample::{ALONE, Sample};
use super::scale::Scale;
use crate::data::{Dataset, Storage, TextOptions};
use crate::encoding::TableEncoding;
use crate::ranks::Ranks;

/// Learnt scaling with the names of the features it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// How the numbers below were learnt.
    pub(crate) scale: Scale,
    /// Number of features d.
    pub(crate) n_features: usize,
    /// What is done to counts before they are scaled.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub(crate) counts: Counts,
    /// Names of the features, if the training table had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) feature_names: Option<Vec<String>>,
    /// What is subtracted, one a feature; empty for [`Scale::None`] and [`Scale::Quantile`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) offset: Vec<f64>,
    /// What is divided by, one a feature, above 0; 1 for constant features; empty for [`Scale::None`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) factor: Vec<f64>,
    /// Ranks of the training values, one a feature; empty for the other scalings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ranks: Vec<Ranks>,
    /// Whether scaled values are cut off at 0 and 1. Set with `minmax` where the loss is a cross-entropy, which is not
    /// defined for the rare later row that lies outside the training rows' range.
    #[serde(default)]
    pub(crate) clip: bool,
    /// Whether images of bytes were divided by 255 in training, so that later ones are, whatever bytes they hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) divides_bytes: bool,
    /// How the training table was told to be spelled; later ones are read so too.
    #[serde(default, skip_serializing_if = "TextOptions::is_default")]
    pub(crate) text: TextOptions,
    /// How features come of a table's columns, where those were not all numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<Arc<TableEncoding>>,
}

impl Preprocessing {
    /// No scaling of `n_features` features.
    pub fn identity(n_features: usize) -> Self {
        let (offset, factor, ranks) = (Vec::new(), Vec::new(), Vec::new());
        Preprocessing {
            scale: Scale::None,
            n_features,
            counts: Counts::default(),
            feature_names: None,
            offset,
            factor,
            ranks,
            clip: false,
            divides_bytes: false,
            text: TextOptions::default(),
            table: None,
        }
    }

    /// The same with these names of the features, one each.
    ///
    /// # Errors
    /// [`PreprocessError::Columns`] for another number of names.
    pub fn with_feature_names(mut self, names: Option<Vec<String>>) -> Result<Self, PreprocessError> {
        if let Some(names) = &names {
            self.check_columns("the names of the features", names.len(), Some(names))?;
        }
        self.feature_names = names;
        Ok(self)
    }

    /// How the numbers were learnt.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Number of features d.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// What is done to counts before they are scaled.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Names of the features, if the training table had any.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// What is subtracted, one number a feature; empty where nothing is, and of ranks.
    pub fn offset(&self) -> &[f64] {
        &self.offset
    }

    /// What is then divided by, one number above 0 a feature; empty where nothing is, and of ranks.
    pub fn factor(&self) -> &[f64] {
        &self.factor
    }

    /// Ranks of the training values, one a feature; empty for the other scalings.
    pub fn ranks(&self) -> &[Ranks] {
        &self.ranks
    }

    /// Whether scaled values are cut off at 0 and 1.
    pub fn clip(&self) -> bool {
        self.clip
    }

    /// Whether images of bytes were divided by 255 in training.
    pub fn divides_bytes(&self) -> bool {
        self.divides_bytes
    }

    /// How the training table was told to be spelled.
    pub fn text(&self) -> TextOptions {
        self.text
    }

    /// How features come of a table's columns, where those were not all numbers.
    pub fn table(&self) -> Option<&Arc<TableEncoding>> {
        self.table.as_ref()
    }

    /// Learns the scaling of `scale` from the rows `rows` of `data`. A constant feature keeps its width: factor 1. So
    /// does a level of a category, 0 or 1, where means are taken out: a rare one would else outweigh all numbers.
    pub fn fit(scale: Scale, data: &Dataset, rows: &[u32]) -> Self {
        Preprocessing::fit_counts(Counts::default(), scale, data, rows)
    }

    /// [`Preprocessing::fit`] of counts that are transformed by `counts` before.
    pub fn fit_counts(counts: Counts, scale: Scale, data: &Dataset, rows: &[u32]) -> Self {
        Preprocessing::fit_shared(counts, scale, data, &Sample::alone(rows, &Group::alone())).expect(ALONE)
    }

    /// [`Preprocessing::fit_counts`] of the rows of all ranks, to the bits of one process with all of them.
    pub(crate) fn fit_shared(
        counts: Counts,
        scale: Scale,
        data: &Dataset,
        of: &Sample<'_>,
    ) -> Result<Self, CommunicationError> {
        let seen = Seen { data, counts };
        let d = data.n_features();
        let names = data.feature_names().map(<[String]>::to_vec);
        let fitted = match scale {
            Scale::None => Preprocessing { feature_names: names, ..Preprocessing::identity(d) },
            Scale::Quantile => {
                let mut ranks = Vec::with_capacity(d);
                for_each_sorted_column(seen, of, |column| ranks.push(Ranks::learn(column)))?;
                Preprocessing { scale, feature_names: names, ranks, ..Preprocessing::identity(d) }
            }
            _ => {
                let mut known = statistics(scale, seen, of)?;
                if let (Scale::Standard | Scale::Robust, Some(encoding)) = (scale, data.encoding()) {
                    keep_levels(&encoding.levels(), data, of, &mut known)?;
                }
                Preprocessing::learnt(scale, d, names, &known)
            }
        };
        let table = data.encoding().cloned();
        Ok(Preprocessing { counts, table, divides_bytes: matches!(data.storage(), Storage::U8(_)), ..fitted })
    }

    /// The scaling of `scale`, which is not [`Scale::Quantile`], for `d` features of which this is known.
    pub fn learnt(scale: Scale, d: usize, feature_names: Option<Vec<String>>, statistics: &Statistics) -> Self {
        let mut fitted = Preprocessing::identity(d);
        fitted.scale = scale;
        fitted.feature_names = feature_names;
        if scale == Scale::None {
            return fitted;
        }
        let Statistics { lowest, highest, mean, deviation } = statistics;
        let mut factor: Vec<f64> = match scale {
            Scale::Standard | Scale::Robust => {
                fitted.offset = mean.clone();
                deviation.clone()
            }
            _ => {
                fitted.offset = lowest.clone();
                (0..d).map(|j| (highest[j] - lowest[j]).min(f64::MAX)).collect()
            }
        };
        for j in 0..d {
            // Judged by the values, not by the deviation: rounding of the mean gives a constant column a tiny one. A
            // deviation too large for 64 bits, which only one pass over the rows can give, leaves values as they are:
            // `check` then refuses them.
            if !(lowest[j] < highest[j] && factor[j] > 0.0 && factor[j].is_finite()) {
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
        if !self.counts.is_none() {
            let mut wide = Vec::new();
            for row in rows.chunks_exact_mut(self.n_features) {
                wide.clear();
                wide.extend(row.iter().map(|x| f64::from(*x)));
                self.apply_wide(&wide, row);
            }
            return;
        }
        match self.scale {
            Scale::None => return,
            Scale::Quantile => {
                for row in rows.chunks_exact_mut(self.n_features) {
                    row.iter_mut().zip(&self.ranks).for_each(|(x, ranks)| *x = ranks.scaled(f64::from(*x)) as f32);
                }
                return;
            }
            _ => {}
        }
        for row in rows.chunks_exact_mut(self.n_features) {
            for ((x, offset), factor) in row.iter_mut().zip(&self.offset).zip(&self.factor) {
                *x = self.scaled(f64::from(*x), *offset, *factor);
            }
        }
    }

    /// Rows of 64-bit values, row-major (N, d), in the network's units.
    pub fn scaled_rows(&self, rows: &[f64]) -> Vec<f32> {
        let mut scaled = vec![0.0; rows.len()];
        for (out, row) in scaled.chunks_exact_mut(self.n_features).zip(rows.chunks_exact(self.n_features)) {
            self.apply_wide(row, out);
        }
        scaled
    }

    /// Scales a row of 64-bit values: only centred and scaled do they become 32-bit numbers.
    pub fn apply_wide(&self, row: &[f64], out: &mut [f32]) {
        if !self.counts.is_none() {
            let mut counts = row.to_vec();
            self.counts.apply(&mut counts);
            return self.scale_row(&counts, out);
        }
        self.scale_row(row, out);
    }

    fn scale_row(&self, row: &[f64], out: &mut [f32]) {
        match self.scale {
            Scale::None => return out.iter_mut().zip(row).for_each(|(out, x)| *out = *x as f32),
            Scale::Quantile => {
                let places = out.iter_mut().zip(row).zip(&self.ranks);
                return places.for_each(|((out, x), ranks)| *out = ranks.scaled(*x) as f32);
            }
            _ => {}
        }
        for (((out, x), offset), factor) in out.iter_mut().zip(row).zip(&self.offset).zip(&self.factor) {
            *out = self.scaled(*x, *offset, *factor);
        }
    }

    fn scaled(&self, x: f64, offset: f64, factor: f64) -> f32 {
        let scaled = (x - offset) / factor;
        // libm, not the platform's, whose last bit differs between systems.
        let scaled = if self.scale == Scale::Robust { libm::asinh(scaled) } else { scaled } as f32;
        if self.clip { scaled.clamp(0.0, 1.0) } else { scaled }
    }

    /// [`Preprocessing::check`] for a table described by its name, its number of columns and their names.
    ///
    /// # Errors
    /// As [`Preprocessing::check`].
    pub fn check_columns(&self, what: &str, n: usize, names: Option<&[String]>) -> Result<(), PreprocessError> {
        let what = what.to_owned();
        let missing_from = |some: &[String], others: &[String]| -> Vec<String> {
            let others: HashSet<&String> = others.iter().collect();
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
        let (n, n_ranks) = match self.scale {
            Scale::None => (0, 0),
            Scale::Quantile => (0, self.n_features),
            _ => (self.n_features, 0),
        };
        let names = self.feature_names.as_ref().map_or(self.n_features, Vec::len);
        if let Some(table) = &self.table {
            if let Some(fault) = table.fault() {
                return Err(PreprocessError::Stored { reason: format!("`table`: {fault}") });
            }
            if table.n_features() != self.n_features {
                let (ours, theirs) = (self.n_features, table.n_features());
                let reason = format!("`table` must give {ours} features, it gives {theirs}");
                return Err(PreprocessError::Stored { reason });
            }
        }
        if let Some(reason) = self.counts.fault() {
            return Err(PreprocessError::Stored { reason });
        }
        for (what, expected, got) in [
            ("offset", n, self.offset.len()),
            ("factor", n, self.factor.len()),
            ("ranks", n_ranks, self.ranks.len()),
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
        if let Some(i) = self.ranks.iter().position(|ranks| !ranks.is_valid()) {
            let reason = format!("`ranks` must hold ascending finite knots, but those of entry {i} are not");
            return Err(PreprocessError::Stored { reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
