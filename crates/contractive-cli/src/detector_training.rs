//! `cae train --detector`: its flags, and a training from the table to the detector directory.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::TrainConfig;
use contractive::data::Dataset;
use contractive_anomaly::detector::{
    Agreement, Detector, DetectorError, DetectorPlan, DetectorSettings, MemberReport, Purity, ScoreKind, ThresholdRule,
    TrainOptions, TrainingTable,
};
use contractive_core::communicator::Group;
use contractive_datasets::{DataSpec, LoadOptions, Part};
use serde::Serialize;

use crate::arguments::SourceArguments;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::interruption::stop_flag;
use crate::members_bar::MembersBar;
use crate::numbers::{count, duration, grouped, significant};
use crate::output::{print, print_json_line, say_notes};
use crate::progress::Reporting;
use crate::ranks::{self, of_first};
use crate::shell::quoted;
use crate::sources::load;
use crate::table::pairs;
use crate::terminal::say;

/// The settings of a detector.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DetectorArguments {
    /// Train an anomaly detector on a table, or on a folder of pictures without defects: contractive autoencoders with
    /// calibrated scores and a threshold. Needs --data; sizes and steps come from the table's shape, and are explained.
    #[arg(long, help_heading = "Detector")]
    pub(crate) detector: bool,
    /// Networks in the ensemble, each from its own seed, from 1 to 1000 [default: 8; of pictures 1 a scale].
    #[arg(long, value_name = "N", requires = "detector", help_heading = "Detector")]
    ensemble: Option<usize>,
    /// All rows trained on are ordinary: a row that is unlike all of them is then an anomaly.
    #[arg(long, requires = "detector", conflicts_with_all = ["contaminated", "time"], help_heading = "Detector")]
    clean: bool,
    /// Many of the rows trained on may be anomalies that are like each other: small groups of like rows are then not
    /// taken for ordinary.
    #[arg(long, requires = "detector", conflicts_with = "time", help_heading = "Detector")]
    contaminated: bool,
    /// Share of each batch, from 0 to 0.5, that a step leaves out: the rows that are restored worst. For training rows
    /// with many anomalies [default: 0].
    #[arg(long, value_name = "SHARE", requires = "detector", help_heading = "Detector")]
    trim: Option<f64>,
    /// Most steps a network [default: by the table's shape, from 200 to 4000].
    #[arg(long, value_name = "N", requires = "detector", help_heading = "Detector")]
    steps: Option<usize>,
    /// Longest time for training all networks, such as 30s, 500ms, 2m or 1h. The result then depends on the machine.
    #[arg(long, value_name = "TIME", requires = "detector", value_parser = seconds, help_heading = "Detector")]
    time_budget: Option<f64>,
    /// Share of anomalies that you expect among the rows trained on, above 0 and at most 0.5. The same as --threshold
    /// contamination:SHARE [default: 0.1; of pictures sigma:3].
    #[arg(long, value_name = "SHARE", requires = "detector", conflicts_with = "threshold", help_heading = "Detector")]
    contamination: Option<f64>,
    /// Scores above it are anomalies: contamination:SHARE, quantile:P, sigma:K (mean + K standard deviations), pot:RATE
    /// (peaks over threshold) or value:T; can be changed later.
    #[arg(long, value_name = "RULE", requires = "detector", help_heading = "Detector")]
    threshold: Option<ThresholdRule>,
    /// What is used as the score [default: combined].
    #[arg(long, value_name = "NAME", requires = "detector", value_parser = score_kinds(), help_heading = "Detector")]
    score: Option<String>,
}

/// Keys of the configuration that a detector takes from the other flags.
pub(crate) const SHARED_KEYS: [&str; 16] = [
    "data.spec",
    "data.patch",
    "data.rows",
    "data.label_column",
    "data.array",
    "data.header",
    "data.decimal",
    "data.thousands",
    "data.validation",
    "model.hidden",
    "model.tied",
    "objective.contraction",
    "training.batch_size",
    "training.learning_rate",
    "training.seed",
    "training.threads",
];

pub(crate) fn score_kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(ScoreKind::ALL.map(ScoreKind::name))
}

pub(crate) fn score_kind(name: &str) -> ScoreKind {
    ScoreKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
}

/// A time with its unit, in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let unit = match &text[at..] {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("give a time such as 30s, 500ms, 2m or 1h".into()),
    };
    match text[..at].trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number * unit),
        _ => Err("give a time above 0, such as 30s, 500ms, 2m or 1h".into()),
    }
}

impl DetectorArguments {
    /// Whether the number of networks was chosen.
    pub(crate) fn has_ensemble(&self) -> bool {
        self.ensemble.is_some()
    }

