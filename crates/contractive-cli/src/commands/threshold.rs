//! `cae threshold`: another threshold for a trained detector.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive_anomaly::detector::{Detector, ThresholdRule, is_detector};
use contractive_anomaly::series::{SeriesDetector, is_series_detector};
use serde::Serialize;

use crate::errors::Usage;
use crate::exit::Ending;
use crate::numbers::{grouped, percent, significant};
use crate::output::{print, print_json};
use crate::table::pairs;

/// Show or change the threshold of a detector, above which a row is an anomaly. Nothing is trained anew.
///
/// The rule is applied to the scores of the training rows (of a time series: of its timestamps), which are part of the
/// detector. Without RULE the threshold is shown and nothing is changed.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Threshold {
    /// A detector, as `cae train --detector` leaves it.
    #[arg(value_name = "DETECTOR")]
    detector: PathBuf,
    /// contamination:SHARE, quantile:P, sigma:K (mean + K standard deviations), pot:RATE (peaks over threshold) or
    /// value:T.
    #[arg(value_name = "RULE")]
    rule: Option<ThresholdRule>,
    /// Only say what the rule would give.
    #[arg(long)]
    dry_run: bool,
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

Examples:
  cae threshold DETECTOR
  cae threshold DETECTOR contamination:0.01
  cae threshold DETECTOR pot:0.001 --json";

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
    old: At,
    new: Option<At>,
    saved: bool,
}

/// Either kind of detector, as far as thresholds go.
enum Either {
    Table(Box<Detector>),
    Series(Box<SeriesDetector>),
}

impl Either {
    fn load(path: &Path) -> anyhow::Result<Self> {
        if is_series_detector(path) {
            return Ok(Either::Series(Box::new(SeriesDetector::load(path)?)));
        }
        if !is_detector(path) {
            let text = format!("{} is no detector; make one with `cae train --detector --data FILE`", path.display());
            return Err(Usage(text).into());
        }
        Ok(Either::Table(Box::new(Detector::load(path)?)))
    }

    fn at(&self) -> At {
        let (threshold, rule, share_above) = match self {
            Either::Table(d) => (d.threshold(), d.settings().threshold, d.share_above(d.threshold())),
            Either::Series(d) => (d.threshold(), d.threshold_rule(), d.share_above(d.threshold())),
        };
        let rows_above = (share_above * self.n_training_rows() as f64).round() as usize;
        At { threshold, rule: rule.to_string(), rows_above, share_above }
    }

    fn n_training_rows(&self) -> usize {
        match self {
            Either::Table(detector) => detector.n_training_rows(),
            Either::Series(detector) => detector.n_training_rows(),
        }
    }

    fn set(&mut self, rule: ThresholdRule) -> anyhow::Result<()> {
        match self {
            Either::Table(detector) => detector.set_threshold(rule)?,
            Either::Series(detector) => detector.set_threshold(rule)?,
        }
        Ok(())
    }

    fn save(&self, path: &Path) -> anyhow::Result<()> {
        match self {
            Either::Table(detector) => detector.save(path)?,
            Either::Series(detector) => detector.save(path)?,
        }
        Ok(())
    }
}

impl Threshold {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let mut detector = Either::load(&self.detector)?;
        let old = detector.at();
        let mut new = None;
        if let Some(rule) = self.rule {
            detector.set(rule)?;
            new = Some(detector.at());
            if !self.dry_run {
                detector.save(&self.detector)?;
            }
        }
        let saved = new.is_some() && !self.dry_run;
        let change = Change { training_rows: detector.n_training_rows(), old, new, saved };
        if self.json {
            print_json(&change)?;
        } else if !self.quiet {
            print(&in_words(&change))?;
        }
        Ok(Ending::Done)
    }
}

fn in_words(change: &Change) -> String {
    let line = |at: &At| {
        format!(
            "{}  ({}): {} of {} training rows above it, {}",
            significant(at.threshold, 5),
            at.rule,
            grouped(at.rows_above),
            grouped(change.training_rows),
            percent(at.share_above)
        )
    };
    match &change.new {
        None => pairs(&[("threshold", line(&change.old))]),
        Some(new) => {
            let name = if change.saved { "new" } else { "new (not saved)" };
            pairs(&[("old", line(&change.old)), (name, line(new))])
        }
    }
}
