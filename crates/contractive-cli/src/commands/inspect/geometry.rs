//! How a model's code moves with its rows: the part of `cae inspect` that looks at data.

use std::path::Path;

use contractive::data::Dataset;
use contractive::model::finite::{check_rows, singular_value};
use contractive::preprocess::{EVALUATION_ROWS, ScaledRows};
use contractive::{Evaluation, Model, evaluate};
use contractive_core::matrix::MatRef;
use contractive_core::row_spectra::RowSpectra;
use contractive_report::analysis::{Activity, Reading, Spectrum, local_dimension, row_values};
use serde::Serialize;

use crate::commands::per_row::PerRow;
use crate::numbers::{count, grouped, percent, significant};
use crate::table::pairs;

/// Singular values written out in words.
const SHOWN: usize = 12;

/// How the code moves with the input.
#[derive(Serialize)]
pub(super) struct Geometry {
    rows: usize,
    singular_values: Vec<f64>,
    local_dimension: f64,
    above_a_tenth: f64,
    dead_units: Vec<usize>,
    #[serde(flatten)]
    numbers: Evaluation,
}

/// A table of the spectrum row by row: where it goes, how many singular values a row it has, and whether nothing is said.
pub(super) struct SpectrumTable<'a> {
    pub(super) path: &'a Path,
    pub(super) most: Option<usize>,
    pub(super) is_quiet: bool,
}

impl Geometry {
    /// Judges the rows and takes the spectrum of J at each, a batch at a time.
    pub(super) fn of(
        model: &Model,
        data: &Dataset,
        threads: usize,
        table: Option<&SpectrumTable<'_>>,
    ) -> anyhow::Result<Self> {
        let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
        let most = table.and_then(|table| table.most).unwrap_or(usize::MAX).min(k).min(d);
        let names = ["jacobian_norm", "local_dimension"].map(str::to_owned).into_iter();
        let names = names.chain((1..=most).map(|j| format!("sv_{j}"))).collect();
        let mut file = table.map(|table| PerRow::create(table.path, data, names)).transpose()?;
        let numbers = evaluate(model, data, threads)?;
        let reader = ScaledRows { data, preprocessing: model.preprocessing() };
        let spectra = RowSpectra::new(model.parameters(), data.len());
        let mut spectrum = Spectrum::of(k.min(d));
        let all: Vec<u32> = (0..data.len() as u32).collect();
        let mut rows = Vec::new();
        for (i, some) in all.chunks(EVALUATION_ROWS).enumerate() {
            reader.gather(some, &mut rows);
            let values = row_values(&spectra, MatRef::new(&rows, some.len(), d), threads);
            for (r, values) in values.iter().enumerate() {
                check_rows(data.name(), i * EVALUATION_ROWS + r, values, values.len(), singular_value)?;
                spectrum.see(values);
            }
            if let Some(file) = &mut file {
                file.write(i * EVALUATION_ROWS, columns(&values, most))?;
            }
        }
        if let (Some(file), Some(table)) = (file, table) {
            file.finish(table.is_quiet)?;
        }
        Ok(Geometry {
            rows: spectrum.rows,
            singular_values: spectrum.mean,
            local_dimension: spectrum.local_dimension,
            above_a_tenth: spectrum.above_a_tenth,
            dead_units: Activity::measure(model, data, &all).dead(),
            numbers,
        })
    }

    /// The numbers in words; `sizes` are the widths of the encoder's layers.
    pub(super) fn in_words(&self, sizes: &[usize]) -> String {
        let shown = |value: f64| significant(value, 4);
        let n = self.singular_values.len();
        let mut values =
            self.singular_values.iter().take(SHOWN).map(|s| significant(*s, 3)).collect::<Vec<_>>().join("  ");
        if n > SHOWN {
            values += &format!("  and {} more down to {}", n - SHOWN, significant(self.singular_values[n - 1], 3));
        }
        let rows = count(self.rows, "row");
        let dimension = significant(self.local_dimension, 3);
        let mut lines = vec![
            ("rows", format!("{} of {}", grouped(self.rows), self.numbers.data)),
            ("jacobian_norm", format!("{}  mean Frobenius norm of ∂h/∂x", shown(self.numbers.jacobian_norm))),
            ("singular values", format!("{values}  (means over rows)")),
            (
                "above a tenth",
                format!("{}  of them are above a tenth of the row's largest", significant(self.above_a_tenth, 3)),
            ),
            ("local dimension", format!("{dimension} of {n}, a mean over these {rows}: {}", self.advice())),
        ];
        if let Some(ratio) = self.numbers.jacobian_to_code_variance {
            let line =
                format!("{}  mean squared norm over the variance of the code, whatever the code's scale", shown(ratio));
            lines.insert(2, ("jacobian_to_code_variance", line));
        }
        if let Some(saturation) = self.numbers.saturation {
            lines.push(("saturation", format!("{} of bounded units lie within 5 % of a bound", percent(saturation))));
        }
        let dead: Vec<String> = self
            .dead_units
            .iter()
            .zip(sizes)
            .enumerate()
            .map(|(layer, (dead, size))| format!("{dead} of {size} in encoder.{layer}"))
            .collect();
        lines.push(("dead units", format!("{}  (they never move)", dead.join(", "))));
        pairs(&lines)
    }

    /// What the local dimension says.
    fn advice(&self) -> &'static str {
        match Reading::of(self.local_dimension, self.singular_values.len()) {
            Reading::Still => "the code moves at none of them, it has collapsed; train with a smaller --contraction",
            Reading::PartlyStill => "below 1, at some of them the code does not move at all",
            Reading::Alike => {
                "nearly all of them, so the code's size sets it and not the data; a larger code may follow more, a larger \
                 --contraction lets go of some"
            }
            Reading::Some => "the code follows about so many directions of the data",
        }
    }
}

/// The columns of some rows with these singular values: ‖J‖_F, local dimension, the `most` largest.
fn columns(values: &[Vec<f64>], most: usize) -> Vec<Vec<f64>> {
    let norm = |values: &Vec<f64>| values.iter().map(|s| s * s).sum::<f64>().sqrt();
    let mut all =
        vec![values.iter().map(norm).collect(), values.iter().map(|values| local_dimension(values)).collect()];
    all.extend((0..most).map(|j| values.iter().map(|values| values[j]).collect()));
    all
}
