//! The values of a data set: gathered, chosen and looked through, however they are kept.

use std::ops::Range;
use std::sync::Arc;

use contractive_core::instructions::{self, vectorised};
use contractive_core::prefetch::fetch_ahead;

use contractive_table::Column;

use super::{Dataset, Storage};

impl Dataset {
    /// Smallest and largest value over all rows, pixels scaled; (0, 0) without rows. Reads every value.
    pub fn range(&self) -> (f64, f64) {
        if self.is_empty() {
            return (0.0, 0.0);
        }
        match &*self.storage {
            Storage::U8(pixels) => {
                let (low, high) = pixels.iter().fold((u8::MAX, u8::MIN), |(low, high), &v| (low.min(v), high.max(v)));
                (f64::from(scaled(low)), f64::from(scaled(high)))
            }
            Storage::F32(values) => {
                let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
                (f64::from(low), f64::from(high))
            }
            Storage::F64(values) => {
                values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)))
            }
        }
    }

    /// Gathers rows into `out`, row-major (rows.len(), n_features), scaling pixels to [0, 1]. Values of 64 bits are
    /// rounded: what is trained on goes through [`Preprocessing`](crate::preprocess::Preprocessing) instead.
    ///
    /// # Panics
    ///
    /// If `out` has another length, or a row does not exist.
    pub fn fill(&self, rows: &[u32], out: &mut [f32]) {
        /// Rows that are asked for before their turn.
        const AHEAD: usize = 3;
        let d = self.n_features;
        assert_eq!(out.len(), rows.len() * d, "out must hold {} rows of {d} values", rows.len());
        let each = rows.iter().zip(out.chunks_exact_mut(d));
        match (&*self.storage, &self.patches) {
            (Storage::U8(pixels), None) => {
                let row = |i: usize| &pixels[rows[i] as usize * d..][..d];
                for (i, out) in out.chunks_exact_mut(d).enumerate() {
                    // Rows come in random order: the next ones are on their way while this one is scaled.
                    if i + AHEAD < rows.len() {
                        fetch_ahead(row(i + AHEAD));
                    }
                    scale(row(i), out);
                }
            }
            (Storage::U8(pixels), Some(patches)) => {
                let mut bytes = vec![0; d];
                each.for_each(|(&row, out)| {
                    patches.gather(pixels, row, &mut bytes);
                    scale(&bytes, out);
                });
            }
            (Storage::F32(values), None) => {
                let values: &[f32] = values;
                each.for_each(|(&row, out)| out.copy_from_slice(&values[row as usize * d..][..d]));
            }
            (Storage::F32(values), Some(patches)) => each.for_each(|(&row, out)| patches.gather(values, row, out)),
            (Storage::F64(values), None) => {
                each.for_each(|(&row, out)| narrow(&values[row as usize * d..][..d], out));
            }
            (Storage::F64(_), Some(_)) => {
                let mut outs = out.chunks_exact_mut(d);
                self.for_each_row(rows, |row| outs.next().into_iter().for_each(|out| narrow(row, out)));
            }
        }
    }

    /// Calls `visit` with each row of `rows` as it is, in 64 bits; pixels are scaled to [0, 1].
    ///
    /// # Panics
    ///
    /// If a row does not exist.
    pub fn for_each_row(&self, rows: &[u32], mut visit: impl FnMut(&[f64])) {
        let d = self.n_features;
        let mut wide = vec![0.0; d];
        match &*self.storage {
            Storage::U8(pixels) => self.each_row(pixels, rows, |row| {
                wide.iter_mut().zip(row).for_each(|(x, pixel)| *x = f64::from(scaled(*pixel)));
                visit(&wide);
            }),
            Storage::F32(all) => self.each_row(all, rows, |row| {
                wide.iter_mut().zip(row).for_each(|(x, value)| *x = f64::from(*value));
                visit(&wide);
            }),
            Storage::F64(all) => self.each_row(all, rows, visit),
        }
    }

    /// Calls `visit` with the values as kept of each row of `rows`: patches are gathered.
    fn each_row<T: Copy + Default>(&self, all: &[T], rows: &[u32], mut visit: impl FnMut(&[T])) {
        let d = self.n_features;
        match &self.patches {
            None => rows.iter().for_each(|row| visit(&all[*row as usize * d..][..d])),
            Some(patches) => {
                let mut values = vec![T::default(); d];
                for row in rows {
                    patches.gather(all, *row, &mut values);
                    visit(&values);
                }
            }
        }
    }

    /// The rows `rows`, in this order, with their labels and names; patches as pictures of their own. The sum of the source
    /// is not theirs.
    ///
    /// # Panics
    ///
    /// If a row does not exist.
    pub fn select(&self, rows: &[u32]) -> Dataset {
        let storage = match &*self.storage {
            Storage::U8(pixels) => Storage::U8(self.some(pixels, rows)),
            Storage::F32(values) => Storage::F32(self.some(values, rows).into()),
            Storage::F64(values) => Storage::F64(self.some(values, rows)),
        };
        Dataset {
            storage: Arc::new(storage),
            n_rows: rows.len(),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|row| labels[*row as usize]).collect()),
            name: self.name.clone(),
            n_features: self.n_features,
            picture_shape: self.picture_shape,
            patches: None,
            class_names: self.class_names.clone(),
            feature_names: self.feature_names.clone(),
            sha256: None,
            notes: Vec::new(),
            encoding: self.encoding.clone(),
            carried: self.carried_at(rows),
        }
    }

    fn some<T: Copy + Default>(&self, all: &[T], rows: &[u32]) -> Vec<T> {
        let mut values = Vec::with_capacity(rows.len() * self.n_features);
        self.each_row(all, rows, |row| values.extend_from_slice(row));
        values
    }

    fn carried_at(&self, rows: &[u32]) -> Arc<Vec<Column>> {
        let rows: Vec<usize> = rows.iter().map(|row| *row as usize).collect();
        let picked = |c: &Column| Column { name: c.name.clone(), values: c.values.picked(&rows) };
        Arc::new(self.carried.iter().map(picked).collect())
    }

    /// Copies consecutive rows into `out`, as [`Dataset::fill`] does.
    ///
    /// # Panics
    ///
    /// If `out` has another length, or a row does not exist.
    pub fn fill_range(&self, rows: Range<usize>, out: &mut [f32]) {
        let d = self.n_features;
        if self.patches.is_some() {
            let rows: Vec<u32> = rows.map(|row| row as u32).collect();
            return self.fill(&rows, out);
        }
        let values = rows.start * d..rows.end * d;
        assert_eq!(out.len(), values.len(), "out must hold {} rows of {d} values", rows.len());
        match &*self.storage {
            Storage::U8(pixels) => scale(&pixels[values], out),
            Storage::F32(all) => out.copy_from_slice(&all[values]),
            Storage::F64(all) => narrow(&all[values], out),
        }
    }

    /// All rows, row-major (N, d), scaled.
    pub fn to_vec(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.n_rows * self.n_features];
        self.fill_range(0..self.n_rows, &mut out);
        out
    }

    /// The first `rows` rows, or all when there are fewer. The name and the source's sum stay.
    pub fn take(mut self, rows: usize) -> Dataset {
        let rows = rows.min(self.n_rows);
        if self.patches.is_some() && rows < self.n_rows {
            let first: Vec<u32> = (0..rows as u32).collect();
            return Dataset { sha256: self.sha256.clone(), notes: self.notes.clone(), ..self.select(&first) };
        }
        if rows == self.n_rows {
            return self;
        }
        match Arc::make_mut(&mut self.storage) {
            Storage::U8(pixels) => {
                pixels.truncate(rows * self.n_features);
                pixels.shrink_to_fit();
            }
            Storage::F32(values) => *values = values[..rows * self.n_features].to_vec().into(),
            Storage::F64(values) => {
                values.truncate(rows * self.n_features);
                values.shrink_to_fit();
            }
        }
        if let Some(labels) = &mut self.labels {
            labels.truncate(rows);
        }
        let first = |c: &Column| Column { name: c.name.clone(), values: c.values.slice(0..rows) };
        self.carried = Arc::new(self.carried.iter().map(first).collect());
        self.n_rows = rows;
        self
    }

    /// The first value outside [0, 1] as (row, column, value): `bce` and `cross_entropy` need there to be none.
    pub fn first_outside_unit_interval(&self) -> Option<(usize, usize, f32)> {
        let (at, value) = match &*self.storage {
            Storage::U8(_) => None,
            Storage::F32(values) => {
                values.iter().position(|value| !(0.0..=1.0).contains(value)).map(|i| (i, values[i]))
            }
            Storage::F64(values) => {
                values.iter().position(|value| !(0.0..=1.0).contains(value)).map(|i| (i, values[i] as f32))
            }
        }?;
        let (row, column) = match &self.patches {
            None => (at / self.n_features, at % self.n_features),
            Some(patches) => patches.row_with(at),
        };
        Some((row, column, value))
    }
}

fn scaled(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
}

/// Division, not multiplication by a rounded 1/255, so that every value is the one other tools give.
fn scale(pixels: &[u8], out: &mut [f32]) {
    vectorised(
        instructions::arch(),
        #[inline(always)]
        || out.iter_mut().zip(pixels).for_each(|(value, &pixel)| *value = scaled(pixel)),
    );
}

fn narrow(values: &[f64], out: &mut [f32]) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = *value as f32);
}
