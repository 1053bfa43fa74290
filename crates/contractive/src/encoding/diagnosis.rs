//! What a table holds, column by column, before anything is learnt from it: in one pass and bounded memory, however many rows
//! there are, and without an error for what training would refuse.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;

use contractive_table::Keeping;
use contractive_table::slips::Slips;
use contractive_table::{Column, FrameReader, Kind, ReadOptions, TableError, TextOptions, Unit, Values, shown};
use serde::Serialize;

use super::MOST_LEVELS;
use super::label_names::label_name;

/// Different values of a column that are counted.
const MOST_DIFFERENT: usize = 10_000;
/// Levels named of a category.
const MOST_NAMED: usize = 5;
/// Bytes of a level beside its text, and of a value that differs: sets are up to half empty.
const BYTES_A_LEVEL: u64 = 80;
const BYTES_A_VALUE: u64 = 20;
/// Rows from which on a column may name them.
const FEWEST_OF_IDENTIFIER: u64 = 20;

/// What a column looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Looks {
    /// Numbers.
    Number,
    /// Text of few different values.
    Category,
    /// Moments.
    Time,
    /// Another whole number, or another text, in every row.
    Identifier,
    /// Named as labels are.
    Label,
    /// The same in every row.
    Constant,
    /// Without a value in any row.
    Empty,
    /// Text of many values.
    Text,
}

impl Looks {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Looks::Number => "number",
            Looks::Category => "category",
            Looks::Time => "time",
            Looks::Identifier => "identifier",
            Looks::Label => "label",
            Looks::Constant => "constant",
            Looks::Empty => "empty",
            Looks::Text => "text",
        }
    }
}

/// A column, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnDiagnosis {
    /// Its name.
    pub name: String,
    /// What it looks like.
    pub looks: Looks,
    /// Cells without a value.
    pub missing: u64,
    /// Different values; `None` beyond 10,000.
    pub different: Option<usize>,
    /// The lowest and the highest of numbers, or of times as text.
    pub range: Option<(String, String)>,
    /// The most frequent values of text, with the share of the cells that have a value.
    pub levels: Vec<(String, f64)>,
    /// A word in a column of numbers: its row, from 0, and what it says.
    pub slip: Option<(u64, String)>,
    /// Whether it goes up from row to row.
    pub ascends: bool,
    /// Whether it holds whole numbers alone.
    pub is_whole: bool,
}

/// A table, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableDiagnosis {
    /// Rows.
    pub rows: u64,
    /// Its columns, in their order.
    pub columns: Vec<ColumnDiagnosis>,
    /// How the file was understood.
    pub notes: Vec<String>,
}

impl TableDiagnosis {
    /// Looks at a CSV, Parquet or Arrow table whose text is spelled as `text` says.
    ///
    /// # Errors
    /// [`TableError`] where the file cannot be read, or numbers are spelled otherwise.
    pub fn of(path: impl AsRef<Path>, text: TextOptions) -> Result<TableDiagnosis, TableError> {
        let (path, options) = (path.as_ref(), ReadOptions { text, ..ReadOptions::default() });
        let mut reader = FrameReader::open(path, &options)?;
        let (mut keeping, mut kept) = (Keeping::of(path, &options), 0);
        reader.check_spelling(|_| true)?;
        let names: Vec<String> = reader.fields().iter().map(|field| field.name.clone()).collect();
        let label = reader.has_names().then(|| label_name(&names).cloned()).flatten();
        let notes = reader.notes().to_vec();
        let mut seen: Vec<Seen> = reader.fields().iter().map(|field| Seen::new(&field.kind)).collect();
        let mut rows = 0;
        while let Some(frame) = reader.next() {
            let frame = frame?;
            rows += frame.n_rows() as u64;
            seen.iter_mut().zip(&frame.columns).for_each(|(seen, column)| seen.see(column, frame.first_row));
            let before = std::mem::replace(&mut kept, seen.iter().map(|seen| seen.kept).sum());
            keeping.take(kept.saturating_sub(before), &mut reader)?;
        }
        let columns = names.into_iter().zip(seen).map(|(name, seen)| {
            let is_label = label.as_ref() == Some(&name);
            seen.diagnosis(name, is_label, rows)
        });
        Ok(TableDiagnosis { rows, columns: columns.collect(), notes })
    }

    /// The columns that look like this.
    pub fn that_look(&self, looks: Looks) -> Vec<String> {
        self.columns.iter().filter(|column| column.looks == looks).map(|column| column.name.clone()).collect()
    }
}

/// An end of a range of texts, or of times: these are ordered by what they are, since the texts of years beyond 9999 begin with a
/// sign. Texts have nothing before them.
type End = (Option<i64>, String);

/// What was seen of a column.
struct Seen {
    kind: Kind,
    present: u64,
    missing: u64,
    lowest: f64,
    highest: f64,
    is_whole: bool,
    /// Whether every number, or time, so far was above the one before.
    ascends: bool,
    last: Option<f64>,
    last_whole: Option<i128>,
    whole_range: Option<(i128, i128)>,
    /// Hashes of the different values, while they are few.
    different: Option<HashSet<u64, BuildHasherDefault<DefaultHasher>>>,
    levels: Option<HashMap<String, u64>>,
    slips: Slips,
    /// Texts that are times, and the least and the greatest of all texts or times.
    times: u64,
    ends: Option<(End, End)>,
    /// Bytes of what is kept, about.
    kept: u64,
}