    /// Refuses what detectors of pictures have no use for.
    pub(crate) fn refuse_for_pictures(&self) -> Result<(), Usage> {
        let flags = [(self.clean, "--clean"), (self.contaminated, "--contaminated"), (self.score.is_some(), "--score")];
        match flags.into_iter().find(|(is_given, _)| *is_given) {
            None => Ok(()),
            Some((_, flag)) => Err(Usage(format!("{flag} is for tables, and the data are pictures"))),
        }
    }

    /// Whether the threshold was chosen.
    pub(crate) fn has_threshold(&self) -> bool {
        self.threshold.is_some() || self.contamination.is_some()
    }

    /// The settings; `given` are the keys that the other flags set, and `config` their values over the defaults.
    pub(crate) fn settings(&self, config: &TrainConfig, given: &[String]) -> Result<DetectorSettings, Usage> {
        if given.iter().any(|key| key == "data.stream" || key == "data.shuffle_rows") {
            let text = "--stream and --shuffle-rows do not go with --detector: it keeps the rows it learns from in memory; of a \
                        table too large for that give --rows N, and score any table with `cae detect`, which reads it \
                        piece by piece";
            return Err(Usage(text.into()));
        }
        if config.data.rows == Some(0) {
            return Err(Usage("--rows must be at least 1, got 0".into()));
        }
        if let Some(key) = given.iter().find(|key| !SHARED_KEYS.contains(&key.as_str())) {
            let text = format!(
                "--detector does not take the setting `{key}`; see the flags under Detector in `cae train --help`"
            );
            return Err(Usage(text));
        }
        let has = |key: &str| given.iter().any(|g| g == key);
        let mut settings = DetectorSettings::default();
        if has("model.hidden") {
            settings.hidden = Some(config.model.hidden.clone());
        }
        for (key, to, from) in [
            ("data.validation", &mut settings.validation, config.data.validation),
            ("objective.contraction", &mut settings.contraction, config.objective.contraction),
            ("training.learning_rate", &mut settings.learning_rate, config.training.learning_rate),
        ] {
            if has(key) {
                *to = from;
            }
        }
        if has("model.tied") {
            settings.tied = config.model.tied;
        }
        if has("training.batch_size") {
            settings.batch_size = config.training.batch_size;
        }
        settings.seed = config.training.seed;
        settings.ensemble = self.ensemble.unwrap_or(settings.ensemble);
        settings.purity = match (self.clean, self.contaminated) {
            (true, _) => Purity::Clean,
            (_, true) => Purity::Contaminated,
            _ => Purity::Mixed,
        };
        settings.trim = self.trim.unwrap_or(settings.trim);
        settings.steps = self.steps;
        settings.time_budget = self.time_budget;
        settings.score = self.score.as_deref().map(score_kind).unwrap_or_default();
        let contamination = self.contamination.map(|share| ThresholdRule::Contamination { share });
        settings.threshold = self.threshold.or(contamination).unwrap_or_default();
        Ok(settings)
    }
}

#[derive(Serialize)]
struct MemberEvent {
    event: &'static str,
    member: usize,
    members: usize,
    steps: usize,
    most_steps: usize,
    validation: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct EndEvent<'a> {
    event: &'static str,
    seconds: f64,
    detector: &'a Path,
    threshold: f64,
    threshold_rule: String,
    /// Kinds of score that name other training rows as the most anomalous.
    scores_apart: Vec<Apart>,
}

/// A kind of score of whose highest training rows so few are the detector's own highest.
#[derive(Serialize)]
struct Apart {
    score: &'static str,
    shared: usize,
    of: usize,
}

impl Apart {
    fn note(&self, own: &str) -> String {
        let Apart { score, shared, of } = self;
        format!(
            "the scores `{own}` and `{score}` name different rows as the most anomalous ({shared} of the highest {of} are \
             shared): look at both, with `cae detect --score {score}`"
        )
    }
}

/// What a detector is trained on.
enum TrainingRows {
    /// A table with roles of columns.
    Table(Box<TrainingTable>),
    /// Numbers alone.
    Bare(Box<Dataset>),
}

impl TrainingRows {
    fn name(&self) -> &str {
        match self {
            TrainingRows::Table(table) => &table.name,
            TrainingRows::Bare(data) => data.name(),
        }
    }
}

fn bare_rows(config: &TrainConfig, source: &SourceArguments, reporting: Reporting) -> anyhow::Result<Dataset> {
    let spec: DataSpec = config.data.spec.parse()?;
    let options = LoadOptions::of(&config.data, source.source());
    let data = load(&spec, Part::Train, &options, reporting == Reporting::Quiet)?;
    if reporting == Reporting::Lines {
        say_notes(data.notes());
    }
    Ok(data)
}

