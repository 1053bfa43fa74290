//! The columns of a table that a detector is trained on: flags, and the table they make.

use std::path::Path;

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::TrainConfig;
use contractive_anomaly::detector::DetectorError;
use contractive_anomaly::detector::encoding::has_columns;
use contractive_anomaly::detector::{EncodingOptions, MissingRule, TableScale, TrainingTable};
use contractive_datasets::DataSpec;
use contractive_table::{FrameReader, ReadOptions};

use crate::errors::Usage;
use crate::output::say_notes;
use crate::progress::Reporting;

/// What the columns of a table are for.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TableArguments {
    /// The columns to learn from; all that are no key and no label by default.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "detector", help_heading = "Detector")]
    columns: Option<Vec<String>>,
    /// Columns that `cae detect` carries to its output, cell for cell: numbers of rows, times, names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "detector", help_heading = "Detector")]
    key: Vec<String>,
    /// Columns of numbers that are categories, one feature a value. Columns of text are categories by themselves, up to
    /// 64 different values; of one named here the 64 most frequent values are kept.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "detector", help_heading = "Detector")]
    categorical: Vec<String>,
    /// What becomes of missing cells, in training and later: refuse them, fill in the training rows' mean or median (the
    /// most frequent value of a category), or mask: leave them out of the loss and the score. Of a time series (--time)
    /// also previous, the value of the row above [default: refuse].
    #[arg(long, value_name = "HOW", requires = "detector", value_parser = rules(), help_heading = "Detector")]
    missing: Option<String>,
}

fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(MissingRule::ALL.map(MissingRule::name).into_iter().chain([PREVIOUS]))
}

/// The rule for missing values of time series alone.
const PREVIOUS: &str = "previous";

/// Whether an array holds images. One that cannot be opened is refused where it is read.
fn has_images(path: &Path, config: &TrainConfig) -> bool {
    let options = ReadOptions { array: config.data.array.clone(), ..ReadOptions::default() };
    FrameReader::open(path, &options).is_ok_and(|reader| reader.image_shape().is_some())
}

impl TableArguments {
    /// `--missing` of a time series: whether a missing value is that of the row above. Flags of tables are refused.
    pub(crate) fn take_missing_of_series(&mut self) -> Result<bool, Usage> {
        let missing = self.missing.take();
        if self.is_given() {
            let text = "--columns, --key and --categorical are for tables; with --time give --values COLUMNS";
            return Err(Usage(text.into()));
        }
        match missing.as_deref() {
            None | Some("refuse") => Ok(false),
            Some(PREVIOUS) => Ok(true),
            Some(other) => Err(Usage(format!("--missing of a time series must be refuse or {PREVIOUS}, got {other}"))),
        }
    }

    fn is_given(&self) -> bool {
        self.columns.is_some() || !self.key.is_empty() || !self.categorical.is_empty() || self.missing.is_some()
    }

    /// The table to train on; `None` where the data are images (a registered set, IDX, or such an array of NPY and NPZ) and
    /// no flag asks for more.
    pub(crate) fn read(
        &self,
        config: &TrainConfig,
        scale: Option<&str>,
        reporting: Reporting,
    ) -> anyhow::Result<Option<TrainingTable>> {
        let spec = &config.data.spec;
        let path = Path::new(spec);
        let is_registered = spec != "-" && spec.parse::<DataSpec>().is_ok_and(|spec| spec.registered().is_some());
        let is_asked = self.is_given() || scale.is_some();
        let is_table =
            !is_registered && has_columns(path).is_some_and(|has| has || is_asked || !has_images(path, config));
        if !is_table {
            if is_asked {
                let text = format!(
                    "{spec} is no table with columns: --columns, --key, --categorical, --missing and --scale do not apply"
                );
                return Err(Usage(text).into());
            }
            return Ok(None);
        }
        let word = |given: Option<&str>, known: &[&str]| given.and_then(|w| known.iter().position(|k| *k == w));
        let scales = TableScale::ALL.map(TableScale::name);
        let scale = match scale {
            None | Some("auto") => TableScale::default(),
            given => word(given, &scales).map_or_else(TableScale::default, |i| TableScale::ALL[i]),
        };
        let missing = word(self.missing.as_deref(), &MissingRule::ALL.map(MissingRule::name));
        let options = EncodingOptions {
            columns: self.columns.clone(),
            keys: self.key.clone(),
            categories: self.categorical.clone(),
            label: config.data.label_column.clone(),
            missing: missing.map_or_else(MissingRule::default, |i| MissingRule::ALL[i]),
            scale,
            rows: config.data.rows,
            array: config.data.array.clone(),
            text: config.data.text(),
        };
        let table = TrainingTable::read(path, &options).map_err(DetectorError::from)?;
        if reporting == Reporting::Lines {
            say_notes(&table.notes);
        }
        Ok(Some(table))
    }
}
