//! A matrix as blocks of rows with all their zeros.

use std::path::{Path, PathBuf};

#[cfg(feature = "h5ad")]
use super::anndata;
use super::entries::Entries;
use super::market;
#[cfg(feature = "npz")]
use super::scipy;
use crate::error::{TableError, shown};
use crate::format::Format;
use crate::frame::{Column, Field, Frame, Kind, Values};
use crate::frame_source::{FrameSource, Selection};
use crate::limits::{self, check_columns};
use crate::place::Place;

/// An open matrix.
pub(crate) struct SparseSource {
    path: PathBuf,
    entries: Entries,
    has_names: bool,
    row_names: Option<Vec<String>>,
    notes: Vec<String>,
    chosen: Vec<usize>,
    fields: Vec<Field>,
    block_rows: usize,
    done: usize,
    block: Vec<f64>,
}

impl SparseSource {
    /// Opens a matrix, transposed where the options say so.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let transpose = selection.options.transpose;
        #[cfg_attr(not(feature = "h5ad"), allow(unused_mut))]
        let (mut columns, mut row_names, mut notes): (Option<Vec<String>>, _, Vec<String>) = (None, None, Vec::new());
        let entries = match Format::of(path) {
            #[cfg(feature = "npz")]
            Some(Format::Npz) => scipy::open(path, transpose)?,
            #[cfg(feature = "h5ad")]
            Some(Format::Hdf5) => {
                let named = anndata::open(path, selection.options.array.as_deref(), transpose)?;
                (columns, row_names) = (named.columns, named.rows);
                notes.extend(renamed_note(path, named.n_renamed));
                named.entries
            }
            #[cfg(not(feature = "h5ad"))]
            Some(format @ Format::Hdf5) => return Err(format.not_built(path)),
            _ => Entries::Memory(market::read(path, transpose)?),
        };
        let size = path.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        check_columns(path, entries.n_columns() as u64, size)?;
        let has_names = columns.is_some();
        let names = columns.unwrap_or_else(|| (1..=entries.n_columns()).map(|i| i.to_string()).collect());
        let choice = selection.choose(path, &names, &[])?;
        // No column of a matrix is a row index, whatever it is called.
        let chosen = if choice.left_out.is_empty() { choice.places } else { (0..names.len()).collect() };
        let field = |&place: &usize| {
            let kind = selection.kind(path, &names[place], Kind::Number)?;
            Ok(Field { name: names[place].clone(), kind })
        };
        let fields = chosen.iter().map(field).collect::<Result<_, TableError>>()?;
        let block_rows = limits::chunk_rows(chunk_rows, entries.n_columns());
        let (path, block) = (path.to_path_buf(), Vec::new());
        Ok(SparseSource { path, entries, has_names, row_names, notes, chosen, fields, block_rows, done: 0, block })
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
                column: self.name_of(i % d),
                must_be: "a finite number",
                got: shown(&out[start + i].to_string()),
                prefix: None,
            });
        }
        self.done += n;
        Ok(n)
    }

    /// The name of the column at `place`, or its number from 1.
    fn name_of(&self, place: usize) -> String {
        let chosen = self.chosen.iter().position(|chosen| *chosen == place);
        chosen.map_or_else(|| (place + 1).to_string(), |at| self.fields[at].name.clone())
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
        self.has_names
    }

    fn row_names(&self) -> Option<&[String]> {
        self.row_names.as_deref()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Twice: the file is opened once more where it is checked.
    fn held_at_most(&self) -> u64 {
        self.entries.held().saturating_mul(2)
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        let n = self.next_block(&mut block)?;
        let d = self.entries.n_columns();
        let column = |(&place, field): (&usize, &Field)| {
            let values = Values::Numbers(block.iter().skip(place).step_by(d).copied().collect());
            Column { name: field.name.clone(), values: values.into_kind(&field.kind) }
        };
        let columns = self.chosen.iter().zip(&self.fields).map(column).collect();
        self.block = block;
        Ok((n > 0).then_some(Frame { first_row: (self.done - n) as u64, columns }))
    }

    fn go_back(&mut self) -> bool {
        let goes_back = matches!(self.entries, Entries::Memory(_));
        if goes_back {
            self.done = 0;
        }
        goes_back
    }

    fn next_rows(&mut self, _: &Path, values: &mut Vec<f64>) -> Option<Result<bool, TableError>> {
        let all = self.chosen.iter().copied().eq(0..self.entries.n_columns());
        all.then(|| Ok(self.next_block(values)? > 0))
    }
}

/// What a user should know of names that were changed.
#[cfg(feature = "h5ad")]
fn renamed_note(path: &Path, n: usize) -> Option<String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let one = if n == 1 { "1 feature has a name that another has" } else { "{n} features have names that others have" };
    (n > 0).then(|| format!("{file}: {}; `-1`, `-2`, … was added", one.replace("{n}", &n.to_string())))
}

#[cfg(test)]
mod tests;