impl Seen {
    fn new(kind: &Kind) -> Self {
        Seen {
            kind: kind.clone(),
            present: 0,
            missing: 0,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            is_whole: true,
            ascends: true,
            last: None,
            last_whole: None,
            whole_range: None,
            different: Some(HashSet::default()),
            levels: Some(HashMap::new()),
            slips: Slips::default(),
            times: 0,
            ends: None,
            kept: 0,
        }
    }

    fn see(&mut self, column: &Column, first_row: u64) {
        let cells = column.values.len();
        let missing = (0..cells).filter(|i| column.values.is_missing(*i)).count();
        self.missing += missing as u64;
        self.present += (cells - missing) as u64;
        match (&column.values, column.values.to_numbers()) {
            // Beyond 2⁵³ they differ by less than f64 can tell.
            (Values::Integers(all), _) => all.iter().flatten().for_each(|x| self.see_whole(i128::from(*x))),
            (Values::Unsigned(all), _) => all.iter().flatten().for_each(|x| self.see_whole(i128::from(*x))),
            (_, Some(numbers)) => numbers.into_iter().filter(|x| !x.is_nan()).for_each(|x| self.see_number(x)),
            (values, None) => values.text_runs().for_each(|(rows, text)| {
                let time = if let Values::Times { values, .. } = values { values[rows.start] } else { None };
                self.see_text(time, &text, first_row + rows.start as u64, rows.len());
            }),
        }
    }

    fn see_number(&mut self, x: f64) {
        (self.lowest, self.highest) = (self.lowest.min(x), self.highest.max(x));
        self.is_whole &= x.fract() == 0.0;
        self.ascends &= self.last.is_none_or(|last| x > last);
        self.last = Some(x);
        self.see_value(x.to_bits());
    }

    fn see_whole(&mut self, x: i128) {
        (self.lowest, self.highest) = (self.lowest.min(x as f64), self.highest.max(x as f64));
        self.ascends &= self.last_whole.is_none_or(|last| x > last);
        self.last_whole = Some(x);
        self.whole_range = Some(self.whole_range.map_or((x, x), |(low, high)| (low.min(x), high.max(x))));
        self.see_value(x as u64);
    }

