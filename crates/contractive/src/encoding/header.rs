//! The columns of a table, and what ranks have in common of theirs.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::EncodingError;
use super::options::EncodingOptions;
use super::seen::{Cells, Seen};
use super::share::gathered;
use contractive_core::communicator::Group;
use contractive_table::FrameReader;

/// The columns of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) columns: Vec<(String, Cells)>,
    /// Columns of the file that are left out unasked.
    pub(super) left_out: Vec<String>,
    /// Whether the columns' names are the file's own.
    pub(super) has_names: bool,
}

impl Header {
    pub(super) fn of(reader: &FrameReader) -> Self {
        let columns = reader.fields().iter().map(|field| (field.name.clone(), Cells::of(&field.kind))).collect();
        Header { columns, left_out: reader.left_out().to_vec(), has_names: reader.has_names() }
    }

    /// What will be seen of each column.
    pub(super) fn seen(&self, options: &EncodingOptions) -> Result<Vec<Seen>, EncodingError> {
        let roles = options.roles()?;
        let chosen: Option<HashSet<&String>> = options.columns.as_ref().map(|names| names.iter().collect());
        let of = |(name, cells): &(String, Cells)| {
            let is_chosen = chosen.as_ref().is_none_or(|names| names.contains(name));
            Seen::nothing_yet(roles.get(name.as_str()).copied(), is_chosen, *cells)
        };
        Ok(self.columns.iter().map(of).collect())
    }

    /// The columns of the first rank that has any, from which those of no other may differ by name.
    pub(super) fn of_all(group: &Group, own: Option<&Header>) -> Result<Option<Header>, EncodingError> {
        let mut told = gathered(group, own.cloned())?.into_iter().enumerate();
        let Some((first, header)) = told.find_map(|(rank, header)| Some((rank, header?))) else { return Ok(None) };
        for (rank, other) in told.filter_map(|(rank, header)| Some((rank, header?))) {
            let of = |header: &Header, i: usize| header.columns.get(i).map(|(name, _)| format!("`{name}`"));
            let most = header.columns.len().max(other.columns.len());
            if let Some(i) = (0..most).find(|i| of(&header, *i) != of(&other, *i)) {
                let or_none = |name: Option<String>| name.unwrap_or_else(|| "not there".into());
                let (got, expected) = (or_none(of(&other, i)), or_none(of(&header, i)));
                return Err(EncodingError::Shares { column: format!("column {}", i + 1), got, rank, expected, first });
            }
        }
        Ok(Some(header))
    }

    /// Lets columns without any cell here be what they are on the first rank that has one; refuses those that have cells of
    /// different kinds.
    pub(super) fn agree_on_kinds(
        &self,
        group: &Group,
        columns: &mut [Seen],
        has_rows: bool,
    ) -> Result<(), EncodingError> {
        if group.is_alone() {
            return Ok(());
        }
        let own: Vec<Option<(Cells, bool)>> = columns.iter().map(|seen| seen.cells(has_rows)).collect();
        let told = gathered(group, own)?;
        for (i, (seen, (name, _))) in columns.iter_mut().zip(&self.columns).enumerate() {
            let kind = |(rank, columns): (usize, &Vec<Option<(Cells, bool)>>)| {
                columns.get(i).copied().flatten().map(|(cells, has_cells)| (rank, cells, has_cells))
            };
            let kinds: Vec<(usize, Cells, bool)> = told.iter().enumerate().filter_map(kind).collect();
            let mut with_cells = kinds.iter().filter(|(.., has_cells)| *has_cells);
            let Some((first, cells, _)) = with_cells.next().or(kinds.first()) else { continue };
            if let Some((rank, other, _)) = with_cells.find(|(_, other, _)| other != cells) {
                let (got, expected) = (other.name().to_owned(), cells.name().to_owned());
                let column = format!("column `{name}`");
                return Err(EncodingError::Shares { column, got, rank: *rank, expected, first: *first });
            }
            if seen.cells(has_rows).is_some_and(|(own, _)| own != *cells) {
                *seen = Seen::nothing_yet(None, true, *cells);
            }
        }
        Ok(())
    }
}
