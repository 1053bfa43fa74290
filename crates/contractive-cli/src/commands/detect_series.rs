//! `cae detect` of a detector of time series: the score of every timestamp of a table, or of a file that is being
//! written.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use contractive_anomaly::series::{Follower, Growing, RowScore, Series, SeriesDetector, SeriesScores};
use contractive_report::{SeriesPage, series_html};
use contractive_table::TextOptions;
use contractive_table::{Column, Frame, FrameWriter, Values};
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::numbers::count;
use crate::output::{check_file, check_not_read, write_file};
use crate::progress::Reporting;
use crate::series_training::warn;
use crate::session::stop_flag;

/// What `cae detect` takes for time series alone.
#[derive(Args)]
pub(crate) struct SeriesFlags {
    /// Column of labels, 1 for anomalies and 0 for the rest: shown in the report beside what was found, never used.
    #[arg(long, value_name = "COLUMN", help_heading = "Time series", conflicts_with = "follow")]
    labels: Option<String>,
    /// Read the file as it grows, text alone: a timestamp is given as soon as all windows that cover it are whole; Ctrl-C
    /// ends the series and gives the last ones. The scores are those of the whole file, to the bit.
    #[arg(long, help_heading = "Time series", conflicts_with_all = ["output", "report"])]
    follow: bool,
    /// Give a timestamp's score with its first window already, and again when it is final.
    #[arg(long, requires = "follow", help_heading = "Time series")]
    early: bool,
    /// Seconds between looks at the file, above 0 [default: 0.5].
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds, help_heading = "Time series")]
    poll: Option<f64>,
    /// End when the file has not grown for so many seconds [default: never].
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds, help_heading = "Time series")]
    idle: Option<f64>,
    /// Write a page that shows the series, what was found and the scores, .html.
    #[arg(long, value_name = "FILE", help_heading = "Time series")]
    report: Option<PathBuf>,
}

impl SeriesFlags {
    /// The first flag given, of those that a table has no use for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [(self.labels.is_some(), "--labels"), (self.follow, "--follow"), (self.report.is_some(), "--report")]
            .into_iter()
            .find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// `cae detect` of a time series.
pub(crate) struct DetectSeries<'a> {
    pub(crate) model: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) flags: &'a SeriesFlags,
    pub(crate) output: Option<&'a Path>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) fail_on_anomaly: bool,
    /// How the text of the table is spelled; what is left out is as in training.
    pub(crate) text: TextOptions,
    pub(crate) threads: usize,
}

fn seconds(text: &str) -> Result<f64, String> {
    let must = "give seconds above 0 and at most 1000000";
    text.parse().ok().filter(|s| *s > 0.0 && *s <= 1e6).ok_or_else(|| must.to_owned())
}

/// A timestamp and what is said of it.
#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    timestamp: &'a str,
    score: f64,
    probability: f64,
    is_anomaly: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_final: Option<bool>,
}

/// Does what was asked.
pub(crate) fn run(arguments: &DetectSeries<'_>) -> anyhow::Result<Ending> {
    if arguments.json && arguments.output.is_some() {
        let text = "--json prints the timestamps of a series to standard output; leave out -o, or name a .jsonl file";
        return Err(Usage(text.into()).into());
    }
    let detector = SeriesDetector::load(arguments.model)?;
    let places = [arguments.output, arguments.flags.report.as_deref()];
    for path in places.into_iter().flatten().filter(|path| *path != Path::new("-")) {
        check_file(path)?;
        check_not_read(path, arguments.data)?;
    }
    if arguments.flags.follow && !arguments.text.is_default() {
        let text =
            "--header, --decimal and --thousands do not go with --follow, which reads plain numbers below a header";
        return Err(Usage(text.into()).into());
    }
    if arguments.flags.follow { follow(arguments, &detector) } else { whole(arguments, &detector) }
}

