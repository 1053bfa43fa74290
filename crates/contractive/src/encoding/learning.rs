//! Learning an encoding from the training table.

use std::path::Path;

use super::header::Header;
use super::label_names::label_note;
use super::options::EncodingOptions;
use super::reading::{Opened, Share};
use super::seen::{Rules, Seen};
use super::share::Ranks;
use super::{
    EncodedColumn, EncodedRows, EncodingError, FORMAT_VERSION, MOST_FEATURES, MissingRule, Role, TableEncoding,
    TableScale,
};
use contractive_core::communicator::Group;
use contractive_table::listing::some_names;
use contractive_table::{Frame, TableError, TableSource};

/// Notes on single columns that are told.
const MOST_NOTES: usize = 20;

/// A training table, encoded by what was learnt from it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingTable {
    /// What it is called: the file.
    pub name: String,
    /// What was learnt.
    pub encoding: TableEncoding,
    /// Its rows.
    pub rows: EncodedRows,
    /// What a user should know: columns left out, levels put together.
    pub notes: Vec<String>,
}

impl TrainingTable {
    /// Reads the table `source` whole, a path or rows that a program holds, and learns its encoding.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn read<'a>(
        source: impl Into<TableSource<'a>>,
        options: &EncodingOptions,
    ) -> Result<TrainingTable, EncodingError> {
        TrainingTable::read_shared(source, options, &Group::alone())
    }

    /// [`TrainingTable::read`] of this rank's share of a table: the rows of the ranks of `group`, one after the other, are the
    /// table. The encoding is learnt from all of them, to the bits of one process that reads the whole; the rows are this
    /// rank's. A share may have no rows, and then no columns either.
    ///
    /// Every rank must call it, with the same options. Each holds its own rows, and for a time those of one column of all ranks.
    /// Notes on how a file was understood are those of this rank's own.
    ///
    /// # Errors
    /// [`EncodingError`]: where one rank has an error of its own, the others have [`EncodingError::Communication`] with that.
    pub fn read_shared<'a>(
        source: impl Into<TableSource<'a>>,
        options: &EncodingOptions,
        group: &Group,
    ) -> Result<TrainingTable, EncodingError> {
        let Learnt { ranks, encoding, frames, mut notes } = Learnt::of(source.into(), options, true, group)?;
        let mut rows = EncodedRows::default();
        let encoded = frames.into_iter().try_for_each(|frame| {
            let path = ranks.path_of(rows.n_rows as u64);
            rows.append(encoding.encode(&frame, path, &options.text)?);
            Ok::<(), EncodingError>(())
        });
        group.agree(encoded)?;
        let mut cells = rows.missing.chunks_exact(encoding.n_features());
        let empty = cells.position(|row| row.iter().all(|missing| *missing)).map(|row| row as u64);
        if options.missing == MissingRule::Mask
            && let Some(spot) = ranks.spots(&[empty])?.pop().flatten()
        {
            return Err(EncodingError::EmptyRow { path: spot.path(), place: spot.place });
        }
        let missing_cells = group.each(rows.missing_cells as f64)?.iter().sum::<f64>();
        if missing_cells > 0.0 {
            let done = if options.missing == MissingRule::Mask { "left out" } else { "filled" };
            notes.push(format!("{missing_cells} missing cells {done} (`missing` = {})", options.missing.name()));
        }
        Ok(TrainingTable { name: ranks.path.display().to_string(), encoding, rows, notes })
    }
}

impl TableEncoding {
    /// Reads the table at `path`, and learns its encoding alone; with what a user should know of it.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn learn(
        path: impl AsRef<Path>,
        options: &EncodingOptions,
    ) -> Result<(TableEncoding, Vec<String>), EncodingError> {
        TableEncoding::learn_shared(path.as_ref(), options, &Group::alone())
    }

    /// [`TableEncoding::learn`] of this rank's share of a table, as [`TrainingTable::read_shared`] does. Collective.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn learn_shared<'a>(
        source: impl Into<TableSource<'a>>,
        options: &EncodingOptions,
        group: &Group,
    ) -> Result<(TableEncoding, Vec<String>), EncodingError> {
        let Learnt { encoding, notes, .. } = Learnt::of(source.into(), options, false, group)?;
        Ok((encoding, notes))
    }
}

/// What is learnt from a table, with the rows of this rank.
struct Learnt<'a> {
    ranks: Ranks<'a>,
    encoding: TableEncoding,
    frames: Vec<Frame>,
    notes: Vec<String>,
}

