//! Labels of rows, as text tables and typed ones give them.

use std::collections::BTreeMap;

/// Labels as met: integers if all of them are, else classes in sorted order.
#[derive(Default)]
pub(super) struct Labels {
    texts: BTreeMap<String, u32>,
    rows: Vec<u32>,
}

impl Labels {
    /// Adds a row's label; `None` for a hole.
    pub(super) fn push(&mut self, cell: &[u8]) -> Option<()> {
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
    pub(super) fn finish(self) -> (Vec<i64>, Vec<String>) {
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
