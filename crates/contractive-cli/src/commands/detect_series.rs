//! `cae detect` of a detector of time series: the score of every timestamp of a table, or of a file that is being
//! written.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use contractive_anomaly::detector::ThresholdRule;
use contractive_anomaly::series::{Follower, Growing, Pace, RowScore, Series, SeriesDetector, SeriesScores};
use contractive_report::{SeriesPage, series_html};
use contractive_table::TextOptions;
use contractive_table::{Column, Frame, FrameWriter, Values};
use serde::Serialize;

use super::flagged_ranges;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::numbers::{count, grouped};
use crate::output::{check_file, check_not_read, check_page, write_file};
use crate::progress::Reporting;
use crate::series_training::warn;

/// What `cae detect` takes for time series alone.
#[derive(Args)]
pub(crate) struct SeriesFlags {
    /// Column of labels, 1, true or yes for anomalies and 0, false or no for the rest: shown in the report beside what was
    /// found, never used.
    #[arg(
        long,
        value_name = "COLUMN",
        help_heading = "Time series",
        conflicts_with = "follow",
        allow_hyphen_values = true
    )]
    labels: Option<String>,
    /// Read the file as it grows, text alone: a timestamp is given as soon as all windows that cover it are whole; Ctrl-C
    /// ends the series and gives the last ones. The scores are those of the whole file, to the bit. One series alone.
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
}

impl SeriesFlags {
    /// The first flag given, of those that a table has no use for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [(self.labels.is_some(), "--labels"), (self.follow, "--follow")]
            .into_iter()
            .find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// `cae detect` of a time series.
pub(crate) struct DetectSeries<'a> {
    pub(crate) model: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) flags: &'a SeriesFlags,
    pub(crate) report: Option<&'a Path>,
    pub(crate) output: Option<&'a Path>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) fail_on_anomaly: bool,
    /// How the text of the table is spelled; what is left out is as in training.
    pub(crate) text: TextOptions,
    /// The rule that labels timestamps, in place of the detector's own.
    pub(crate) threshold: Option<ThresholdRule>,
    pub(crate) threads: usize,
}

fn seconds(text: &str) -> Result<f64, String> {
    let must = "give seconds above 0 and at most 1000000";
    text.parse().ok().filter(|s| *s > 0.0 && *s <= 1e6).ok_or_else(|| must.to_owned())
}

/// A timestamp with its score.
#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    /// What tells its series apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    series: BTreeMap<&'a str, &'a str>,
    /// Left out where rows are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
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
    let mut detector = SeriesDetector::load(arguments.model)?;
    if let Some(rule) = arguments.threshold {
        detector.set_threshold(rule)?;
    }
    if let Some(path) = arguments.output.filter(|path| *path != Path::new("-")) {
        check_file(path)?;
        check_not_read(path, arguments.data, "-o")?;
    }
    if let Some(path) = arguments.report {
        check_page(path, arguments.data, arguments.output)?;
    }
    if arguments.flags.follow && !arguments.text.is_default() {
        let text = "--header, --decimal and --thousands do not go with --follow, which reads text as in training";
        return Err(Usage(text.into()).into());
    }
    if arguments.flags.follow { follow(arguments, &detector) } else { whole(arguments, &detector) }
}

fn whole(arguments: &DetectSeries<'_>, detector: &SeriesDetector) -> anyhow::Result<Ending> {
    let spec = detector.spec();
    if arguments.report.is_some() && !spec.series_key.is_empty() {
        let text = format!(
            "--report shows one series, and the detector tells several apart by {}; leave it out, or give the rows of \
             one to a detector trained without --series-key",
            spec.series_key.join(", ")
        );
        return Err(Usage(text).into());
    }
    let mut columns = detector.columns(arguments.flags.labels.as_deref());
    columns.text = arguments.text.or(columns.text);
    let series = Series::read(arguments.data, &columns)?;
    let pace = series.pace(detector.step());
    if !arguments.quiet {
        warn(&series, &pace, spec.window);
    }
    let scores = detector.score(&series, arguments.threads)?;
    if let Some(path) = arguments.report {
        write_report(path, detector, &series, &scores, &pace)?;
    }
    if arguments.json {
        print_lines(detector, &series, &scores)?;
    } else if arguments.output.is_some() || arguments.report.is_none() {
        let path = arguments.output.unwrap_or(Path::new("-"));
        let frame = frame(detector, &series, &scores);
        let mut writer = FrameWriter::create(path, &frame.fields())?;
        writer.write(&frame)?;
        writer.finish()?;
    }
    let flagged = scores.label.iter().filter(|label| **label).count();
    if !arguments.quiet {
        eprintln!("{} of {} above the threshold", grouped(flagged), count(series.len(), "timestamp"));
        flagged_ranges::lines(&series, &scores).iter().for_each(|line| eprintln!("{line}"));
    }
    Ok(ending(arguments, flagged))
}

