//! `cae threshold`: another threshold for a trained detector.

mod merged;

use std::path::PathBuf;

use clap::Args;
use contractive::model::ModelError;
use contractive_anomaly::detector::{Detector, DetectorSettings, ThresholdRule, TrainOptions};
use contractive_table::atomic::Hold;
use serde::Serialize;

use crate::arguments::RowArguments;
use crate::detectors::{AnyDetector, no_detector};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::is_same;
use crate::models::Opened;
use crate::numbers::{grouped, percent, significant};
use crate::output::{check_folder, print, print_json};
use crate::shell::quoted;
use crate::table::{Side, aligned, pairs};
use merged::Merged;

/// Show or change the threshold of a detector, above which a row is an anomaly. Nothing is trained anew.
///
/// Of a model, trained by `cae train` or imported, it makes a detector: what the model says of ordinary rows (--data) is
/// what scores are compared with, and --out is where the detector goes.
///
/// The rule is applied to the scores of the training rows (of a time series: of its timestamps), which are part of the
/// detector. Without RULE the threshold is shown, and what other rules would make of those scores; nothing is changed.
///
/// With --merge the rule is applied to the scores that `cae detect` wrote, of all parts together, and the detector keeps
/// the threshold that this gives, as value:T.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Threshold {
    /// A detector, as `cae train --detector` leaves it; or a run or model directory, with --data and --out.
    #[arg(value_name = "DETECTOR_OR_MODEL")]
    detector: PathBuf,
    /// contamination:SHARE, quantile:P, sigma:K (mean + K standard deviations), pot:RATE (peaks over threshold) or
    /// value:T.
    #[arg(value_name = "RULE")]
    rule: Option<ThresholdRule>,
    /// Apply RULE to the scores in these files that `cae detect` wrote, all together: .csv, .tsv (also .gz), .parquet,
    /// .arrow, .ipc, .feather, .jsonl; a folder stands for the files in it.
    #[arg(
        long,
        value_name = "PART",
        num_args = 1..,
        requires = "rule",
        help_heading = "Data",
        conflicts_with_all = ["data", "rows", "label_column", "array", "transpose", "header", "decimal", "thousands"]
    )]
    merge: Vec<PathBuf>,
    /// Write the detector to this folder, and leave the one given as it is; of a model it has to be given.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Only say what the rule would give.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    rows: RowArguments,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print nothing.
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Rules:
  contamination:SHARE  the (1 - SHARE) quantile of the scores of all rows given for training
  quantile:P           the P quantile of the scores of the rows held out in training
  sigma:K              mean + K standard deviations of those
  pot:RATE             the score that an ordinary row exceeds with probability RATE, from the tail of those
  value:T              T
With --merge contamination and quantile are both of all scores in the parts, and so are sigma and pot. Up to 16,777,216
scores are held (128 MiB); more are read several times: quantiles stay exact in the same memory, and pot holds the highest
tenth. The order of the parts makes no difference, but to the last digits of sigma where there are so many scores.
Parquet and Arrow files say which detector, kind of score and shard they are of: parts of another detector are refused, and
a part that is missing or doubled is named. CSV and JSON lines say nothing of the kind.

Examples:
  cae threshold DETECTOR
  cae threshold DETECTOR contamination:0.01
  cae threshold DETECTOR pot:0.001 --json
  cae threshold DETECTOR contamination:0.02 --merge part-1.parquet part-2.parquet -o DETECTOR-2
  cae threshold MODEL contamination:0.01 --data ordinary.csv -o DETECTOR";

#[derive(Serialize)]
struct At {
    threshold: f64,
    rule: String,
    /// Training rows above the threshold, to about one where there are more than 2,048 rows.
    rows_above: usize,
    share_above: f64,
}

#[derive(Serialize)]
struct Change {
    training_rows: usize,
    /// What the rule gives of scores in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<Merged>,
    old: At,
    new: Option<At>,
    saved: bool,
    /// What common rules would give, where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<At>>,
}

/// A detector made of a model.
#[derive(Serialize)]
struct Made {
    training_rows: usize,
    new: At,
    saved: bool,
}

/// Rules shown to choose from.
const COMMON: [ThresholdRule; 8] = [
    ThresholdRule::Contamination { share: 0.1 },
    ThresholdRule::Contamination { share: 0.05 },
    ThresholdRule::Contamination { share: 0.01 },
    ThresholdRule::Quantile { p: 0.99 },
    ThresholdRule::Sigma { k: 3.0 },
    ThresholdRule::Pot { rate: 0.01 },
    ThresholdRule::Pot { rate: 0.001 },
    ThresholdRule::Pot { rate: 0.0001 },
];

impl At {
    /// The threshold in force.
    fn of(detector: &AnyDetector) -> At {
        let threshold = detector.threshold();
        let share_above = detector.share_above(threshold);
        let rows_above = (share_above * detector.n_training_rows() as f64).round() as usize;
        At { threshold, rule: detector.rule().to_string(), rows_above, share_above }
    }
}

/// What each common rule would give; a rule that these scores are too few for is left out.
fn common(detector: &mut AnyDetector) -> anyhow::Result<Vec<At>> {
    let own = detector.rule();
    let mut found = Vec::new();
    for rule in COMMON {
        if detector.set(rule).is_ok() {
            found.push(At::of(detector));
        }
    }
    detector.set(own)?;
    Ok(found)
}

