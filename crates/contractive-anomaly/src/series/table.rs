//! A time series read from a table.

use std::path::Path;

use super::error::{SeriesError, SeriesPlace};
use super::spec::Missing;
use super::time::{Moment, Pace, Watch, median_step};
use contractive_table::csv::number_or_missing;
use contractive_table::shown;
use contractive_table::{Format, Place, TextOptions};
use contractive_table::{Frame, FrameReader, Kind, ReadOptions, Values};

/// The columns of a table that make a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesColumns {
    /// The column of timestamps.
    pub time: String,
    /// The columns of values; by default all columns of numbers but those named otherwise here.
    pub values: Option<Vec<String>>,
    /// A column that is kept as text beside the series: labels of anomalies.
    pub labels: Option<String>,
    /// What stands in for a missing value.
    pub missing: Missing,
    /// How a text table is spelled.
    pub text: TextOptions,
}

/// A time series of n rows and v value columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called: its file.
    pub what: String,
    /// Names of the value columns.
    pub names: Vec<String>,
    /// The timestamps, as the file has them.
    pub stamps: Vec<String>,
    /// The timestamps, read.
    pub moments: Vec<Moment>,
    /// Values, row-major (n, v), all finite.
    pub values: Vec<f64>,
    /// The labels asked for, as the file has them; `None` where a cell is empty.
    pub labels: Option<Vec<Option<String>>>,
    /// Missing values that were filled.
    pub filled: u64,
    /// Columns left out because they hold no numbers.
    pub left_out: Vec<String>,
}

impl Series {
    /// Reads a CSV, Parquet or Arrow table; `-` is CSV on standard input.
    ///
    /// # Errors
    /// [`SeriesError`], each with its row and column.
    pub fn read(path: &Path, columns: &SeriesColumns) -> Result<Series, SeriesError> {
        let is_text = matches!(Format::of(path), Some(Format::Csv)) || path == Path::new("-");
        let mut options = ReadOptions { text: columns.text, ..ReadOptions::default() };
        if is_text {
            // Cell for cell as the file has them.
            options.as_text = [&columns.time].into_iter().chain(&columns.labels).cloned().collect();
        }
        if let Some(values) = &columns.values {
            options.columns = Some([&columns.time].into_iter().chain(values).chain(&columns.labels).cloned().collect());
            options.as_numbers = values.clone();
        }
        let mut reader = FrameReader::open(path, &options)?;
        let others = [&columns.time].into_iter().chain(&columns.labels);
        let missing: Vec<String> =
            others.filter(|name| reader.fields().iter().all(|f| f.name != **name)).cloned().collect();
        if !missing.is_empty() {
            let available = reader.fields().iter().take(100).map(|field| field.name.clone()).collect();
            let path = reader.path().to_path_buf();
            return Err(contractive_table::TableError::MissingColumns { path, missing, available }.into());
        }
        reader.check_spelling(|_| true)?;
        let mut left_out = Vec::new();
        let names = columns.values.clone().unwrap_or_else(|| {
            let others = reader.fields().iter().filter(|field| {
                field.name != columns.time && columns.labels.as_ref().is_none_or(|labels| *labels != field.name)
            });
            let (numeric, rest): (Vec<_>, Vec<_>) = others.partition(|field| field.kind.is_numeric());
            left_out = rest.iter().map(|field| field.name.clone()).collect();
            numeric.iter().map(|field| field.name.clone()).collect()
        });
        if names.is_empty() {
            let path = reader.path().to_path_buf();
            let word = reader.next().transpose()?.and_then(|frame| first_word(&path, &frame, &left_out));
            let word = word.map(|word| format!("; {word}")).unwrap_or_default();
            let reason = format!("beside `{}` there is no column of numbers{word}", columns.time);
            return Err(SeriesError::Columns { path, reason });
        }
        let path = reader.path().to_path_buf();
        let what = path.display().to_string();
        let mut series = Series {
            what: what.clone(),
            names,
            stamps: Vec::new(),
            moments: Vec::new(),
            values: Vec::new(),
            labels: columns.labels.as_ref().map(|_| Vec::new()),
            filled: 0,
            left_out,
        };
        let mut watch = Watch::new(&what, &columns.time, None);
        let mut filler = Filler::new(&what, series.names.clone(), columns.missing);
        for frame in &mut reader {
            series.take(&frame?, columns, &mut watch, &mut filler).map_err(|e| e.in_file(&path))?;
        }
        series.filled = filler.filled;
        Ok(series)
    }

