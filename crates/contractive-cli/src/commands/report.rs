//! `cae report`: runs as one page.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use contractive::checkpoint::Resume;
use contractive::run::RunError;
use contractive::{Model, RunDirectory};
use contractive_report::RunRecord;

use crate::arguments::{OutputArguments, RowArguments, SourceArguments};
use crate::browser;
use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::models::Opened;
use crate::output::{check_file, print, write_file};
use crate::reports::{REPORT_FILE, model_of, page, record};
use crate::shell::quoted;
use crate::sources::prepare;
use crate::sweep::SweepFolder;
use crate::sweep::whole::Sweep;

/// Make a page that explains a run, or compares several: one HTML file that needs nothing else.
///
/// Of a model alone, such as an imported one, --data says which rows it is judged on, and the page is report.html here.
///
/// For one run the page is RUN/report.html; for several it is report.html here, with the settings that differ, the
/// figures beside each other, and curves and reconstructions of all. The data are read again, as the run was configured.
/// The folder of a sweep (`cae train` with several values, `cae compare`) gives its page anew, from its runs. `cae train`
/// and `cae resume` make the page of their run at the end. Of a run that diverged, the page shows the best
/// model and the curves before that, and says where it diverged.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Report {
    /// Run directories, or the folder of a sweep; or a model directory, with --data.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Write the page to this file, .html [default: RUN/report.html, that of the sweep's folder, or report.html for several runs].
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Where the same data lie now, if they were moved; of a model alone, the rows to judge it on.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    data: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// Open the page in the default browser.
    #[arg(long, help_heading = "Output")]
    open: bool,
    /// Threads, at least 1; the page does not depend on it [default: one a processor core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print nothing.
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cae report runs/NAME --open
  cae report runs/plain runs/contractive -o comparison.html
  cae report runs/SWEEP
  cae report MODEL --data table.csv -o model.html";

impl Report {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if let Some(sweep) = self.runs.iter().find(|run| SweepFolder::is_one(run)) {
            return self.remake_sweep(sweep);
        }
        if let ([path], true) = (&self.runs[..], self.data.is_some())
            && let Some(opened) = model_alone(path)?
        {
            return self.of_model(path, &opened);
        }
        let opened: Vec<Subject> = self.runs.iter().map(|run| open(run)).collect::<Result<_, _>>()?;
        let target = match (&self.output, opened.as_slice()) {
            (Some(path), _) => path.clone(),
            (None, [Subject { run, .. }]) => run.path().join(REPORT_FILE),
            (None, _) => PathBuf::from(REPORT_FILE),
        };
        check_target(&target)?;
        let mut records = Vec::new();
        for Subject { run, .. } in &opened {
            let data = self.data.clone().map_or_else(|| Ok(run.config()?.data.spec), Ok::<_, RunError>)?;
            Inputs::of(Some(&data)).and_trained(run.path()).check(&target, "-o")?;
        }
        for subject in opened {
            records.push(self.record(subject)?);
        }
        write_file(&target, page(&records)?.as_bytes())?;
        self.tell(&target)
    }

    /// The page of a model alone, on the rows of --data.
    fn of_model(&self, path: &Path, opened: &Opened) -> anyhow::Result<Ending> {
        let target = self.output.clone().unwrap_or_else(|| PathBuf::from(REPORT_FILE));
        check_target(&target)?;
        let (source, threads) = (self.source.clone(), self.threads);
        let rows = RowArguments { data: self.data.clone(), source, threads, ..RowArguments::default() };
        opened.inputs(&rows).check(&target, "-o")?;
        let data = opened.rows(&rows, self.quiet)?;
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = whole.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
        let record = RunRecord::of_model(&name, &opened.model, &data, rows.threads())?;
        write_file(&target, page(&[record])?.as_bytes())?;
        self.tell(&target)
    }

    /// Says where the page is, and opens it where that is asked for.
    fn tell(&self, target: &Path) -> anyhow::Result<Ending> {
        if !self.quiet {
            print(&format!("{}\n", quoted(&target.to_string_lossy())))?;
        }
        if self.open {
            browser::open(target)?;
        }
        Ok(Ending::Done)
    }

    fn remake_sweep(&self, path: &Path) -> anyhow::Result<Ending> {
        if self.runs.len() > 1 {
            let text = format!(
                "{} holds several runs: name it alone, or its runs one by one, such as {}/*/",
                path.display(),
                path.display()
            );
            return Err(Usage(text).into());
        }
        let (folder, plan) = SweepFolder::open(path)?;
        let target = self.output.clone().unwrap_or_else(|| folder.file(REPORT_FILE));
        check_target(&target)?;
        let output = OutputArguments { quiet: self.quiet, ..OutputArguments::default() };
        let (source, data, threads) = (&self.source, self.data.clone(), self.threads.map(usize::from));
        Sweep { folder, plan, source, output: &output, data, threads, jobs: None }.remake_page(&target)?;
        self.tell(&target)
    }

    fn record(&self, Subject { run, kept }: Subject) -> anyhow::Result<RunRecord> {
        let mut config = run.config()?;
        if let Some(data) = &self.data {
            config.data.spec.clone_from(data);
        }
        let planned = config.training.threads;
        if let Some(threads) = self.threads {
            config.training.threads = Some(usize::from(threads));
        }
        let prepared = prepare(&config, &self.source, self.quiet)
            .with_context(|| format!("cannot read the data of {}", run.path().display()))?;
        let model = match kept {
            Kept::Model(model) => *model,
            Kept::Checkpoints(resume) => model_of(*resume, &prepared)?,
        };
        // The page depends on the rows, not on how many threads looked at them.
        let mut record = record(&run, &prepared, &model, &run.metrics()?)?;
        record.config.training.threads = planned;
        Ok(record)
    }
}

