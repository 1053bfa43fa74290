//! What a run shows while it goes: a bar and a line an epoch, JSON lines, or nothing.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use contractive::train::{StepReport, TrainingPlan};
use contractive::{EpochRecord, Observer, Prepared};
use contractive_core::Loss;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::introduction::{feature_word, introduction};
use crate::numbers::{duration, grouped, significant};
use crate::output::print_json_line;
use crate::terminal::{say, say_lines};

/// Least time between two redraws of the bar.
const PAUSE: Duration = Duration::from_millis(80);
/// An epoch of this time has a line of its own.
const SLOW: Duration = Duration::from_secs(1);
/// Lines of quick epochs that a run shows, about.
const MOST_LINES: usize = 200;

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reporting {
    /// Lines on standard error, and a bar where it is a terminal.
    Lines,
    /// One JSON object an epoch on standard output.
    Json,
    /// Nothing.
    Quiet,
}

impl Reporting {
    /// From the flags.
    pub(crate) fn new(is_json: bool, is_quiet: bool) -> Self {
        match (is_json, is_quiet) {
            (true, _) => Reporting::Json,
            (false, true) => Reporting::Quiet,
            (false, false) => Reporting::Lines,
        }
    }
}

/// An epoch as a line of JSON.
#[derive(Serialize)]
struct EpochEvent<'a> {
    event: &'static str,
    epochs: usize,
    #[serde(flatten)]
    record: &'a EpochRecord,
}

/// The observer of a run.
pub(crate) struct Progress<'a> {
    reporting: Reporting,
    prepared: &'a Prepared,
    bar: Option<ProgressBar>,
    began: Instant,
    /// When the last line was shown.
    said: Instant,
    drawn: Option<Instant>,
    epochs: usize,
    /// Epochs and share of an epoch that were done when this process took up the run.
    before: f64,
}

impl<'a> Progress<'a> {
    /// For a run of `prepared`.
    pub(crate) fn new(reporting: Reporting, prepared: &'a Prepared) -> Self {
        let began = Instant::now();
        Progress { reporting, prepared, bar: None, began, said: began, drawn: None, epochs: 0, before: f64::NAN }
    }

    /// The loss a feature, where the loss is a sum over features.
    fn per_feature(&self, value: f64) -> Option<f64> {
        let loss = self.prepared.config().objective.loss;
        matches!(loss, Loss::Sse | Loss::CrossEntropy).then(|| value / self.prepared.data().n_features() as f64)
    }

    /// Whether the sum over the last batch is shown: in file order it is over the same rows every epoch, so epochs compare.
    fn shows_last_batch(&self) -> bool {
        !self.prepared.config().training.shuffle
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say_lines(line)),
            None => say_lines(line),
        }
    }

    fn header(&self) -> String {
        let (has_validation, has_test) = (self.prepared.n_validation_rows() > 0, self.prepared.test().is_some());
        let word = feature_word(self.prepared.data().picture_shape().is_some());
        let mut line = format!("{:>7}  {:>9}  {:>9}", "epoch", "train", "loss");
        if self.per_feature(0.0).is_some() {
            line += &format!("  {:>9}", format!("/{word}"));
        }
        for part in [has_validation.then_some("validation"), has_test.then_some("test")].into_iter().flatten() {
            line += &format!("  {part:>10}");
        }
        if self.shows_last_batch() {
            line += &format!("  {:>10}", "last batch");
        }
        line + &format!("  {:>8}  {:>8}  {:>7}", "‖J‖", "rate", "seconds")
    }

    fn line(&self, record: &EpochRecord) -> String {
        let shown = |value: f64| significant(value, 5);
        let epoch = format!("{}/{}", record.epoch, self.epochs);
        let (train, loss) = (record.train.total, record.train.reconstruction);
        let mut line = format!("{epoch:>7}  {:>9}  {:>9}", shown(train), shown(loss));
        if let Some(value) = self.per_feature(loss) {
            line += &format!("  {:>9}", significant(value, 4));
        }
        for terms in [record.validation, record.test].into_iter().flatten() {
            line += &format!("  {:>10}", shown(terms.total));
        }
        if let (true, Some(sum)) = (self.shows_last_batch(), record.last_batch_sum) {
            line += &format!("  {:>10}", shown(sum));
        }
        let rate = format!("{:.2e}", record.learning_rate);
        line + &format!("  {:>8}  {rate:>8}  {:>7.2}", significant(record.jacobian_norm, 4), record.seconds)
    }

    fn epoch_bar(&self, steps: usize) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix:>7}  {bar:20}  {pos}/{len}  {wide_msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar
    }
}

impl Observer for Progress<'_> {
    fn on_start(&mut self, plan: &TrainingPlan) {
        self.epochs = plan.epochs;
        self.began = Instant::now();
        if self.reporting != Reporting::Lines {
            return;
        }
        say_lines(introduction(self.prepared, plan.steps));
        if plan.epochs_done > 0 {
            say(format!("going on after epoch {} of {}", plan.epochs_done, plan.epochs));
        }
        say_lines(format!("\n{}", self.header()));
        if io::stderr().is_terminal() {
            self.bar = Some(self.epoch_bar(plan.steps));
        }
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.draw(report);
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        match self.reporting {
            Reporting::Quiet => {}
            Reporting::Lines if self.is_due(record.epoch) => {
                self.said = Instant::now();
                self.say(&self.line(record));
            }
            Reporting::Lines => {}
            Reporting::Json => {
                // A reader that has gone is noticed again, and reported, when the run ends.
                let _ = print_json_line(&EpochEvent { event: "epoch", epochs: self.epochs, record });
            }
        }
        ControlFlow::Continue(())
    }
}

impl Progress<'_> {
    /// Whether the line of an epoch is shown: about two hundred of a run, and of slow epochs all.
    fn is_due(&self, epoch: usize) -> bool {
        epoch.is_multiple_of(self.epochs.div_ceil(MOST_LINES).max(1)) || self.said.elapsed() >= SLOW
    }

    /// Moves the bar of the epoch.
    fn draw(&mut self, report: &StepReport) {
        let Some(bar) = &self.bar else { return };
        let done = (report.epoch - 1) as f64 + report.step as f64 / report.steps as f64;
        if self.before.is_nan() {
            self.before = done - 1.0 / report.steps as f64;
        }
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < PAUSE) && report.step < report.steps {
            return;
        }
        self.drawn = Some(Instant::now());
        let left = self.began.elapsed().as_secs_f64() * (report.epochs as f64 - done) / (done - self.before);
        let penalty = match self.prepared.config().objective().has_penalty() {
            true => format!("  penalty {}", significant(report.terms.penalty, 4)),
            false => String::new(),
        };
        bar.set_prefix(format!("{}/{}", report.epoch, report.epochs));
        bar.set_message(format!(
            "{} left  loss {}{penalty}  {} rows/s",
            duration(left),
            significant(report.terms.reconstruction, 4),
            grouped(report.rows_per_second as usize),
        ));
        bar.set_position(report.step as u64);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
