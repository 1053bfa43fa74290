//! `cae evaluate` of a detector of pictures: the folders that they lie in are their labels.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive_anomaly::images::evaluation::{ImageEvaluation, PixelMeter, evaluate_images};
use contractive_anomaly::images::{ImageDetector, NamedSource, ScoredPicture};
use contractive_pictures::{PictureSource, masks};
use contractive_table::listing::some_names;

use super::detector::{estimate, share};
use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::image_training::{Skipped, say_skipped};
use crate::numbers::{grouped, significant};
use crate::progress::Reporting;
use crate::table::pairs;
use crate::terminal::say;
use crate::work_bar::{Size, WorkBar};

/// The folder of ordinary pictures.
const GOOD: &str = "good";

/// What `cae evaluate` takes for pictures alone.
#[derive(Debug, Default, Args)]
pub(crate) struct ImageLabels {
    /// Of a detector of pictures: the folder of ordinary ones, such as ok; pictures in all others are anomalies
    /// [default: good].
    #[arg(long, value_name = "FOLDER", help_heading = "Pictures")]
    pub(super) good: Option<String>,
    /// Of a detector of pictures: the folder of masks, which mark the odd pixels: below it a mask has the name of its
    /// picture, or that with _mask [default: ground_truth beside the data, where it is there].
    #[arg(long, value_name = "FOLDER", help_heading = "Pictures")]
    pub(super) masks: Option<PathBuf>,
}

impl ImageLabels {
    /// The first flag given, of those that no other detector has a use for.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [(self.good.is_some(), "--good"), (self.masks.is_some(), "--masks")];
        flags.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}

/// Judges the detector in `path` on pictures whose folders say which are ordinary.
pub(super) fn evaluate(
    path: &Path,
    rows: &RowArguments,
    labels: &ImageLabels,
    is_quiet: bool,
) -> anyhow::Result<ImageEvaluation> {
    if let Some(flag) = rows.pictures.first_but_broken() {
        return Err(Usage(format!("{flag} is of models; a detector reads pictures as it was trained")).into());
    }
    let detector = ImageDetector::load(path)?;
    let Some(data) = &rows.data else {
        let text = "a detector of pictures is judged on pictures in folders, good and others: give --data FOLDER";
        return Err(Usage(text.into()).into());
    };
    let source = NamedSource::new(PictureSource::open(data, &detector.reading(rows.pictures.skip_broken))?);
    let pictures = source.source();
    let is_anomaly = anomalies(pictures, data, labels.good.as_deref().unwrap_or(GOOD))?;
    let folder = labels.masks.clone().or_else(|| masks::beside(data));
    let masks = folder.as_ref().map(|folder| masks::find(folder, pictures)).transpose()?;
    if let (Some(folder), None, false) = (&folder, &labels.masks, is_quiet) {
        say(format!("note: masks of odd pixels are taken from {}", folder.display()));
    }
    let bar = WorkBar::new(Reporting::new(false, is_quiet), Size::Known(pictures.len() as u64), "pictures");
    let (mut scores, mut truths, mut pixels) = (Vec::new(), Vec::new(), PixelMeter::default());
    let (mut without_mask, mut failed) = (0, None);
    let mut one = |scored: &ScoredPicture| -> anyhow::Result<()> {
        let place = scored.place as usize;
        scores.push(scored.score);
        truths.push(is_anomaly[place]);
        bar.show(scores.len() as u64);
        let Some(masks) = &masks else { return Ok(()) };
        match (is_anomaly[place], masks.read(place)?) {
            (true, None) => without_mask += 1,
            (_, marked) => pixels.add(&scored.map, marked.as_deref()),
        }
        Ok(())
    };
    let order = (0..pictures.len() as u32).collect();
    detector.score_each(&source, order, rows.threads(), &mut |scored| {
        failed = one(&scored).err();
        failed.is_none()
    })?;
    drop(bar);
    if let Some(error) = failed {
        return Err(error);
    }
    if !is_quiet {
        say_skipped(&Skipped::of(pictures));
    }
    Ok(evaluate_images(&detector, data, (&scores, &truths), (&pixels, without_mask)))
}

/// Which pictures are not in a folder called `good`.
fn anomalies(pictures: &PictureSource, data: &str, good: &str) -> Result<Vec<bool>, Usage> {
    let Some((codes, names)) = pictures.labels() else {
        let text =
            format!("{data} has no folders that tell ordinary pictures from others; put them into `{good}` and others");
        return Err(Usage(text));
    };
    let is_good: Vec<bool> = names.iter().map(|name| name.rsplit('/').next() == Some(good)).collect();
    if !is_good.contains(&true) {
        let (names, there) = (some_names(&names), if names.len() == 1 { "folder is" } else { "folders are" });
        let text = format!(
            "no folder of {data} is called `{good}`; the {there} {names}: name that of ordinary pictures with --good"
        );
        return Err(Usage(text));
    }
    Ok(codes.iter().map(|code| !is_good[*code as usize]).collect())
}

/// The numbers in words.
pub(super) fn in_words(e: &ImageEvaluation) -> String {
    let shown = |value: f64| significant(value, 4);
    let mut lines = vec![
        ("data", format!("{}, {} pictures, {} anomalous", e.data, grouped(e.pictures), grouped(e.anomalies))),
        ("auroc", estimate(e.auroc)),
        ("average_precision", estimate(e.average_precision)),
        ("threshold", format!("{}  ({})", significant(e.threshold, 5), e.threshold_rule)),
        ("f1", estimate(e.f1)),
        ("recall", share(e.recall)),
        ("precision", share(e.precision)),
    ];
    if let (Some(auroc), Some(pro)) = (e.pixel_auroc, e.pro) {
        lines.push(("pixel_auroc", shown(auroc)));
        lines.push((
            "pro",
            format!("{}  of {} regions, up to a false positive rate of 0.3", shown(pro), grouped(e.regions as usize)),
        ));
    }
    if e.without_mask > 0 {
        lines.push((
            "without_mask",
            format!("{} anomalous pictures, whose pixels are not counted", grouped(e.without_mask)),
        ));
    }
    pairs(&lines)
}