fn ending(arguments: &DetectSeries<'_>, flagged: usize) -> Ending {
    if arguments.fail_on_anomaly && flagged > 0 { Ending::FoundAnomalies } else { Ending::Done }
}

/// Writes the page of a series, in the order of its time.
fn write_report(
    path: &Path,
    detector: &SeriesDetector,
    series: &Series,
    scores: &SeriesScores,
    pace: &Pace,
) -> anyhow::Result<()> {
    let rows: Vec<usize> = series.rows_in_time().collect();
    let sorted = series.in_time();
    let scores = SeriesScores {
        score: rows.iter().map(|row| scores.score[*row]).collect(),
        probability: rows.iter().map(|row| scores.probability[*row]).collect(),
        label: rows.iter().map(|row| scores.label[*row]).collect(),
    };
    let real = sorted.anomalies(None)?;
    let page = SeriesPage { detector, series: &sorted, scores: &scores, pace, real: real.as_deref() };
    let text = series_html(&page).context("cannot make the report")?;
    Ok(write_file(path, text.as_bytes())?)
}

/// Prints one object a timestamp.
fn print_lines(detector: &SeriesDetector, series: &Series, scores: &SeriesScores) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let track_of = track_of(series);
    for i in 0..series.len() {
        let names = series.key_names.iter().map(String::as_str);
        let line = Line {
            row: i as u64 + 1,
            series: names.zip(series.tracks[track_of[i]].key.iter().map(String::as_str)).collect(),
            timestamp: detector.spec().time.as_ref().map(|_| series.stamps[i].as_str()),
            score: scores.score[i],
            probability: scores.probability[i],
            is_anomaly: scores.label[i],
            is_final: None,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// The place of each row's series.
fn track_of(series: &Series) -> Vec<usize> {
    let mut places = vec![0; series.len()];
    for (i, track) in series.tracks.iter().enumerate() {
        track.rows.iter().for_each(|row| places[*row] = i);
    }
    places
}

/// The name of the column that says which row it is.
fn first_column(detector: &SeriesDetector) -> &str {
    let spec = detector.spec();
    let is_taken = spec.values.iter().chain(&spec.series_key).any(|name| name == "row");
    spec.time.as_deref().unwrap_or(if is_taken { "cae_row" } else { "row" })
}

/// The series with their scores, as a table in the order of the file.
fn frame(detector: &SeriesDetector, series: &Series, scores: &SeriesScores) -> Frame {
    let v = series.names.len();
    let track_of = track_of(series);
    let mut columns = Vec::new();
    for (j, name) in series.key_names.iter().enumerate() {
        let keys = track_of.iter().map(|track| Some(series.tracks[*track].key[j].clone()));
        columns.push((name.clone(), Values::Text(keys.collect())));
    }
    let time = Values::Text(series.stamps.iter().cloned().map(Some).collect());
    columns.push((first_column(detector).to_owned(), time));
    for (j, name) in series.names.iter().enumerate() {
        columns.push((name.clone(), Values::Numbers(series.values.iter().skip(j).step_by(v).copied().collect())));
    }
    let label = |i: usize| (!scores.score[i].is_nan()).then_some(i64::from(scores.label[i]));
    for (name, values) in [
        ("score", Values::Numbers(scores.score.clone())),
        ("probability", Values::Numbers(scores.probability.clone())),
        ("is_anomaly", Values::Integers((0..series.len()).map(label).collect())),
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
    flagged: usize,
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
                let timestamp = self.detector.spec().time.as_ref().map(|_| timestamp.as_str());
                let line = Line { row, series: BTreeMap::new(), timestamp, score, probability, is_anomaly, is_final };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            } else {
                let timestamp = as_cell(timestamp);
                let state = if self.early { format!(",{}", u8::from(is_final)) } else { String::new() };
                writeln!(out, "{timestamp},{score},{probability},{}{state}", u8::from(is_anomaly))?;
            }
            self.flagged += usize::from(is_anomaly && is_final);
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
        flagged: 0,
    };
    if !arguments.json {
        let state = if arguments.flags.early { ",is_final" } else { "" };
        crate::output::print(&format!("{},score,probability,is_anomaly{state}\n", as_cell(first_column(detector))))?;
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
        eprintln!("{} of {} above the threshold", grouped(printer.flagged), count(rows, "timestamp"));
    }
    Ok(ending(arguments, printer.flagged))
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
