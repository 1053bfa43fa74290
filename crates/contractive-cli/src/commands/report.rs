//! `cae report`: runs as one page.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use contractive::{EpochRecord, Model, Prepared, RunDirectory, RunRecord};
use contractive_report::report_html;

use crate::arguments::{SourceArguments, quoted};
use crate::exit::{Ending, Usage};
use crate::models::Opened;
use crate::output::{check_file, print, write_file};
use crate::sources::prepare;

/// Name of the report in a run directory.
pub(crate) const REPORT_FILE: &str = "report.html";

/// Make a page that explains a run, or compares several: one HTML file that needs nothing else.
///
/// For one run the page is RUN/report.html; for several it is report.html here, with the settings that differ, the
/// figures beside each other, and curves and reconstructions of all. The data are read again, as the run was configured.
/// `cae train` and `cae resume` make the page of their run at the end.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Report {
    /// Run directories.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Write the page to this file, .html [default: RUN/report.html, or report.html for several runs].
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Where the same data lie now, if they were moved.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// Threads, at least 1; the page does not depend on it [default: one a processor core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print nothing.
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cae report runs/NAME
  cae report runs/plain runs/contractive -o comparison.html";

impl Report {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let opened: Vec<Opened> = self.runs.iter().map(|run| open(run)).collect::<Result<_, _>>()?;
        let target = match (&self.output, opened.as_slice()) {
            (Some(path), _) => path.clone(),
            (None, [Opened { run: Some(run), .. }]) => run.path().join(REPORT_FILE),
            (None, _) => PathBuf::from(REPORT_FILE),
        };
        if !target.extension().is_some_and(|end| end == "html" || end == "htm") {
            return Err(Usage("-o takes a name that ends in .html".into()).into());
        }
        check_file(&target)?;
        let mut records = Vec::new();
        for (path, opened) in self.runs.iter().zip(opened) {
            records.push(self.record(path, opened)?);
        }
        write_file(&target, report_html(&records)?.as_bytes())?;
        if !self.quiet {
            print(&format!("{}\n", quoted(&target.to_string_lossy())))?;
        }
        Ok(Ending::Done)
    }

    fn record(&self, path: &Path, opened: Opened) -> anyhow::Result<RunRecord> {
        let (Some(run), Some(mut config)) = (opened.run, opened.config) else { return Err(no_run(path).into()) };
        if let Some(data) = &self.data {
            config.data.spec.clone_from(data);
        }
        let planned = config.training.threads;
        if let Some(threads) = self.threads {
            config.training.threads = Some(usize::from(threads));
        }
        let mut prepared = prepare(&config, &self.source, self.quiet)
            .with_context(|| format!("cannot read the data of {}", path.display()))?;
        // The page depends on the rows, not on how many threads looked at them.
        let mut record = record(&run, &prepared, &opened.model, &run.metrics()?)?;
        prepared.config.training.threads = planned;
        record.config = prepared.config;
        Ok(record)
    }
}

fn open(path: &Path) -> anyhow::Result<Opened> {
    let opened = Opened::new(path)?;
    if opened.run.is_none() {
        return Err(no_run(path).into());
    }
    Ok(opened)
}

fn no_run(path: &Path) -> Usage {
    let path = path.display();
    Usage(format!("{path} must be a run directory, with config.toml and metrics.jsonl; a model alone has no history"))
}

fn record(
    run: &RunDirectory,
    prepared: &Prepared,
    model: &Model,
    history: &[EpochRecord],
) -> Result<RunRecord, contractive::Error> {
    let path = run.path();
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = whole.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy().into_owned());
    RunRecord::new(&name, prepared, model, history)
}

/// Writes the report of a run that has just ended, and returns where it lies.
pub(crate) fn write(
    run: &RunDirectory,
    prepared: &Prepared,
    model: &Model,
    history: &[EpochRecord],
) -> anyhow::Result<PathBuf> {
    let path = run.path().join(REPORT_FILE);
    let page = report_html(&[record(run, prepared, model, history)?])?;
    write_file(&path, page.as_bytes())?;
    Ok(path)
}