impl<'a> Learnt<'a> {
    /// `takes_rows`: whether the rows are encoded too, as the network takes them; else they are let go.
    fn of(
        source: TableSource<'_>,
        options: &EncodingOptions,
        takes_rows: bool,
        group: &'a Group,
    ) -> Result<Learnt<'a>, EncodingError> {
        group.same("options of an encoding", &format!("{options:?}"))?;
        let (mut opened, own) = group.agree(Opened::of(source, options))?;
        let header = Header::of_all(group, own.as_ref())?.ok_or_else(|| opened.refused())?;
        let mut columns = own.as_ref().unwrap_or(&header).seen(options)?;
        let mut share = read(&mut opened, options, &mut columns, takes_rows, group)?;
        let table = (share.path.clone(), matches!(source, TableSource::Held { .. }));
        let files = std::mem::take(&mut share.files);
        let ranks = Ranks::of(group, table, share.n_rows, files, share.nothing.take(), options.text)?;
        let holes = share.holes.iter().flatten().copied().filter(|_| options.missing == MissingRule::Refuse);
        let ranks = ranks.with_in_question(holes.chain(columns.iter().filter_map(Seen::first_word)));
        header.agree_on_kinds(group, &mut columns, share.n_rows > 0)?;
        let mut notes = opened.notes;
        notes.extend(first_note(&header, &columns, options));
        let frames = std::mem::take(&mut share.frames);
        let mut of_columns = Vec::new();
        let columns = roles(columns, &header, &share, &ranks, options, takes_rows, &mut of_columns)?;
        let untold = of_columns.len().saturating_sub(MOST_NOTES);
        notes.extend(of_columns.into_iter().take(MOST_NOTES));
        if untold > 0 {
            notes.push(format!("{untold} more notes like these, on other columns"));
        }
        let EncodingOptions { missing, scale, text, .. } = *options;
        let encoding = TableEncoding { format_version: FORMAT_VERSION, missing, scale, text, columns };
        let (path, got) = (ranks.path.clone(), encoding.n_features());
        if got == 0 {
            return Err(EncodingError::NoFeatures { path });
        }
        if got > MOST_FEATURES {
            return Err(EncodingError::ManyFeatures { path, got, most: MOST_FEATURES });
        }
        let constant = encoding.constant_names();
        if !constant.is_empty() {
            notes.push(format!("the same in every row, and left out: {}", some_names(&constant)));
        }
        Ok(Learnt { ranks, encoding, frames, notes })
    }
}

/// Reads the rows of this rank. Where the first ones alone are wanted, ranks read after each other.
fn read(
    opened: &mut Opened<'_>,
    options: &EncodingOptions,
    columns: &mut [Seen],
    keeps: bool,
    group: &Group,
) -> Result<Share, EncodingError> {
    let Some(most) = options.rows else {
        return group.agree(opened.read(&options.text, u64::MAX, columns, keeps));
    };
    let (mut left, mut share) = ([most as f64], None);
    group.in_turn(&mut left, |left| {
        let read = opened.read(&options.text, left[0] as u64, columns, keeps);
        left[0] -= read.as_ref().map_or(0, |share| share.n_rows) as f64;
        share = Some(read);
    })?;
    let no_turn = || Err(TableError::Empty { what: opened.path.display().to_string() }.into());
    group.agree(share.unwrap_or_else(no_turn))
}

/// What a user should know of the columns.
fn first_note(header: &Header, columns: &[Seen], options: &EncodingOptions) -> Option<String> {
    if options.label.is_some() || !header.has_names {
        return None;
    }
    let named = header.columns.iter().zip(columns).filter(|(_, seen)| seen.is_looked_at());
    label_note(&named.map(|((name, _), _)| name.clone()).collect::<Vec<String>>())
}

/// The roles of all columns, learnt from the rows of all ranks, one column at a time.
fn roles(
    columns: Vec<Seen>,
    header: &Header,
    share: &Share,
    ranks: &Ranks<'_>,
    options: &EncodingOptions,
    takes_rows: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<EncodedColumn>, EncodingError> {
    let path = &ranks.path;
    let named = || header.columns.iter().map(|(name, _)| name);
    let times = named().zip(&columns).filter(|(_, seen)| matches!(seen, Seen::Times));
    let times = times.map(|(name, _)| EncodingError::Times { path: path.clone(), column: name.clone() });
    let mut errors: Vec<EncodingError> = times.collect();
    let holes = match options.missing {
        MissingRule::Refuse => ranks.spots(&share.holes)?,
        _ => vec![None; columns.len()],
    };
    let EncodingOptions { missing, scale, .. } = *options;
    // Numbers that come to the network as they are, in 32 bits, may lose digits.
    let keeps_digits = takes_rows && scale == TableScale::None;
    let rules = Rules { path, missing, scale, keeps_digits };
    let mut encoded = Vec::with_capacity(columns.len());
    for ((name, seen), hole) in named().zip(columns).zip(holes) {
        if let Some(spot) = hole {
            errors.push(EncodingError::MissingCell { path: spot.path(), place: spot.place, column: name.clone() });
        }
        match seen.of_all(ranks)?.learn(&rules, name, notes) {
            Ok(role) => encoded.push(EncodedColumn { name: name.clone(), role }),
            Err(e) => errors.push(e),
        }
    }
    if errors.len() > 1 {
        return Err(EncodingError::Several { path: path.clone(), errors });
    }
    if let Some(error) = errors.pop() {
        return Err(error);
    }
    // They may be there, or not.
    encoded.extend(header.left_out.iter().map(|name| EncodedColumn { name: name.clone(), role: Role::LeftOut }));
    Ok(encoded)
}
