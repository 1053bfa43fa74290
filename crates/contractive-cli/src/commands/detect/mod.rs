//! `cae detect`: the rows of a table, the timestamps of a series, or pictures, each with its score.

mod heat_maps;
mod images;
mod rows;
pub(super) mod series;
pub(super) mod shared;
mod summary;
mod tables;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use contractive_anomaly::detector::{Shard, ThresholdRule};
use contractive_anomaly::images::is_image_detector;
use contractive_anomaly::series::is_series_detector;

use crate::arguments::TextArguments;
use crate::detector_training::{score_kind, score_kinds};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::output::{check_file, check_page};
use images::{DetectImages, ImageFlags};
use series::arguments::{DetectSeries, SeriesFlags};

/// Score the rows of a table, the timestamps of a time series, or pictures: for each its keys, score, probability, label and
/// the columns at fault, of a picture a map of where it is odd.
///
/// Rows are read, scored and written in pieces: the table may be larger than memory. A row's score depends on that row
/// alone, so parts made by --shard are, put together, the whole; `cae threshold --merge` sets one threshold by all of them.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Detect {
    /// A detector, as `cae train --detector` leaves it.
    #[arg(value_name = "DETECTOR")]
    detector: PathBuf,
    /// The table: .csv or .tsv (also .gz), .parquet, .arrow, .ipc, .feather, .npy or .npz; `-` is CSV on standard input. Of
    /// time series a folder too, a series a file; of pictures a folder of them, a .zip or .tar of one, or an array.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    data: PathBuf,
    /// Further columns to carry to the output, cell for cell, beside the keys named in training.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    key: Vec<String>,
    /// Match columns by name where they stand in another order than in training.
    #[arg(long, help_heading = "Data")]
    reorder: bool,
    /// Array of an .npz archive, by default X, or the only table; of an .h5ad file raw, layers/NAME or obsm/NAME, by
    /// default X.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    array: Option<String>,
    #[command(flatten)]
    text: TextArguments,
    /// Only the part I of N of the rows, dealt out in blocks of 8,192.
    #[arg(long, value_name = "I/N", default_value = "1/1", hide_default_value = true, help_heading = "Data")]
    shard: Shard,
    /// Score rows by this kind instead of the detector's own; the threshold follows by its rule, where that is no fixed
    /// value. Of a time series give --reference too. The detector stays as it is.
    #[arg(long, value_name = "NAME", value_parser = score_kinds(), help_heading = "Score")]
    score: Option<String>,
    /// Label rows by this rule instead of the detector's own: contamination:SHARE, quantile:P, sigma:K, pot:RATE or value:T
    /// (see `cae threshold --help`). The detector stays as it is.
    #[arg(long, value_name = "RULE", help_heading = "Score")]
    threshold: Option<ThresholdRule>,
    /// Write to this file: .csv, .tsv (also .gz), .parquet, .arrow, .ipc, .feather, .jsonl, or .npy (with --explain 0 and
    /// without keys of text); `-` is CSV on standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write a page, .html: of a table how the scores are spread, the highest rows with the columns at fault beside what is
    /// usual, and drift; of a time series (one alone) the series with what was found. Without -o only the page is written.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Option<PathBuf>,
    /// How many columns to name for each row that is an anomaly, the largest parts of the score first; 0 for none
    /// [default: 3, and 0 for a series of one column].
    #[arg(long, value_name = "K", help_heading = "Output")]
    explain: Option<usize>,
    /// Name columns for every row, not for anomalies alone; slower.
    #[arg(long, help_heading = "Output")]
    explain_all: bool,
    /// Write the anomalies alone.
    #[arg(long, help_heading = "Output")]
    anomalies_only: bool,
    /// End with exit code 5 when a row is an anomaly.
    #[arg(long, help_heading = "Output")]
    fail_on_anomaly: bool,
    /// Print a summary as JSON to standard output; of a time series without -o, an object a timestamp.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Say nothing about what was done.
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    series: SeriesFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// Threads, at least 1; by default one a processor core. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

const AFTER_HELP: &str = "\
Columns of the output: the keys; row, the row's number in the table from 0 (of a time series its timestamp and values,
and first the file where it is of a folder); score, higher is more anomalous;
probability, the share of training rows that score lower; label, true above the threshold (see `cae threshold`);
feature_1, share_1, ...: the columns that make up most of the score, with their shares of its parts above 0.
Of pictures: name, the folder where there are folders, score, probability (of ordinary pictures in training) and label.
Where a key has one of these names, cae_ is put before ours. Score and probability are missing for a row of which
every cell is missing. Parquet and Arrow files also say, in their metadata, which detector, kind of score and part of the
rows they are of; `cae threshold --merge` reads it.

The columns must be those trained on, by name; a missing, unknown or reordered one is an error.

