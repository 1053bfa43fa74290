//! `cae train --detector --time COLUMN`: a detector of time series, from a table to its directory.

use std::path::Path;
use std::sync::atomic::Ordering;

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::TrainConfig;
use contractive_anomaly::detector::{DetectorPlan, DetectorSettings, MemberReport, TrainOptions};
use contractive_anomaly::series::gaps::most_filled_steps;
use contractive_anomaly::series::{
    Credit, Gaps, Missing, Normalise, Pace, Series, SeriesColumns, SeriesDetector, SeriesSpec, WindowChoice,
    WindowWishes,
};
use contractive_table::listing::some_names;
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::members_bar::MembersBar;
use crate::numbers::{count, duration, grouped, significant};
use crate::output::{print, print_json_line, say_notes};
use crate::progress::Reporting;
use crate::shell::quoted;
use crate::table::pairs;
use crate::terminal::say;

/// What --time says where rows are counted.
const NO_TIME: &str = "none";

/// What of a table is a time series.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SeriesArguments {
    /// Train on a time series: the column of timestamps, ISO 8601 or numbers since 1970, or `none` to count the rows of a
    /// table without one. Windows of rows are learnt, and every timestamp is scored.
    #[arg(long, value_name = "COLUMN", requires = "detector", help_heading = "Time series")]
    pub(crate) time: Option<String>,
    /// Columns that tell several series of one file apart, such as a machine's name; may be given several times. Windows
    /// never cross from one series to the next; `cae detect` and `cae evaluate` then know the columns. One model learns
    /// all of them: where their levels differ, give --normalise mean too.
    #[arg(long, value_name = "COLUMNS", requires = "time", value_delimiter = ',', help_heading = "Time series")]
    series_key: Vec<String>,
    /// Columns of values, separated by commas [default: all columns of numbers but --time, --series-key and
    /// --label-column].
    #[arg(long, value_name = "COLUMNS", requires = "time", value_delimiter = ',', help_heading = "Time series")]
    values: Option<Vec<String>>,
    /// Train only on the rows up to this time, written as the timestamps are; with --time none, on so many rows. Score
    /// the rest with `cae detect`.
    #[arg(long, value_name = "TIME", requires = "time", help_heading = "Time series")]
    train_until: Option<String>,
    /// Rows a window, at least 2, or `auto`: whole periods of the series where it has a period, else 100 rows
    /// [default: auto].
    #[arg(long, value_name = "ROWS", requires = "time", value_parser = window, help_heading = "Time series")]
    window: Option<Window>,
    /// Of a time series: rows from one window's beginning to the next, from 1 to the window's length [default: 1]. Of
    /// pictures with --patch: pixels from one patch to the next, from 1 to the patch's side [default: half of it].
    #[arg(long, value_name = "N", help_heading = "Time series")]
    pub(crate) stride: Option<usize>,
    /// What is taken out of each window: nothing, its mean (levels no longer count), or its mean and standard deviation
    /// (shapes alone count) [default: none].
    #[arg(long, value_name = "NAME", requires = "time", value_parser = normalisations(), help_heading = "Time series")]
    normalise: Option<String>,
    /// What windows do where rows are missing: `part` (they end at a gap, unless it is at most a tenth of a window,
    /// which a straight line fills) or `span` (they take the rows as they come) [default: part, and span where rows
    /// come unevenly].
    #[arg(long, value_name = "NAME", requires = "time", value_parser = gap_choices(), help_heading = "Time series")]
    gaps: Option<String>,
    /// What of a window's score each of its rows takes: the whole score, the row's own part in it, which points at
    /// spikes more sharply, or something of both [default: both].
    #[arg(long, value_name = "NAME", requires = "time", value_parser = credits(), help_heading = "Time series")]
    credit: Option<String>,
}

/// A window's length, as --window says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    Auto,
    Rows(usize),
}

fn window(text: &str) -> Result<Window, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Window::Auto),
        (_, Ok(rows)) => Ok(Window::Rows(rows)),
        _ => Err("give a number of rows, or `auto`".into()),
    }
}

fn credits() -> PossibleValuesParser {
    PossibleValuesParser::new(Credit::ALL.map(Credit::name))
}

fn gap_choices() -> PossibleValuesParser {
    PossibleValuesParser::new(Gaps::ALL.map(Gaps::name))
}

fn normalisations() -> PossibleValuesParser {
    PossibleValuesParser::new(Normalise::ALL.map(Normalise::name))
}

