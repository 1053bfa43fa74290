//! A frame that a program holds, read as a file's would be.

use std::path::Path;

use crate::error::TableError;
use crate::frame::{Column, Field, Frame, Values};
use crate::frame_source::{Choice, FrameSource, ReadOptions, Selection};

/// The chosen columns of a frame, given in pieces.
pub(crate) struct HeldSource {
    fields: Vec<Field>,
    columns: Vec<Values>,
    left_out: Vec<String>,
    notes: Vec<String>,
    n_rows: usize,
    given: usize,
    chunk_rows: usize,
}

impl HeldSource {
    /// Chooses the columns; their cells are copied.
    pub fn new(name: &str, frame: &Frame, options: &ReadOptions) -> Result<Self, TableError> {
        let (path, selection) = (Path::new(name), Selection::of(options));
        let n_rows = frame.n_rows();
        if let Some(column) = frame.columns.iter().find(|column| column.values.len() != n_rows) {
            return Err(TableError::Shape {
                what: format!("the cells of column `{}`", column.name),
                expected: format!("{n_rows}, as the first column has"),
                got: column.values.len().to_string(),
            });
        }
        let names: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
        let Choice { places, left_out, note } = selection.choose(path, &names, &[])?;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for place in places {
            let Column { name, values } = &frame.columns[place];
            let kind = selection.kind(path, name, values.kind())?;
            columns.push(values.clone().into_kind(&kind));
            fields.push(Field { name: name.clone(), kind });
        }
        let notes = note.into_iter().collect();
        Ok(HeldSource { fields, columns, left_out, notes, n_rows, given: 0, chunk_rows: options.chunk_rows })
    }
}

impl FrameSource for HeldSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn n_rows(&self) -> Option<u64> {
        Some(self.n_rows as u64)
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let (first, end) = (self.given, self.n_rows.min(self.given + self.chunk_rows));
        if first == end {
            return Ok(None);
        }
        self.given = end;
        let column =
            |(field, values): (&Field, &Values)| Column { name: field.name.clone(), values: values.slice(first..end) };
        let columns = self.fields.iter().zip(&self.columns).map(column).collect();
        Ok(Some(Frame { first_row: first as u64, columns }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameReader;

    fn frame() -> Frame {
        let columns = vec![
            Column { name: "id".into(), values: Values::Integers(vec![Some(7), None, Some(9)]) },
            Column { name: "x".into(), values: Values::Singles(vec![0.5, f32::NAN, 2.0]) },
        ];
        Frame { first_row: 0, columns }
    }

    #[test]
    fn held_rows_are_read_in_pieces_and_as_they_are_wanted() {
        let options = ReadOptions { as_text: vec!["id".into()], chunk_rows: 2, ..ReadOptions::default() };
        let frames: Vec<Frame> = FrameReader::held("rows", &frame(), &options).unwrap().map(Result::unwrap).collect();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].columns[0].values, Values::Text(vec![Some("7".into()), None]));
        assert_eq!((frames[1].first_row, &frames[1].columns[1].values), (2, &Values::Singles(vec![2.0])));
    }

    #[test]
    fn columns_that_are_not_there_or_of_other_lengths_are_named() {
        let options = ReadOptions { columns: Some(vec!["y".into()]), ..ReadOptions::default() };
        let error = FrameReader::held("rows", &frame(), &options).err().unwrap();
        assert!(matches!(error, TableError::MissingColumns { missing, .. } if missing == ["y"]));
        let mut uneven = frame();
        uneven.columns[1].values = Values::Singles(vec![1.0]);
        let error = FrameReader::held("rows", &uneven, &ReadOptions::default()).err().unwrap();
        assert!(error.to_string().contains("`x`"), "{error}");
    }
}
