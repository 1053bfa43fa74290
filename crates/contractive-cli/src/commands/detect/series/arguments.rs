//! What `cae detect` takes for time series.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive_anomaly::detector::{ScoreKind, ThresholdRule};
use contractive_table::TextOptions;

use crate::errors::Usage;
use crate::exit::Ending;

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
    pub(super) labels: Option<String>,
    /// The series trained on, or another ordinary one: with --score, what scores of that kind are compared with.
    #[arg(long, value_name = "FILE", requires = "score", help_heading = "Time series")]
    pub(super) reference: Option<PathBuf>,
    /// Read the file as it grows, text alone: a timestamp is given as soon as all windows that cover it are whole; Ctrl-C
    /// ends the series and gives the last ones. The scores are those of the whole file, to the bit. One series alone. A file
    /// that is rotated goes on in the next one of its name, with a header or without: a renamed or removed one is read to
    /// its end first, a truncated one from its beginning. Rows must go on too: a table written anew is refused.
    #[arg(long, help_heading = "Time series", conflicts_with_all = ["output", "report"])]
    pub(super) follow: bool,
    /// Give a timestamp's score with its first window already, and again when it is final.
    #[arg(long, requires = "follow", help_heading = "Time series")]
    pub(super) early: bool,
    /// Seconds between looks at the file, above 0 [default: 0.5].
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds, help_heading = "Time series")]
    pub(super) poll: Option<f64>,
    /// End when the file has not grown for so many seconds [default: never].
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds, help_heading = "Time series")]
    pub(super) idle: Option<f64>,
}

impl SeriesFlags {
    /// The first flag given, of those that a table has no use for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags =
            [(self.labels.is_some(), "--labels"), (self.reference.is_some(), "--reference"), (self.follow, "--follow")];
        flags.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
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
    /// Further columns to carry to the output.
    pub(crate) key: &'a [String],
    /// How many columns to name for a timestamp, where it was said.
    pub(crate) explain: Option<usize>,
    pub(crate) explain_all: bool,
    pub(crate) anomalies_only: bool,
    /// How the text of the table is spelled; what is left out is as in training.
    pub(crate) text: TextOptions,
    /// The rule that labels timestamps, in place of the detector's own.
    pub(crate) threshold: Option<ThresholdRule>,
    /// The kind of score, in place of the detector's own.
    pub(crate) score: Option<ScoreKind>,
    pub(crate) threads: usize,
}

fn seconds(text: &str) -> Result<f64, String> {
    let must = "give seconds above 0 and at most 1000000";
    text.parse().ok().filter(|s| *s > 0.0 && *s <= 1e6).ok_or_else(|| must.to_owned())
}

impl DetectSeries<'_> {
    /// How the command ends, `flagged` timestamps being above the threshold.
    pub(super) fn ending(&self, flagged: usize) -> Ending {
        if self.fail_on_anomaly && flagged > 0 { Ending::FoundAnomalies } else { Ending::Done }
    }
}

/// Refuses another kind of score where the detector's threshold is a fixed value of its own kind and no other rule is given.
pub(in crate::commands) fn check_rule_of(
    rule: ThresholdRule,
    own: ScoreKind,
    wanted: &str,
    given: Option<ThresholdRule>,
) -> Result<(), Usage> {
    let (ThresholdRule::Value { threshold }, None) = (rule, given) else { return Ok(()) };
    let own = own.name();
    Err(Usage(format!(
        "the detector's threshold is the value {threshold}, of the score {own}; with --score {wanted} give --threshold too"
    )))
}
