//! Learning an encoding from the training table.

use std::collections::HashMap;
use std::path::Path;

use super::super::distribution::Distribution;
use super::identifier::id_note;
use super::scaling::Scaling;
use super::{
    EncodedColumn, EncodedRows, EncodingError, FORMAT_VERSION, MOST_FEATURES, MOST_LEVELS, MissingRule, Role,
    TableEncoding, TableScale, is_text_table,
};
use crate::slips::Slips;
use contractive::data::label_note;
use contractive_core::statistics::quantile_of_sorted;
use contractive_table::most_expanded;
use contractive_table::shown;
use contractive_table::{Field, Frame, FrameReader, Kind, ReadOptions};
use contractive_table::{Place, TableError, TextOptions};

/// Rows of a level that are needed for a feature of its own: a level seen once teaches nothing but its row.
const FEWEST_OF_A_LEVEL: usize = 2;
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
    fn read_options(&self, path: &Path) -> ReadOptions {
        let mut as_text = self.categories.clone();
        if is_text_table(path) {
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
    /// Reads the table at `path` whole, `-` being CSV on standard input, and learns its encoding.
    ///
    /// # Errors
    /// [`EncodingError`].
    pub fn read(path: impl AsRef<Path>, options: &EncodingOptions) -> Result<TrainingTable, EncodingError> {
        let path = path.as_ref();
        let roles = options.roles()?;
        let mut reader = FrameReader::open(path, &options.read_options(path))?;
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
        let mut columns = Vec::with_capacity(fields.len());
        for field in &fields {
            let is_chosen = options.columns.as_ref().is_none_or(|names| names.contains(&field.name));
            let seen = match (roles.get(field.name.as_str()).copied(), &field.kind) {
                (Some("key"), _) => Seen::Nothing(Role::Key),
                (Some("label"), _) => Seen::Nothing(Role::Label),
                (Some("category"), _) => Seen::Texts(Texts { is_wished: true, ..Texts::default() }),
                _ if !is_chosen => Seen::Nothing(Role::LeftOut),
                (_, Kind::Text) => Seen::Texts(Texts::default()),
                (_, Kind::Time(..)) => return Err(EncodingError::Times { path, column: field.name.clone() }),
                _ => Seen::Numbers(Vec::new()),
            };
            columns.push(seen);
        }
        let mut notes = first_notes(&reader, &fields, &columns, options)?;
        let frames = collect(&mut reader, options, &path, &mut columns)?;
        let mut encoded = Vec::with_capacity(fields.len());
        for (field, seen) in fields.into_iter().zip(columns) {
            let role = seen.learn(options, &path, &field.name, &mut notes)?;
            encoded.push(EncodedColumn { name: field.name, role });
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
            notes.push(format!("the same in every row, and left out of the score: {}", constant.join(", ")));
        }
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

/// Reads all rows asked for, and takes note of their cells. Only the columns that are looked at are kept.
fn collect(
    reader: &mut FrameReader,
    options: &EncodingOptions,
    path: &Path,
    columns: &mut [Seen],
) -> Result<Vec<Frame>, EncodingError> {
    let size = path.metadata().map(|m| m.len()).unwrap_or(u64::MAX / 1024);
    let most_cells = most_expanded(size) / size_of::<f64>() as u64;
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
        for (seen, column) in columns.iter_mut().zip(&mut frame.columns) {
            if n < column.values.len() {
                column.values = column.values.slice(0..n);
            }
            seen.see(column, frame.first_row).map_err(|row| {
                let place = Place::of_row_in(path, frame.first_row + row as u64, &options.text);
                super::rows::not_finite(path.to_path_buf(), place, column, row)
            })?;
        }
        let mut looked_at = columns.iter().map(|seen| !matches!(seen, Seen::Nothing(_)));
        frame.columns.retain(|_| looked_at.next().unwrap_or(false));
        frames.push(frame);
    }
    if n_rows == 0 {
        return Err(TableError::Empty { what: path.display().to_string() }.into());
    }
    Ok(frames)
}

/// Whether rounding to 32 bits moves ascending numbers by more than a thousandth of their middle half's width.
fn loses_digits(sorted: &[f64]) -> bool {
    let width = quantile_of_sorted(sorted, 0.75) - quantile_of_sorted(sorted, 0.25);
    sorted.iter().any(|x| (f64::from(*x as f32) - x).abs() * 1e3 > width.max(f64::MIN_POSITIVE))
}

/// What was seen of a column of text.
#[derive(Default)]
struct Texts {
    /// How often each was there.
    levels: HashMap<String, usize>,
    /// Whether the user calls it a category.
    is_wished: bool,
    slips: Slips,
}

impl Texts {
    fn see(&mut self, column: &contractive_table::Column, first_row: u64) {
        // One value too many is all that the refusal needs.
        if !self.is_wished && self.levels.len() > MOST_LEVELS {
            return;
        }
        for (i, text) in (0..column.values.len()).filter_map(|i| Some((i, column.values.text(i)?))) {
            self.slips.see(first_row + i as u64, &text);
            *self.levels.entry(text).or_default() += 1;
        }
    }

    /// Refuses text of too many values, and doubts that of numbers for the most part: a slip makes text of a column.
    fn doubt(
        &self,
        path: &Path,
        name: &str,
        spelled: TextOptions,
        notes: &mut Vec<String>,
    ) -> Result<(), EncodingError> {
        let has_many = self.levels.len() > MOST_LEVELS;
        if self.is_wished {
            return Ok(());
        }
        let (path, column, n_numbers) = (path.to_path_buf(), name.to_owned(), self.slips.n_numbers);
        match self.slips.slip() {
            Some((row, text)) => {
                let (place, text) = (Place::of_row_in(&path, row, &spelled), shown(text));
                if has_many {
                    return Err(EncodingError::WordAmongNumbers { path, place, column, text, n_numbers });
                }
                notes.push(format!(
                    "`{name}` is taken as a category, though {n_numbers} of its cells are numbers: {place} holds {text}"
                ));
                Ok(())
            }
            None if has_many => Err(EncodingError::ManyLevels { path, column, most: MOST_LEVELS }),
            None => Ok(()),
        }
    }
}

/// What was seen of a column.
enum Seen {
    /// Its present numbers.
    Numbers(Vec<f64>),
    /// Its present texts.
    Texts(Texts),
    /// It is not looked at.
    Nothing(Role),
}

impl Seen {
    /// Takes note of cells; the place of one that is not finite is an error.
    fn see(&mut self, column: &contractive_table::Column, first_row: u64) -> Result<(), usize> {
        match self {
            Seen::Nothing(_) => {}
            Seen::Numbers(all) => {
                let numbers = column.values.to_numbers().unwrap_or_default();
                if let Some(i) = numbers.iter().position(|x| x.abs() >= 1e300) {
                    return Err(i);
                }
                all.extend(numbers.iter().filter(|x| !x.is_nan()));
            }
            Seen::Texts(texts) => texts.see(column, first_row),
        }
        Ok(())
    }

    fn learn(
        self,
        options: &EncodingOptions,
        path: &Path,
        name: &str,
        notes: &mut Vec<String>,
    ) -> Result<Role, EncodingError> {
        let no_values = || EncodingError::NoValues { path: path.to_path_buf(), column: name.to_owned() };
        match self {
            Seen::Nothing(role) => Ok(role),
            Seen::Numbers(mut all) => {
                notes.extend(id_note(name, &all));
                all.sort_unstable_by(f64::total_cmp);
                let (Some(&lowest), Some(&highest)) = (all.first(), all.last()) else { return Err(no_values()) };
                if lowest == highest {
                    return Ok(Role::ConstantNumber { value: lowest });
                }
                let n = all.len() as f64;
                let fill = match options.missing {
                    MissingRule::Mean => all.iter().map(|x| x / n).sum::<f64>(),
                    _ => quantile_of_sorted(&all, 0.5),
                };
                if options.scale == TableScale::None && loses_digits(&all) {
                    notes.push(format!(
                        "`{name}`: 32 bits do not hold its digits, and `scale` = none keeps it as it is"
                    ));
                }
                let usual = Some(Distribution::of_sorted(&all));
                Ok(Role::Number { fill, scaling: Scaling::learn(options.scale, &all), usual })
            }
            Seen::Texts(texts) => {
                texts.doubt(path, name, options.text, notes)?;
                let levels = texts.levels;
                let n: usize = levels.values().sum();
                let mut levels: Vec<(String, usize)> = levels.into_iter().collect();
                levels.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                let all = levels.len();
                match levels.as_slice() {
                    [] => return Err(no_values()),
                    [(only, _)] => return Ok(Role::ConstantText { value: only.clone() }),
                    _ => {}
                }
                // The most frequent one stays, whatever its count.
                let kept = levels.iter().take_while(|(_, count)| *count >= FEWEST_OF_A_LEVEL).count();
                levels.truncate(kept.clamp(1, MOST_LEVELS));
                if levels.len() < all {
                    let others = all - levels.len();
                    notes.push(format!(
                        "`{name}`: {others} rare values count as `other`, {} as themselves",
                        levels.len()
                    ));
                }
                let mut shares: Vec<f64> = levels.iter().map(|(_, count)| *count as f64 / n as f64).collect();
                let kept: usize = levels.iter().map(|(_, count)| count).sum();
                shares.push((n - kept) as f64 / n as f64);
                Ok(Role::Category { levels: levels.into_iter().map(|l| l.0).collect(), shares, fill: 0 })
            }
        }
    }
}
