//! What ranks tell each other, so that an encoding is learnt from all of their rows.
//!
//! The rows of the ranks, one after the other, are the table. What one process would have seen of it is put together from
//! what each rank saw: see [`Seen::of_all`](super::seen::Seen::of_all). A rank without rows takes its columns from the others.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::EncodingError;
use contractive_core::communicator::{CommunicationError, Group};
use contractive_table::{Place, TableError, TextOptions};

/// Most rows of a training table.
pub(super) const MOST_ROWS: u64 = u32::MAX as u64;

/// Where a row stands: the table of its rank, and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spot {
    path: String,
    pub(super) place: Place,
}

impl Spot {
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(&self.path)
    }

    /// In words, on the rank of the table at `path`.
    pub(super) fn seen_from(&self, path: &Path) -> String {
        match path.to_string_lossy() == self.path.as_str() {
            true => self.place.to_string(),
            false => format!("{} {}", self.path, self.place),
        }
    }
}

/// Where the rows of a file begin among those that were read.
#[derive(Debug, Clone)]
pub(super) struct FileRows {
    pub(super) path: PathBuf,
    /// The number of the first one.
    pub(super) from: u64,
    /// Its number in the file.
    pub(super) in_file: u64,
}

/// This rank among those that hold a table.
pub(super) struct Ranks<'a> {
    pub(super) group: &'a Group,
    pub(super) path: PathBuf,
    text: TextOptions,
    files: Vec<FileRows>,
    /// The number in the table of this rank's first row, where rows are called by that: those of a file are called by their
    /// places in it.
    first_row: u64,
    /// Rows of this rank that may have to be told of, and their places: all are found where the first one is, because finding
    /// one takes a pass over its file.
    in_question: Vec<u64>,
    places: OnceCell<HashMap<u64, Place>>,
}

impl<'a> Ranks<'a> {
    /// Of a rank that read `n_rows` rows of `files`, which messages call `path`, or of a table that `is_held` by the program. One
    /// without any row is refused, by the error `nothing` where that is known, and so is one of too many.
    pub(super) fn of(
        group: &'a Group,
        (path, is_held): (PathBuf, bool),
        n_rows: u64,
        files: Vec<FileRows>,
        nothing: Option<TableError>,
        text: TextOptions,
    ) -> Result<Self, EncodingError> {
        let n_rows = group.each(n_rows as f64)?;
        let total = n_rows.iter().sum::<f64>();
        if total == 0.0 {
            let empty = || TableError::Empty { what: path.display().to_string() };
            return Err(nothing.unwrap_or_else(empty).into());
        }
        if total > MOST_ROWS as f64 {
            return Err(EncodingError::ManyRows { path, most: MOST_ROWS });
        }
        let before = n_rows[..group.rank()].iter().sum::<f64>() as u64;
        let first_row = if is_held { before } else { 0 };
        let (in_question, places) = (Vec::new(), OnceCell::new());
        Ok(Ranks { group, path, text, files, first_row, in_question, places })
    }

    /// With the rows that [`Ranks::spots`] may be asked for, one after the other.
    pub(super) fn with_in_question(self, rows: impl IntoIterator<Item = u64>) -> Self {
        Ranks { in_question: rows.into_iter().collect(), ..self }
    }

    /// The file that a row read here is of.
    pub(super) fn path_of(&self, row: u64) -> &Path {
        self.in_file(row).0
    }

    /// The file that a row read here is of, and the row's number there.
    fn in_file(&self, row: u64) -> (&Path, u64) {
        let file = self.files.iter().rev().find(|file| file.from <= row);
        let (path, row) = file.map_or((&self.path, row), |file| (&file.path, file.in_file + row - file.from));
        (path, self.first_row + row)
    }

    /// The places of these rows in their files, each of which is read once for it.
    fn places(&self, rows: &[u64]) -> HashMap<u64, Place> {
        let mut by_file: HashMap<&Path, Vec<(u64, u64)>> = HashMap::new();
        for &row in rows {
            let (path, in_file) = self.in_file(row);
            by_file.entry(path).or_default().push((row, in_file));
        }
        let mut all = HashMap::with_capacity(rows.len());
        for (path, rows) in by_file {
            let in_file: Vec<u64> = rows.iter().map(|(_, in_file)| *in_file).collect();
            let places = Place::of_rows_in(path, &in_file, &self.text);
            all.extend(rows.into_iter().map(|(row, _)| row).zip(places));
        }
        all
    }

    /// The place of a row, found with those of all rows in question.
    fn place(&self, row: u64) -> Place {
        let known = self.places.get_or_init(|| self.places(&self.in_question)).get(&row).copied();
        known.unwrap_or_else(|| self.places(&[row])[&row])
    }

    /// Where rows stand of which each rank gives its own, if it has one: for each of them that of the first rank that has one.
    pub(super) fn spots(&self, own: &[Option<u64>]) -> Result<Vec<Option<Spot>>, CommunicationError> {
        let spot = |row: u64| {
            let (path, place) = (self.path_of(row), self.place(row));
            Spot { path: path.to_string_lossy().into_owned(), place }
        };
        let own: Vec<Option<Spot>> = own.iter().map(|row| row.map(spot)).collect();
        let mut ranks = gathered(self.group, own)?.into_iter();
        let mut spots = ranks.next().unwrap_or_default();
        for more in ranks {
            spots.iter_mut().zip(more).for_each(|(spot, more)| *spot = spot.take().or(more));
        }
        Ok(spots)
    }
}

/// What each rank gives, in their order.
pub(super) fn gathered<T: Serialize + DeserializeOwned>(group: &Group, own: T) -> Result<Vec<T>, CommunicationError> {
    if group.is_alone() {
        return Ok(vec![own]);
    }
    let broken = |error: serde_json::Error| {
        let (rank, size, reason) = (group.rank(), group.size(), format!("what was told cannot be read: {error}"));
        CommunicationError::Broken { rank, size, reason }
    };
    let own = serde_json::to_vec(&own).map_err(broken);
    let told = group.gather_bytes(group.agree(own)?)?;
    told.iter().map(|bytes| serde_json::from_slice(bytes).map_err(broken)).collect()
}