fn whole(arguments: &DetectSeries<'_>, detector: &SeriesDetector) -> anyhow::Result<Ending> {
    let mut columns = detector.columns(arguments.flags.labels.as_deref());
    columns.text = arguments.text.or(columns.text);
    let series = Series::read(arguments.data, &columns)?;
    let pace = series.pace(detector.step());
    if !arguments.quiet {
        warn(&series, &pace);
    }
    let scores = detector.score(&series, arguments.threads)?;
    if let Some(path) = &arguments.flags.report {
        let real = series.anomalies(None)?;
        let page = SeriesPage { detector, series: &series, scores: &scores, pace: &pace, real: real.as_deref() };
        let text = series_html(&page).context("cannot make the report")?;
        write_file(path, text.as_bytes())?;
    }
    if arguments.json {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for i in 0..series.len() {
            let line = Line {
                row: i as u64 + 1,
                timestamp: &series.stamps[i],
                score: scores.score[i],
                probability: scores.probability[i],
                is_anomaly: scores.label[i],
                is_final: None,
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
    } else if arguments.output.is_some() || arguments.flags.report.is_none() {
        let path = arguments.output.unwrap_or(Path::new("-"));
        let frame = frame(detector, &series, &scores);
        let mut writer = FrameWriter::create(path, &frame.fields())?;
        writer.write(&frame)?;
        writer.finish()?;
    }
    let told = scores.label.iter().filter(|label| **label).count();
    if !arguments.quiet {
        eprintln!("{} of {} above the threshold", count(told, "timestamp"), count(series.len(), "timestamp"));
    }
    Ok(ending(arguments, told))
}

fn ending(arguments: &DetectSeries<'_>, told: usize) -> Ending {
    if arguments.fail_on_anomaly && told > 0 { Ending::FoundAnomalies } else { Ending::Done }
}

/// The series with what is said of it, as a table.
fn frame(detector: &SeriesDetector, series: &Series, scores: &SeriesScores) -> Frame {
    let v = series.names.len();
    let time = Values::Text(series.stamps.iter().cloned().map(Some).collect());
    let mut columns = vec![(detector.spec().time.clone(), time)];
    for (j, name) in series.names.iter().enumerate() {
        columns.push((name.clone(), Values::Numbers(series.values.iter().skip(j).step_by(v).copied().collect())));
    }
    let label = scores.label.iter().map(|label| Some(i64::from(*label))).collect();
    for (name, values) in [
        ("score", Values::Numbers(scores.score.clone())),
        ("probability", Values::Numbers(scores.probability.clone())),
        ("is_anomaly", Values::Integers(label)),
    ] {
        // A column of the series that has the name already keeps it.
        let is_taken = columns.iter().any(|(taken, _)| taken == name);
        columns.push((if is_taken { format!("cae_{name}") } else { name.to_owned() }, values));
    }
    Frame { first_row: 0, columns: columns.into_iter().map(|(name, values)| Column { name, values }).collect() }
}

/// What is printed while a file is followed.
struct Printer<'a> {
    detector: &'a SeriesDetector,
    is_json: bool,
    early: bool,
    /// Timestamps from row `from` on.
    stamps: std::collections::VecDeque<String>,
    from: u64,
    /// The first row that was not given early.
    next_early: u64,
    told: usize,
}

impl Printer<'_> {
    fn print(&mut self, rows: &[RowScore], is_final: bool) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        for RowScore { row, score } in rows {
            let (score, probability) = (*score, self.detector.probability(*score));
            let is_anomaly = score > self.detector.threshold();
            let Some(timestamp) = self.stamps.get((row - self.from) as usize) else { continue };
            let row = row + 1;
            if self.is_json {
                let is_final = self.early.then_some(is_final);
                let line = Line { row, timestamp, score, probability, is_anomaly, is_final };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            } else {
                let timestamp = as_cell(timestamp);
                let state = if self.early { format!(",{}", u8::from(is_final)) } else { String::new() };
                writeln!(out, "{timestamp},{score},{probability},{}{state}", u8::from(is_anomaly))?;
            }
            self.told += usize::from(is_anomaly && is_final);
        }
        out.flush()?;
        Ok(())
    }

    fn finals(&mut self, rows: &[RowScore]) -> anyhow::Result<()> {
        self.print(rows, true)?;
        if let Some(last) = rows.last() {
            let done = last.row + 1 - self.from;
            self.stamps.drain(..done as usize);
            self.from = last.row + 1;
        }
        Ok(())
    }

    fn early(&mut self, follower: &Follower<'_>) -> anyhow::Result<()> {
        let next = self.next_early;
        let rows: Vec<RowScore> = follower.provisional().filter(|row| row.row >= next).collect();
        if let Some(last) = rows.last() {
            self.next_early = last.row + 1;
        }
        self.print(&rows, false)
    }
}

fn follow(arguments: &DetectSeries<'_>, detector: &SeriesDetector) -> anyhow::Result<Ending> {
    let mut growing = Growing::open(arguments.data, detector)?;
    let stop = stop_flag(Reporting::Quiet)?;
    let poll = Duration::from_secs_f64(arguments.flags.poll.unwrap_or(0.5));
    let idle = arguments.flags.idle.map(Duration::from_secs_f64);
    let mut follower = detector.follow(&arguments.data.display().to_string(), arguments.threads);
    let mut printer = Printer {
        detector,
        is_json: arguments.json,
        early: arguments.flags.early,
        stamps: Default::default(),
        from: 0,
        next_early: 0,
        told: 0,
    };
    if !arguments.json {
        let state = if arguments.flags.early { ",is_final" } else { "" };
        crate::output::print(&format!("{},score,probability,is_anomaly{state}\n", as_cell(&detector.spec().time)))?;
    }
    let mut grew = Instant::now();
    let mut warned = 0;
    while !stop.load(Ordering::Relaxed) {
        let growth = growing.poll()?;
        if !growth.stamps.is_empty() {
            grew = Instant::now();
            printer.stamps.extend(growth.stamps);
            printer.finals(&follower.push(&growth.values)?)?;
            if arguments.flags.early {
                printer.early(&follower)?;
            }
            let pace = growing.pace();
            let odd = pace.gaps.count + pace.irregular.count + pace.duplicates.count + pace.set_back.count;
            if odd > warned && !arguments.quiet {
                let row = follower.rows();
                eprintln!("warning: {}: {} by row {row}", arguments.data.display(), pace.warnings().join("; "));
            }
            warned = odd;
        }
        if growth.has_more {
            continue;
        }
        if idle.is_some_and(|idle| grew.elapsed() >= idle) {
            break;
        }
        wait(poll, &stop);
    }
    if growing.is_within_line() && !arguments.quiet {
        eprintln!("warning: {}: its last line is not ended, and was left out", arguments.data.display());
    }
    let rows = follower.rows();
    if rows < detector.spec().window && stop.load(Ordering::Relaxed) {
        eprintln!(
            "stopped after {}, fewer than a window's {}: none has a score",
            count(rows, "row"),
            detector.spec().window
        );
        return Ok(Ending::Done);
    }
    printer.finals(&follower.finish()?)?;
    if !arguments.quiet {
        eprintln!("{} of {} above the threshold", count(printer.told, "timestamp"), count(rows, "timestamp"));
    }
    Ok(ending(arguments, printer.told))
}

/// Waits for `time`, or until `stop` is raised.
fn wait(time: Duration, stop: &AtomicBool) {
    let began = Instant::now();
    while began.elapsed() < time && !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20).min(time));
    }
}

/// Text as a cell of CSV.
fn as_cell(text: &str) -> String {
    let is_plain = !text.contains([',', '"', '\n', '\r']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
