//! A table turned round: its columns are the rows.

use std::path::Path;

use crate::error::{TableError, shown};
use crate::frame::{Column, Field, Frame, Kind, Values};
use crate::frame_source::{FrameSource, Selection, is_row_index};
use crate::limits::{MOST_COLUMNS, is_accounted_for_beside, make_room, most_expanded, unpacks_to_too_much};
use crate::place::Place;
use crate::text_options::TextOptions;

/// Opens the table.
type Open<'a> = dyn Fn() -> Result<Box<dyn FrameSource>, TableError> + 'a;

/// A table in memory, by its columns.
pub(crate) struct TransposedSource {
    /// The file's columns, which are the rows.
    rows: Vec<Vec<f64>>,
    row_names: Option<Vec<String>>,
    has_names: bool,
    notes: Vec<String>,
    chosen: Vec<usize>,
    fields: Vec<Field>,
    chunk_rows: usize,
    done: usize,
}

impl TransposedSource {
    /// Reads all of the table at `path`, which `open` opens. The first column that is text, or a row index, holds the names of
    /// the columns to be.
    pub fn new(path: &Path, open: &Open<'_>, selection: &Selection) -> Result<Self, TableError> {
        let mut source = open()?;
        if source.image_shape().is_some() {
            return Err(TableError::Shape {
                what: format!("the shape of the array in {}", path.display()),
                expected: "(rows, columns) to be transposed".into(),
                got: "images".into(),
            });
        }
        let fields = source.fields().to_vec();
        let is_name = |(i, field): (usize, &Field)| field.kind == Kind::Text || is_row_index(i, &field.name);
        let name_at = fields.iter().enumerate().position(is_name);
        let is_value = |i: &usize| Some(*i) != name_at;
        if let Some(field) = (0..fields.len()).filter(is_value).map(|i| &fields[i]).find(|f| !f.kind.is_numeric()) {
            let (column, got) = (field.name.clone(), field.kind.name().to_owned());
            return Err(TableError::ColumnKind { path: path.into(), column, got, expected: "numbers" });
        }
        let mut rows = vec![Vec::new(); fields.len() - usize::from(name_at.is_some())];
        let mut names = Values::Text(Vec::new());
        read(path, (source.as_mut(), open), name_at, &selection.options.text, &mut rows, &mut names)?;
        let n_columns = rows.first().map_or(0, Vec::len);
        if n_columns == 0 || n_columns > MOST_COLUMNS {
            let what = format!("the number of rows of {}, which become columns,", path.display());
            let expected = format!("from 1 to {MOST_COLUMNS}");
            return Err(TableError::Shape { what, expected, got: n_columns.to_string() });
        }
        let names = match name_at {
            Some(at) => names_of(path, &fields[at].name, &names, selection)?,
            None => (1..=n_columns).map(|i| i.to_string()).collect(),
        };
        let chosen = selection.choose(path, &names, &[])?.places;
        let field = |&place: &usize| {
            let kind = selection.kind(path, &names[place], Kind::Number)?;
            Ok(Field { name: names[place].clone(), kind })
        };
        let row_names =
            source.has_names().then(|| (0..fields.len()).filter(is_value).map(|i| fields[i].name.clone()).collect());
        Ok(TransposedSource {
            rows,
            row_names,
            has_names: name_at.is_some(),
            notes: source.notes().to_vec(),
            fields: chosen.iter().map(field).collect::<Result<_, TableError>>()?,
            chosen,
            chunk_rows: selection.options.chunk_rows,
            done: 0,
        })
    }
}

/// Takes all frames of `source`: numbers into `rows`, the column at `name_at` into `names`.
fn read(
    path: &Path,
    (source, open): (&mut dyn FrameSource, &Open<'_>),
    name_at: Option<usize>,
    text: &TextOptions,
    rows: &mut [Vec<f64>],
    names: &mut Values,
) -> Result<(), TableError> {
    let size = path.metadata().map_or(0, |file| file.len());
    let most = usize::try_from(most_expanded(size)).unwrap_or(usize::MAX);
    let (mut cells, mut kept, mut is_sound) = (0_usize, 0, !path.is_file());
    while let Some(frame) = source.next_frame()? {
        cells = cells.saturating_add(frame.n_rows().saturating_mul(frame.columns.len()));
        if cells > most / size_of::<f64>() {
            return Err(unpacks_to_too_much(path));
        }
        kept += frame.bytes();
        if !is_sound && !is_accounted_for_beside(kept, source.held_at_most(), size) {
            // Of a damaged table no more is kept than its size accounts for.
            let columns = rows.len().max(1);
            if source.n_rows().is_some_and(|n| n > (most / size_of::<f64>() / columns) as u64) {
                return Err(unpacks_to_too_much(path));
            }
            match source.check(u64::MAX) {
                Some(checked) => drop(checked?),
                None => {
                    let mut rest = open()?;
                    while rest.next_frame()?.is_some() {}
                }
            }
            is_sound = true;
        }
        let mut rows = rows.iter_mut();
        for (i, column) in frame.columns.into_iter().enumerate() {
            if Some(i) == name_at {
                names.append(Values::Text((0..column.values.len()).map(|j| column.values.text(j)).collect()));
            } else if let (Some(row), Some(numbers)) = (rows.next(), column.values.to_numbers()) {
                if let Some(j) = numbers.iter().position(|number| !number.is_finite()) {
                    return Err(TableError::Cell {
                        path: path.into(),
                        place: Place::of_row_in(path, frame.first_row + j as u64, text),
                        column: column.name,
                        must_be: "a finite number",
                        got: if numbers[j].is_nan() {
                            "a missing value".into()
                        } else {
                            shown(&numbers[j].to_string())
                        },
                        prefix: None,
                    });
                }
                make_room(row, numbers.len(), path)?;
                row.extend(numbers);
            }
        }
    }
    Ok(())
}

/// The names in the column `column`, which must be there and differ.
fn names_of(path: &Path, column: &str, names: &Values, selection: &Selection) -> Result<Vec<String>, TableError> {
    let wrong = |row: usize, must_be: &'static str, got: String| TableError::Cell {
        path: path.into(),
        place: Place::of_row_in(path, row as u64, &selection.options.text),
        column: column.to_owned(),
        must_be,
        got,
        prefix: None,
    };
    let mut all = Vec::with_capacity(names.len());
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    for row in 0..names.len() {
        let Some(name) = names.text(row) else {
            return Err(wrong(row, "a name, which the transposed table's column needs", "a missing value".into()));
        };
        if !seen.insert(name.clone()) {
            return Err(wrong(row, "a name of its own, which the transposed table's column needs", shown(&name)));
        }
        all.push(name);
    }
    Ok(all)
}

impl FrameSource for TransposedSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn n_rows(&self) -> Option<u64> {
        Some(self.rows.len() as u64)
    }

    fn has_names(&self) -> bool {
        self.has_names
    }

    fn row_names(&self) -> Option<&[String]> {
        self.row_names.as_deref()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let some = self.done..self.rows.len().min(self.done + self.chunk_rows);
        if some.is_empty() {
            return Ok(None);
        }
        let column = |(&place, field): (&usize, &Field)| {
            let values = Values::Numbers(self.rows[some.clone()].iter().map(|row| row[place]).collect());
            Column { name: field.name.clone(), values: values.into_kind(&field.kind) }
        };
        let columns = self.chosen.iter().zip(&self.fields).map(column).collect();
        self.done = some.end;
        Ok(Some(Frame { first_row: some.start as u64, columns }))
    }
}
