//! `cae inspect --tangents FILE`: the directions in which the code moves most at some rows.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive::Model;
use contractive::data::{Dataset, Storage};
use contractive::model::ModelError;
use contractive::model::finite::{check_rows, entry, singular_value};
use contractive::preprocess::ScaledRows;
use contractive_core::row_spectra::RowSpectra;
use contractive_table::{ArrayNumbers, NamedArray, write_npz};

use crate::errors::Usage;
use crate::inputs::Inputs;
use crate::numbers::{count, grouped};
use crate::output::check_file;
use crate::pictures::write_tangents;
use crate::terminal::say;

/// Rows whose tangents are taken, unless --at names them.
const ROWS: usize = 8;
/// Tangents a row, unless --singular-values says otherwise.
const TANGENTS: usize = 8;

/// Where tangents go, and at which rows they are taken.
#[derive(Args)]
pub(super) struct TangentArguments {
    /// Write the tangents at some rows, the leading right singular vectors of the Jacobian: to .npz as numbers, to .png
    /// as a picture; may be given twice.
    #[arg(long, value_name = "FILE", help_heading = "Output", requires = "data")]
    tangents: Vec<PathBuf>,
    /// Rows of --tangents, counted from 0, with commas between [default: the first 8].
    #[arg(long, value_name = "ROWS", help_heading = "Output", requires = "tangents", value_delimiter = ',')]
    at: Vec<usize>,
}

/// Tangents at rows of a data set.
struct Tangents {
    rows: Vec<usize>,
    /// Tangents a row.
    each: usize,
    singular_values: Vec<f64>,
    /// (rows, each, d), unit length, in the network's units.
    scaled: Vec<f32>,
    /// The same in the data's units: by how much features change for a step of 1 along the scaled tangent.
    of_data: Vec<f64>,
}

impl TangentArguments {
    /// Whether any are asked for.
    pub(super) fn are_wanted(&self) -> bool {
        !self.tangents.is_empty()
    }

    /// Refuses files that could not be written, before any work.
    pub(super) fn check(&self, inputs: &Inputs) -> anyhow::Result<()> {
        for path in &self.tangents {
            if !ends_in(path, "npz") && !ends_in(path, "png") {
                let text = format!("--tangents takes a name that ends in .npz or .png, got {}", path.display());
                return Err(Usage(text).into());
            }
            check_file(path)?;
            inputs.check(path, "--tangents")?;
        }
        Ok(())
    }

    /// Writes the files asked for, with at most `most` tangents a row.
    pub(super) fn write(
        &self,
        model: &Model,
        data: &Dataset,
        most: Option<usize>,
        is_quiet: bool,
    ) -> anyhow::Result<()> {
        let rows = if self.at.is_empty() { (0..data.len().min(ROWS)).collect() } else { self.at.clone() };
        if let Some(row) = rows.iter().find(|row| **row >= data.len()) {
            let text = format!("--at {row}: {} has the rows 0 to {}", data.name(), grouped(data.len() - 1));
            return Err(Usage(text).into());
        }
        let numbers: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        let shown = data.select(&numbers);
        let tangents = Tangents::of(model, &shown, rows, most.unwrap_or(TANGENTS))?;
        for path in &self.tangents {
            if ends_in(path, "npz") {
                tangents.write(path, shown.n_features())?;
            } else {
                write_tangents(path, model, &shown, &tangents.rows, tangents.each, &tangents.scaled)?;
            }
            if !is_quiet {
                let (each, of) = (count(tangents.each, "tangent"), count(tangents.rows.len(), "row"));
                say(format!("wrote {each} at each of {of} to {}", path.display()));
            }
        }
        Ok(())
    }
}

fn ends_in(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|its| its.eq_ignore_ascii_case(end))
}

impl Tangents {
    fn of(model: &Model, shown: &Dataset, rows: Vec<usize>, most: usize) -> Result<Self, ModelError> {
        let d = shown.n_features();
        let spectra = RowSpectra::new(model.parameters(), shown.len());
        // Bytes are divided by 255 before they are scaled.
        let unit = if matches!(shown.storage(), Storage::U8(_)) { 255.0 } else { 1.0 };
        let each = most.min(model.architecture().code_size()).min(d);
        let (singular_values, scaled, of_data) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Tangents { rows, each, singular_values, scaled, of_data };
        let mut row = Vec::new();
        for r in 0..shown.len() as u32 {
            ScaledRows { data: shown, preprocessing: model.preprocessing() }.gather(&[r], &mut row);
            let slopes = model.preprocessing().slopes(&row);
            let tangents = spectra.tangents(&row, each);
            let (name, number) = (shown.name(), all.rows[r as usize]);
            check_rows(name, number, &tangents.singular_values, each, singular_value)?;
            check_rows(name, number, &tangents.directions, each * d, entry("tangents", d))?;
            all.singular_values.extend(tangents.singular_values);
            all.scaled.extend(tangents.directions.iter().map(|v| *v as f32));
            let directions = tangents.directions.chunks_exact(d);
            let done = all.of_data.len();
            all.of_data.extend(directions.flat_map(|v| v.iter().zip(&slopes).map(|(v, slope)| unit * slope * v)));
            check_rows(name, number, &all.of_data[done..], each * d, entry("tangents_in_units", d))?;
        }
        Ok(all)
    }

    fn write(&self, path: &Path, d: usize) -> anyhow::Result<()> {
        let numbers: Vec<i64> = self.rows.iter().map(|row| *row as i64).collect();
        let shape = [self.rows.len(), self.each, d];
        let array = |name, dimensions: usize, values| NamedArray { name, shape: &shape[..dimensions], values };
        let arrays = [
            array("rows", 1, ArrayNumbers::Integers(&numbers)),
            array("singular_values", 2, ArrayNumbers::Numbers(&self.singular_values)),
            array("tangents", 3, ArrayNumbers::Singles(&self.scaled)),
            array("tangents_in_units", 3, ArrayNumbers::Numbers(&self.of_data)),
        ];
        Ok(write_npz(path, &arrays)?)
    }
}