    fn take(
        &mut self,
        frame: &Frame,
        columns: &SeriesColumns,
        watch: &mut Watch,
        filler: &mut Filler,
    ) -> Result<(), SeriesError> {
        let cells = |name: &str| frame.column(name).map(|column| &column.values);
        let Some(times) = cells(&columns.time) else { return Ok(()) };
        let values: Vec<Vec<f64>> = self.names.iter().filter_map(|name| cells(name)?.to_numbers()).collect();
        let mut row = vec![0.0; values.len()];
        for i in 0..frame.n_rows() {
            let stamp = stamp(times, i);
            self.moments.push(watch.see(&stamp)?);
            self.stamps.push(stamp);
            row.iter_mut().zip(&values).for_each(|(cell, column)| *cell = column[i]);
            filler.fill(&mut row)?;
            self.values.extend_from_slice(&row);
            if let (Some(labels), Some(name)) = (&mut self.labels, &columns.labels) {
                labels.push(cells(name).and_then(|column| column.text(i)));
            }
        }
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// The median of the times between rows, nanoseconds; `None` where no two rows differ in time.
    pub fn step(&self) -> Option<i128> {
        median_step(&self.moments)
    }

    /// How evenly the rows come, for a step of `step` nanoseconds.
    pub fn pace(&self, step: Option<i128>) -> Pace {
        let mut watch = Watch::new(&self.what, "", step);
        for stamp in &self.stamps {
            // They were all seen when the series was read.
            let _ = watch.see(stamp);
        }
        watch.pace().clone()
    }

    /// Which rows are anomalies, by their labels: those labelled `anomaly`, by default `1`, `1.0` or `true`; rows
    /// without a label are none.
    ///
    /// # Errors
    /// [`SeriesError::Value`] where no label is named and one is neither of these nor `0`, `0.0` or `false`.
    pub fn anomalies(&self, anomaly: Option<&str>) -> Result<Option<Vec<bool>>, SeriesError> {
        let Some(labels) = &self.labels else { return Ok(None) };
        let is_one = |(i, label): (usize, &Option<String>)| match (label.as_deref().map(str::trim), anomaly) {
            (None | Some(""), _) => Ok(false),
            (Some(label), Some(anomaly)) => Ok(label == anomaly),
            (Some("1" | "1.0" | "true" | "True"), None) => Ok(true),
            (Some("0" | "0.0" | "false" | "False"), None) => Ok(false),
            (Some(label), None) => Err(SeriesError::Setting {
                name: "labels",
                must_be: format!("0 and 1 where no label of anomalies is named ({}, row {})", self.what, i + 1),
                got: format!("`{label}`"),
            }),
        };
        labels.iter().enumerate().map(is_one).collect::<Result<_, _>>().map(Some)
    }
}

/// The first cell of a column of text that is no number, where the first rows hold more numbers: a slip that makes text
/// of the column.
fn first_word(path: &Path, frame: &Frame, names: &[String]) -> Option<String> {
    names.iter().filter_map(|name| frame.column(name)).find_map(|column| {
        let is_word = |i: &usize| match column.values.text(*i) {
            Some(text) => number_or_missing(text.as_bytes()).is_none(),
            None => false,
        };
        let (mut words, n) = ((0..column.values.len()).filter(is_word), column.values.len());
        let i = words.next()?;
        let place = Place::of_row(path, frame.first_row + i as u64);
        let text = shown(&column.values.text(i)?);
        (2 * words.count() < n).then(|| format!("column `{}`, {place}, holds {text}", column.name))
    })
}

/// A timestamp as text. A moment of a typed column carries its zone.
fn stamp(times: &Values, i: usize) -> String {
    let text = times.text(i).unwrap_or_default();
    match times.kind() {
        Kind::Boolean => format!("`{text}`"), // no number since 1970
        _ => text,
    }
}

/// Checks rows of values, and fills what is missing in them.
#[derive(Debug, Clone)]
pub(super) struct Filler {
    what: String,
    names: Vec<String>,
    missing: Missing,
    last: Option<Vec<f64>>,
    rows: u64,
    filled: u64,
}

impl Filler {
    pub(super) fn new(what: &str, names: Vec<String>, missing: Missing) -> Self {
        Filler { what: what.to_owned(), names, missing, last: None, rows: 0, filled: 0 }
    }

    pub(super) fn fill(&mut self, row: &mut [f64]) -> Result<(), SeriesError> {
        self.rows += 1;
        for (j, cell) in row.iter_mut().enumerate() {
            if cell.is_nan() && self.missing == Missing::Previous && self.last.is_some() {
                *cell = self.last.as_ref().map_or(f64::NAN, |last| last[j]);
                self.filled += 1;
            }
            // The networks work in 32 bits.
            if !(*cell as f32).is_finite() {
                let got = if cell.is_nan() {
                    "the value is missing".into()
                } else {
                    format!("the value is {cell}, beyond 32-bit numbers")
                };
                let (what, column) = (self.what.clone(), self.names[j].clone());
                let place = SeriesPlace::Row(self.rows);
                return Err(SeriesError::Value { what, place, column, got });
            }
        }
        match &mut self.last {
            Some(last) => last.copy_from_slice(row),
            None => self.last = Some(row.to_vec()),
        }
        Ok(())
    }
}