fn check_target(target: &Path) -> anyhow::Result<()> {
    if !target.extension().is_some_and(|end| end == "html" || end == "htm") {
        return Err(Usage("-o takes a name that ends in .html".into()).into());
    }
    Ok(check_file(target)?)
}

/// A run with what it kept.
struct Subject {
    run: RunDirectory,
    kept: Kept,
}

enum Kept {
    /// The model of a run that ended well.
    Model(Box<Model>),
    /// The checkpoints of one that diverged.
    Checkpoints(Box<Resume>),
}

/// The model at `path` where it is in no run.
fn model_alone(path: &Path) -> anyhow::Result<Option<Opened>> {
    if RunDirectory::open(path).is_ok() || AnyDetector::found(path)?.is_some() {
        return Ok(None);
    }
    Ok(Some(Opened::new(path)?).filter(|opened| opened.run.is_none()))
}

fn open(path: &Path) -> anyhow::Result<Subject> {
    if let Ok(run) = RunDirectory::open(path)
        && let Some(divergence) = run.divergence()?
    {
        let Some(resume) = run.resume()? else {
            let text = format!(
                "{} diverged in epoch {}, step {}, before its first checkpoint: there is nothing to report; train again \
                 with a lower --learning-rate or with --clip",
                path.display(),
                divergence.epoch,
                divergence.step
            );
            return Err(Usage(text).into());
        };
        return Ok(Subject { run, kept: Kept::Checkpoints(Box::new(resume)) });
    }
    if let Some(AnyDetector::Images(_)) = AnyDetector::found(path)? {
        let page = quoted(&path.join("report.html").to_string_lossy());
        let path = quoted(&path.to_string_lossy());
        let text = format!(
            "{path} is a detector of pictures: the page of its training is {page}, and `cae detect {path} --data FOLDER --report \
             FILE.html` makes one of other pictures"
        );
        return Err(Usage(text).into());
    }
    if AnyDetector::found(path)?.is_some() {
        let path = quoted(&path.to_string_lossy());
        let text = format!(
            "{path} is a detector, and a report is of the training of an autoencoder; `cae inspect {path}` says what it \
             is, and `cae evaluate {path} --data FILE --labels COLUMN` what it is worth"
        );
        return Err(Usage(text).into());
    }
    let opened = Opened::new(path)?;
    let Some(run) = opened.run else {
        let path = quoted(&path.to_string_lossy());
        let text = format!(
            "{path} must be a run directory, with config.toml and metrics.jsonl; of a model alone, which has no history, \
             say by itself which rows: `cae report {path} --data FILE`"
        );
        return Err(Usage(text).into());
    };
    Ok(Subject { run, kept: Kept::Model(Box::new(opened.model)) })
}
