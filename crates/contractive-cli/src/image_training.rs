//! `cae train --detector` of pictures: from a folder to the detector's directory.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use anyhow::Context;
use contractive::TrainConfig;
use contractive::train::picture_notes;
use contractive_anomaly::detector::{DetectorSettings, MemberReport, TrainOptions};
use contractive_anomaly::images::{ImageDetector, ImageSpec, NamedSource, Stage, Told};
use contractive_pictures::PictureSource;
use contractive_report::{ImageMeter, images_html};
use serde::Serialize;

use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::members_bar::MembersBar;
use crate::numbers::{count, duration, grouped, significant};
use crate::output::{print, print_json_line, write_file};
use crate::progress::Reporting;
use crate::shell::quoted;
use crate::table::pairs;
use crate::terminal::say;
use crate::work_bar::{Size, WorkBar};

/// The page beside the detector.
const PAGE: &str = "report.html";

#[derive(Serialize)]
struct EndEvent<'a> {
    event: &'static str,
    seconds: f64,
    detector: &'a Path,
    pictures: usize,
    /// Pictures that the threshold's rule was applied to, and whether nothing was learnt from them.
    reference: usize,
    is_held_out: bool,
    threshold: f64,
    threshold_rule: String,
    /// Broken pictures that were passed over.
    skipped: Vec<Skipped>,
}

/// A broken picture.
#[derive(Serialize)]
pub(crate) struct Skipped {
    name: String,
    reason: String,
}

impl Skipped {
    /// Those that a source has passed over so far.
    pub(crate) fn of(source: &PictureSource) -> Vec<Skipped> {
        source.skipped().into_iter().map(|(name, reason)| Skipped { name, reason }).collect()
    }

    /// What is said of them.
    pub(crate) fn notes(all: &[Skipped]) -> Vec<String> {
        all.iter().map(|one| format!("{} was passed over: {}", one.name, one.reason)).collect()
    }
}

/// The settings of a detector of pictures: those `given` over its defaults; `threshold` where one was chosen.
pub(crate) fn settings(given: DetectorSettings, has_ensemble: bool, has_threshold: bool) -> DetectorSettings {
    let defaults = ImageDetector::default_settings();
    DetectorSettings {
        ensemble: if has_ensemble { given.ensemble } else { defaults.ensemble },
        threshold: if has_threshold { given.threshold } else { defaults.threshold },
        hidden: given.hidden.clone().or(defaults.hidden),
        ..given
    }
}

/// Trains a detector of the pictures that `config` names, and saves it in `out`.
pub(crate) fn run(
    config: &TrainConfig,
    spec: &ImageSpec,
    skips_broken: bool,
    settings: &DetectorSettings,
    out: &Path,
    reporting: Reporting,
) -> anyhow::Result<Ending> {
    spec.check()?;
    settings.check()?;
    let stop = stop_flag(reporting)?;
    // Before the work, so that nothing keeps its result from being saved.
    let place = ImageDetector::reserve(out)?;
    let source = NamedSource::new(PictureSource::open(&config.data.spec, &spec.options(skips_broken))?);
    let n = source.source().len();
    if reporting == Reporting::Lines {
        let colour = if source.source().channels() == 3 { "in colour" } else { "in grey" };
        let patches = match spec.whole {
            true => format!("as wholes, their outlines in cells of {0} x {0}", spec.patch),
            false => format!("patches of {0} x {0} at scales {1}", spec.patch, scales_in_words(spec)),
        };
        say(format!("{}: {} {colour}; {patches}", config.data.spec, count(n, "picture")));
        picture_notes(source.source()).iter().for_each(|note| say(format!("note: {note}")));
    }
    let began = std::time::Instant::now();
    let reading = WorkBar::new(reporting, Size::Known(n as u64), "pictures read");
    let networks = MembersBar::new(reporting, settings.ensemble * spec.scales.len());
    let on_stage = |stage| match stage {
        Stage::Patches { done, .. } => reading.show(done as u64),
        Stage::Reference { done, of } if done == of && reporting == Reporting::Lines => {
            networks.say(&format!("{} scored, to compare with", count(of, "ordinary picture")));
        }
        Stage::Reference { .. } => {}
    };
    let on_member = |m: &MemberReport| {
        if reporting == Reporting::Lines {
            networks.show(m);
        }
    };
    let options = TrainOptions { threads: config.threads(), on_member: &on_member, stop: &stop, ..Default::default() };
    let meter = Mutex::new(ImageMeter::default());
    let mut on_reference = |scored: &_| watch(&meter, &source, scored);
    let told = Told { on_stage: &on_stage, on_reference: &mut on_reference };
    let result = ImageDetector::train_telling(&source, spec, settings, &options, told);
    drop((reading, networks));
    if stop.load(Ordering::Relaxed) {
        say("stopped; no detector was saved");
        return Ok(Ending::Interrupted);
    }
    let detector = result?;
    detector.save_in(place)?;
    let skipped = Skipped::of(source.source());
    let meter = meter.into_inner().unwrap_or_else(|e| e.into_inner());
    let called = (page_name(out), config.data.spec.clone(), true);
    let record = meter.finish(&detector, called, Skipped::notes(&skipped)).context("cannot make the report")?;
    write_file(&out.join(PAGE), images_html(&record).context("cannot make the report")?.as_bytes())?;
    let seconds = began.elapsed().as_secs_f64();
    match reporting {
        Reporting::Quiet => {}
        Reporting::Json => print_json_line(&EndEvent {
            event: "end",
            seconds,
            detector: out,
            pictures: n,
            reference: detector.n_reference(),
            is_held_out: detector.is_held_out(),
            threshold: detector.threshold(),
            threshold_rule: detector.threshold_rule().to_string(),
            skipped,
        })?,
        Reporting::Lines => {
            say_skipped(&skipped);
            print_end(&detector, seconds, out)?;
        }
    }
    Ok(Ending::Done)
}

