//! The report of a run: its record, measured, and its page, written.

use std::path::PathBuf;

use contractive::checkpoint::Resume;
use contractive::train::TrainError;
use contractive::{EpochRecord, Model, Prepared, RunDirectory};
use contractive_report::{Repeat, ReportError, RunRecord, report_html};

use crate::output::write_file;

/// Name of the report in a run directory.
pub(crate) const REPORT_FILE: &str = "report.html";

/// The page of these runs, which says how to repeat one with this command.
pub(crate) fn page(records: &[RunRecord]) -> Result<String, ReportError> {
    report_html(records, &Repeat { command: Some("cae train --config config.toml".into()) })
}

/// The best model of the checkpoints; the last where no epoch was completed.
pub(crate) fn model_of(resume: Resume, prepared: &Prepared) -> Result<Model, TrainError> {
    let (checkpoint, run) = (resume.last.state.data_sha256, prepared.data().sha256().map(str::to_owned));
    // The scaling is learnt again from the data: others would give another.
    if checkpoint != run {
        return Err(TrainError::OtherData { checkpoint, run });
    }
    let epoch = resume.last.state.stopping.best_epoch;
    Ok(prepared.model(resume.best.map_or(resume.last.parameters, |best| best.parameters), epoch))
}

/// All that the report says about a run.
pub(crate) fn record(
    run: &RunDirectory,
    prepared: &Prepared,
    model: &Model,
    history: &[EpochRecord],
) -> Result<RunRecord, contractive::Error> {
    let path = run.path();
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = whole.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy().into_owned());
    let mut record = RunRecord::new(&name, prepared, model, history)?;
    record.divergence = run.divergence()?;
    Ok(record)
}

/// Writes the report of a run that has just ended, and returns where it lies.
pub(crate) fn write(
    run: &RunDirectory,
    prepared: &Prepared,
    model: &Model,
    history: &[EpochRecord],
) -> anyhow::Result<PathBuf> {
    let path = run.path().join(REPORT_FILE);
    let page = page(&[record(run, prepared, model, history)?])?;
    write_file(&path, page.as_bytes())?;
    Ok(path)
}

/// Writes the report of a run that has just diverged; `None` where it left no checkpoint to report on.
pub(crate) fn write_diverged(run: &RunDirectory, prepared: &Prepared) -> anyhow::Result<Option<PathBuf>> {
    let Some(resume) = run.resume()? else { return Ok(None) };
    write(run, prepared, &model_of(resume, prepared)?, &run.metrics()?).map(Some)
}