Examples:
  cae detect DETECTOR --data new.csv -o scores.parquet
  cae detect DETECTOR --data new.parquet --shard 3/8 -o part-3.parquet
  producer | cae detect DETECTOR --data - -o - --anomalies-only
  cae detect DETECTOR --data new.csv -o scores.csv --score scaled_error --threshold contamination:0.01
  cae detect DETECTOR --data new.csv --report report.html
  cae detect DETECTOR --data today.csv -o today-scores.csv --fail-on-anomaly || notify
  cae detect IMAGE-DETECTOR --data new/ -o scores.csv --heatmaps out/
  cae detect SERIES-DETECTOR --data load.csv -o scores.csv --report report.html
  cae detect SERIES-DETECTOR --data growing.csv --follow --json";

impl Detect {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = self.threads.map_or_else(cores, usize::from);
        if is_image_detector(&self.detector) {
            return self.run_images(threads);
        }
        if let Some(flag) = self.images.given() {
            let text = format!("{flag} is for detectors of pictures, and {} is none", self.detector.display());
            return Err(Usage(text).into());
        }
        if is_series_detector(&self.detector) {
            return self.run_series(threads);
        }
        if let Some(flag) = self.series.given() {
            let text = format!("{flag} is for detectors of time series, and {} is none", self.detector.display());
            return Err(Usage(text).into());
        }
        self.run_tables(threads)
    }

    fn run_images(&self, threads: usize) -> anyhow::Result<Ending> {
        let is_spelled = !self.text.options(Some(&self.data.to_string_lossy()))?.is_default();
        images::refuse(&[
            (!self.key.is_empty(), "--key"),
            (self.reorder, "--reorder"),
            (self.array.is_some(), "--array"),
            (self.shard != Shard::default(), "--shard"),
            (self.score.is_some(), "--score"),
            (self.explain.is_some(), "--explain"),
            (self.explain_all, "--explain-all"),
            (is_spelled, "--header, --decimal or --thousands"),
        ])?;
        if let Some(flag) = self.series.given() {
            let text =
                format!("{flag} is for detectors of time series, and {} is one of pictures", self.detector.display());
            return Err(Usage(text).into());
        }
        let has_maps = self.images.heatmaps.is_some() && self.output.is_none();
        let output = if has_maps { self.checked_report(None)? } else { self.target()? };
        images::run(&DetectImages {
            model: &self.detector,
            data: &self.data,
            flags: &self.images,
            output: output.as_deref(),
            report: self.report.as_deref(),
            threshold: self.threshold,
            anomalies_only: self.anomalies_only,
            fail_on_anomaly: self.fail_on_anomaly,
            json: self.json,
            quiet: self.quiet,
            threads,
        })
    }

    /// Refuses a page that cannot be written; where the rows go.
    fn checked_report(&self, output: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
        let inputs = Inputs::default().and(Some(&self.data)).and_trained(&self.detector);
        if let Some(report) = &self.report {
            check_page(report, &inputs, output)?;
        }
        Ok(output.map(Path::to_path_buf))
    }

    fn run_series(&self, threads: usize) -> anyhow::Result<Ending> {
        for (is_given, flag) in [
            (self.reorder, "--reorder"),
            (self.array.is_some(), "--array"),
            (self.shard != Shard::default(), "--shard"),
        ] {
            if is_given {
                return Err(Usage(format!("{flag} is for tables, and the detector is one of a time series")).into());
            }
        }
        series::run(&DetectSeries {
            model: &self.detector,
            data: &self.data,
            flags: &self.series,
            report: self.report.as_deref(),
            output: self.output.as_deref(),
            json: self.json,
            quiet: self.quiet,
            fail_on_anomaly: self.fail_on_anomaly,
            key: &self.key,
            explain: self.explain,
            explain_all: self.explain_all,
            anomalies_only: self.anomalies_only,
            text: self.text.options(Some(&self.data.to_string_lossy()))?,
            threshold: self.threshold,
            score: self.score.as_deref().map(score_kind),
            threads,
        })
    }

    /// Where the rows go, if anywhere; refused before any work, as the page is, where it cannot be written.
    fn target(&self) -> anyhow::Result<Option<PathBuf>> {
        let stdout = Path::new("-");
        let output = match &self.output {
            None if self.report.is_some() => None,
            None if io::stdout().is_terminal() => {
                let text =
                    "where shall the rows go? Give -o FILE.parquet, -o FILE.csv, a pipe, or -o - for the terminal";
                return Err(Usage(text.into()).into());
            }
            None => Some(stdout),
            Some(path) => Some(path.as_path()),
        };
        if output == Some(stdout) && self.json {
            return Err(
                Usage("--json prints a summary to standard output, where the rows go; give -o FILE".into()).into()
            );
        }
        let inputs = Inputs::default().and(Some(&self.data)).and_trained(&self.detector);
        if let Some(output) = output.filter(|output| *output != stdout) {
            check_file(output)?;
            inputs.check(output, "-o")?;
        }
        self.checked_report(output)
    }
}
