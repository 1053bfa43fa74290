//! Matrices looked through, a part at a time, before more of them is kept than the size of their file accounts for: what is
//! wrong at their end must not be found when all of them is in memory.

use std::path::Path;

use super::compressed::{PORTION, check_starts, corrupt, index};
use super::matrix::check_shape;
use super::numbers::Numbers;
use crate::error::TableError;
use crate::limits::{check_columns, is_accounted_for_beside};

/// Bytes of an entry while a matrix is made of it: its value and its place, in vectors that double, and as a triplet.
const ENTRY: u64 = 48;
/// Bytes of where a line begins, likewise.
const LINE: u64 = 32;

/// Opens an array of the file; gives its length too.
pub(super) type Open<'a> = &'a dyn Fn(&str) -> Result<(Box<dyn Numbers>, u64), TableError>;

/// The arrays of a matrix.
pub(super) struct Arrays<'a> {
    pub path: &'a Path,
    pub open: Open<'a>,
}

impl Arrays<'_> {
    /// Checks `indptr` of `n_lines` lines, and `indices` and `data`, of places below `n_places`. The entries are kept, or their
    /// lines alone.
    pub fn check_lines(&self, [n_lines, n_places]: [u64; 2], are_kept: bool) -> Result<(), TableError> {
        let ((indices, n), (data, n_values)) = ((self.open)("indices")?, (self.open)("data")?);
        if n != n_values {
            return Err(corrupt(self.path, "`indices` and `data` must be of one length"));
        }
        let (starts, n_starts) = (self.open)("indptr")?;
        check_starts(self.path, n_lines, n_starts)?;
        let entries = if are_kept { n.saturating_mul(ENTRY).saturating_add(n_places.saturating_mul(LINE)) } else { 0 };
        let held = indices.held().max(data.held()).max(starts.held());
        if self.are_accounted_for(n_lines.saturating_mul(LINE).saturating_add(entries), held)? {
            return Ok(());
        }
        let (mut last, mut is_first) = (0.0, true);
        self.each("indptr", |start| {
            let ascends = start >= last && start.fract() == 0.0 && (!is_first || start == 0.0);
            (last, is_first) = (start, false);
            ascends.then_some(()).ok_or_else(|| format!("`indptr` must ascend from 0 to {n}, the number of entries"))
        })?;
        if last != n as f64 {
            let reason = format!("`indptr` must end with {n}, the number of entries, got {last}");
            return Err(corrupt(self.path, &reason));
        }
        self.check_places("indices", n_places)?;
        self.check_values("data")
    }

    /// Checks `row`, `col` and `data`, which are kept.
    #[cfg(feature = "npz")]
    pub fn check_triplets(&self, [n_rows, n_columns]: [u64; 2]) -> Result<(), TableError> {
        let ((_, n), (_, n_columns_of), (_, n_values)) =
            ((self.open)("row")?, (self.open)("col")?, (self.open)("data")?);
        if n != n_values || n_columns_of != n_values {
            return Err(corrupt(self.path, "`row`, `col` and `data` must be of one length"));
        }
        let lines = n_rows.saturating_add(n_columns).saturating_mul(LINE);
        if self.are_accounted_for(n.saturating_mul(ENTRY).saturating_add(lines), 0)? {
            return Ok(());
        }
        self.check_places("row", n_rows)?;
        self.check_places("col", n_columns)?;
        self.check_values("data")
    }

    /// Checks the numbers of an array of which those that are not zero are kept.
    #[cfg(feature = "h5ad")]
    pub fn check_dense(&self, array: &str) -> Result<(), TableError> {
        let (numbers, n) = (self.open)(array)?;
        if self.are_accounted_for(n.saturating_mul(ENTRY), numbers.held())? {
            return Ok(());
        }
        self.check_values(array)
    }

    /// Refuses a shape that a file of this size and so many entries cannot have, that of the matrix as it is read.
    pub fn check_shape(&self, shape: [u64; 2], n_entries: u64) -> Result<(), TableError> {
        check_shape(self.path, shape, n_entries)?;
        check_columns(self.path, shape[1], self.size()?)
    }

    /// The number of entries.
    pub fn n_entries(&self) -> Result<u64, TableError> {
        Ok((self.open)("data")?.1)
    }

    fn check_places(&self, array: &str, n: u64) -> Result<(), TableError> {
        let most = n.min(u64::from(u32::MAX)) as usize;
        let mut at = 0_u64;
        self.each(array, |place| {
            at += 1;
            let wrong =
                || format!("entry {} of `{array}` (from 0) must be below {n}, which `shape` says, got {place}", at - 1);
            index(place, most).map(drop).ok_or_else(wrong)
        })
    }

    fn check_values(&self, array: &str) -> Result<(), TableError> {
        let mut at = 0_u64;
        self.each(array, |value| {
            at += 1;
            let wrong = || format!("entry {} of `{array}` (from 0) must be finite, got {value}", at - 1);
            value.is_finite().then_some(()).ok_or_else(wrong)
        })
    }

    /// Reads an array to its end, by parts.
    fn each(&self, array: &str, mut check: impl FnMut(f64) -> Result<(), String>) -> Result<(), TableError> {
        let (mut numbers, mut left) = (self.open)(array)?;
        let mut portion = Vec::new();
        while left > 0 {
            let n = left.min(PORTION as u64);
            numbers.next(n as usize, &mut portion)?;
            portion.iter().try_for_each(|number| check(*number)).map_err(|reason| corrupt(self.path, &reason))?;
            left -= n;
        }
        numbers.finish()
    }

    fn are_accounted_for(&self, bytes: u64, held: u64) -> Result<bool, TableError> {
        Ok(is_accounted_for_beside(bytes, held, self.size()?))
    }

    fn size(&self) -> Result<u64, TableError> {
        Ok(self.path.metadata().map_err(|e| TableError::io("open", self.path, e))?.len())
    }
}
