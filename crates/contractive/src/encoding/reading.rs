//! A training table as it is read, or a rank's share of one.

use std::collections::HashSet;
use std::path::PathBuf;

use super::EncodingError;
use super::header::Header;
use super::options::EncodingOptions;
use super::seen::Seen;
use super::share::{FileRows, MOST_ROWS};
use contractive_table::Keeping;
use contractive_table::{
    Frame, FrameReader, Place, ReadOptions, TableError, TableSource, TextOptions, most_expanded, unpacks_to_too_much,
};

/// A table whose columns are known.
pub(super) struct Opened<'a> {
    source: TableSource<'a>,
    options: ReadOptions,
    pub(super) path: PathBuf,
    /// A table without columns has an error here: on one of several ranks it is a share without rows.
    reader: Result<FrameReader, TableError>,
    /// Bytes of the file.
    size: Option<u64>,
    /// What a user should know of how it was understood.
    pub(super) notes: Vec<String>,
}

/// Its rows, and what was seen of them.
pub(super) struct Share {
    pub(super) path: PathBuf,
    /// The files that the rows are of.
    pub(super) files: Vec<FileRows>,
    /// The columns that are looked at, where the rows are kept.
    pub(super) frames: Vec<Frame>,
    /// The first row of each of all columns whose cell is missing, where the column is looked at; rows count from the first
    /// one that was read.
    pub(super) holes: Vec<Option<u64>>,
    pub(super) n_rows: u64,
    /// What is wrong with a table that has none.
    pub(super) nothing: Option<TableError>,
}

impl<'a> Opened<'a> {
    /// Opens the table, and refuses columns that are not there, or are text whose cells are numbers of another spelling.
    pub(super) fn of(
        source: TableSource<'a>,
        options: &EncodingOptions,
    ) -> Result<(Opened<'a>, Option<Header>), EncodingError> {
        let roles = options.roles()?;
        let size = source.size();
        let how = options.read_options(source);
        let reader = match source.open(&how) {
            Ok(reader) => reader,
            Err(error) if has_no_columns(&error) => {
                let (path, notes) = (source.path().to_path_buf(), Vec::new());
                return Ok((Opened { source, options: how, path, reader: Err(error), size, notes }, None));
            }
            Err(error) => return Err(error.into()),
        };
        let path = reader.path().to_path_buf();
        let fields = reader.fields();
        let named = roles.keys().copied().chain(options.columns.iter().flatten().map(String::as_str));
        let here: HashSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let mut missing: Vec<String> = named.filter(|name| !here.contains(name)).map(str::to_owned).collect();
        if !missing.is_empty() {
            missing.sort();
            let available = fields.iter().map(|f| f.name.clone()).collect();
            return Err(TableError::MissingColumns { path, missing, available }.into());
        }
        let header = Header::of(&reader);
        let seen = header.seen(options)?;
        let named = fields.iter().map(|field| field.name.as_str()).zip(&seen);
        let texts: HashSet<&str> =
            named.filter(|(_, seen)| matches!(seen, Seen::Texts(_))).map(|(name, _)| name).collect();
        reader.check_spelling(|column| texts.contains(column))?;
        let notes = reader.notes().to_vec();
        Ok((Opened { source, options: how, path, reader: Ok(reader), size, notes }, Some(header)))
    }

    /// The error of a table without columns, where no rank has any.
    pub(super) fn refused(&mut self) -> EncodingError {
        let empty = || TableError::Empty { what: self.path.display().to_string() };
        std::mem::replace(&mut self.reader, Err(empty())).err().unwrap_or_else(empty).into()
    }

    /// Reads up to `most` rows, and takes note of their cells. The columns that are looked at are kept, and only where it
    /// `keeps` them.
    pub(super) fn read(
        &mut self,
        text: &TextOptions,
        most: u64,
        columns: &mut [Seen],
        keeps: bool,
    ) -> Result<Share, EncodingError> {
        let mut files: Vec<FileRows> = Vec::new();
        let mut holes = vec![None; columns.len()];
        let most_cells = most_expanded(self.size.unwrap_or(u64::MAX / 1024)) / size_of::<f64>() as u64;
        let mut keeping = Keeping::of(self.source, &self.options);
        if most == u64::MAX {
            keeping = keeping.of_at_most(columns.len(), usize::try_from(most_cells).unwrap_or(usize::MAX));
        }
        let (mut frames, mut n_rows, mut nothing) = (Vec::new(), 0_u64, None);
        while n_rows < most {
            let Some(frame) = self.reader.as_mut().ok().and_then(FrameReader::next) else { break };
            let mut frame = match frame {
                Err(error @ (TableError::Empty { .. } | TableError::NoRows { .. })) => {
                    nothing = Some(error);
                    break;
                }
                frame => frame?,
            };
            let path = self.reader.as_ref().map_or(&*self.path, FrameReader::path).to_path_buf();
            let path = path.as_path();
            if files.last().is_none_or(|file| file.path != path) {
                files.push(FileRows { path: path.to_path_buf(), from: n_rows, in_file: frame.first_row });
            }
            let (n, first_row) = ((most - n_rows).min(frame.n_rows() as u64) as usize, n_rows);
            n_rows += n as u64;
            if n_rows > MOST_ROWS {
                return Err(EncodingError::ManyRows { path: path.to_path_buf(), most: MOST_ROWS });
            }
            if n_rows.saturating_mul(columns.len() as u64) > most_cells {
                return Err(unpacks_to_too_much(path).into());
            }
            // What is seen of them, and the rows.
            if let Ok(reader) = &mut self.reader {
                keeping.take(frame.bytes() * if keeps { 2 } else { 1 }, reader)?;
            }
            for ((seen, column), hole) in columns.iter_mut().zip(&mut frame.columns).zip(&mut holes) {
                if n < column.values.len() {
                    column.values = column.values.slice(0..n);
                }
                if hole.is_none() && seen.is_looked_at() {
                    *hole = (0..n).find(|i| column.values.is_missing(*i)).map(|i| first_row + i as u64);
                }
                seen.see(column, first_row).map_err(|row| {
                    let place = Place::of_row_in(path, frame.first_row + row as u64, text);
                    super::rows::not_finite(path.to_path_buf(), place, column, row)
                })?;
            }
            if keeps {
                let mut looked_at = columns.iter().map(Seen::is_looked_at);
                frame.columns.retain(|_| looked_at.next().unwrap_or(false));
                frames.push(frame);
            }
        }
        Ok(Share { path: self.path.clone(), files, frames, holes, n_rows, nothing })
    }
}

/// Whether a table could not be opened because it has no column at all, as an empty file has none.
fn has_no_columns(error: &TableError) -> bool {
    match error {
        TableError::Empty { .. } => true,
        TableError::MissingColumns { available, .. } => available.is_empty(),
        _ => false,
    }
}
