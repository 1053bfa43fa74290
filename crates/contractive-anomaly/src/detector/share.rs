//! Rows that lie with several ranks: which of all lie here, and what goes from rank to rank.
//!
//! The ranks' rows, one after the other, are the table. Split, batches and the rows kept are chosen by the numbers of rows over
//! all ranks, as one process chooses them; the rows themselves stay where they are, but for those kept.

use std::ops::Range;

use contractive_core::ArgumentError;
use contractive_core::communicator::{CommunicationError, Group};

use super::error::DetectorError;
use super::rows::NetworkRows;

/// All rows by their numbers, and which of them lie here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) group: &'a Group,
    /// The number of the first row here.
    first: u32,
    /// Rows here.
    n: u32,
    /// Rows of all ranks.
    pub(super) total: usize,
}

impl<'a> Held<'a> {
    /// Of ranks of which this one has `n` rows.
    pub(super) fn of(group: &'a Group, n: usize) -> Result<Self, DetectorError> {
        let counts = group.each(n as f64)?;
        let total = counts.iter().sum::<f64>();
        if total > f64::from(u32::MAX) {
            let (name, must_be) = ("rows of all ranks", "at most 4294967295");
            return Err(ArgumentError::Number { name, must_be, got: total }.into());
        }
        let first = counts[..group.rank()].iter().sum::<f64>() as u32;
        Ok(Held { group, first, n: n as u32, total: total as usize })
    }

    /// The places of those here in `rows`, which ascend.
    pub(super) fn places(&self, rows: &[u32]) -> Range<usize> {
        let before = |end: u32| rows.partition_point(|row| *row < end);
        before(self.first)..before(self.first + self.n)
    }

    /// The numbers here of those of `rows` that lie here.
    pub(super) fn own(&self, rows: &[u32]) -> Vec<u32> {
        rows[self.places(rows)].iter().map(|row| row - self.first).collect()
    }
}

/// Rows of one purpose: all are counted, those here are there.
pub(super) struct Part {
    /// The rows here, scaled.
    pub(super) rows: NetworkRows,
    /// Their places among all.
    places: Range<usize>,
    /// Rows of all ranks.
    pub(super) total: usize,
}

impl Part {
    /// The rows numbered `numbers` over all ranks, ascending; `gathered` gets those here by their numbers here.
    pub(super) fn of(held: &Held<'_>, numbers: &[u32], gathered: impl FnOnce(&[u32]) -> NetworkRows) -> Self {
        Part { rows: gathered(&held.own(numbers)), places: held.places(numbers), total: numbers.len() }
    }

    /// Adds the row at `place` among all to `batch` where it lies here, and says whether it does.
    pub(super) fn push(&self, place: usize, batch: &mut NetworkRows, d: usize) -> bool {
        let is_here = self.places.contains(&place);
        if is_here {
            batch.push(&self.rows, place - self.places.start, d);
        }
        is_here
    }
}

/// The rows of all ranks, one after the other.
pub(super) fn of_all(own: NetworkRows, group: &Group) -> Result<NetworkRows, CommunicationError> {
    if group.is_alone() {
        return Ok(own);
    }
    let bytes = own.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let pieces = group.gather_bytes(bytes)?;
    let marks = group.gather_bytes(own.missing.iter().map(|missing| u8::from(*missing)).collect())?;
    let has_marks = marks.iter().any(|marks| !marks.is_empty());
    let mut all = NetworkRows::default();
    for (piece, marks) in pieces.iter().zip(marks) {
        all.values.extend(piece.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        all.missing.extend(marks.iter().map(|mark| *mark != 0));
        if has_marks {
            all.missing.resize(all.values.len(), false);
        }
    }
    Ok(all)
}

/// Whether any rank says so.
pub(super) fn any(group: &Group, own: bool) -> Result<bool, CommunicationError> {
    let mut wishes = [if own { 1.0 } else { 0.0 }];
    group.sum(&mut wishes)?;
    Ok(wishes[0] > 0.0)
}
