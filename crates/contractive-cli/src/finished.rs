//! What a training run left, in words and as JSON.

use std::path::{Path, PathBuf};

use contractive::train::{End, Outcome};
use contractive::{EpochRecord, Prepared, RunDirectory};
use serde::Serialize;

use crate::arguments::SourceArguments;
use crate::introduction::feature_word;
use crate::numbers::{count, duration, significant};
use crate::output::{print, print_json_line};
use crate::progress::Reporting;
use crate::shell::quoted;
use crate::table::pairs;
use crate::terminal::say;
use crate::warnings::Warning;

/// A training run that has ended or was stopped.
pub(crate) struct Finished<'a> {
    /// What was trained on.
    pub(crate) prepared: &'a Prepared,
    /// What came of it.
    pub(crate) outcome: &'a Outcome,
    /// Where it lies.
    pub(crate) run: &'a RunDirectory,
    /// Where its data were looked for.
    pub(crate) source: &'a SourceArguments,
    /// Names of the pictures drawn.
    pub(crate) images: Vec<&'static str>,
    /// The page made.
    pub(crate) report: Option<PathBuf>,
    /// What is wrong with the model.
    pub(crate) warnings: Vec<Warning>,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct EndEvent<'a> {
    event: &'static str,
    end: &'static str,
    epochs: usize,
    best_epoch: usize,
    seconds: f64,
    run: &'a Path,
    model: &'a Path,
    images: &'a [&'static str],
    report: Option<&'a Path>,
    best: Option<&'a EpochRecord>,
    resume: Option<String>,
    warnings: &'a [Warning],
}

impl Finished<'_> {
    /// Says what was made, or how to go on.
    pub(crate) fn tell(&self, reporting: Reporting) -> anyhow::Result<()> {
        if reporting != Reporting::Quiet {
            self.warnings.iter().for_each(|warning| say(format!("warning: {}", warning.message)));
        }
        match reporting {
            Reporting::Quiet => Ok(()),
            Reporting::Json => self.print_event(),
            Reporting::Lines if self.is_interrupted() => {
                let epochs = count(self.outcome.history.len(), "whole epoch");
                let resume = self.resume();
                say(format!("stopped after {epochs}; everything is saved, to the very step. Go on with:\n  {resume}"));
                Ok(())
            }
            Reporting::Lines => Ok(print(&self.summary())?),
        }
    }

    fn is_interrupted(&self) -> bool {
        self.outcome.end == End::Interrupted
    }

    /// Of the whole run, those before a resume included.
    fn seconds(&self) -> f64 {
        self.outcome.history.iter().map(|record| record.seconds).sum()
    }

    fn resume(&self) -> String {
        format!("cae resume {}{}", quoted(&self.run.path().to_string_lossy()), self.source.as_typed())
    }

    fn best(&self) -> Option<&EpochRecord> {
        self.outcome.best_epoch.checked_sub(1).and_then(|i| self.outcome.history.get(i))
    }

    fn print_event(&self) -> anyhow::Result<()> {
        print_json_line(&EndEvent {
            event: "end",
            end: match self.outcome.end {
                End::Finished => "finished",
                End::StoppedEarly => "stopped_early",
                End::Interrupted => "interrupted",
            },
            epochs: self.outcome.history.len(),
            best_epoch: self.outcome.best_epoch,
            seconds: self.seconds(),
            run: self.run.path(),
            model: &self.run.model(),
            images: &self.images,
            report: self.report.as_deref(),
            best: self.best(),
            resume: self.is_interrupted().then(|| self.resume()),
            warnings: &self.warnings,
        })
    }

    fn summary(&self) -> String {
        let outcome = self.outcome;
        let why = if outcome.end == End::StoppedEarly { ", stopped early: no more gain" } else { "" };
        let (epochs, time) = (count(outcome.history.len(), "epoch"), duration(self.seconds()));
        let mut text = format!("\ntrained {epochs} in {time}{why}; kept epoch {}\n", outcome.best_epoch);
        if let Some(best) = self.best() {
            text += &format!("  {}\n", result(self.prepared, best));
        }
        text + &pairs(&self.made()) + "\nnext\n" + &self.next()
    }

    fn made(&self) -> Vec<(&'static str, String)> {
        let mut made = Vec::new();
        if let Some(report) = &self.report {
            made.push(("  report", quoted(&report.to_string_lossy())));
        }
        made.push(("  model", quoted(&self.run.model().to_string_lossy())));
        if !self.images.is_empty() {
            let folder = self.run.images();
            made.push(("  pictures", format!("{}: {}", quoted(&folder.to_string_lossy()), self.images.join(", "))));
        }
        made.push(("  numbers", quoted(&self.run.metrics_file().to_string_lossy())));
        made
    }

    /// Commands that use the model.
    fn next(&self) -> String {
        let (path, typed) = (quoted(&self.run.path().to_string_lossy()), self.source.as_typed());
        // A streamed table may not fit in memory, and these commands load their rows.
        let rows = if self.prepared.shuffle_buffer().is_some() { " --data PART" } else { "" };
        let judged = match (self.prepared.test().is_some(), rows) {
            (true, _) => "judge it on the test rows",
            (false, "") => "judge it, here on all rows",
            (false, _) if self.prepared.data().picture_shape().is_some() => "judge it on a folder that memory holds",
            (false, _) => "judge it on a file of rows that memory holds",
        };
        let more = 2 * self.prepared.config().training.epochs();
        let with = format!("{path}{rows}{typed}");
        let report = self.report.as_ref().map(|report| {
            let what = "the page of this run; --open shows it when training ends";
            (format!("  open {}", quoted(&report.to_string_lossy())), what)
        });
        let commands = [
            (format!("  cae evaluate {with}"), judged),
            (format!("  cae inspect {with}"), "look inside: layers, local dimension"),
            (format!("  cae encode {with} -o codes.npy"), "codes of rows"),
            (format!("  cae reconstruct {with} --image rows.png"), "rows beside their reconstructions"),
            (format!("  cae resume {path}{typed} --epochs {more}"), "train on"),
        ];
        let all: Vec<(String, &str)> = report.into_iter().chain(commands).collect();
        pairs(&all.iter().map(|(what, words)| (what.as_str(), (*words).to_owned())).collect::<Vec<_>>())
    }
}

/// The numbers of the kept epoch on the rows that judge best.
fn result(prepared: &Prepared, best: &EpochRecord) -> String {
    let (part, terms) = match (best.test, best.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("training", best.train),
    };
    let loss = prepared.config().objective.loss;
    let d = prepared.data().n_features() as f64;
    let per_feature = terms.reconstruction / d;
    let word = feature_word(prepared.data().picture_shape().is_some());
    let each = if loss.feature_factor(prepared.data().n_features()) == 1.0 {
        format!(" a row ({} a {word})", significant(per_feature, 4))
    } else {
        String::new()
    };
    format!(
        "{part}: {loss} {}{each}, mean ‖J‖_F {}",
        significant(terms.reconstruction, 5),
        significant(best.jacobian_norm, 4)
    )
}
