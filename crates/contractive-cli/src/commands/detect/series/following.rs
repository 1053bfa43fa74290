//! `cae detect --follow`: the timestamps of a file that is being written, each as soon as its score is known. A file that is
//! rotated goes on in the next one.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use contractive_anomaly::detector::largest_shares;
use contractive_anomaly::series::{Follower, Growing, Growth, RowScore, SeriesDetector, Turn};

use super::arguments::DetectSeries;
use super::rows::{Line, Share, first_column, named};
use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::numbers::{count, grouped};
use crate::progress::Reporting;
use crate::terminal::say;

/// What is printed while a file is followed.
struct Printer<'a> {
    detector: &'a SeriesDetector,
    is_json: bool,
    early: bool,
    /// How many columns to name for an anomaly.
    explain: usize,
    /// Timestamps from row `from` on.
    stamps: VecDeque<String>,
    from: u64,
    /// The first row that was not given early.
    next_early: u64,
    flagged: usize,
}

impl Printer<'_> {
    fn print(&mut self, rows: &[RowScore], is_final: bool) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        for scored in rows {
            let (row, score) = (scored.row, scored.score);
            let probability = self.detector.probability(score);
            let label = score > self.detector.threshold();
            let Some(timestamp) = self.stamps.get((row - self.from) as usize) else { continue };
            let row = row + 1;
            if self.is_json {
                let is_final = self.early.then_some(is_final);
                let timestamp = self.detector.spec().time.as_ref().map(|_| timestamp.as_str());
                let line = Line {
                    file: None,
                    row,
                    series: BTreeMap::new(),
                    timestamp,
                    keys: BTreeMap::new(),
                    score,
                    probability,
                    label,
                    columns: self.columns_at_fault(scored, label),
                    is_final,
                };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            } else {
                let timestamp = as_cell(timestamp);
                let state = if self.early { format!(",{}", u8::from(is_final)) } else { String::new() };
                writeln!(out, "{timestamp},{score},{probability},{label}{state}")?;
            }
            self.flagged += usize::from(label && is_final);
        }
        out.flush()?;
        Ok(())
    }

    /// The columns named for a timestamp.
    fn columns_at_fault(&self, scored: &RowScore, label: bool) -> Vec<Share<'_>> {
        let shares = if label { largest_shares(&scored.parts) } else { Vec::new() };
        named(&self.detector.spec().values, shares.into_iter().take(self.explain))
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

/// Scores the rows of a file as they come.
pub(super) fn follow(arguments: &DetectSeries<'_>, detector: &SeriesDetector) -> anyhow::Result<Ending> {
    let mut growing = Growing::open(arguments.data, detector)?;
    let stop = stop_flag(Reporting::Quiet)?;
    let poll = Duration::from_secs_f64(arguments.flags.poll.unwrap_or(0.5));
    let idle = arguments.flags.idle.map(Duration::from_secs_f64);
    let n_columns = detector.spec().values.len();
    let explain = arguments.explain.unwrap_or(if n_columns > 1 { 3 } else { 0 });
    let mut follower = detector.follow(&arguments.data.display().to_string(), arguments.threads);
    if arguments.json && explain > 0 {
        follower = follower.explaining();
    }
    let mut printer = Printer {
        detector,
        is_json: arguments.json,
        early: arguments.flags.early,
        explain,
        stamps: Default::default(),
        from: 0,
        next_early: 0,
        flagged: 0,
    };
    if !arguments.json {
        let state = if arguments.flags.early { ",is_final" } else { "" };
        crate::output::print_rows(&format!("{},score,probability,label{state}\n", as_cell(first_column(detector))))?;
    }
    let mut grew = Instant::now();
    let mut warned = 0;
    let mut was_gone = false;
    while !stop.load(Ordering::Relaxed) {
        let growth = growing.poll()?;
        if !arguments.quiet {
            tell_turns(arguments.data, &growth, growing.is_gone() && !was_gone);
        }
        was_gone = growing.is_gone();
        if !growth.stamps.is_empty() {
            grew = Instant::now();
            printer.stamps.extend(growth.stamps);
            printer.finals(&follower.push(&growth.moments, &growth.values)?)?;
            if arguments.flags.early {
                printer.early(&follower)?;
            }
            let pace = growing.pace();
            let odd = pace.gaps.count + pace.irregular.count + pace.duplicates.count + pace.set_back.count;
            if odd > warned && !arguments.quiet {
                let row = follower.rows();
                say(format!("warning: {}: {} by row {row}", arguments.data.display(), pace.warnings().join("; ")));
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
        say(format!("warning: {}: its last line is not ended, and was left out", arguments.data.display()));
    }
    let rows = follower.rows();
    if rows < detector.spec().window && stop.load(Ordering::Relaxed) {
        say(format!(
            "stopped after {}, fewer than a window's {}: none has a score",
            count(rows, "row"),
            detector.spec().window
        ));
        return Ok(Ending::Done);
    }
    printer.finals(&follower.finish()?)?;
    if !arguments.quiet {
        say(format!("{} of {} above the threshold", grouped(printer.flagged), count(rows, "timestamp")));
    }
    Ok(arguments.ending(printer.flagged))
}

/// Tells what became of the file.
fn tell_turns(path: &Path, growth: &Growth, has_gone: bool) {
    let path = path.display();
    if has_gone {
        say(format!("warning: {path}: no file has that name any more; waiting for the next one"));
    }
    let left_out = if growth.left_out { "; the line before that was not ended was left out" } else { "" };
    match growth.turn {
        Some(Turn::Replaced) => say(format!("note: {path}: another file has that name; it goes on there{left_out}")),
        Some(Turn::Cut) => say(format!("note: {path}: it was cut short; it goes on at its beginning{left_out}")),
        None => {}
    }
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