/// Trains a detector and saves it in `out`.
pub(crate) fn run(
    config: &TrainConfig,
    settings: &DetectorSettings,
    table: Option<TrainingTable>,
    source: &SourceArguments,
    out: &Path,
    reporting: Reporting,
    group: &Group,
) -> anyhow::Result<Ending> {
    settings.check()?;
    let stop = stop_flag(reporting)?;
    // Before the work, so that nothing keeps its result from being saved.
    let place = of_first(group, || Ok(Detector::reserve(out)?))?;
    let rows = match table {
        Some(table) => TrainingRows::Table(Box::new(table)),
        None if group.is_alone() => TrainingRows::Bare(Box::new(bare_rows(config, source, reporting)?)),
        None => {
            let text =
                "several ranks train detectors of tables in files with columns; `cae train --detector` takes images";
            return Err(Usage(text.into()).into());
        }
    };
    let name = rows.name().to_owned();
    let began = std::time::Instant::now();
    let bar = MembersBar::new(reporting, settings.ensemble);
    let on_plan = |plan: &DetectorPlan| {
        if reporting == Reporting::Lines {
            let (n, d) = (grouped(plan.rows + plan.validation_rows), plan.architecture.input_size());
            bar.say(&format!("{name}: {n} rows of {d} features; {}", count(settings.ensemble, "network")));
            plan.reasons.iter().for_each(|reason| bar.say(&format!("  {reason}")));
        }
    };
    let on_member = |m: &MemberReport| match reporting {
        Reporting::Quiet => {}
        Reporting::Lines => bar.show(m),
        Reporting::Json => {
            let MemberReport { member, members, steps, most_steps, validation, seconds } = *m;
            let event = "member";
            let _ = print_json_line(&MemberEvent { event, member, members, steps, most_steps, validation, seconds });
        }
    };
    let agreement = OnceLock::new();
    let on_scores = |of: &[Agreement]| drop(agreement.set(of.to_vec()));
    let options = TrainOptions {
        threads: ranks::threads(config, group)?,
        on_plan: &on_plan,
        on_member: &on_member,
        on_scores: &on_scores,
        stop: &stop,
    };
    let result = match rows {
        TrainingRows::Table(table) => Detector::train_table_shared(*table, settings, &options, group),
        TrainingRows::Bare(data) => Detector::train_with(&data, settings, &options),
    };
    drop(bar);
    // Another rank's flag stops this one too.
    if stop.load(Ordering::Relaxed) || matches!(result, Err(DetectorError::Stopped)) {
        if group.is_first() {
            say("stopped; no detector was saved");
        }
        return Ok(Ending::Interrupted);
    }
    let detector = result?;
    if of_first(group, || Ok(place.map(|place| detector.save_in(place)).transpose()?))?.is_none() {
        return Ok(Ending::Done);
    }
    let apart: Vec<&Agreement> = agreement.get().into_iter().flatten().filter(|a| a.is_apart()).collect();
    let scores_apart: Vec<Apart> =
        apart.into_iter().map(|a| Apart { score: a.other.name(), shared: a.shared, of: a.of }).collect();
    let seconds = began.elapsed().as_secs_f64();
    match reporting {
        Reporting::Quiet => {}
        Reporting::Json => {
            let (threshold, threshold_rule) = (detector.threshold(), settings.threshold.to_string());
            let event = "end";
            print_json_line(&EndEvent { event, seconds, detector: out, threshold, threshold_rule, scores_apart })?;
        }
        Reporting::Lines => {
            let own = settings.score.name();
            say_notes(&scores_apart.iter().map(|apart| apart.note(own)).collect::<Vec<String>>());
            print_end(&detector, seconds, out)?;
        }
    }
    Ok(Ending::Done)
}

/// Says where the detector is, and what can be done with it.
fn print_end(detector: &Detector, seconds: f64, out: &Path) -> anyhow::Result<()> {
    let (path, settings) = (quoted(&out.to_string_lossy()), detector.settings());
    let threshold = format!("{} ({})", significant(detector.threshold(), 5), settings.threshold);
    print(&format!("\ntrained {} in {}\n", count(settings.ensemble, "network"), duration(seconds)))?;
    print(&pairs(&[("  detector", path.clone()), ("  threshold", threshold)]))?;
    print("\nnext\n")?;
    let detect = format!("  cae detect {path} --data FILE -o scores.csv");
    let judge = format!("  cae evaluate {path} --data FILE --labels COLUMN");
    let threshold = format!("  cae threshold {path} RULE");
    Ok(print(&pairs(&[
        (&detect, "score the rows of a table".into()),
        (&threshold, "change where a score becomes an anomaly".into()),
        (&judge, "judge it on rows whose labels are known".into()),
    ]))?)
}

/// Where a detector goes that is given no place.
pub(crate) fn default_place(name: &str) -> PathBuf {
    let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    contractive::run::default_path(Path::new("runs"), &format!("{name}-detector"), &time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(seconds("30s"), Ok(30.0));
        assert_eq!(seconds("1.5m"), Ok(90.0));
        assert_eq!(seconds("500ms"), Ok(0.5));
        assert_eq!(seconds("7"), Ok(7.0));
        for bad in ["", "s", "-1s", "0", "3 weeks", "inf", "NaNs"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
