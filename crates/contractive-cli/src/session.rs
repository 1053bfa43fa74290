//! A training run from its first step to its last picture: shared by `cae train` and `cae resume`.

use std::io;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use contractive::checkpoint::Resume;
use contractive::train::{End, Outcome};
use contractive::{EpochRecord, Prepared, RunDirectory, train};
use serde::Serialize;

use crate::arguments::{OutputArguments, SourceArguments, quoted};
use crate::browser;
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
    output: &OutputArguments,
) -> anyhow::Result<Ending> {
    let reporting = output.reporting();
    let stop = stop_flag(reporting)?;
    let outcome = {
        let mut progress = Progress::new(reporting, prepared);
        train(prepared, Some(run), resume, &mut progress, &stop)
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(e) => {
            if e.divergence().is_some() {
                tell_of_divergence(prepared, run, output);
            }
            return Err(e.into());
        }
    };
    // Of the whole run, those before a resume included.
    let seconds = outcome.history.iter().map(|record| record.seconds).sum();
    let is_interrupted = outcome.end == End::Interrupted;
    let images = if is_interrupted { Vec::new() } else { draw(prepared, &outcome, run) };
    let wants_report = !is_interrupted && !output.no_report;
    let report =
        wants_report.then(|| or_warn(report::write(run, prepared, &outcome.model, &outcome.history))).flatten();
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
    if let Some(page) = report.as_deref().filter(|_| output.open) {
        open(page);
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
fn or_warn<T>(report: anyhow::Result<T>) -> Option<T> {
    report.inspect_err(|e| eprintln!("warning: no report could be made: {e:#}")).ok()
}

/// Makes the report of a run that diverged, where it left a checkpoint to report on.
fn tell_of_divergence(prepared: &Prepared, run: &RunDirectory, output: &OutputArguments) {
    if output.no_report {
        return;
    }
    let Some(page) = or_warn(report::write_diverged(run, prepared)).flatten() else { return };
    if output.reporting() != Reporting::Quiet {
        eprintln!("what came before the divergence is in {}", quoted(&page.to_string_lossy()));
    }
    if output.open {
        open(&page);
    }
}

/// Shows the page; training is done by now, so that a browser that fails is a warning.
fn open(page: &Path) {
    if let Err(e) = browser::open(page) {
        eprintln!("warning: {e}");
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
    // What was streamed may not fit in memory, where rows that are used lie.
    let rows = if prepared.shuffle_buffer().is_some() { " --data PART" } else { "" };
    let judged = match (prepared.test.is_some(), rows) {
        (true, _) => "judge it on the test rows",
        (false, "") => "judge it, here on all rows",
        (false, _) => "judge it on a file of rows that memory holds",
    };
    let more = 2 * prepared.config.training.epochs;
    text + &pairs(&made)
        + "\nnext\n"
        + &pairs(&[
            (&*format!("  cae evaluate {path}{rows}{typed}"), judged.into()),
            (&*format!("  cae inspect {path}{rows}{typed}"), "look inside: layers, local dimension".into()),
            (&*format!("  cae encode {path}{rows}{typed} -o codes.npy"), "codes of rows".into()),
            (
                &*format!("  cae reconstruct {path}{rows}{typed} --image rows.png"),
                "rows beside their restorations".into(),
            ),
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
