//! Tables with named columns, CSV, Parquet and Arrow, as rows of numbers.

use std::path::Path;

use contractive_table::Keeping;
use contractive_table::csv::number_or_missing;
use contractive_table::numbers::append_in;
use contractive_table::{
    Column, Format, FrameReader, Kind, Place, ReadOptions, TableError, TableSource, TextOptions, Values, most_expanded,
    shown, unpacks_to_too_much,
};

use super::Dataset;
use super::labels::Labels;
use super::notes::{pixel_note, turned_note};
use super::options::FileOptions;
use crate::encoding::label_note;

/// What the names of a matrix's or a transposed table's rows are carried along as.
pub(super) const ROW_NAMES: &str = "row";

/// Reads a table; the label column is taken out and becomes the labels. Every other column must hold finite numbers.
pub(super) fn load(source: TableSource<'_>, name: &str, options: &FileOptions) -> Result<Dataset, TableError> {
    let path = source.path();
    let label_column = options.label_column.as_deref();
    let text = options.text;
    // Cell for cell as the file has them.
    let is_text = Format::of(path) == Some(Format::Csv);
    let as_text = label_column.filter(|_| is_text).map(str::to_owned).into_iter().collect();
    let (kept, array, transpose) = (options.kept.clone(), options.array.clone(), options.transpose);
    let how = ReadOptions { as_text, kept, text, array, transpose, ..ReadOptions::default() };
    let mut reader = source.open(&how)?;
    let size = source.size().unwrap_or(0);
    reader.check_spelling(|_| true)?;
    let names: Vec<String> = reader.fields().iter().map(|field| field.name.clone()).collect();
    let label_at = label_column.map(|column| label_place(path, column, &names)).transpose()?;
    for (i, field) in reader.fields().iter().enumerate() {
        if Some(i) != label_at && !field.kind.is_numeric() {
            return Err(text_column(path, &field.name, &field.kind, text));
        }
    }
    let (has_names, mut notes) = (reader.has_names(), reader.notes().to_vec());
    let row_names = reader.row_names().map(<[String]>::to_vec);
    if label_at.is_none() && has_names {
        notes.extend(label_note(&names));
    }
    let n_features = names.len() - usize::from(label_at.is_some());
    // Repetition makes columnar files small, and what they unpack to large: memory follows the file's size all the same.
    let most = usize::try_from(most_expanded(size)).unwrap_or(usize::MAX) / size_of::<f64>();
    let mut keeping = Keeping::of(source, &how).of_at_most(n_features, most);
    let (mut values, mut labels) = (Vec::new(), Labels::default());
    let mut carried = label_at.map(|at| Values::empty(&reader.fields()[at].kind));
    while let Some(frame) = reader.next() {
        let (frame, path) = (frame?, reader.path().to_path_buf());
        if values.len().saturating_add(frame.n_rows().saturating_mul(n_features)) > most {
            return Err(unpacks_to_too_much(&path));
        }
        // As numbers; of labels their text too.
        let cells = frame.n_rows() as u64 * n_features as u64;
        let kept = cells * size_of::<f64>() as u64 + if label_at.is_some() { frame.bytes() } else { 0 };
        keeping.take(kept, &mut reader)?;
        append_in(&path, &frame, label_at, &text, &mut values)?;
        let Some(label_at) = label_at else { continue };
        let column = &frame.columns[label_at];
        if let Some(carried) = &mut carried {
            carried.append(column.values.clone());
        }
        labels.take(column, &path, frame.first_row, &text)?;
    }
    if values.is_empty() {
        return Err(TableError::Empty { what: path.display().to_string() });
    }
    let mut names = names;
    let carried = label_at.map(|i| names.remove(i)).zip(carried);
    let row_names = row_names.map(|names| Values::Text(names.into_iter().map(Some).collect()));
    let keys = row_names.map(|values| (ROW_NAMES.to_owned(), values));
    let carried = keys.into_iter().chain(carried).map(|(name, values)| Column { name, values }).collect();
    let dataset = Dataset::from_f64(name, n_features, values)?;
    let dataset = if has_names { dataset.with_feature_names(names)? } else { dataset };
    notes.extend(pixel_note(&dataset));
    notes.extend(turned_note(path, options, dataset.len(), n_features));
    let dataset = notes.into_iter().fold(dataset, Dataset::with_note).with_carried(carried)?;
    if label_at.is_none() {
        return Ok(dataset);
    }
    labels.give_to(dataset)
}

fn label_place(path: &Path, column: &str, names: &[String]) -> Result<usize, TableError> {
    names.iter().position(|name| name == column).ok_or_else(|| TableError::MissingColumns {
        path: path.to_path_buf(),
        missing: vec![column.to_owned()],
        available: names.to_vec(),
    })
}

/// The refusal of a column that holds no numbers; of a column of text in which numbers stand, that of its first word.
fn text_column(path: &Path, column: &str, kind: &Kind, text: TextOptions) -> TableError {
    let columns = Some(vec![column.to_owned()]);
    let options = ReadOptions { columns, as_text: vec![column.to_owned()], text, ..ReadOptions::default() };
    let frame = match FrameReader::open(path, &options).map(|mut reader| reader.next()) {
        Ok(Some(Err(e @ TableError::NotUtf8 { .. }))) => return e,
        frame => frame.ok().flatten().and_then(Result::ok),
    };
    let place = |row: usize| Place::of_row_in(path, row as u64, &text);
    let Some(Values::Text(cells)) = frame.as_ref().map(|frame| &frame.columns[0].values) else {
        return not_a_feature(path, column, kind);
    };
    let is_word =
        |cell: &Option<String>| cell.as_ref().is_some_and(|cell| number_or_missing(cell.as_bytes()).is_none());
    let has_numbers =
        cells.iter().any(|cell| cell.as_ref().is_some_and(|cell| number_or_missing(cell.as_bytes()).is_some()));
    match cells.iter().position(is_word) {
        Some(row) if has_numbers => TableError::Cell {
            path: path.to_path_buf(),
            place: place(row),
            column: column.to_owned(),
            must_be: "a finite number",
            got: shown(cells[row].as_deref().unwrap_or_default()),
            prefix: None,
        },
        Some(row) => TableError::ColumnKind {
            path: path.to_path_buf(),
            column: column.to_owned(),
            got: format!("text, {} in {}", shown(cells[row].as_deref().unwrap_or_default()), place(row)),
            expected: "numbers",
        },
        None => not_a_feature(path, column, kind),
    }
}

/// The refusal of a column that holds no numbers.
pub fn not_a_feature(path: &Path, column: &str, kind: &Kind) -> TableError {
    TableError::ColumnKind {
        path: path.to_path_buf(),
        column: column.to_owned(),
        got: kind.name().to_owned(),
        expected: "numbers",
    }
}
