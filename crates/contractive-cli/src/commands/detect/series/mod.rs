//! `cae detect` of a detector of time series: the score of every timestamp of a table, or of a file that is being
//! written.

pub(super) mod arguments;
mod flagged_ranges;
mod following;
mod rows;

use std::path::Path;

use anyhow::Context;
use contractive_anomaly::detector::{ScoreKind, ScoreOrigin};
use contractive_anomaly::series::{Pace, Series, SeriesDetector, SeriesScores};
use contractive_report::{SeriesPage, series_html};
use contractive_table::FrameWriter;
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::numbers::{count, grouped};
use crate::output::{check_file, check_page, print_json, write_file};
use crate::progress::Reporting;
use crate::series_training::warn;
use crate::terminal::say;
use crate::work_bar::{Size, WorkBar};
use arguments::{DetectSeries, check_rule_of};
use following::follow;
use rows::{RangeLine, SeriesRows};

/// What was done, in numbers.
#[derive(Serialize)]
struct Summary<'a> {
    timestamps: usize,
    anomalies: usize,
    rule: String,
    threshold: f64,
    timestamps_without_score: usize,
    /// Missing values that took that of the row above.
    filled: u64,
    pace: &'a Pace,
    /// The highest score first.
    ranges: Vec<RangeLine<'a>>,
    output: Option<&'a Path>,
    report: Option<&'a Path>,
    notes: &'a [String],
}

/// Does what was asked.
pub(crate) fn run(arguments: &DetectSeries<'_>) -> anyhow::Result<Ending> {
    if arguments.json && arguments.output == Some(Path::new("-")) {
        let text = "--json prints to standard output, where the timestamps go; leave out -o, or give -o FILE";
        return Err(Usage(text.into()).into());
    }
    let mut detector = SeriesDetector::load(arguments.model)?;
    if let Some(kind) = arguments.score {
        set_score(arguments, &mut detector, kind)?;
    }
    if let Some(rule) = arguments.threshold {
        detector.set_threshold(rule)?;
    }
    let inputs = Inputs::default().and(Some(arguments.data)).and(arguments.flags.reference.as_deref());
    let inputs = inputs.and_trained(arguments.model);
    if let Some(path) = arguments.output.filter(|path| *path != Path::new("-")) {
        check_file(path)?;
        inputs.check(path, "-o")?;
    }
    if let Some(path) = arguments.report {
        check_page(path, &inputs, arguments.output)?;
    }
    if arguments.flags.follow && !arguments.text.is_default() {
        let text = "--header, --decimal and --thousands do not go with --follow, which reads text as in training";
        return Err(Usage(text.into()).into());
    }
    if !arguments.flags.follow {
        return whole(arguments, &detector);
    }
    for (is_given, flag) in [
        (!arguments.key.is_empty(), "--key"),
        (arguments.anomalies_only, "--anomalies-only"),
        (arguments.explain_all, "--explain-all"),
    ] {
        if is_given {
            return Err(Usage(format!("{flag} does not go with --follow")).into());
        }
    }
    follow(arguments, &detector)
}

/// Scores by another kind, compared with the scores of the series given for that.
fn set_score(arguments: &DetectSeries<'_>, detector: &mut SeriesDetector, kind: ScoreKind) -> anyhow::Result<()> {
    let name = kind.name();
    check_rule_of(detector.threshold_rule(), detector.windows().settings().score, name, arguments.threshold)?;
    let Some(path) = &arguments.flags.reference else {
        let text = format!(
            "a detector of time series keeps what timestamps trained on scored by one kind; with --score {name} name the \
             series it was trained on: --reference FILE"
        );
        return Err(Usage(text).into());
    };
    let reference = Series::read(path, &detector.columns(None))?;
    Ok(detector.set_score(kind, &reference, arguments.threads)?)
}

fn whole(arguments: &DetectSeries<'_>, detector: &SeriesDetector) -> anyhow::Result<Ending> {
    let spec = detector.spec();
    let mut columns = detector.columns(arguments.flags.labels.as_deref());
    columns.text = arguments.text.or(columns.text);
    let is_there = |name: &&String| spec.values.iter().chain(&spec.time).chain(&spec.series_key).any(|n| n == *name);
    columns.carried = arguments.key.iter().filter(|name| !is_there(name)).cloned().collect();
    let series = Series::read(arguments.data, &columns)?;
    if arguments.report.is_some() && series.tracks.len() > 1 {
        let text = format!(
            "--report shows one series, and {} holds {}; give the file of one, or leave it out",
            arguments.data.display(),
            grouped(series.tracks.len())
        );
        return Err(Usage(text).into());
    }
    let pace = series.pace(detector.step());
    if !arguments.quiet {
        warn(&series, detector.step(), spec);
    }
    let explains = spec.values.len() > 1 || arguments.explain.is_some();
    let bar = timestamps_bar(&series, arguments.quiet || arguments.json);
    let scores = detector.score_telling(&series, arguments.threads, explains, &mut |done| bar.show(done as u64))?;
    drop(bar);
    let ranges = scores.flagged_ranges(&series);
    if let Some(path) = arguments.report {
        write_report(path, detector, &series, &scores, &pace)?;
    }
    let explain = arguments.explain.unwrap_or(if spec.values.len() > 1 { 3 } else { 0 }).min(spec.values.len());
    let rows = SeriesRows {
        detector,
        series: &series,
        scores: &scores,
        explain,
        explain_all: arguments.explain_all,
        anomalies_only: arguments.anomalies_only,
    };
    if arguments.json && arguments.output.is_none() {
        rows.print_lines()?;
    } else if arguments.output.is_some() || arguments.report.is_none() {
        let path = arguments.output.unwrap_or(Path::new("-"));
        let frame = rows.frame();
        let origin = ScoreOrigin { anomalies_only: arguments.anomalies_only, ..detector.score_origin() };
        let mut writer = FrameWriter::saying(path, &frame.fields(), ScoreOrigin::KEY, &origin.to_json())?;
        writer.write(&frame)?;
        writer.finish()?;
    }
    let flagged = scores.label.iter().filter(|label| **label).count();
    if arguments.json && arguments.output.is_some() {
        print_json(&Summary {
            timestamps: series.len(),
            anomalies: flagged,
            rule: detector.threshold_rule().to_string(),
            threshold: detector.threshold(),
            timestamps_without_score: scores.score.iter().filter(|score| score.is_nan()).count(),
            filled: series.filled,
            pace: &pace,
            ranges: ranges.iter().map(|range| rows.range_line(range)).collect(),
            output: arguments.output,
            report: arguments.report,
            notes: &series.notes,
        })?;
    } else if !arguments.quiet {
        say(format!("{} of {} above the threshold", grouped(flagged), count(series.len(), "timestamp")));
        flagged_ranges::lines(&series, &ranges).iter().for_each(say);
    }
    Ok(arguments.ending(flagged))
}

/// What is shown of timestamps under way.
pub(in crate::commands) fn timestamps_bar(series: &Series, is_quiet: bool) -> WorkBar {
    WorkBar::new(Reporting::new(false, is_quiet), Size::Known(series.len() as u64), "timestamps")
}

/// Writes the page of a series.
fn write_report(
    path: &Path,
    detector: &SeriesDetector,
    series: &Series,
    scores: &SeriesScores,
    pace: &Pace,
) -> anyhow::Result<()> {
    let real = series.anomalies(None)?;
    let page = SeriesPage { detector, series, scores, pace, real: real.as_deref() };
    let text = series_html(&page).context("cannot make the report")?;
    Ok(write_file(path, text.as_bytes())?)
}
