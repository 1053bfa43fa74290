//! Some rows of a table, column by column.

use std::ops::Range;

use crate::time::Unit;

/// What a column holds. Fixed for all frames of a reader or writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// f64.
    Number,
    /// f32: what a network gives. No reader has it: numbers of files are [`Kind::Number`].
    Single,
    /// i64, exact.
    Integer,
    /// u64, exact.
    Unsigned,
    /// True or false.
    Boolean,
    /// Text, unchanged.
    Text,
    /// Whole units since 1970-01-01, exact; with a time zone's name where the file gives one, and then in UTC.
    Time(Unit, Option<String>),
}

impl Kind {
    /// Whether [`Values::to_numbers`] gives something.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Kind::Number | Kind::Single | Kind::Integer | Kind::Unsigned | Kind::Boolean)
    }

    /// What the kind is called in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Number | Kind::Single => "a number",
            Kind::Integer | Kind::Unsigned => "an integer",
            Kind::Boolean => "a truth value",
            Kind::Text => "text",
            Kind::Time(..) => "a time",
        }
    }
}

/// The cells of a column, one a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; NaN is a missing one, whether the file said NaN or said nothing.
    Numbers(Vec<f64>),
    /// Numbers of 32 bits; NaN is a missing one.
    Singles(Vec<f32>),
    /// Integers as they are: no detour over f64, which holds them exactly only up to 2⁵³.
    Integers(Vec<Option<i64>>),
    /// Integers up to 2⁶⁴ − 1.
    Unsigned(Vec<Option<u64>>),
    /// Truth values.
    Booleans(Vec<Option<bool>>),
    /// Text: categories, keys, times of unknown format.
    Text(Vec<Option<String>>),
    /// Times.
    Times {
        /// Units since 1970-01-01T00:00.
        values: Vec<Option<i64>>,
        /// The unit.
        unit: Unit,
        /// The zone's name as the file gives it; the values are then in UTC.
        zone: Option<String>,
    },
}

