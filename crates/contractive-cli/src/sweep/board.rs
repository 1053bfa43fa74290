//! What a sweep shows while it goes: a bar over all epochs and a line a run, JSON lines, or nothing.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use contractive::train::TrainingPlan;
use contractive::{EpochRecord, Observer};
use contractive_report::analysis::Concern;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::crew::Crew;
use super::plan::{Plan, PlannedRun};
use super::result::{RunResult, State};
use crate::numbers::{count, duration, significant};
use crate::output::print_json_line;
use crate::progress::Reporting;
use crate::terminal::{say, say_lines};
use crate::warnings::Warning;

/// Shared by all runs.
pub(crate) struct Board {
    reporting: Reporting,
    state: Mutex<Shown>,
}

struct Shown {
    bar: Option<ProgressBar>,
    ended: usize,
    runs: usize,
    /// What was warned of: the same again is said in fewer words.
    warned: Vec<Concern>,
}

#[derive(Serialize)]
struct StartEvent<'a> {
    event: &'static str,
    folder: &'a std::path::Path,
    runs: usize,
    done: usize,
    at_once: usize,
    threads: usize,
}

#[derive(Serialize)]
struct EpochEvent<'a> {
    event: &'static str,
    run: &'a str,
    epochs: usize,
    #[serde(flatten)]
    record: &'a EpochRecord,
}

#[derive(Serialize)]
struct RunEvent<'a> {
    event: &'static str,
    #[serde(flatten)]
    result: &'a RunResult,
    warnings: &'a [&'a Warning],
}

impl Board {
    /// Says what is about to be trained: the runs at the places `left`; the others are over already.
    pub(crate) fn start(
        reporting: Reporting,
        folder: &std::path::Path,
        plan: &Plan,
        left: &[usize],
        crew: Crew,
    ) -> anyhow::Result<Self> {
        let runs = plan.runs.len();
        let done = runs - left.len();
        let epochs: usize = left.iter().map(|&i| plan.runs[i].config.training.epochs()).sum();
        let mut bar = None;
        match reporting {
            Reporting::Quiet => {}
            Reporting::Json => {
                let Crew { at_once, threads } = crew;
                print_json_line(&StartEvent { event: "sweep", folder, runs, done, at_once, threads })?;
            }
            Reporting::Lines => {
                say_lines(introduction(folder, plan, done, crew));
                bar = io::stderr().is_terminal().then(|| epoch_bar(epochs));
            }
        }
        Ok(Board { reporting, state: Mutex::new(Shown { bar, ended: done, runs, warned: Vec::new() }) })
    }

    /// A run is over, or was stopped.
    pub(crate) fn ended(&self, run: &PlannedRun, result: &RunResult, warning: Option<&Warning>) {
        let mut shown = self.shown();
        if result.state != State::Unfinished {
            shown.ended += 1;
        }
        match self.reporting {
            Reporting::Quiet => {}
            Reporting::Json => {
                // A reader that has gone is noticed again, and reported, when the sweep ends.
                let warnings: Vec<&Warning> = warning.into_iter().collect();
                let _ = print_json_line(&RunEvent { event: "run", result, warnings: &warnings });
            }
            Reporting::Lines => {
                let is_new = |warning: &&Warning| !shown.warned.iter().any(|concern| warning.is_like(concern));
                let again = if warning.is_some_and(|w| !is_new(&w)) { "; warned of as above" } else { "" };
                let words = in_words(result);
                shown.say(&format!("[{}/{}] {}  {words}{again}", shown.ended, shown.runs, run.folder));
                if let Some(warning) = warning.filter(is_new) {
                    shown.say(&format!("warning: {}: {}", run.folder, warning.message));
                    shown.warned.push(warning.concern());
                }
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.shown().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run has other epochs than was thought before its rows were known.
    fn stretched(&self, from: usize, to: usize) {
        if let Some(bar) = &self.shown().bar {
            bar.set_length((bar.length().unwrap_or(0) + to as u64).saturating_sub(from as u64));
        }
    }

    fn moved(&self, epochs: usize) {
        if let Some(bar) = &self.shown().bar {
            bar.inc(epochs as u64);
        }
    }
}

impl Shown {
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

fn epoch_bar(epochs: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:24}  {pos}/{len} epochs  {eta} left") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar
}

fn introduction(folder: &std::path::Path, plan: &Plan, done: usize, crew: Crew) -> String {
    let of = |i: usize| {
        let mut words: Vec<&str> = Vec::new();
        plan.runs.iter().map(|run| run.words[i].as_str()).for_each(|word| {
            if !words.contains(&word) {
                words.push(word);
            }
        });
        words.join(", ")
    };
    let settings: Vec<String> = plan.settings.iter().enumerate().map(|(i, name)| format!("{name} {}", of(i))).collect();
    let mut text = format!("{} in {}: {}", count(plan.runs.len(), "run"), folder.display(), settings.join("; "));
    if done > 0 {
        text += &format!("\ngoing on: {} done already", if done == 1 { "1 is".into() } else { format!("{done} are") });
    }
    if done < plan.runs.len() {
        text += &format!("\n{} at once, {} each", crew.at_once, count(crew.threads, "thread"));
    }
    text
}

fn in_words(result: &RunResult) -> String {
    let time = duration(result.seconds);
    match result.state {
        State::Unfinished => format!("stopped after {}", count(result.epochs, "whole epoch")),
        State::Failed => format!("failed: {}", result.error.as_deref().unwrap_or("for no reason that is known")),
        State::Diverged => match &result.divergence {
            Some(at) => format!("diverged in epoch {}, step {}: {} was not finite", at.epoch, at.step, at.term),
            None => "diverged".to_owned(),
        },
        State::Finished => {
            let Some(best) = &result.best else { return time };
            let (part, terms) = match (best.validation, best.test) {
                (Some(terms), _) => ("validation", terms),
                (None, Some(terms)) => ("test", terms),
                (None, None) => ("training", best.train),
            };
            let (loss, norm) = (significant(terms.reconstruction, 4), significant(best.jacobian_norm, 3));
            format!("{part} loss {loss}, ‖J‖ {norm}, {time}")
        }
    }
}

/// Tells the board about one run.
pub(crate) struct Watcher<'a> {
    board: &'a Board,
    run: &'a str,
    epochs: usize,
}

impl<'a> Watcher<'a> {
    /// Of this run.
    pub(crate) fn new(board: &'a Board, run: &'a PlannedRun) -> Self {
        Watcher { board, run: &run.folder, epochs: run.config.training.epochs() }
    }
}

impl Observer for Watcher<'_> {
    fn on_start(&mut self, plan: &TrainingPlan) {
        self.board.stretched(self.epochs, plan.epochs);
        self.epochs = plan.epochs;
        self.board.moved(plan.epochs_done);
    }

    fn on_epoch(&mut self, record: &EpochRecord) -> ControlFlow<()> {
        self.board.moved(1);
        if self.board.reporting == Reporting::Json {
            let _ = print_json_line(&EpochEvent { event: "epoch", run: self.run, epochs: self.epochs, record });
        }
        ControlFlow::Continue(())
    }
}