impl SeriesArguments {
    /// Reads the series that `config` names, its timestamps in the column `time`, and checks its windows.
    fn read(
        &self,
        time: String,
        fills_missing: bool,
        config: &TrainConfig,
    ) -> anyhow::Result<(Series, SeriesSpec, Option<WindowChoice>)> {
        let missing = if fills_missing { Missing::Previous } else { Missing::Refuse };
        let columns = SeriesColumns {
            time: (time != NO_TIME).then_some(time),
            series_key: self.series_key.clone(),
            values: self.values.clone(),
            labels: config.data.label_column.clone(),
            carried: Vec::new(),
            missing,
            text: config.data.text(),
        };
        let mut series = Series::read(&config.data.spec, &columns)?;
        if let Some(until) = &self.train_until {
            let rows = series.len();
            let kept = series.keep_until(until)?;
            series.notes.push(format!("trained on {} of {} timestamps, up to {until}", grouped(kept), grouped(rows)));
        }
        let (spec, choice) = series.spec(&self.wishes());
        if self.gaps.is_none() && spec.gaps == Gaps::Span {
            let text = "rows come unevenly in time: windows are of rows, whatever the time between them";
            series.notes.push(text.into());
        }
        spec.check()?;
        Ok((series, spec, choice))
    }

    /// What the flags say of the windows.
    fn wishes(&self) -> WindowWishes {
        fn named<T>(
            name: &Option<String>,
            all: impl IntoIterator<Item = T>,
            of: impl Fn(&T) -> &'static str,
        ) -> Option<T> {
            name.as_deref().and_then(|name| all.into_iter().find(|one| of(one) == name))
        }
        let window = match self.window {
            Some(Window::Rows(rows)) => Some(rows),
            Some(Window::Auto) | None => None,
        };
        WindowWishes {
            window,
            stride: self.stride,
            normalise: named(&self.normalise, Normalise::ALL, |one| one.name()).unwrap_or_default(),
            credit: named(&self.credit, Credit::ALL, |one| one.name()).unwrap_or_default(),
            gaps: named(&self.gaps, Gaps::ALL, |one| one.name()),
        }
    }
}

#[derive(Serialize)]
struct EndEvent<'a> {
    event: &'static str,
    seconds: f64,
    detector: &'a Path,
    timestamps: usize,
    series: usize,
    windows: usize,
    threshold: f64,
    threshold_rule: String,
    pace: &'a Pace,
    filled: u64,
}

/// Trains a detector of the time series that `config` names, and saves it in `out`. The threshold of `settings` stands
/// where `has_threshold` says that it was chosen; a missing value is that of the row above where `fills_missing`.
pub(crate) fn run(
    arguments: &SeriesArguments,
    fills_missing: bool,
    config: &TrainConfig,
    settings: DetectorSettings,
    has_threshold: bool,
    out: &Path,
    reporting: Reporting,
) -> anyhow::Result<Ending> {
    let Some(time) = arguments.time.clone() else {
        return Err(Usage("--time names the column of timestamps".into()).into());
    };
    for (is_given, flag) in [(config.data.rows.is_some(), "--rows"), (config.data.array.is_some(), "--array")] {
        if is_given {
            return Err(Usage(format!("{flag} does not go with --time: a series is read whole from a table")).into());
        }
    }
    let threshold = if has_threshold { settings.threshold } else { SeriesDetector::DEFAULT_THRESHOLD };
    let settings = DetectorSettings { threshold, ..settings };
    settings.check()?;
    let stop = stop_flag(reporting)?;
    // Before the work, so that nothing keeps its result from being saved.
    let place = SeriesDetector::reserve(out)?;
    let (series, spec, choice) = arguments.read(time, fills_missing, config)?;
    let windows = series.n_windows(&spec);
    let pace = series.pace(series.step());
    if reporting == Reporting::Lines {
        say(introduction(&series, windows, spec.window));
    }
    if reporting != Reporting::Quiet {
        warn(&series, series.step(), &spec);
    }
    let began = std::time::Instant::now();
    let bar = MembersBar::new(reporting, settings.ensemble);
    let on_plan = |plan: &DetectorPlan| {
        if reporting == Reporting::Lines {
            choice.iter().for_each(|choice| bar.say(&format!("  {choice}")));
            plan.reasons.iter().for_each(|reason| bar.say(&format!("  {reason}")));
        }
    };
    let on_member = |m: &MemberReport| {
        if reporting == Reporting::Lines {
            bar.show(m);
        }
    };
    let options = TrainOptions {
        threads: config.threads(),
        on_plan: &on_plan,
        on_member: &on_member,
        stop: &stop,
        ..Default::default()
    };
    let result = SeriesDetector::train(&series, &spec, &settings, &options);
    drop(bar);
    if stop.load(Ordering::Relaxed) {
        say("stopped; no detector was saved");
        return Ok(Ending::Interrupted);
    }
    let detector = result?;
    detector.save_in(place)?;
    let seconds = began.elapsed().as_secs_f64();
    match reporting {
        Reporting::Quiet => {}
        Reporting::Json => print_json_line(&EndEvent {
            event: "end",
            seconds,
            detector: out,
            timestamps: timestamps(&series),
            series: series.tracks.len(),
            windows,
            threshold: detector.threshold(),
            threshold_rule: settings.threshold.to_string(),
            pace: &pace,
            filled: series.filled,
        })?,
        Reporting::Lines => print_end(&detector, settings.ensemble, seconds, out)?,
    }
    Ok(Ending::Done)
}