impl Values {
    /// No cells of a kind.
    pub fn empty(kind: &Kind) -> Self {
        match kind {
            Kind::Number => Values::Numbers(Vec::new()),
            Kind::Single => Values::Singles(Vec::new()),
            Kind::Integer => Values::Integers(Vec::new()),
            Kind::Unsigned => Values::Unsigned(Vec::new()),
            Kind::Boolean => Values::Booleans(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
            Kind::Time(unit, zone) => Values::Times { values: Vec::new(), unit: *unit, zone: zone.clone() },
        }
    }

    /// The kind of the cells.
    pub fn kind(&self) -> Kind {
        match self {
            Values::Numbers(_) => Kind::Number,
            Values::Singles(_) => Kind::Single,
            Values::Integers(_) => Kind::Integer,
            Values::Unsigned(_) => Kind::Unsigned,
            Values::Booleans(_) => Kind::Boolean,
            Values::Text(_) => Kind::Text,
            Values::Times { unit, zone, .. } => Kind::Time(*unit, zone.clone()),
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Values::Numbers(v) => v.len(),
            Values::Singles(v) => v.len(),
            Values::Integers(v) | Values::Times { values: v, .. } => v.len(),
            Values::Unsigned(v) => v.len(),
            Values::Booleans(v) => v.len(),
            Values::Text(v) => v.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether cell `i` is missing.
    ///
    /// # Panics
    /// If there is no cell `i`.
    pub fn is_missing(&self, i: usize) -> bool {
        match self {
            Values::Numbers(v) => v[i].is_nan(),
            Values::Singles(v) => v[i].is_nan(),
            Values::Integers(v) | Values::Times { values: v, .. } => v[i].is_none(),
            Values::Unsigned(v) => v[i].is_none(),
            Values::Booleans(v) => v[i].is_none(),
            Values::Text(v) => v[i].is_none(),
        }
    }

    /// The cells as numbers, NaN where missing, true as 1; `None` for text and times. Integers beyond 2⁵³ are rounded.
    pub fn to_numbers(&self) -> Option<Vec<f64>> {
        fn all<T: Copy>(cells: &[Option<T>], number: impl Fn(T) -> f64) -> Option<Vec<f64>> {
            Some(cells.iter().map(|cell| cell.map_or(f64::NAN, &number)).collect())
        }
        match self {
            Values::Numbers(v) => Some(v.clone()),
            Values::Singles(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
            Values::Integers(v) => all(v, |x| x as f64),
            Values::Unsigned(v) => all(v, |x| x as f64),
            Values::Booleans(v) => all(v, |x| f64::from(u8::from(x))),
            Values::Text(_) | Values::Times { .. } => None,
        }
    }

    /// Cell `i` as text, as a CSV file would hold it: numbers read back as the same, times are ISO 8601; `None` where
    /// missing.
    ///
    /// # Panics
    /// If there is no cell `i`.
    pub fn text(&self, i: usize) -> Option<String> {
        match self {
            Values::Numbers(v) => (!v[i].is_nan()).then(|| number_text(v[i])),
            Values::Singles(v) => (!v[i].is_nan()).then(|| single_text(v[i])),
            Values::Integers(v) => v[i].map(|x| x.to_string()),
            Values::Unsigned(v) => v[i].map(|x| x.to_string()),
            Values::Booleans(v) => v[i].map(|x| x.to_string()),
            Values::Text(v) => v[i].clone(),
            Values::Times { values, unit, zone } => values[i].map(|x| unit.text(x, zone.is_some())),
        }
    }

    /// The texts of the cells that have one, each once for neighbours that are alike: the rows, from 0, and the text. Writers
    /// pack a repeated text to next to nothing, and it is then not looked at a million times.
    pub fn text_runs(&self) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            while next < self.len() {
                let start = next;
                next = (start + 1..self.len()).find(|i| !self.are_alike(start, *i)).unwrap_or(self.len());
                if let Some(text) = self.text(start) {
                    return Some((start..next, text));
                }
            }
            None
        })
    }

    /// Whether two cells are the same text, time or bits.
    fn are_alike(&self, i: usize, j: usize) -> bool {
        match self {
            Values::Numbers(v) => v[i].to_bits() == v[j].to_bits(),
            Values::Singles(v) => v[i].to_bits() == v[j].to_bits(),
            Values::Integers(v) | Values::Times { values: v, .. } => v[i] == v[j],
            Values::Unsigned(v) => v[i] == v[j],
            Values::Booleans(v) => v[i] == v[j],
            Values::Text(v) => v[i] == v[j],
        }
    }

    /// The cells as `kind` wants them: numbers or text, where they are something else; NaN where a cell is no number.
    pub(crate) fn into_kind(self, kind: &Kind) -> Values {
        match kind {
            Kind::Number if self.kind() != Kind::Number => Values::Numbers(self.to_numbers().unwrap_or_default()),
            Kind::Text if self.kind() != Kind::Text => Values::Text((0..self.len()).map(|i| self.text(i)).collect()),
            _ => self,
        }
    }

    /// Adds the cells of `more`.
    ///
    /// # Panics
    /// If they are of another kind.
    pub fn append(&mut self, more: Values) {
        match (self, more) {
            (Values::Numbers(all), Values::Numbers(more)) => all.extend(more),
            (Values::Singles(all), Values::Singles(more)) => all.extend(more),
            (Values::Integers(all), Values::Integers(more)) => all.extend(more),
            (Values::Unsigned(all), Values::Unsigned(more)) => all.extend(more),
            (Values::Booleans(all), Values::Booleans(more)) => all.extend(more),
            (Values::Text(all), Values::Text(more)) => all.extend(more),
            (Values::Times { values: all, .. }, Values::Times { values: more, .. }) => all.extend(more),
            (all, more) => panic!("cells must be {}, got {}", all.kind().name(), more.kind().name()),
        }
    }

    /// Cells `rows` alone.
    ///
    /// # Panics
    /// If the range goes beyond the cells.
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Values {
        match self {
            Values::Numbers(v) => Values::Numbers(v[rows].to_vec()),
            Values::Singles(v) => Values::Singles(v[rows].to_vec()),
            Values::Integers(v) => Values::Integers(v[rows].to_vec()),
            Values::Unsigned(v) => Values::Unsigned(v[rows].to_vec()),
            Values::Booleans(v) => Values::Booleans(v[rows].to_vec()),
            Values::Text(v) => Values::Text(v[rows].to_vec()),
            Values::Times { values, unit, zone } => {
                Values::Times { values: values[rows].to_vec(), unit: *unit, zone: zone.clone() }
            }
        }
    }

    /// The cells at `rows`, in that order.
    ///
    /// # Panics
    /// If a place goes beyond the cells.
    pub fn picked(&self, rows: &[usize]) -> Values {
        fn some<T: Clone>(cells: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|row| cells[*row].clone()).collect()
        }
        match self {
            Values::Numbers(v) => Values::Numbers(some(v, rows)),
            Values::Singles(v) => Values::Singles(some(v, rows)),
            Values::Integers(v) => Values::Integers(some(v, rows)),
            Values::Unsigned(v) => Values::Unsigned(some(v, rows)),
            Values::Booleans(v) => Values::Booleans(some(v, rows)),
            Values::Text(v) => Values::Text(some(v, rows)),
            Values::Times { values, unit, zone } => {
                Values::Times { values: some(values, rows), unit: *unit, zone: zone.clone() }
            }
        }
    }

