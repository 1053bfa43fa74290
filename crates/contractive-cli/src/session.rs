//! A training run from its first step to its last picture: shared by `cae train` and `cae resume`.

use std::path::Path;

use contractive::checkpoint::Resume;
use contractive::train::{End, EngineBuilder, Outcome, train_with};
use contractive::{Prepared, RunDirectory};
use contractive_core::communicator::Group;
use contractive_core::engine::CpuEngine;
use contractive_report::record::concern;

use crate::arguments::{OutputArguments, SourceArguments};
use crate::exit::{Ending, with_causes};
use crate::finished::Finished;
use crate::interruption::stop_flag;
use crate::progress::{Progress, Reporting};
use crate::ranks::reporting;
use crate::shell::quoted;
use crate::terminal::say;
use crate::warnings::Warning;
use crate::{browser, pictures, ranks, reports};

/// Trains to the end, or until the user stops it, and says what was made. Of several ranks the first one has a run directory.
pub(crate) fn run(
    prepared: &Prepared,
    run: Option<&RunDirectory>,
    resume: Option<Resume>,
    source: &SourceArguments,
    output: &OutputArguments,
    group: &Group,
) -> anyhow::Result<Ending> {
    let reporting = reporting(output, group);
    let stop = stop_flag(reporting)?;
    let outcome = {
        let mut progress = Progress::new(reporting, prepared);
        let threads = ranks::threads(prepared.config(), group)?;
        let engine: &EngineBuilder<'_> = &|parameters, objective, optimiser, clip, _| {
            Ok(Box::new(CpuEngine::new(parameters, objective, optimiser, clip, threads)?))
        };
        train_with(engine, prepared, run, resume, &mut progress, &stop)
    };
    // The other ranks have no place to write to, and nothing to say; what is judged are the rows of all.
    let Some(run) = run else {
        let outcome = outcome?;
        if outcome.end == End::Interrupted {
            return Ok(Ending::Interrupted);
        }
        concern(prepared, &outcome.model)?;
        return Ok(Ending::Done);
    };
    let outcome = outcome.inspect_err(|e| {
        if e.divergence().is_some() {
            report_divergence(prepared, run, output);
        }
    })?;
    let (images, warnings) = (Vec::new(), Vec::new());
    let mut finished = Finished { prepared, outcome: &outcome, run, source, images, report: None, warnings };
    if outcome.end == End::Interrupted {
        finished.tell(reporting)?;
        return Ok(Ending::Interrupted);
    }
    finished.warnings.extend(concern(prepared, &outcome.model)?.map(Warning::new));
    finished.images = draw(prepared, &outcome, run);
    if !output.no_report {
        finished.report = or_warn(reports::write(run, prepared, &outcome.model, &outcome.history));
    }
    finished.tell(reporting)?;
    if let Some(page) = finished.report.as_deref().filter(|_| output.open) {
        open(page);
    }
    Ok(Ending::Done)
}

/// The names of the pictures drawn. The model is safe by now: a picture that fails is a warning.
fn draw(prepared: &Prepared, outcome: &Outcome, run: &RunDirectory) -> Vec<&'static str> {
    let drawn = pictures::write_all(prepared, &outcome.model, &outcome.history, run);
    for failure in &drawn.failures {
        say(format!("warning: a picture could not be drawn: {}", with_causes(failure)));
    }
    drawn.names
}

/// A report that fails is a warning, as a picture is.
fn or_warn<T>(report: anyhow::Result<T>) -> Option<T> {
    report.inspect_err(|e| say(format!("warning: no report could be made: {}", with_causes(e)))).ok()
}

/// Makes the report of a run that diverged, where it left a checkpoint to report on.
fn report_divergence(prepared: &Prepared, run: &RunDirectory, output: &OutputArguments) {
    if output.no_report {
        return;
    }
    let Some(page) = or_warn(reports::write_diverged(run, prepared)).flatten() else { return };
    if output.reporting() != Reporting::Quiet {
        say(format!("what came before the divergence is in {}", quoted(&page.to_string_lossy())));
    }
    if output.open {
        open(&page);
    }
}

/// Shows the page; training is done by now, so that a browser that fails is a warning.
fn open(page: &Path) {
    if let Err(e) = browser::open(page) {
        say(format!("warning: {e}"));
    }
}
