//! `--per-row FILE`: a table with one line a row of the data, of what is printed as means.

use std::ops::Range;
use std::path::{Path, PathBuf};

use contractive::data::Dataset;
use contractive_table::{Column, Frame, FrameWriter, OutputError, Values};

use crate::errors::Usage;
use crate::inputs::Inputs;
use crate::numbers::count;
use crate::output::check_file;
use crate::terminal::say;

/// The table as it is written; it takes its name when it is whole.
pub(super) struct PerRow<'a> {
    path: PathBuf,
    data: &'a Dataset,
    names: Vec<String>,
    writer: FrameWriter,
}

/// Refuses a file that could not be written, before any work.
pub(super) fn check(path: &Path, flag: &str, inputs: &Inputs) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Err(Usage(format!("{flag} takes the name of a file; standard output has the means")).into());
    }
    FrameWriter::check_name(path)?;
    check_file(path)?;
    Ok(inputs.check(path, flag)?)
}

impl<'a> PerRow<'a> {
    /// Begins the table: the row's number, from 0, of patches the picture and the place, its label where `data` has labels, and a number for each of `names`.
    pub(super) fn create(path: &Path, data: &'a Dataset, names: Vec<String>) -> Result<Self, OutputError> {
        let none = vec![Vec::new(); names.len()];
        let empty = Frame { first_row: 0, columns: columns(data, 0, &names, none) };
        let writer = FrameWriter::create(path, &empty.fields())?;
        Ok(PerRow { path: path.to_path_buf(), data, names, writer })
    }

    /// Adds rows from number `first` on: one list of numbers a name, one number a row.
    pub(super) fn write(&mut self, first: usize, numbers: Vec<Vec<f64>>) -> Result<(), OutputError> {
        let columns = columns(self.data, first, &self.names, numbers);
        self.writer.write(&Frame { first_row: first as u64, columns })
    }

    /// Gives the file its name and says so on standard error, unless `is_quiet`.
    pub(super) fn finish(self, is_quiet: bool) -> Result<(), OutputError> {
        let rows = self.writer.n_rows() as usize;
        self.writer.finish()?;
        if !is_quiet {
            say(format!("wrote {} to {}", count(rows, "row"), self.path.display()));
        }
        Ok(())
    }
}

/// Of patches: which picture each row is of, and where it lies.
pub(super) fn places(data: &Dataset, rows: Range<usize>) -> Vec<Column> {
    let Some(grid) = data.patch_grid() else { return Vec::new() };
    let n = grid.n_patches();
    let column = |name: &str, of: &dyn Fn(usize) -> usize| Column {
        name: name.into(),
        values: Values::Integers(rows.clone().map(|row| Some(of(row) as i64)).collect()),
    };
    vec![
        column("picture", &|row| row / n),
        column("top", &|row| grid.place(row % n).0),
        column("left", &|row| grid.place(row % n).1),
    ]
}

fn columns(data: &Dataset, first: usize, names: &[String], numbers: Vec<Vec<f64>>) -> Vec<Column> {
    let n = numbers.first().map_or(0, Vec::len);
    let rows = (first..first + n).map(|row| Some(row as i64)).collect();
    let mut all = vec![Column { name: "row".into(), values: Values::Integers(rows) }];
    all.extend(places(data, first..first + n));
    if let Some(labels) = data.labels() {
        let labels = &labels[first..first + n];
        let values = match data.class_names() {
            None => Values::Integers(labels.iter().map(|label| Some(*label)).collect()),
            Some(names) => {
                let name = |label: &i64| usize::try_from(*label).ok().and_then(|label| names.get(label)).cloned();
                Values::Text(labels.iter().map(name).collect())
            }
        };
        all.push(Column { name: "label".into(), values });
    }
    let named = names.iter().zip(numbers);
    all.extend(named.map(|(name, numbers)| Column { name: name.clone(), values: Values::Numbers(numbers) }));
    all
}
