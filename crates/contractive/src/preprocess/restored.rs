//! What a network gives, back in the units of the data.

use super::fitted::Preprocessing;
use super::scale::Scale;
use crate::data::RowsRef;

impl Preprocessing {
    /// The rows, row-major (N, d), in the units that they had before they were scaled, up to rounding and clipping. Counts
    /// that were transformed stay so: see [`Preprocessing::invert_counts`].
    pub fn invert(&self, rows: &[f32]) -> Vec<f64> {
        let mut wide: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
        match self.scale {
            Scale::None => return wide,
            Scale::Quantile => {
                for row in wide.chunks_exact_mut(self.n_features) {
                    row.iter_mut().zip(&self.ranks).for_each(|(y, ranks)| *y = ranks.original(*y));
                }
                return wide;
            }
            _ => {}
        }
        for row in wide.chunks_exact_mut(self.n_features) {
            for ((x, offset), factor) in row.iter_mut().zip(&self.offset).zip(&self.factor) {
                let scaled = if self.scale == Scale::Robust { libm::sinh(*x) } else { *x };
                *x = scaled * factor + offset;
            }
        }
        wide
    }

    /// Undoes the transformation of counts in rows that [`Preprocessing::invert`] gave, by one sum a row of the counts that
    /// they stand for.
    pub fn invert_counts(&self, rows: &mut [f64], sums: &[f64]) {
        if !self.counts.is_none() {
            let rows = rows.chunks_exact_mut(self.n_features);
            rows.zip(sums).for_each(|(row, sum)| self.counts.invert(row, *sum));
        }
    }

    /// The sums that [`Preprocessing::invert_counts`] needs: one a row where rows were divided by them, else none.
    pub(crate) fn row_sums(&self, rows: RowsRef<'_>) -> Vec<f64> {
        let mut sums = Vec::new();
        match rows {
            _ if self.counts.is_none() => {}
            RowsRef::Dataset(data) => {
                let all: Vec<u32> = (0..data.len() as u32).collect();
                data.for_each_row(&all, |row| sums.push(row.iter().sum()));
            }
            RowsRef::Values { values, .. } => {
                let sum = |row: &[f32]| row.iter().map(|value| f64::from(*value)).sum::<f64>();
                sums.extend(values.chunks_exact(self.n_features).map(sum));
            }
        }
        sums
    }
}
