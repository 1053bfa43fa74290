//! A sparse matrix as blocks of rows with all their zeros.

use std::path::{Path, PathBuf};

use super::entries::Entries;
use super::market;
#[cfg(feature = "npz")]
use super::scipy;
use crate::error::{TableError, shown};
use crate::format::Format;
use crate::frame::{Column, Field, Frame, Kind, Values};
use crate::frame_source::{FrameSource, Selection};
use crate::place::Place;

/// Cells of a block, unless one row has more.
const BLOCK: usize = 1 << 20;

/// An open sparse matrix.
pub(crate) struct SparseSource {
    path: PathBuf,
    entries: Entries,
    chosen: Vec<usize>,
    fields: Vec<Field>,
    block_rows: usize,
    done: usize,
    block: Vec<f64>,
}

impl SparseSource {
    /// Opens a matrix, transposed where the options say so.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let transpose = selection.0.transpose;
        let entries = match Format::of(path) {
            #[cfg(feature = "npz")]
            Some(Format::Npz) => scipy::open(path, transpose)?,
            _ => Entries::Memory(market::read(path, transpose)?),
        };
        let names: Vec<String> = (1..=entries.n_columns()).map(|i| i.to_string()).collect();
        let chosen = selection.choose(path, &names, &[])?.places;
        let field = |&place: &usize| {
            let kind = selection.kind(path, &names[place], Kind::Number)?;
            Ok(Field { name: names[place].clone(), kind })
        };
        let fields = chosen.iter().map(field).collect::<Result<_, TableError>>()?;
        let block_rows = (BLOCK / entries.n_columns()).clamp(1, chunk_rows);
        Ok(SparseSource { path: path.into(), entries, chosen, fields, block_rows, done: 0, block: Vec::new() })
    }

    /// Fills `out` with the next rows, all columns, after what it holds; says how many there are, 0 at the end.
    fn next_block(&mut self, out: &mut Vec<f64>) -> Result<usize, TableError> {
        let (d, start) = (self.entries.n_columns(), out.len());
        let n = self.block_rows.min(self.entries.n_rows() - self.done);
        if n == 0 {
            self.entries.finish()?;
            return Ok(0);
        }
        out.resize(start + n * d, 0.0);
        for (i, row) in out[start..].chunks_exact_mut(d).enumerate() {
            self.entries.add_row(self.done + i, row)?;
        }
        if let Some(i) = out[start..].iter().position(|value| !value.is_finite()) {
            return Err(TableError::Cell {
                path: self.path.clone(),
                place: Place::Row((self.done + i / d) as u64),
                column: (i % d + 1).to_string(),
                must_be: "a finite number",
                got: shown(&out[start + i].to_string()),
                prefix: None,
            });
        }
        self.done += n;
        Ok(n)
    }
}

impl FrameSource for SparseSource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn n_rows(&self) -> Option<u64> {
        Some(self.entries.n_rows() as u64)
    }

    fn has_names(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        let n = self.next_block(&mut block)?;
        let d = self.entries.n_columns();
        let column = |(&place, field): (&usize, &Field)| {
            let values = Values::Numbers(block.iter().skip(place).step_by(d).copied().collect());
            let values = match field.kind {
                Kind::Text => Values::Text((0..n).map(|i| values.text(i)).collect()),
                _ => values,
            };
            Column { name: field.name.clone(), values }
        };
        let columns = self.chosen.iter().zip(&self.fields).map(column).collect();
        self.block = block;
        Ok((n > 0).then_some(Frame { first_row: (self.done - n) as u64, columns }))
    }

    fn next_rows(&mut self, _: &Path, values: &mut Vec<f64>) -> Option<Result<bool, TableError>> {
        let all = self.chosen.iter().copied().eq(0..self.entries.n_columns());
        all.then(|| Ok(self.next_block(values)? > 0))
    }
}

#[cfg(test)]
mod tests;
