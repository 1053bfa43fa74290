//! Labels of rows, as text tables and typed ones give them.

use std::collections::BTreeMap;
use std::path::Path;

use contractive_table::{Column, Place, TableError, TextOptions};

use super::Dataset;

/// Labels as met: integers if all of them are, else classes in sorted order.
#[derive(Default)]
pub(super) struct Labels {
    texts: BTreeMap<String, u32>,
    rows: Vec<u32>,
}

impl Labels {
    /// Adds the labels of a column of the table at `path`, whose first cell is of row `first_row`; `text` is how it was read.
    pub(super) fn take(
        &mut self,
        column: &Column,
        path: &Path,
        first_row: u64,
        text: &TextOptions,
    ) -> Result<(), TableError> {
        for i in 0..column.values.len() {
            let label = column.values.text(i).and_then(|text| self.push(text.as_bytes()));
            label.ok_or_else(|| TableError::Cell {
                path: path.to_path_buf(),
                place: Place::of_row_in(path, first_row + i as u64, text),
                column: column.name.clone(),
                must_be: "a label",
                got: "a missing value".into(),
                prefix: None,
            })?;
        }
        Ok(())
    }

    /// The rows with these labels.
    pub(super) fn give_to(self, dataset: Dataset) -> Result<Dataset, TableError> {
        let (labels, classes) = self.finish();
        let dataset = dataset.with_labels(labels)?;
        Ok(if classes.is_empty() { dataset } else { dataset.with_class_names(classes) })
    }

    /// Adds a row's label; `None` for a hole.
    fn push(&mut self, cell: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(cell).ok().filter(|text| !text.is_empty())?;
        let next = self.texts.len() as u32;
        let id = match self.texts.get(text) {
            Some(&id) => id,
            None => *self.texts.entry(text.to_string()).or_insert(next),
        };
        self.rows.push(id);
        Some(())
    }

    /// (label a row, class names); no names when the labels are integers themselves.
    fn finish(self) -> (Vec<i64>, Vec<String>) {
        let mut meaning = vec![0; self.texts.len()];
        let are_integers = self.texts.keys().all(|text| integer(text).is_some());
        for (rank, (text, &id)) in self.texts.iter().enumerate() {
            meaning[id as usize] = integer(text).filter(|_| are_integers).unwrap_or(rank as i64);
        }
        let labels = self.rows.iter().map(|&id| meaning[id as usize]).collect();
        (labels, if are_integers { Vec::new() } else { self.texts.into_keys().collect() })
    }
}

/// An integer, also as `3.0`, which is how pandas writes a column that once had holes.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    })
}