    /// The cells whose place in `kept` says so.
    pub fn filtered(&self, kept: &[bool]) -> Values {
        let rows: Vec<usize> = (0..self.len()).filter(|i| kept.get(*i).copied().unwrap_or(false)).collect();
        self.picked(&rows)
    }
}

/// The shortest text that reads back as the same number; without exponent where that is no longer than a screen's width.
pub(crate) fn number_text(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-5..1e17).contains(&size) && x.is_finite() { format!("{x:e}") } else { x.to_string() }
}

/// As [`number_text`], of 32 bits.
fn single_text(x: f32) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-5..1e17).contains(&size) && x.is_finite() { format!("{x:e}") } else { x.to_string() }
}

/// A column's name and cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name; its number from 1 where the file names none.
    pub name: String,
    /// Cells.
    pub values: Values,
}

/// A column's name and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: Kind,
}

/// Some rows of a table: columns of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The first row's place in the table, from 0.
    pub first_row: u64,
    /// Columns.
    pub columns: Vec<Column>,
}

impl Frame {
    /// Number of rows; 0 without columns.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Bytes that the cells take, about.
    pub fn bytes(&self) -> u64 {
        let of = |values: &Values| match values {
            Values::Text(cells) => {
                // What an allocator adds to a text is about 16 bytes.
                let texts = cells.iter().flatten().map(|text| text.len() as u64 + 16).sum::<u64>();
                texts + size_of_val(cells.as_slice()) as u64
            }
            Values::Numbers(cells) => size_of_val(cells.as_slice()) as u64,
            Values::Singles(cells) => size_of_val(cells.as_slice()) as u64,
            Values::Booleans(cells) => size_of_val(cells.as_slice()) as u64,
            cells => 16 * cells.len() as u64,
        };
        self.columns.iter().map(|column| of(&column.values)).sum()
    }

    /// Names and kinds of the columns.
    pub fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|c| Field { name: c.name.clone(), kind: c.values.kind() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_number_reads_back_as_the_same_bits() {
        for x in [0.0, -0.0, 5.0, 0.1, 1e-300, 1.7e308, 1e16, 1e17, 123_456_789.125, f64::MIN_POSITIVE, f64::INFINITY] {
            let text = number_text(x);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{text}");
            assert!(text.len() < 30, "{text}");
        }
        assert_eq!(Values::Numbers(vec![5.0, f64::NAN]).text(0).unwrap(), "5");
        assert_eq!(Values::Numbers(vec![5.0, f64::NAN]).text(1), None);
    }

    #[test]
    fn neighbours_that_are_alike_are_one_run() {
        let runs = |values: Values| values.text_runs().collect::<Vec<_>>();
        let text = |cells: &[&str]| {
            Values::Text(cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect())
        };
        assert_eq!(
            runs(text(&["", "a", "a", "", "", "a", "b", "b"])),
            [(1..3, "a".to_owned()), (5..6, "a".to_owned()), (6..8, "b".to_owned())]
        );
        assert_eq!(runs(text(&["", ""])), []);
        let days = Values::Times { values: vec![Some(0), Some(0), None, Some(1)], unit: Unit::Day, zone: None };
        assert_eq!(runs(days), [(0..2, "1970-01-01".to_owned()), (3..4, "1970-01-02".to_owned())]);
        let numbers = Values::Numbers(vec![0.5, 0.5, f64::NAN, -0.0, 0.0]);
        assert_eq!(runs(numbers).into_iter().map(|(rows, _)| rows).collect::<Vec<_>>(), [0..2, 3..4, 4..5]);
    }

    #[test]
    fn all_but_text_and_times_are_numbers() {
        assert_eq!(Values::Booleans(vec![Some(true), Some(false)]).to_numbers().unwrap(), [1.0, 0.0]);
        assert_eq!(Values::Unsigned(vec![Some(u64::MAX)]).to_numbers().unwrap(), [u64::MAX as f64]);
        assert!(Values::Integers(vec![None]).to_numbers().unwrap()[0].is_nan());
        assert_eq!(Values::Text(vec![]).to_numbers(), None);
    }
}
