//! What the columns of a table are for: flags, what they say of a run, and the table that a detector is trained on.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::TrainConfig;
use contractive::config::Layer;
use contractive_anomaly::detector::DetectorError;
use contractive_anomaly::detector::encoding::{EncodingError, has_columns};
use contractive_anomaly::detector::{EncodingOptions, MissingRule, TableScale, TrainingTable};
use contractive_core::communicator::Group;
use contractive_datasets::DataSpec;
use contractive_table::{FrameReader, ReadOptions, Share, files_of};
use toml::{Table, Value};

use crate::errors::Usage;
use crate::output::say_notes;
use crate::progress::Reporting;

/// What the columns of a table are for.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TableArguments {
    /// The columns to learn from; by default all but keys and labels. A column of text is a category, with one feature
    /// for each of its values.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Columns of a table")]
    columns: Option<Vec<String>>,
    /// Columns that are carried to the outputs, cell for cell, and not learnt from: numbers of rows, times, names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Columns of a table")]
    key: Vec<String>,
    /// Columns of numbers that are categories, with one feature for each value; of more than 64 values the 64 most
    /// frequent are kept. Columns of text are categories without being named, if they have at most 64 values.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Columns of a table")]
    categorical: Vec<String>,
    /// What becomes of missing cells, in training and later: refuse them, or fill in the training rows' mean or median (the
    /// most frequent value of a category). With --detector also mask: leave them out of the loss and the score; of a time
    /// series (--time) also previous, the value of the row above [default: refuse].
    #[arg(long, value_name = "HOW", value_parser = rules(), help_heading = "Columns of a table")]
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

/// This rank's share of a table in files.
fn share_of(
    files: Vec<PathBuf>,
    options: &EncodingOptions,
    name: &str,
    group: &Group,
) -> Result<TrainingTable, EncodingError> {
    group.same("files", &files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "))?;
    let rows = options.rows.map(|rows| rows as u64);
    let share = group.agree(Share::of(files, group.rank(), group.size(), rows).map_err(EncodingError::from))?;
    let mut table = TrainingTable::read_shared(&share, options, group)?;
    table.name = name.to_owned();
    table.notes.extend(share.note());
    Ok(table)
}

impl TableArguments {
    /// Refuses the flags of tables.
    pub(crate) fn refuse_for_pictures(&self) -> Result<(), Usage> {
        match self.is_given() {
            true => Err(Usage(
                "--columns, --key, --categorical and --missing are for tables, and the data are pictures".into(),
            )),
            false => Ok(()),
        }
    }

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

    /// The flags as a layer of the configuration of a training without a detector.
    ///
    /// # Errors
    /// [`Usage`] for a rule of time series.
    pub(crate) fn layer(&self) -> Result<Layer, Usage> {
        if self.missing.as_deref() == Some(PREVIOUS) {
            return Err(Usage(format!("--missing {PREVIOUS} is for time series: give --detector and --time COLUMN")));
        }
        let names = |names: &[String]| Value::Array(names.iter().map(|name| Value::from(name.as_str())).collect());
        let mut data = Table::new();
        for (key, value) in [
            ("columns", self.columns.as_deref().map(names)),
            ("keys", (!self.key.is_empty()).then(|| names(&self.key))),
            ("categorical", (!self.categorical.is_empty()).then(|| names(&self.categorical))),
            ("missing", self.missing.as_deref().map(Value::from)),
        ] {
            data.extend(value.map(|value| (key.to_owned(), value)));
        }
        let table =
            if data.is_empty() { Table::new() } else { Table::from_iter([("data".into(), Value::Table(data))]) };
        Ok(Layer::from_table("the command line", table))
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
        group: &Group,
    ) -> anyhow::Result<Option<TrainingTable>> {
        let spec = &config.data.spec;
        let files = group.agree(files_of(spec).map_err(anyhow::Error::from))?;
        let path = &*files[0];
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
        let is_whole = group.is_alone() && files.len() == 1;
        let table = match is_whole {
            true => TrainingTable::read(path, &options),
            false => share_of(files.clone(), &options, spec, group),
        };
        let table = table.map_err(DetectorError::from)?;
        if reporting == Reporting::Lines {
            say_notes(&table.notes);
        }
        Ok(Some(table))
    }
}
