//! A training run from its first step to its last picture: shared by `cae train` and `cae resume`.

use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use contractive::checkpoint::Resume;
use contractive::train::{End, Outcome};
use contractive::{EpochRecord, Prepared, RunDirectory, train};
use serde::Serialize;

use crate::arguments::{SourceArguments, quoted};
use crate::commands::report;
use crate::exit::Ending;
use crate::introduction::feature_word;
use crate::numbers::{count, duration, significant};
use crate::output::{print, print_json_line};
use crate::pictures;
use crate::progress::{Progress, Reporting};
use crate::table::pairs;

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
}

/// Trains to the end, or until the user stops it, and says what was made.
pub(crate) fn run(
    prepared: &Prepared,
    run: &RunDirectory,
    resume: Option<Resume>,
    source: &SourceArguments,
    reporting: Reporting,
    wants_report: bool,
) -> anyhow::Result<Ending> {
    let stop = stop_flag(reporting)?;
    let outcome = {
        let mut progress = Progress::new(reporting, prepared);
        train(prepared, Some(run), resume, &mut progress, &stop)?
    };
    // Of the whole run, those before a resume included.
    let seconds = outcome.history.iter().map(|record| record.seconds).sum();
    let is_interrupted = outcome.end == End::Interrupted;
    let images = if is_interrupted { Vec::new() } else { draw(prepared, &outcome, run) };
    let report = if is_interrupted || !wants_report { None } else { write_report(prepared, &outcome, run) };
    let resume = format!("cae resume {}{}", quoted(&run.path().to_string_lossy()), source.as_typed());
    match reporting {
        Reporting::Quiet => {}
        Reporting::Json => print_json_line(&EndEvent {
            event: "end",
            end: end_word(outcome.end),
            epochs: outcome.history.len(),
            best_epoch: outcome.best_epoch,
            seconds,
            run: run.path(),
            model: &run.model(),
            images: &images,
            report: report.as_deref(),
            best: best_of(&outcome),
            resume: is_interrupted.then_some(resume),
        })?,
        Reporting::Lines if is_interrupted => {
            let epochs = count(outcome.history.len(), "whole epoch");
            eprintln!("stopped after {epochs}; everything is saved, to the very step. Go on with:\n  {resume}");
        }
        Reporting::Lines => print(&summary(prepared, &outcome, run, source, seconds, &images, report.as_deref()))?,
    }
    Ok(if is_interrupted { Ending::Interrupted } else { Ending::Done })
}

/// A flag that Ctrl-C, or a request to end, raises; a second one ends the program at once.
pub(crate) fn stop_flag(reporting: Reporting) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
        if reporting != Reporting::Quiet {
            use io::Write;
            // Standard error may be gone; a handler must not panic for it.
            let _ = writeln!(io::stderr(), "\nstopping: saving after this step; Ctrl-C again ends without saving");
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// The names of the pictures drawn. The model is safe by now: a picture that fails is a warning.
fn draw(prepared: &Prepared, outcome: &Outcome, run: &RunDirectory) -> Vec<&'static str> {
    let drawn = pictures::write_all(prepared, &outcome.model, &outcome.history, run);
    for failure in &drawn.failures {
        eprintln!("warning: a picture could not be drawn: {failure:#}");
    }
    drawn.names
}

/// Where the report lies. As with the pictures, one that fails is a warning.
fn write_report(prepared: &Prepared, outcome: &Outcome, run: &RunDirectory) -> Option<PathBuf> {
    match report::write(run, prepared, &outcome.model, &outcome.history) {
        Ok(path) => Some(path),
        Err(e) => {
            eprintln!("warning: no report could be made: {e:#}");
            None
        }
    }
}

fn end_word(end: End) -> &'static str {
    match end {
        End::Finished => "finished",
        End::StoppedEarly => "stopped_early",
        End::Interrupted => "interrupted",
    }
}

fn best_of(outcome: &Outcome) -> Option<&EpochRecord> {
    outcome.best_epoch.checked_sub(1).and_then(|i| outcome.history.get(i))
}

fn summary(
    prepared: &Prepared,
    outcome: &Outcome,
    run: &RunDirectory,
    source: &SourceArguments,
    seconds: f64,
    images: &[&str],
    report: Option<&Path>,
) -> String {
    let path = quoted(&run.path().to_string_lossy());
    let why = if outcome.end == End::StoppedEarly { ", stopped early: no more gain" } else { "" };
    let epochs = count(outcome.history.len(), "epoch");
    let mut text = format!("\ntrained {epochs} in {}{why}; kept epoch {}\n", duration(seconds), outcome.best_epoch);
    if let Some(best) = best_of(outcome) {
        text += &format!("  {}\n", result(prepared, best));
    }
    let mut made = Vec::new();
    if let Some(report) = report {
        made.push(("  report", quoted(&report.to_string_lossy())));
    }
    made.push(("  model", quoted(&run.model().to_string_lossy())));
    if !images.is_empty() {
        made.push(("  pictures", format!("{}: {}", quoted(&run.images().to_string_lossy()), images.join(", "))));
    }
    made.push(("  numbers", quoted(&run.metrics_file().to_string_lossy())));
    let typed = source.as_typed();
    let judged = if prepared.test.is_some() { "judge it on the test rows" } else { "judge it, here on all rows" };
    let more = 2 * prepared.config.training.epochs;
    text + &pairs(&made)
        + "\nnext\n"
        + &pairs(&[
            (&*format!("  cae evaluate {path}{typed}"), judged.into()),
            (&*format!("  cae inspect {path}{typed}"), "look inside: layers, local dimension".into()),
            (&*format!("  cae encode {path}{typed} -o codes.npy"), "codes of rows".into()),
            (&*format!("  cae reconstruct {path}{typed} --image rows.png"), "rows beside their restorations".into()),
            (&*format!("  cae resume {path}{typed} --epochs {more}"), "train on".into()),
        ])
}

/// The numbers of the kept epoch on the rows that judge best.
fn result(prepared: &Prepared, best: &EpochRecord) -> String {
    let (part, terms) = match (best.test, best.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("training", best.train),
    };
    let loss = prepared.config.objective.loss;
    let d = prepared.data.n_features() as f64;
    let per_feature = terms.reconstruction / d;
    let word = feature_word(prepared.data.image_shape().is_some());
    let each = if loss.feature_factor(prepared.data.n_features()) == 1.0 {
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
