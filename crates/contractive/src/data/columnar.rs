//! Tables with typed columns, Parquet and Arrow, as rows of numbers.

use std::path::Path;

use super::csv::Labels;
use super::source::most_expanded;
use super::{DataError, Dataset, Place};
use crate::table::{Frame, FrameReader, Kind, ReadOptions, Values};

/// Reads a table; `label_column` is taken out and becomes the labels. Every other column must hold finite numbers.
pub(crate) fn load(path: &Path, name: &str, label_column: Option<&str>) -> Result<Dataset, DataError> {
    let size = path.metadata().map_err(|e| DataError::io("open", path, e))?.len();
    let reader = FrameReader::open(path, &ReadOptions::default())?;
    let names: Vec<String> = reader.fields().iter().map(|field| field.name.clone()).collect();
    let label_at = label_column.map(|column| label_place(path, column, &names)).transpose()?;
    for (i, field) in reader.fields().iter().enumerate() {
        if Some(i) != label_at && !field.kind.is_numeric() {
            return Err(not_a_feature(path, &field.name, &field.kind, label_at.is_none()));
        }
    }
    let n_features = names.len() - usize::from(label_at.is_some());
    // Repetition makes columnar files small, and what they unpack to large: memory follows the file's size all the same.
    let most = usize::try_from(most_expanded(size)).unwrap_or(usize::MAX) / size_of::<f32>();
    let (mut values, mut labels) = (Vec::new(), Labels::default());
    for frame in reader {
        let frame = frame?;
        if values.len().saturating_add(frame.n_rows().saturating_mul(n_features)) > most {
            let reason = format!(
                "it unpacks to more than 200 times its size, which is not taken into memory; if it is what it should be, \
                 write it without compression and dictionaries, or as NPY (rows from {})",
                frame.first_row
            );
            return Err(DataError::Corrupt { path: path.to_path_buf(), reason });
        }
        append(path, &frame, label_at, &mut values)?;
        let Some(label_at) = label_at else { continue };
        let column = &frame.columns[label_at];
        for i in 0..frame.n_rows() {
            let label = column.values.text(i).and_then(|text| labels.push(text.as_bytes()));
            label.ok_or_else(|| DataError::MissingCell {
                path: path.to_path_buf(),
                place: Place::of_row(path, frame.first_row + i as u64),
                column: column.name.clone(),
                must_be: "a label",
                got: "a hole".into(),
            })?;
        }
    }
    if values.is_empty() {
        return Err(DataError::Empty { what: path.display().to_string() });
    }
    let mut names = names;
    label_at.map(|i| names.remove(i));
    let dataset = Dataset::from_f32(name, n_features, values)?.with_feature_names(names)?;
    if label_at.is_none() {
        return Ok(dataset);
    }
    let (labels, classes) = labels.finish();
    let dataset = dataset.with_labels(labels)?;
    Ok(if classes.is_empty() { dataset } else { dataset.with_class_names(classes) })
}

fn label_place(path: &Path, column: &str, names: &[String]) -> Result<usize, DataError> {
    names.iter().position(|name| name == column).ok_or_else(|| DataError::NoSuchColumn {
        path: path.to_path_buf(),
        column: column.to_owned(),
        available: names.to_vec(),
    })
}

/// The refusal of a column that holds no numbers.
pub(crate) fn not_a_feature(path: &Path, column: &str, kind: &Kind, can_be_labels: bool) -> DataError {
    DataError::ColumnKind {
        path: path.to_path_buf(),
        column: column.to_owned(),
        got: kind.name().to_owned(),
        expected: if can_be_labels { "numbers (name it with --label-column if it holds labels)" } else { "numbers" },
    }
}

/// Adds a frame's rows to `values`, row-major, all columns but `left_out`; the first cell that is no finite f32 is an
/// error.
pub(crate) fn append(
    path: &Path,
    frame: &Frame,
    left_out: Option<usize>,
    values: &mut Vec<f32>,
) -> Result<(), DataError> {
    let n_rows = frame.n_rows();
    let start = values.len();
    let columns = frame.columns.iter().enumerate().filter(|(i, _)| Some(*i) != left_out);
    let d = frame.columns.len() - usize::from(left_out.is_some());
    values.resize(start + n_rows * d, 0.0);
    let mut first_wrong: Option<(usize, usize)> = None;
    for (j, (place, column)) in columns.enumerate() {
        let converted;
        let cells = match &column.values {
            Values::Numbers(cells) => cells,
            other => {
                converted = other.to_numbers().unwrap_or_default();
                &converted
            }
        };
        let mut are_finite = true;
        for (out, &x) in values[start..].iter_mut().skip(j).step_by(d).zip(cells) {
            *out = x as f32;
            are_finite &= out.is_finite();
        }
        if !are_finite {
            let row = cells.iter().position(|&x| !(x as f32).is_finite());
            first_wrong = row.map(|row| (row, place)).into_iter().chain(first_wrong).min();
        }
    }
    let Some((row, place)) = first_wrong else { return Ok(()) };
    let column = &frame.columns[place];
    Err(DataError::MissingCell {
        path: path.to_path_buf(),
        place: Place::of_row(path, frame.first_row + row as u64),
        column: column.name.clone(),
        must_be: "a finite 32-bit number",
        got: column.values.text(row).unwrap_or_else(|| "a hole".into()),
    })
}
