//! `cae detect`: a table's rows, each with its score.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use clap::Args;
use contractive_anomaly::detector::{
    Admission, Detector, FrameScorer, ScoreOptions, ScoreOrigin, ScoredFrame, Shard, ThresholdRule, is_detector,
};
use contractive_anomaly::images::is_image_detector;
use contractive_anomaly::series::is_series_detector;
use contractive_report::{TableMeter, table_html};
use contractive_table::{Frame, FrameReader, FrameWriter};

use super::detect_images::{self, DetectImages, ImageFlags};
use super::detect_series;
use super::detected_rows::{Layout, bar, called, filtered};
use super::detected_summary::Summary;
use super::series_arguments::{DetectSeries, SeriesFlags, check_rule_of};
use crate::arguments::TextArguments;
use crate::detector_training::{score_kind, score_kinds};
use crate::detectors::no_detector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::interruption::stop_flag;
use crate::numbers::{count, grouped, percent, significant};
use crate::output::{check_file, check_page, print_json, say_notes, write_file};
use crate::progress::Reporting;
use crate::terminal::say;

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
    pub(super) detector: PathBuf,
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
    pub(super) shard: Shard,
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
    pub(super) output: Option<PathBuf>,
    /// Write a page, .html: of a table how the scores are spread, the highest rows with the columns at fault beside what is
    /// usual, and drift; of a time series (one alone) the series with what was found. Without -o only the page is written.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) report: Option<PathBuf>,
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
    pub(super) json: bool,
    /// Say nothing about what was done.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
    #[command(flatten)]
    series: SeriesFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// Threads, at least 1; by default one a processor core. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
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
        let output = self.target()?;
        if !is_detector(&self.detector) {
            return Err(no_detector(&self.detector).into());
        }
        let detector = self.with_wishes(Detector::load(&self.detector)?)?;
        let text = self.text.options(Some(&self.data.to_string_lossy()))?;
        let admission = Admission { carried: self.key.clone(), may_reorder: self.reorder, text };
        let (scorer, frames) = FrameScorer::open(&detector, &self.data, &admission, self.array.as_deref())?;
        if !self.quiet && !self.json {
            say_notes(frames.notes());
        }
        let summary = Summary {
            score: detector.settings().score.name(),
            rule: detector.settings().threshold.to_string(),
            threshold: detector.threshold(),
            output: output.clone(),
            report: self.report.clone(),
            notes: frames.notes().to_vec(),
            ..Summary::default()
        };
        self.score_rows(&detector, (&scorer, frames), output.as_deref(), summary, threads)
    }

    /// Scores the rows and writes what was asked for: the rows to `output`, the page to its place.
    fn score_rows(
        &self,
        detector: &Detector,
        (scorer, frames): (&FrameScorer<'_>, FrameReader),
        output: Option<&Path>,
        mut summary: Summary,
        threads: usize,
    ) -> anyhow::Result<Ending> {
        let layout = Layout::new(scorer, &frames, (self.explain(), self.explain_all));
        // Ctrl-C ends a pipe at once; a file under way has to be taken away first.
        let has_file = self.report.is_some() || output != Some(Path::new("-"));
        let stop = if has_file { stop_flag(Reporting::Quiet)? } else { Arc::default() };
        let origin = ScoreOrigin {
            shard: self.shard.to_string(),
            anomalies_only: self.anomalies_only,
            ..detector.score_origin()
        };
        let begin = |path| FrameWriter::saying(path, &layout.fields, ScoreOrigin::KEY, &origin.to_json());
        let mut writer = output.map(begin).transpose()?;
        let mut meter = self.report.is_some().then(|| TableMeter::new(detector, scorer));
        let bar = bar(&self.data, frames.n_rows(), output, Reporting::new(self.json, self.quiet));
        for frame in frames {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let frame = frame?;
            let read = frame.first_row + frame.n_rows() as u64;
            for piece in self.shard.pieces(frame) {
                let scored = self.scored(scorer, &piece, meter.as_ref(), threads)?;
                summary.add(&scored);
                if let Some(meter) = &mut meter {
                    meter.add(&piece, &scored);
                }
                if let Some(writer) = &mut writer {
                    let rows = layout.frame(&piece, &scored);
                    let rows = if self.anomalies_only { filtered(rows, &scored.scores.label) } else { rows };
                    writer.write(&rows)?;
                }
            }
            bar.show(read);
        }
        drop(bar);
        if stop.load(Ordering::Relaxed) {
            drop(writer);
            let files: Vec<String> = self.files(output).iter().map(|path| path.display().to_string()).collect();
            let were = if files.len() == 1 { "was" } else { "were" };
            say(format!("stopped; {} {were} not written", files.join(" and ")));
            return Ok(Ending::Interrupted);
        }
        let page = meter.map(|meter| self.page(meter, &summary)).transpose()?;
        if let Some(writer) = writer {
            writer.finish()?;
        }
        if let (Some(path), Some(page)) = (&self.report, page) {
            write_file(path, page.as_bytes())?;
        }
        self.say(&summary, output)?;
        let has_failed = self.fail_on_anomaly && summary.anomalies > 0;
        Ok(if has_failed { Ending::FoundAnomalies } else { Ending::Done })
    }

    /// The page of the rows that went by.
    fn page(&self, meter: TableMeter<'_>, summary: &Summary) -> anyhow::Result<String> {
        let (name, place) = called(&self.data, self.shard);
        let mut notes = summary.notes.clone();
        notes.extend(summary.cells_in_words());
        table_html(&meter.finish(name, place, notes)).context("cannot make the report")
    }

    /// What is written, standard output among it.
    fn files<'a>(&'a self, output: Option<&'a Path>) -> Vec<&'a Path> {
        output.into_iter().chain(self.report.as_deref()).collect()
    }

    /// The detector with the score and the threshold asked for.
    fn with_wishes(&self, mut detector: Detector) -> anyhow::Result<Detector> {
        if let Some(name) = &self.score {
            let own = detector.settings();
            check_rule_of(own.threshold, own.score, name, self.threshold)?;
            detector.set_score(score_kind(name))?;
        }
        if let Some(rule) = self.threshold {
            detector.set_threshold(rule)?;
        }
        Ok(detector)
    }

    fn explain(&self) -> usize {
        self.explain.unwrap_or(3)
    }

    fn run_images(&self, threads: usize) -> anyhow::Result<Ending> {
        let is_spelled = !self.text.options(Some(&self.data.to_string_lossy()))?.is_default();
        detect_images::refuse(&[
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
        detect_images::run(&DetectImages {
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
        detect_series::run(&DetectSeries {
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

    /// The scores of a piece, with contributions where the output or the page wants them: a second look at some rows costs
    /// less than explaining all, and gives the same numbers.
    fn scored(
        &self,
        scorer: &FrameScorer<'_>,
        piece: &Frame,
        meter: Option<&TableMeter<'_>>,
        threads: usize,
    ) -> anyhow::Result<ScoredFrame> {
        let options = |contributions| ScoreOptions { contributions, threads };
        let is_for_all = self.explain() > 0 && self.explain_all;
        let mut scored = scorer.score(piece, &options(is_for_all))?;
        let wanted = match meter {
            Some(meter) => meter.wanted(&scored.scores),
            None if self.explain() > 0 => scored.scores.label.clone(),
            None => Vec::new(),
        };
        if is_for_all || !wanted.contains(&true) {
            return Ok(scored);
        }
        let explained = scorer.score(&filtered(piece.clone(), &wanted), &options(true))?.scores;
        let d = scored.scores.n_features;
        let mut all = vec![0.0; wanted.len() * d];
        for (i, r) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(r, _)| r).enumerate() {
            all[r * d..][..d].copy_from_slice(explained.contributions_of(i).unwrap_or_default());
        }
        scored.scores.contributions = Some(all);
        Ok(scored)
    }

    fn say(&self, summary: &Summary, output: Option<&Path>) -> anyhow::Result<()> {
        if self.json {
            return print_json(summary);
        }
        if self.quiet {
            return Ok(());
        }
        let share = summary.anomalies as f64 / summary.rows.max(1) as f64;
        let shown = |path: &Path| match path == Path::new("-") {
            true => "standard output".into(),
            false => path.display().to_string(),
        };
        say(format!(
            "{}: {} above the threshold {}, {}; written to {}",
            count(summary.rows, "row"),
            grouped(summary.anomalies),
            significant(summary.threshold, 5),
            percent(share),
            self.files(output).into_iter().map(shown).collect::<Vec<String>>().join(" and ")
        ));
        say_notes(&summary.cells_in_words());
        if summary.rows_without_score > 0 {
            say(format!(
                "note: {}: every cell is missing, and there is no score",
                count(summary.rows_without_score, "row")
            ));
        }
        Ok(())
    }
}
