//! Learning an encoding from the training table.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::label_names::label_note;
use super::seen::{Rules, Seen, Texts};
use super::{
    EncodedColumn, EncodedRows, EncodingError, FORMAT_VERSION, MOST_FEATURES, MissingRule, Role, TableEncoding,
    TableScale, is_text_table,
};
use contractive_table::listing::some_names;
use contractive_table::{
    Field, Frame, FrameReader, Kind, Place, ReadOptions, TableError, TableSource, TextOptions, most_expanded,
};

/// Most rows of a training table.
const MOST_ROWS: u64 = u32::MAX as u64;

/// What the columns of a training table are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodingOptions {
    /// The features; all columns that are nothing else by default.
    pub columns: Option<Vec<String>>,
    /// Columns carried to the output.
    pub keys: Vec<String>,
    /// Columns that are categories, whatever they look like; text is one by itself.
    pub categories: Vec<String>,
    /// A column of labels, left out.
    pub label: Option<String>,
    /// What becomes of missing cells.
    pub missing: MissingRule,
    /// How numbers are scaled.
    pub scale: TableScale,
    /// The first rows only.
    pub rows: Option<usize>,
    /// The array of an NPZ archive.
    pub array: Option<String>,
    /// How a text table is spelled.
    pub text: TextOptions,
}

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

impl EncodingOptions {
    /// Every column named, with its role.
    fn roles(&self) -> Result<HashMap<&str, &'static str>, EncodingError> {
        let mut roles = HashMap::new();
        let keys = self.keys.iter().map(|name| (name, "key"));
        let labels = self.label.iter().map(|name| (name, "label"));
        let categories = self.categories.iter().map(|name| (name, "category"));
        for (name, role) in keys.chain(labels).chain(categories) {
            if let Some(first) = roles.insert(name.as_str(), role)
                && first != role
            {
                return Err(EncodingError::TwoRoles { column: name.clone(), first, second: role });
            }
        }
        for name in self.columns.iter().flatten() {
            if let Some(first) = roles.get(name.as_str()).filter(|role| **role != "category") {
                return Err(EncodingError::TwoRoles { column: name.clone(), first, second: "feature" });
            }
        }
        Ok(roles)
    }

    /// How the training table is read.
    fn read_options(&self, source: TableSource<'_>) -> ReadOptions {
        let mut as_text = self.categories.clone();
        if matches!(source, TableSource::File(path) if is_text_table(path)) {
            as_text.extend(self.keys.iter().cloned());
            as_text.extend(self.label.iter().cloned());
        }
        let columns = self.columns.iter().flatten();
        let kept = columns.chain(&self.keys).chain(&self.label).cloned().collect();
        let (as_digits, array) = (self.keys.clone(), self.array.clone());
        ReadOptions { as_text, as_digits, kept, text: self.text, array, ..ReadOptions::default() }
    }
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
        let Learnt { path, encoding, frames, mut notes } = Learnt::of(source.into(), options, true)?;
        let got = encoding.n_features();
        let mut rows = EncodedRows::default();
        for frame in frames {
            rows.append(encoding.encode(&frame, &path, &options.text)?);
        }
        if let Some(row) = rows.missing.chunks_exact(got).position(|row| row.iter().all(|m| *m)) {
            let place = Place::of_row_in(&path, row as u64, &options.text);
            return Err(EncodingError::EmptyRow { path, place });
        }
        if rows.missing_cells > 0 {
            let done = if options.missing == MissingRule::Mask { "left out" } else { "filled" };
            notes.push(format!("{} missing cells {done} (`missing` = {})", rows.missing_cells, options.missing.name()));
        }
        Ok(TrainingTable { name: path.display().to_string(), encoding, rows, notes })
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
        let Learnt { encoding, notes, .. } = Learnt::of(TableSource::File(path.as_ref()), options, false)?;
        Ok((encoding, notes))
    }
}

/// What is learnt from a table, with its rows.
struct Learnt {
    path: PathBuf,
    encoding: TableEncoding,
    frames: Vec<Frame>,
    notes: Vec<String>,
}