fn watch(meter: &Mutex<ImageMeter>, source: &NamedSource, scored: &contractive_anomaly::images::ScoredPicture) {
    let name = source.source().name(scored.place as usize);
    meter.lock().unwrap_or_else(|e| e.into_inner()).add(&name, scored);
}

/// The scales of a detector: "1 and 1/2".
pub(crate) fn scales_in_words(spec: &ImageSpec) -> String {
    let word = |scale: &usize| if *scale == 1 { "1".to_owned() } else { format!("1/{scale}") };
    spec.scales.iter().map(word).collect::<Vec<String>>().join(" and ")
}

/// What the page of a detector is called.
fn page_name(out: &Path) -> String {
    out.file_name().map_or_else(|| "detector".into(), |name| name.to_string_lossy().into_owned())
}

/// Says which pictures were passed over: the first few, and how many.
pub(crate) fn say_skipped(skipped: &[Skipped]) {
    const SHOWN: usize = 5;
    Skipped::notes(&skipped[..skipped.len().min(SHOWN)]).iter().for_each(|note| say(format!("warning: {note}")));
    if skipped.len() > SHOWN {
        say(format!("warning: {} were passed over in all", count(skipped.len(), "broken picture")));
    }
}

/// Says where the detector is, and what can be done with it.
fn print_end(detector: &ImageDetector, seconds: f64, out: &Path) -> anyhow::Result<()> {
    let path = quoted(&out.to_string_lossy());
    let threshold = format!("{} ({})", significant(detector.threshold(), 5), detector.threshold_rule());
    let of = if detector.is_held_out() { "held out" } else { "trained on too, for want of more" };
    let reference = format!("{} pictures, {of}", grouped(detector.n_reference()));
    let networks = detector.networks().count();
    print(&format!("\ntrained {} in {}\n", count(networks, "network"), duration(seconds)))?;
    print(&pairs(&[
        ("  detector", path.clone()),
        ("  report", quoted(&out.join(PAGE).to_string_lossy())),
        ("  threshold", threshold),
        ("  reference", reference),
    ]))?;
    print("\nnext\n")?;
    let detect = format!("  cae detect {path} --data FOLDER -o scores.csv --heatmaps out");
    let judge = format!("  cae evaluate {path} --data FOLDER");
    let threshold = format!("  cae threshold {path} RULE");
    Ok(print(&pairs(&[
        (&detect, "score pictures, with a map of each".into()),
        (&threshold, "change where a score becomes an anomaly".into()),
        (&judge, "judge it on pictures in folders: good, and others".into()),
    ]))?)
}