    /// A text, or a time: then with what it is in the unit of its column. It stands in `count` rows, `row` the first.
    fn see_text(&mut self, time: Option<i64>, text: &str, row: u64, count: usize) {
        if self.kind == Kind::Text {
            self.slips.see(row, text, count);
            self.times += if Unit::is_text_of_time(text) { count as u64 } else { 0 };
        }
        self.ascends &= count == 1;
        match &mut self.ends {
            Some((least, greatest)) => {
                let is_above = (time, text) > (greatest.0, greatest.1.as_str());
                self.ascends &= is_above;
                if is_above {
                    *greatest = (time, text.to_owned());
                }
                if (time, text) < (least.0, least.1.as_str()) {
                    *least = (time, text.to_owned());
                }
            }
            None => self.ends = Some(((time, text.to_owned()), (time, text.to_owned()))),
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        self.see_value(hash);
        if let Some(levels) = &mut self.levels {
            let has_room = levels.len() < MOST_LEVELS;
            match levels.get_mut(text) {
                Some(seen) => *seen += count as u64,
                None if has_room => {
                    self.kept += BYTES_A_LEVEL + text.len() as u64;
                    levels.insert(text.to_owned(), count as u64);
                }
                None => self.levels = None,
            }
        }
    }

    fn see_value(&mut self, hash: u64) {
        let Some(different) = &mut self.different else { return };
        self.kept += if different.insert(hash) { BYTES_A_VALUE } else { 0 };
        if different.len() > MOST_DIFFERENT {
            self.different = None;
        }
    }

    fn diagnosis(self, name: String, is_label: bool, rows: u64) -> ColumnDiagnosis {
        let looks = if is_label && self.present > 0 { Looks::Label } else { self.looks(&name, rows) };
        let range = match (&self.ends, self.lowest <= self.highest) {
            _ if self.whole_range.is_some() => self.whole_range.map(|(low, high)| (low.to_string(), high.to_string())),
            (Some((least, greatest)), _) if looks == Looks::Time => Some((shown_end(&least.1), shown_end(&greatest.1))),
            (None, true) => Some((self.lowest.to_string(), self.highest.to_string())),
            _ => None,
        };
        let mut levels: Vec<(String, u64)> = self.levels.unwrap_or_default().into_iter().collect();
        levels.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let share = |(level, count): (String, u64)| (level, count as f64 / self.present.max(1) as f64);
        ColumnDiagnosis {
            name,
            looks,
            missing: self.missing,
            different: self.different.map(|different| different.len()),
            range,
            levels: levels.into_iter().take(MOST_NAMED).map(share).collect(),
            slip: self.slips.slip().map(|(row, text)| (row, shown(text))),
            ascends: self.ascends && self.present > 1,
            is_whole: self.is_whole && self.lowest <= self.highest,
        }
    }

    fn looks(&self, name: &str, rows: u64) -> Looks {
        let different = self.different.as_ref().map(HashSet::len);
        if self.present == 0 {
            return Looks::Empty;
        }
        if different == Some(1) {
            return Looks::Constant;
        }
        // Beyond what is counted they may repeat; numbers that ascend do not.
        let is_unique = different.is_some_and(|n| n as u64 == rows) || (self.ascends && self.missing == 0);
        let names_rows = is_unique && rows >= FEWEST_OF_IDENTIFIER;
        match self.kind {
            Kind::Time(..) => Looks::Time,
            Kind::Text if self.times == self.present => Looks::Time,
            Kind::Text if self.slips.slip().is_some() => Looks::Number,
            Kind::Text if names_rows => Looks::Identifier,
            Kind::Text if self.levels.is_some() => Looks::Category,
            Kind::Text => Looks::Text,
            _ if is_named(name, &["time", "timestamp", "date", "datetime", "epoch"]) && self.is_epoch() => Looks::Time,
            _ if names_rows && self.is_whole && (self.ascends || is_named(name, &["id", "uid", "key", "index"])) => {
                Looks::Identifier
            }
            _ => Looks::Number,
        }
    }

    /// Whether the numbers can be moments since 1970: from 1973 on, in seconds or finer.
    fn is_epoch(&self) -> bool {
        self.lowest >= 1e8 && self.highest < 1e19
    }
}

/// Whether one of the words makes up the name, or a part of it between other signs.
fn is_named(name: &str, words: &[&str]) -> bool {
    name.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
}

/// An end of a range of times: short, whatever the file holds.
fn shown_end(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosed(text: &str) -> TableDiagnosis {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        TableDiagnosis::of(&path, TextOptions::default()).unwrap()
    }

    #[test]
    fn every_column_is_told_for_what_it_looks_like() {
        let rows: String = (0..100)
            .map(|i| {
                let hole = if i % 10 == 0 { String::new() } else { format!("{}.5", i % 7) };
                format!(
                    "{},2024-01-{:02},{},x,{hole},,note {i},{},{},{}\n",
                    1000 + i,
                    1 + i % 28,
                    ["a", "b"][i % 2],
                    1_700_000_000 + 60 * i,
                    i % 2,
                    if i == 50 { "many".to_owned() } else { format!("{}.25", i % 9) }
                )
            })
            .collect();
        let table = diagnosed(&format!("order,day,shop,unit,amount,gone,text,time,label,price\n{rows}"));
        let looks: Vec<&str> = table.columns.iter().map(|column| column.looks.name()).collect();
        assert_eq!(
            looks,
            ["identifier", "time", "category", "constant", "number", "empty", "identifier", "time", "label", "number"]
        );
        assert_eq!((table.rows, table.columns[4].missing), (100, 10));
        assert_eq!(table.columns[4].range, Some(("0.5".into(), "6.5".into())));
        assert_eq!(table.columns[1].range, Some(("2024-01-01".into(), "2024-01-28".into())));
        assert_eq!(table.columns[2].levels, [("a".to_owned(), 0.5), ("b".to_owned(), 0.5)]);
        assert_eq!(table.columns[9].slip, Some((50, "`many`".into())));
        assert_eq!(table.that_look(Looks::Time), ["day", "time"]);
    }

    #[test]
    fn numbers_beyond_what_f64_can_tell_apart_are_told_apart() {
        let rows: String = (0..30_i64).map(|i| format!("{}\n", 9_007_199_254_740_993 + i)).collect();
        let column = &diagnosed(&format!("order\n{rows}")).columns[0];
        assert_eq!((column.looks, column.different), (Looks::Identifier, Some(30)));
        assert_eq!(column.range, Some(("9007199254740993".into(), "9007199254741022".into())));
    }

    #[test]
    fn times_beyond_the_year_9999_are_ordered_as_times() {
        let days = [-719_529, 0, 2_932_896, 2_932_897].map(Some);
        let mut seen = Seen::new(&Kind::Time(Unit::Day, None));
        seen.see(
            &Column { name: "t".into(), values: Values::Times { values: days.into(), unit: Unit::Day, zone: None } },
            0,
        );
        let column = seen.diagnosis("t".into(), false, 4);
        assert!(column.ascends, "{column:?}");
        assert_eq!(column.range, Some(("-0001-12-31".into(), "+10000-01-01".into())));
    }

    #[test]
    fn many_values_are_counted_in_bounded_memory() {
        let rows: String = (0..12_000).map(|i| format!("{},w{}\n", i * 7919 % 12_007, i * 31 % 11_000)).collect();
        let table = diagnosed(&format!("a,b\n{rows}"));
        assert!(table.columns.iter().all(|column| column.different.is_none() && column.levels.is_empty()));
        assert_eq!(table.columns[1].looks, Looks::Text);
    }
}