impl Learnt {
    /// `takes_rows`: whether the rows are encoded too, as the network takes them; else they are let go.
    fn of(source: TableSource<'_>, options: &EncodingOptions, takes_rows: bool) -> Result<Learnt, EncodingError> {
        let roles = options.roles()?;
        let mut reader = source.open(&options.read_options(source))?;
        let path = reader.path().to_path_buf();
        let fields = reader.fields().to_vec();
        let named = roles.keys().copied().chain(options.columns.iter().flatten().map(String::as_str));
        let mut missing: Vec<String> =
            named.filter(|name| !fields.iter().any(|f| f.name == *name)).map(str::to_owned).collect();
        if !missing.is_empty() {
            missing.sort();
            let available = fields.iter().map(|f| f.name.clone()).collect();
            return Err(TableError::MissingColumns { path, missing, available }.into());
        }
        let (mut columns, mut errors) = (Vec::with_capacity(fields.len()), Vec::new());
        for field in &fields {
            let is_chosen = options.columns.as_ref().is_none_or(|names| names.contains(&field.name));
            let seen = match (roles.get(field.name.as_str()).copied(), &field.kind) {
                (Some("key"), _) => Seen::Nothing(Role::Key),
                (Some("label"), _) => Seen::Nothing(Role::Label),
                (Some("category"), _) => Seen::Texts(Texts::wished()),
                _ if !is_chosen => Seen::Nothing(Role::LeftOut),
                (_, Kind::Text) => Seen::Texts(Texts::default()),
                (_, Kind::Time(..)) => {
                    errors.push(EncodingError::Times { path: path.clone(), column: field.name.clone() });
                    Seen::Nothing(Role::LeftOut)
                }
                _ => Seen::Numbers(Vec::new()),
            };
            columns.push(seen);
        }
        let mut notes = first_notes(&reader, &fields, &columns, options)?;
        let (frames, holes) = collect(&mut reader, options, source.size(), &mut columns, takes_rows)?;
        let EncodingOptions { missing, scale, text, .. } = *options;
        // Numbers that come to the network as they are, in 32 bits, may lose digits.
        let keeps_digits = takes_rows && scale == TableScale::None;
        let rules = Rules { path: &path, missing, scale, text, keeps_digits };
        let mut encoded = Vec::with_capacity(fields.len());
        for ((field, seen), hole) in fields.into_iter().zip(columns).zip(holes) {
            if let Some(row) = hole.filter(|_| options.missing == MissingRule::Refuse) {
                let place = Place::of_row_in(&path, row, &options.text);
                errors.push(EncodingError::MissingCell { path: path.clone(), place, column: field.name.clone() });
            }
            match seen.learn(&rules, &field.name, &mut notes) {
                Ok(role) => encoded.push(EncodedColumn { name: field.name, role }),
                Err(e) => errors.push(e),
            }
        }
        if errors.len() > 1 {
            return Err(EncodingError::Several { path, errors });
        }
        if let Some(error) = errors.pop() {
            return Err(error);
        }
        // They may be there, or not.
        let left_out = reader.left_out().iter().cloned();
        encoded.extend(left_out.map(|name| EncodedColumn { name, role: Role::LeftOut }));
        let encoding = TableEncoding {
            format_version: FORMAT_VERSION,
            missing: options.missing,
            scale: options.scale,
            text: options.text,
            columns: encoded,
        };
        let got = encoding.n_features();
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
        Ok(Learnt { path, encoding, frames, notes })
    }
}

/// What a user should know before any row is read; refuses columns of text whose cells are numbers of another spelling.
fn first_notes(
    reader: &FrameReader,
    fields: &[Field],
    columns: &[Seen],
    options: &EncodingOptions,
) -> Result<Vec<String>, EncodingError> {
    let named = || fields.iter().map(|field| field.name.as_str()).zip(columns);
    reader.check_spelling(|column| named().any(|(name, seen)| name == column && matches!(seen, Seen::Texts(_))))?;
    let mut notes = reader.notes().to_vec();
    if options.label.is_none() && reader.has_names() {
        let learnt = named().filter(|(_, seen)| !matches!(seen, Seen::Nothing(_))).map(|(name, _)| name.to_owned());
        notes.extend(label_note(&learnt.collect::<Vec<String>>()));
    }
    Ok(notes)
}

/// Reads all rows asked for, and takes note of their cells. Only the columns that are looked at are kept, and only where it
/// `keeps` them. With them, the first row of each of all columns whose cell is missing, where the column is looked at.
fn collect(
    reader: &mut FrameReader,
    options: &EncodingOptions,
    size: Option<u64>,
    columns: &mut [Seen],
    keeps: bool,
) -> Result<(Vec<Frame>, Vec<Option<u64>>), EncodingError> {
    let mut holes = vec![None; columns.len()];
    let path = &reader.path().to_path_buf();
    let most_cells = most_expanded(size.unwrap_or(u64::MAX / 1024)) / size_of::<f64>() as u64;
    let mut left = options.rows.map_or(u64::MAX, |rows| rows as u64);
    let (mut frames, mut n_rows) = (Vec::new(), 0_u64);
    while left > 0 {
        let Some(frame) = reader.next() else { break };
        let mut frame = frame?;
        let n = left.min(frame.n_rows() as u64) as usize;
        left -= n as u64;
        n_rows += n as u64;
        if n_rows > MOST_ROWS {
            return Err(EncodingError::ManyRows { path: path.to_path_buf(), most: MOST_ROWS });
        }
        if n_rows.saturating_mul(columns.len() as u64) > most_cells {
            let reason = "it unpacks to more than 200 times its size, which is not taken into memory; write it without \
                          compression and dictionaries, or train on a part of it";
            return Err(TableError::Corrupt { path: path.to_path_buf(), reason: reason.into() }.into());
        }
        for ((seen, column), hole) in columns.iter_mut().zip(&mut frame.columns).zip(&mut holes) {
            if n < column.values.len() {
                column.values = column.values.slice(0..n);
            }
            if hole.is_none() && !matches!(seen, Seen::Nothing(_)) {
                *hole = (0..n).find(|i| column.values.is_missing(*i)).map(|i| frame.first_row + i as u64);
            }
            seen.see(column, frame.first_row).map_err(|row| {
                let place = Place::of_row_in(path, frame.first_row + row as u64, &options.text);
                super::rows::not_finite(path.to_path_buf(), place, column, row)
            })?;
        }
        if !keeps {
            continue;
        }
        let mut looked_at = columns.iter().map(|seen| !matches!(seen, Seen::Nothing(_)));
        frame.columns.retain(|_| looked_at.next().unwrap_or(false));
        frames.push(frame);
    }
    if n_rows == 0 {
        return Err(TableError::Empty { what: path.display().to_string() }.into());
    }
    Ok((frames, holes))
}
