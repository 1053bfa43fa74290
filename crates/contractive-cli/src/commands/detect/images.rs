//! `cae detect` of a detector of pictures: a score of every picture, a map of each, and a page of the worst.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use clap::Args;
use contractive_anomaly::detector::ThresholdRule;
use contractive_anomaly::images::{ImageDetector, NamedSource, ScoredPicture};
use contractive_pictures::PictureSource;
use contractive_report::{ImageMeter, images_html};
use contractive_table::{Column, Frame, FrameWriter, Values};
use serde::Serialize;

use super::heat_maps::HeatMaps;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::image_training::{Skipped, say_skipped};
use crate::interruption::stop_flag;
use crate::numbers::{count, grouped};
use crate::output::{print_json, write_file};
use crate::progress::Reporting;
use crate::terminal::say;
use crate::work_bar::{Size, WorkBar};

/// Pictures whose rows are written together.
const TOGETHER: usize = 256;

/// What `cae detect` takes for pictures alone.
#[derive(Debug, Default, Args)]
pub(crate) struct ImageFlags {
    /// Write to this folder the heat map of every picture, NAME.png, the picture with its odd regions outlined,
    /// NAME-outlined.png, and index.html, a page of those with the highest scores.
    #[arg(long, value_name = "FOLDER", help_heading = "Pictures")]
    pub(super) heatmaps: Option<PathBuf>,
    /// Pass over broken pictures, and say which; else the first ends the reading.
    #[arg(long, help_heading = "Pictures")]
    pub(super) skip_broken: bool,
}

impl ImageFlags {
    /// The first flag given, of those that no other detector has a use for.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [(self.heatmaps.is_some(), "--heatmaps"), (self.skip_broken, "--skip-broken")];
        flags.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// `cae detect` of pictures.
pub(super) struct DetectImages<'a> {
    pub(super) model: &'a Path,
    pub(super) data: &'a Path,
    pub(super) flags: &'a ImageFlags,
    /// Where the rows go; `-` for standard output, none for nowhere.
    pub(super) output: Option<&'a Path>,
    pub(super) report: Option<&'a Path>,
    pub(super) threshold: Option<ThresholdRule>,
    pub(super) anomalies_only: bool,
    pub(super) fail_on_anomaly: bool,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) threads: usize,
}

/// What was done, in numbers.
#[derive(Serialize)]
struct Summary<'a> {
    pictures: usize,
    anomalies: usize,
    rule: String,
    threshold: f64,
    skipped: Vec<Skipped>,
    output: Option<&'a Path>,
    heatmaps: Option<&'a Path>,
    report: Option<&'a Path>,
}

/// Rows that wait to be written.
#[derive(Default)]
struct Rows {
    names: Vec<Option<String>>,
    folders: Vec<Option<String>>,
    score: Vec<f64>,
    probability: Vec<f64>,
    label: Vec<Option<bool>>,
}

impl Rows {
    fn frame(self, has_folders: bool) -> Frame {
        let mut columns = vec![("name", Values::Text(self.names))];
        if has_folders {
            columns.push(("folder", Values::Text(self.folders)));
        }
        columns.push(("score", Values::Numbers(self.score)));
        columns.push(("probability", Values::Numbers(self.probability)));
        columns.push(("label", Values::Booleans(self.label)));
        let columns = columns.into_iter().map(|(name, values)| Column { name: name.to_owned(), values });
        Frame { first_row: 0, columns: columns.collect() }
    }
}

