//! What one of several processes reads of a table in files: a run of its row groups, or of its files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::TableError;
use crate::format::Format;

/// Consecutive rows of a table in one file or several, read by one process of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    files: Vec<PathBuf>,
    pieces: Vec<Piece>,
    summed: Range<usize>,
    /// Processes whose share is empty.
    empty: usize,
    unit: &'static str,
}

/// A file, or consecutive row groups of a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub path: PathBuf,
    /// Row groups of it; all by default.
    pub row_groups: Option<Range<usize>>,
    /// Its bytes, or those of the row groups.
    pub bytes: u64,
}

/// What goes to one process or another, never to two.
struct Unit {
    file: usize,
    row_group: Option<usize>,
    bytes: u64,
    /// Rows where the file tells them, else bytes.
    weight: u64,
}

impl Share {
    /// The share of process `rank` of `size`, which all get the same `files`, of one format; at most the first `rows` rows
    /// where the files tell how many they have (Parquet does), else all.
    ///
    /// Processes take the table's units, row groups of Parquet files and whole files of other formats, one after the other, so
    /// that rows (of other formats bytes) are as even as the units allow, and none is without while another has two.
    ///
    /// # Errors
    /// [`TableError`] of a file that cannot be opened.
    ///
    /// # Panics
    /// If there are no files, or `rank` is not below `size`.
    pub fn of(files: Vec<PathBuf>, rank: usize, size: usize, rows: Option<u64>) -> Result<Share, TableError> {
        assert!(!files.is_empty() && rank < size, "a table has files, and a process is one of those there are");
        let is_parquet = size > 1 && Format::of(&files[0]) == Some(Format::Parquet) && cfg!(feature = "parquet");
        let units = match is_parquet {
            true => row_groups(&files, rows)?,
            false => whole_files(&files)?,
        };
        let runs = runs(&units.iter().map(|unit| unit.weight).collect::<Vec<_>>(), size);
        let empty = runs.iter().filter(|run| run.is_empty()).count();
        let pieces = pieces(&files, &units[runs[rank].clone()]);
        let sizes: Vec<u64> = whole_files(&files)?.iter().map(|file| file.bytes).collect();
        let summed = self::runs(&sizes, size)[rank].clone();
        let unit = if is_parquet { "row group" } else { "file" };
        Ok(Share { files, pieces, summed, empty, unit })
    }

    /// All files of the table, in its order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What is read, in the table's order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The file that is read first; of an empty share the first of the table.
    pub fn first_path(&self) -> &Path {
        self.pieces.first().map_or(&self.files[0], |piece| &piece.path)
    }

    /// Bytes that are read.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }

    /// The files, of all, whose checksums this process takes: each file is taken by one.
    pub fn summed_files(&self) -> &[PathBuf] {
        &self.files[self.summed.clone()]
    }

    /// What a user should know where processes have no rows.
    pub fn note(&self) -> Option<String> {
        let unit = self.unit;
        let more =
            if unit == "file" { "more files, or Parquet, whose row groups are shared out," } else { "more row groups" };
        (self.empty > 0).then(|| {
            format!(
                "{} of the ranks have no rows: the data have fewer {unit}s than there are ranks; {more} would keep all busy",
                self.empty
            )
        })
    }
}

#[cfg(feature = "parquet")]
fn row_groups(files: &[PathBuf], rows: Option<u64>) -> Result<Vec<Unit>, TableError> {
    let mut left = rows.unwrap_or(u64::MAX);
    let mut units = Vec::new();
    for (file, path) in files.iter().enumerate() {
        for (row_group, group) in crate::parquet::row_groups(path)?.into_iter().enumerate() {
            let weight = group.rows.min(left);
            left -= weight;
            units.push(Unit { file, row_group: Some(row_group), bytes: group.bytes, weight });
        }
    }
    // Groups beyond the wanted rows go to nobody, and neither do empty ones, but for a table's only one, whose fault is told.
    if units.iter().any(|unit| unit.weight > 0) {
        units.retain(|unit| unit.weight > 0);
    }
    Ok(units)
}

#[cfg(not(feature = "parquet"))]
fn row_groups(files: &[PathBuf], _: Option<u64>) -> Result<Vec<Unit>, TableError> {
    whole_files(files)
}

fn whole_files(files: &[PathBuf]) -> Result<Vec<Unit>, TableError> {
    let unit = |(file, path): (usize, &PathBuf)| {
        let bytes = path.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        Ok(Unit { file, row_group: None, bytes, weight: bytes })
    };
    files.iter().enumerate().map(unit).collect()
}

/// Which units each of `size` processes takes: what is left is shared evenly among those that are left, each taking at least
/// one unit while there are some.
fn runs(weights: &[u64], size: usize) -> Vec<Range<usize>> {
    let mut left: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut next = 0;
    let mut runs = Vec::with_capacity(size);
    for rank in 0..size {
        let (first, others) = (next, size - rank - 1);
        let mut taken: u128 = 0;
        while next < weights.len() {
            let weight = u128::from(weights[next]);
            let is_enough = next > first && (2 * taken + weight) * (others as u128 + 1) > 2 * left;
            // The others must not go without, and the last one takes all.
            let is_others = next > first && weights.len() - next <= others;
            if others > 0 && (is_enough || is_others) {
                break;
            }
            taken += weight;
            next += 1;
        }
        left -= taken;
        runs.push(first..next);
    }
    runs
}

/// Units one after the other as pieces, one a file.
fn pieces(files: &[PathBuf], units: &[Unit]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for unit in units {
        let path = &files[unit.file];
        match (pieces.last_mut().filter(|last| last.path == *path), unit.row_group) {
            (Some(Piece { row_groups: Some(groups), bytes, .. }), Some(group)) => {
                groups.end = group + 1;
                *bytes += unit.bytes;
            }
            _ => {
                let row_groups = unit.row_group.map(|group| group..group + 1);
                pieces.push(Piece { path: path.clone(), row_groups, bytes: unit.bytes });
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(weights: &[u64], size: usize) -> Vec<usize> {
        let runs = runs(weights, size);
        assert_eq!(runs.last().unwrap().end, weights.len());
        assert!(runs.windows(2).all(|pair| pair[0].end == pair[1].start));
        runs.into_iter().map(|run| run.len()).collect()
    }

    #[test]
    fn units_are_shared_evenly_and_none_goes_without_while_another_has_two() {
        assert_eq!(lengths(&[10; 8], 4), [2, 2, 2, 2]);
        assert_eq!(lengths(&[8, 1, 1], 3), [1, 1, 1]);
        assert_eq!(lengths(&[1, 1, 8], 2), [2, 1]);
        assert_eq!(lengths(&[8, 1, 1], 2), [1, 2]);
        assert_eq!(lengths(&[5], 4), [1, 0, 0, 0]);
        assert_eq!(lengths(&[5, 5], 3), [1, 1, 0]);
        assert_eq!(lengths(&[0, 0, 0], 2), [2, 1]);
        assert_eq!(lengths(&[], 2), [0, 0]);
        assert_eq!(lengths(&[u64::MAX; 3], 2), [2, 1]);
    }
}