impl Threshold {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        // Held before it is read: nothing comes between the detector and its new threshold.
        let _hold = self.hold()?;
        let Some(mut detector) = AnyDetector::found(&self.detector)? else {
            return if self.merge.is_empty() { self.of_model() } else { Err(no_detector(&self.detector).into()) };
        };
        if self.rows.data.is_some() {
            let path = self.detector.display();
            let text =
                format!("--data is for models, and {path} is a detector, which has the scores of its training rows");
            return Err(Usage(text).into());
        }
        if self.out.is_some() && self.rule.is_none() {
            return Err(Usage("-o is where a detector with another threshold goes; give a RULE for it".into()).into());
        }
        self.check_out()?;
        let old = At::of(&detector);
        let (mut new, mut merged) = (None, None);
        if let Some(mut rule) = self.rule {
            if !self.merge.is_empty() {
                let found = Merged::of(&self.merge, rule, &detector)?;
                // The rule itself would be taken for one of the training rows.
                rule = ThresholdRule::Value { threshold: found.threshold };
                merged = Some(found);
            }
            detector.set(rule)?;
            new = Some(At::of(&detector));
            match &self.out {
                _ if self.dry_run => {}
                Some(out) if !is_same(out, &self.detector) => detector.save(out)?,
                _ => detector.save_threshold(&self.detector)?,
            }
        }
        let saved = new.is_some() && !self.dry_run;
        let rules = if new.is_none() { Some(common(&mut detector)?) } else { None };
        let change = Change { training_rows: detector.n_training_rows(), merged, old, new, saved, rules };
        if self.json {
            print_json(&change)?;
        } else if !self.quiet {
            change.merged.iter().for_each(Merged::say_notes);
            print(&in_words(&change))?;
        }
        Ok(Ending::Done)
    }
}

impl Threshold {
    /// Keeps other processes from writing the detector while its threshold is changed.
    fn hold(&self) -> anyhow::Result<Option<Hold>> {
        if self.rule.is_none() || self.dry_run || !self.detector.is_dir() {
            return Ok(None);
        }
        let failed = |source| ModelError::Write { path: self.detector.clone(), source };
        Ok(Some(Hold::folder(&self.detector).map_err(failed)?))
    }

    /// Refuses a folder that could not be written, before any work.
    fn check_out(&self) -> Result<(), ModelError> {
        let failed = |path: &PathBuf, source| ModelError::Write { path: path.clone(), source };
        self.out.iter().try_for_each(|out| check_folder(out).map_err(|source| failed(out, source)))
    }

    /// Makes a detector of a model.
    fn of_model(&self) -> anyhow::Result<Ending> {
        let opened = Opened::new(&self.detector)?;
        if self.rows.data.is_none() || (self.out.is_none() && !self.dry_run) {
            let path = quoted(&self.detector.to_string_lossy());
            let text = format!(
                "{path} is a model, and has no scores to compare with; make a detector of it with ordinary rows: \
                 `cae threshold {path} contamination:0.01 --data FILE -o DETECTOR`"
            );
            return Err(Usage(text).into());
        }
        self.check_out()?;
        let data = opened.rows(&self.rows, self.json || self.quiet)?;
        let mut settings = DetectorSettings::default();
        settings.threshold = self.rule.unwrap_or(settings.threshold);
        let options = TrainOptions { threads: self.rows.threads(), ..TrainOptions::default() };
        let detector = Detector::of_model(&opened.model, &data, &settings, &options)?;
        let saved = self.out.as_ref().filter(|_| !self.dry_run);
        if let Some(out) = saved {
            detector.save(out)?;
        }
        let detector = AnyDetector::Table(Box::new(detector));
        let (made, training_rows) = (At::of(&detector), detector.n_training_rows());
        if self.json {
            print_json(&Made { training_rows, new: made, saved: saved.is_some() })?;
        } else if !self.quiet {
            let name = if saved.is_some() { "threshold" } else { "threshold (not saved)" };
            print(&pairs(&[(name, line(&made, training_rows))]))?;
        }
        Ok(Ending::Done)
    }
}

fn line(at: &At, training_rows: usize) -> String {
    format!(
        "{}  ({}): {} of {} training rows above it, {}",
        significant(at.threshold, 5),
        at.rule,
        grouped(at.rows_above),
        grouped(training_rows),
        percent(at.share_above)
    )
}

fn in_words(change: &Change) -> String {
    let line = |at: &At| line(at, change.training_rows);
    match &change.new {
        None => format!("{}\n{}", pairs(&[("threshold", line(&change.old))]), choice(change)),
        Some(new) => {
            let name = if change.saved { "new" } else { "new (not saved)" };
            let merged = change.merged.iter().map(|merged| ("merged", merged.line()));
            pairs(&merged.chain([("old", line(&change.old)), (name, line(new))]).collect::<Vec<_>>())
        }
    }
}

/// The common rules beside each other.
fn choice(change: &Change) -> String {
    let head = ["rule", "threshold", "training rows above", ""].map(str::to_owned).to_vec();
    let row =
        |at: &At| vec![at.rule.clone(), significant(at.threshold, 5), grouped(at.rows_above), percent(at.share_above)];
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(change.rules.iter().flatten().map(row)).collect();
    aligned(&[Side::Left, Side::Right, Side::Right, Side::Right], &rows)
}