/// The timestamps trained on.
fn timestamps(series: &Series) -> usize {
    series.tracks.iter().map(|track| track.rows.len()).sum()
}

/// The line about a series before it is trained on.
fn introduction(series: &Series, windows: usize, window: usize) -> String {
    let (rows, names) = (grouped(timestamps(series)), some_names(&series.names));
    let of_series = match series.tracks.len() {
        0 | 1 => String::new(),
        several => format!(" in {} series", grouped(several)),
    };
    format!("{}: {rows} timestamps of {names}{of_series}; {} of {window} rows", series.what, count(windows, "window"))
}

/// Says where the detector is, and what can be done with it.
fn print_end(detector: &SeriesDetector, networks: usize, seconds: f64, out: &Path) -> anyhow::Result<()> {
    let path = quoted(&out.to_string_lossy());
    let threshold = format!("{} ({})", significant(detector.threshold(), 5), detector.threshold_rule());
    print(&format!("\ntrained {} in {}\n", count(networks, "network"), duration(seconds)))?;
    print(&pairs(&[("  detector", path.clone()), ("  threshold", threshold)]))?;
    print("\nnext\n")?;
    let detect = format!("  cae detect {path} --data FILE -o scores.csv");
    let report = format!("  cae detect {path} --data FILE --report report.html");
    let follow = format!("  cae detect {path} --data FILE --follow");
    let mut next = vec![(detect.as_str(), "score every timestamp".to_owned())];
    if detector.spec().series_key.is_empty() {
        next.push((&report, "the same, with a page that shows them".to_owned()));
        next.push((&follow, "score a file that is being written".to_owned()));
    }
    Ok(print(&pairs(&next))?)
}

/// Says on standard error what is odd about a series that is cut into windows by `spec`, for a step of `step` nanoseconds.
pub(crate) fn warn(series: &Series, step: Option<i128>, spec: &SeriesSpec) {
    say_notes(&series.notes);
    for (file, pace) in series.paces(step) {
        pace.warnings().iter().for_each(|warning| say(format!("warning: {file}: {warning}")));
    }
    let pace = series.pace(step);
    if pace.gaps.count > 0 && spec.gaps == Gaps::Part {
        let filled = most_filled_steps(spec.window);
        let but = if filled > 0 { format!(" of more than {}", count(filled, "step")) } else { String::new() };
        say(format!("note: windows do not reach over gaps{but}"));
    }
    if pace.duplicates.count * 5 >= series.len() as u64 && pace.duplicates.count > 0 {
        say(format!(
            "warning: {}: many timestamps repeat; where several series are in the file, train with --series-key",
            series.what
        ));
    }
    if series.filled > 0 {
        let values = count(series.filled as usize, "missing value");
        say(format!("warning: {}: {values} took the value of the row above", series.what));
    }
    let reversed: Vec<String> =
        series.tracks.iter().filter(|track| track.is_reversed).map(|track| series.name_of(track)).collect();
    if !reversed.is_empty() {
        say(format!(
            "note: {}: the rows run backwards in time, and are taken in the order of time",
            some_names(&reversed)
        ));
    }
    let short = series.tracks.iter().filter(|track| track.rows.len() < spec.window);
    let short: Vec<String> = short.map(|track| series.name_of(track)).collect();
    if !short.is_empty() && short.len() < series.tracks.len() {
        say(format!("warning: {}: fewer rows than a window's {}, and left out", some_names(&short), spec.window));
    }
    if !series.left_out.is_empty() {
        say(format!("note: columns that hold no numbers are left out: {}", some_names(&series.left_out)));
    }
}
