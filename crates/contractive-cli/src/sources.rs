//! Data, with a bar where they must be downloaded first.

use std::io::{self, IsTerminal};
use std::path::Path;

use contractive::data::Dataset;
use contractive::{Prepared, TrainConfig};
use contractive_core::communicator::Group;
use contractive_datasets::registry::Progress;
use contractive_datasets::{DataSpec, DatasetError, LoadOptions, Part};
use contractive_pictures::is_pictures;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::arguments::SourceArguments;
use crate::numbers::bytes;
use crate::terminal::say;

/// Shows downloads on standard error: a bar on a terminal, else a line a file.
pub(crate) struct Downloads {
    is_quiet: bool,
    file: String,
    bar: Option<ProgressBar>,
}

impl Downloads {
    /// Nothing is shown when `is_quiet`.
    pub(crate) fn new(is_quiet: bool) -> Self {
        Downloads { is_quiet, file: String::new(), bar: None }
    }

    /// The callback of a download: (file, bytes done, bytes in all).
    pub(crate) fn tell(&mut self, file: &str, done: u64, all: u64) {
        if self.is_quiet {
            return;
        }
        if self.file != file {
            self.finish();
            self.file = file.to_owned();
            // A file that is there already is reported once, as complete.
            if done >= all {
                return;
            }
            if io::stderr().is_terminal() {
                self.bar = Some(download_bar(file, all));
            } else {
                say(format!("downloading {file} ({})", bytes(all)));
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.abandon();
        }
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        self.finish();
    }
}

fn download_bar(file: &str, all: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
    let template = "{prefix}  {bar:24}  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_prefix(file.to_owned());
    bar
}

/// Loads data, showing a download.
pub(crate) fn load(
    spec: &DataSpec,
    part: Part,
    options: &LoadOptions,
    is_quiet: bool,
) -> Result<Dataset, DatasetError> {
    let mut downloads = Downloads::new(is_quiet);
    contractive_datasets::load_with_progress(spec, part, options, &mut |file, done, all| {
        downloads.tell(file, done, all)
    })
}

/// Whether data are pictures for a detector of them. Arrays in colour are too, which are rows of numbers for a model.
pub(crate) fn holds_pictures(text: &str) -> Result<bool, DatasetError> {
    match Path::new(text).is_dir() {
        true => Ok(text.parse::<DataSpec>()?.pictures().is_some()),
        false => Ok(is_pictures(text)),
    }
}

/// Checks a configuration, loads its data and makes them ready, showing a download.
pub(crate) fn prepare(config: &TrainConfig, source: &SourceArguments, is_quiet: bool) -> anyhow::Result<Prepared> {
    prepare_shared(config, source, is_quiet, &Group::alone())
}

/// The same of a rank among several, which has its share of the rows.
pub(crate) fn prepare_shared(
    config: &TrainConfig,
    source: &SourceArguments,
    is_quiet: bool,
    group: &Group,
) -> anyhow::Result<Prepared> {
    let source = source.source();
    let mut downloads = Downloads::new(is_quiet);
    let tell: Progress<'_> = &mut |file, done, all| downloads.tell(file, done, all);
    Ok(contractive_datasets::prepare_shared(config, &source, group, tell)?)
}