/// Does what was asked.
pub(super) fn run(arguments: &DetectImages<'_>) -> anyhow::Result<Ending> {
    let mut detector = ImageDetector::load(arguments.model)?;
    if let Some(rule) = arguments.threshold {
        detector.set_threshold(rule)?;
    }
    let inputs = [arguments.data, arguments.model];
    let maps = arguments.flags.heatmaps.as_deref();
    let mut maps = maps.map(|folder| HeatMaps::new(folder, inputs, detector.pixel_level())).transpose()?;
    let options = detector.reading(arguments.flags.skip_broken);
    let source = NamedSource::new(PictureSource::open(arguments.data, &options)?);
    let (pictures, stop) = (source.source(), stop(arguments)?);
    let folders = pictures.labels();
    let folder = |place: u32| folders.as_ref().map(|(codes, names)| names[codes[place as usize] as usize].clone());
    let fields = Rows::default().frame(folders.is_some()).fields();
    let mut writer = arguments.output.map(|path| FrameWriter::create(path, &fields)).transpose()?;
    let bar =
        WorkBar::new(Reporting::new(arguments.json, arguments.quiet), Size::Known(pictures.len() as u64), "pictures");
    let (mut rows, mut meter) = (Rows::default(), ImageMeter::default());
    let (mut n, mut anomalies, mut failed) = (0, 0, None);
    let mut one = |scored: &ScoredPicture| -> anyhow::Result<()> {
        let name = pictures.name(scored.place as usize);
        n += 1;
        anomalies += usize::from(scored.is_anomaly);
        meter.add(&name, scored);
        if let Some(maps) = &mut maps {
            maps.write(&name, scored)?;
        }
        if !arguments.anomalies_only || scored.is_anomaly {
            rows.names.push(Some(name.into_owned()));
            rows.folders.push(folder(scored.place));
            rows.score.push(scored.score);
            rows.probability.push(scored.probability);
            rows.label.push(Some(scored.is_anomaly));
        }
        if rows.names.len() >= TOGETHER
            && let Some(writer) = &mut writer
        {
            writer.write(&std::mem::take(&mut rows).frame(folders.is_some()))?;
        }
        bar.show(n as u64);
        Ok(())
    };
    let order = (0..pictures.len() as u32).collect();
    detector.score_each(&source, order, arguments.threads, &mut |scored| {
        failed = one(&scored).err();
        failed.is_none() && !stop.load(Ordering::Relaxed)
    })?;
    drop(bar);
    if let Some(error) = failed {
        return Err(error);
    }
    if stop.load(Ordering::Relaxed) {
        say("stopped; the scores were not written, and maps only of the first pictures");
        return Ok(Ending::Interrupted);
    }
    let skipped = Skipped::of(pictures);
    if arguments.report.is_some() || maps.is_some() {
        let called = (pictures.file_name(), arguments.data.display().to_string(), false);
        let record = meter.finish(&detector, called, Skipped::notes(&skipped)).context("cannot make the report")?;
        let page = images_html(&record).context("cannot make the report")?;
        maps.as_ref().map_or(Ok(()), |maps| maps.write_page(&page))?;
        arguments.report.map_or(Ok(()), |path| write_file(path, page.as_bytes()))?;
    }
    if let Some(mut writer) = writer {
        writer.write(&rows.frame(folders.is_some()))?;
        writer.finish()?;
    }
    if arguments.json {
        print_json(&Summary {
            pictures: n,
            anomalies,
            rule: detector.threshold_rule().to_string(),
            threshold: detector.threshold(),
            skipped,
            output: arguments.output,
            heatmaps: arguments.flags.heatmaps.as_deref(),
            report: arguments.report,
        })?;
    } else if !arguments.quiet {
        say_skipped(&skipped);
        say(format!("{} of {} above the threshold", grouped(anomalies), count(n, "picture")));
    }
    let has_failed = arguments.fail_on_anomaly && anomalies > 0;
    Ok(if has_failed { Ending::FoundAnomalies } else { Ending::Done })
}

/// What asks it to stop: Ctrl-C ends a pipe at once, a file under way has to be taken away first.
fn stop(arguments: &DetectImages<'_>) -> anyhow::Result<Arc<std::sync::atomic::AtomicBool>> {
    let is_pipe = arguments.output == Some(Path::new("-"));
    let has_file = !is_pipe || arguments.report.is_some() || arguments.flags.heatmaps.is_some();
    if has_file { Ok(stop_flag(Reporting::Quiet)?) } else { Ok(Arc::default()) }
}

/// Refuses what only tables and series have.
pub(super) fn refuse(given: &[(bool, &'static str)]) -> Result<(), Usage> {
    match given.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, flag)) => Err(Usage(format!("{flag} is for tables, and the detector is one of pictures"))),
    }
}
