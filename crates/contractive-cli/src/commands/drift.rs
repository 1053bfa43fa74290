//! `cae drift`: how far new rows have moved from those that a detector was trained on.

use std::path::PathBuf;

use clap::Args;
use contractive_anomaly::detector::drift::Moved;
use contractive_anomaly::detector::{Admission, Drift as Found, DriftMeter, FrameScorer, ScoreOptions};

use crate::arguments::TextArguments;
use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::numbers::{count, percent, significant};
use crate::output::{print, print_json, say_notes};
use crate::table::{Side, aligned};

/// Columns shown, the furthest first.
const SHOWN: usize = 20;

/// Tell how far the rows of a table have moved from those that a detector was trained on, by column and in score.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Drift {
    /// A detector of a table, as `cae train --detector` leaves it.
    #[arg(value_name = "DETECTOR")]
    detector: PathBuf,
    /// The new rows: .csv or .tsv (also .gz), .parquet, .arrow, .ipc, .feather, .npy or .npz; `-` is CSV on standard input.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    data: PathBuf,
    /// Match columns by name where they stand in another order than in training.
    #[arg(long, help_heading = "Data")]
    reorder: bool,
    /// Array of an .npz archive, by default X, or the only table; of an .h5ad file raw, layers/NAME or obsm/NAME, by
    /// default X.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    array: Option<String>,
    #[command(flatten)]
    text: TextArguments,
    /// End with exit code 5 when the rows have drifted.
    #[arg(long, help_heading = "Output")]
    fail_on_drift: bool,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Threads, at least 1; by default one a processor core. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

const AFTER_HELP: &str = "\
A distance is from 0 to 1: of numbers and of the score the greatest difference between the shares of rows up to a value
(Kolmogorov-Smirnov), of a category half the sum of the differences between its values' shares. Drift is a distance that
chance alone passes in less than one of a hundred batches, all columns taken together. Few rows can only show large drift.

Examples:
  cae drift DETECTOR --data today.csv
  cae drift DETECTOR --data today.parquet --fail-on-drift || notify";

impl Drift {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let AnyDetector::Table(detector) = AnyDetector::load(&self.detector)? else {
            let path = self.detector.display();
            let text =
                format!("{path} is a detector of a time series or of pictures; cae drift takes detectors of tables");
            return Err(Usage(text).into());
        };
        let text = self.text.options(Some(&self.data.to_string_lossy()))?;
        let admission = Admission { carried: Vec::new(), may_reorder: self.reorder, text };
        let (scorer, frames) = FrameScorer::open(&detector, &self.data, &admission, self.array.as_deref())?;
        if !self.json {
            say_notes(frames.notes());
        }
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let options = ScoreOptions { contributions: false, threads: self.threads.map_or_else(cores, usize::from) };
        let mut meter = DriftMeter::new(&detector);
        for frame in frames {
            let frame = frame?;
            let scored = scorer.score(&frame, &options)?;
            meter.add(&frame, &scored);
        }
        let drift = meter.finish();
        if self.json {
            print_json(&drift)?;
        } else {
            print(&in_words(&drift))?;
        }
        let has_failed = self.fail_on_drift && drift.has_drifted;
        Ok(if has_failed { Ending::FoundAnomalies } else { Ending::Done })
    }
}

fn in_words(drift: &Found) -> String {
    let [now, then] = drift.share_above;
    let head = format!(
        "drift {}  ({}, from 0 to 1)\n{}\nAbove the threshold: {} of the rows, {} of the training rows.\n\n",
        significant(drift.drift, 3),
        count(drift.rows as usize, "row"),
        drift.in_words(),
        percent(now),
        percent(then)
    );
    let mut rows =
        vec![["", "distance", "by chance", "drifted", "in training", "now", "missing"].map(str::to_owned).to_vec()];
    rows.extend([&drift.score].into_iter().chain(drift.columns.iter().take(SHOWN)).map(line));
    let sides = [Side::Left, Side::Right, Side::Right, Side::Left, Side::Left, Side::Left, Side::Right];
    let mut text = head + &aligned(&sides, &rows);
    if drift.columns.len() > SHOWN {
        text += &format!("and {}\n", count(drift.columns.len() - SHOWN, "column"));
    }
    text
}

fn line(moved: &Moved) -> Vec<String> {
    let [then, now] = match (&moved.medians, &moved.level) {
        (Some([then, now]), _) => [then, now].map(|v| format!("median {}", significant(*v, 4))),
        (_, Some((level, then, now))) => [then, now].map(|v| format!("{level} {}", percent(*v))),
        _ => [String::new(), String::new()],
    };
    let drifted = if moved.has_drifted { "yes" } else { "no" };
    vec![
        moved.name.clone(),
        significant(moved.distance, 3),
        significant(moved.noise.min(1.0), 3),
        drifted.to_owned(),
        then,
        now,
        percent(moved.missing),
    ]
}
