//! `cae train`: a recipe, a file and flags become one configuration, and that becomes a run.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive::config::Layer;
use contractive::run::{RunError, default_path};
use contractive::{Prepared, RunDirectory, TrainConfig, recipe};
use contractive_anomaly::detector::{Detector, DetectorSettings};
use contractive_anomaly::images::ImageDetector;
use contractive_anomaly::series::SeriesDetector;
use contractive_core::communicator::Group;
use contractive_table::atomic::is_free;

use crate::arguments::{OutputArguments, SourceArguments};
use crate::detector_training::{self, DetectorArguments};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::image_training;
use crate::output::check_folder;
use crate::picture_arguments::PictureArguments;
use crate::progress::Reporting;
use crate::ranks::{of_first, reporting};
use crate::run_names::of_data;
use crate::series_training::{self, SeriesArguments};
use crate::session;
use crate::sources::{holds_pictures, prepare_shared};
use crate::sweep::SweepFolder;
use crate::sweep::arguments::SweepArguments;
use crate::sweep::plan::{Plan, number_of_runs, place_word};
use crate::sweep::whole::Sweep;
use crate::table_arguments::TableArguments;
use crate::training_arguments::TrainingArguments;
use crate::training_settings::Settings;

/// Train an autoencoder and leave a run directory with its model, numbers and pictures.
///
/// Settings come from a recipe, then from a TOML file, then from flags; each overrides those before. Without a recipe
/// and without --data, the recipe `strokes` is trained, which needs no files and no internet. With --data and no
/// recipe, the defaults named below hold.
///
/// Ctrl-C, SIGTERM or a closed terminal saves and stops, and says how to go on. A run that was killed goes on with `cae resume`, to the same bits.
///
/// A setting may be given several values, separated by commas (--hidden and --decoder: repeat the flag). Every
/// combination is then trained, in a directory of its own within one folder, and all are compared in a table and on a
/// page. --seeds N trains each with N seeds. If stopped, the same command or `cae resume FOLDER` goes on.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Train {
    /// A recipe, as `cae recipes` lists them.
    recipe: Option<String>,
    /// What a shell made of a pattern after --data.
    #[arg(hide = true)]
    more: Vec<String>,
    /// TOML file of settings, with the keys of a run's config.toml; unknown keys are refused.
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: TrainingArguments,
    #[command(flatten)]
    sweep: SweepArguments,
    #[command(flatten)]
    detector: DetectorArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    series: SeriesArguments,
    #[command(flatten)]
    pictures: PictureArguments,
    #[command(flatten)]
    source: SourceArguments,
    /// The run directory; it must be new or empty [default: runs/NAME-TIME; for several runs the folder of all,
    /// runs/NAME-by-SETTINGS].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Name of the run in runs/NAME-TIME [default: the recipe's or the data's name].
    #[arg(long, value_name = "NAME", conflicts_with = "out", help_heading = "Output")]
    name: Option<String>,
    #[command(flatten)]
    output: OutputArguments,
}

const AFTER_HELP: &str = "\
Examples:
  cae train                                             built-in images, under a minute
  cae train fashion-64-32-16 --epochs 10                a recipe, with one change
  cae train mnist-sigmoid --data-dir ~/data --offline   data that lie there already
  cae train --data table.csv --hidden 64,16 --contraction 1e-3 --label-column class
  cae train --data mnist --loss bce --noise masking:0.2 --penalty projection --probes 4
  cae train --data large.parquet --stream               a table larger than memory
  cae train --contraction 0,0.1,1 --seeds 3             nine runs, and their means over the seeds
  cae train --hidden 64,16 --hidden 256,64 --activation tanh,relu       four runs
  cae train --detector --data table.csv --contamination 0.02 --time-budget 30s
  cae train --detector --data orders.csv --key id,when --categorical shop --missing mask --out detector
  cae train --detector --data load.csv --time timestamp --window 48
  cae train --detector --data good/ --out detector      pictures without a defect, in a folder
  cae train --data pictures.npy --patch 8 --stride 4     pictures of any size, in grey or colour
  cae train --config mine.toml --set training.optimiser.beta2=0.99 --seed 7

The objective is the mean over rows of loss + contraction x penalty; the number printed is the number minimised.
Units: losses and penalties are those of one row, of features as they are scaled.";

impl Train {
    /// Runs the subcommand.
    pub(crate) fn run(self, group: &Group) -> anyhow::Result<Ending> {
        self.refuse_several_files()?;
        if self.detector.detector {
            return self.run_detector(group);
        }
        let mut settings = self.settings.settings()?;
        settings.put_stride(self.series.stride)?;
        self.pictures.put(&mut settings)?;
        self.sweep.put_seeds(&mut settings)?;
        if !settings.several().is_empty() {
            return match group.is_alone() {
                true => self.run_several(&settings),
                false => {
                    let text = "several runs are for `cae train`; several ranks train one, with one value a setting";
                    Err(Usage(text.into()).into())
                }
            };
        }
        let config = group.agree(self.one_configuration(&settings, group))?;
        let prepared =
            prepare_shared(&config, &self.source, reporting(&self.output, group) == Reporting::Quiet, group)?;
        let run = of_first(group, || Ok(self.run_directory(&prepared)?))?;
        session::run(&prepared, run.as_ref(), None, &self.source, &self.output, group)
    }

    /// The configuration of a run that has a place.
    fn one_configuration(&self, settings: &Settings, group: &Group) -> anyhow::Result<TrainConfig> {
        let config = self.configuration(settings.layer(&[])?)?;
        config.check()?;
        if group.is_first() {
            match &self.out {
                Some(out) => check_place(out)?,
                None => check_place(&self.place(&config, None))?,
            }
        }
        Ok(config)
    }

    /// Trains every combination of the settings with several values.
    fn run_several(&self, settings: &Settings) -> anyhow::Result<Ending> {
        self.sweep.check_number(number_of_runs(settings))?;
        let first = self.configuration(settings.layer(&[])?)?;
        let plan = Plan::of_product(settings, |choice| {
            let config = self.configuration(settings.layer(choice)?)?;
            config.check()?;
            Ok(config)
        })?;
        let word = place_word(settings);
        let places = (1..100).map(|i| match i {
            1 => self.place(&first, Some(&word)),
            i => self.place(&first, Some(&format!("{word}-{i}"))),
        });
        let folder = match &self.out {
            Some(out) => SweepFolder::find(std::iter::once(out.clone()), &plan)?,
            None => SweepFolder::find(places, &plan)?,
        };
        check_folder(folder.path()).map_err(|source| RunError::Write { path: folder.path().to_path_buf(), source })?;
        let (source, output) = (&self.source, &self.output);
        let threads = first.training.threads;
        Sweep { folder, plan, source, output, data: None, threads, jobs: self.sweep.jobs() }.carry_out()
    }

    /// Refuses what a shell makes of `--data *.png`: the first file is taken for the data, the next one for a recipe.
    fn refuse_several_files(&self) -> Result<(), Usage> {
        let words: Vec<&String> = self.recipe.iter().chain(&self.more).collect();
        let is_file = |word: &&&String| Path::new(word.as_str()).is_file();
        match (words.iter().find(is_file), &self.more[..]) {
            (Some(file), _) if words.len() > 1 || self.settings.keys()?.iter().any(|key| key == "data.spec") => {
                let n = words.iter().filter(|word| is_file(word)).count();
                let text = format!(
                    "--data takes one file, and {file} is one too many (of {}); quote a pattern, and its files are read as one table",
                    crate::numbers::count(n, "further file")
                );
                Err(Usage(text))
            }
            (_, [word, ..]) => Err(Usage(format!("one recipe is trained at a time; `{word}` is one too many"))),
            _ => Ok(()),
        }
    }

    fn run_detector(mut self, group: &Group) -> anyhow::Result<Ending> {
        if self.recipe.is_some() || self.config.is_some() {
            let text = "--detector takes no recipe and no --config; give --data FILE and flags";
            return Err(Usage(text.into()).into());
        }
        self.sweep.refuse_with("--detector")?;
        let scale = self.settings.take_scale()?;
        let keys = self.settings.keys()?;
        let config = TrainConfig::layered(&TrainConfig::default(), &[self.settings.layer()?])?;
        let settings = self.detector.settings(&config, &keys)?;
        let is_images =
            self.series.time.is_none() && (config.data.patch.is_some() || holds_pictures(&config.data.spec)?);
        if !keys.iter().any(|key| key == "data.spec") {
            return Err(Usage("--detector needs the rows to train on: give --data FILE".into()).into());
        }
        let out = self.out.clone().unwrap_or_else(|| detector_training::default_place(&self.data_name(&config)));
        group.agree(if group.is_first() { self.check_place_of_detector(&out, is_images) } else { Ok(()) })?;
        let reporting = reporting(&self.output, group);
        if self.series.time.is_none() && self.series.stride.is_some() && !is_images {
            let text = "--stride is of the windows of a time series (--time), or of the patches of pictures";
            return Err(Usage(text.into()).into());
        }
        if self.series.time.is_some() {
            if !group.is_alone() {
                let text = "a time series is for `cae train`, in one process; several ranks train detectors of tables";
                return Err(Usage(text.into()).into());
            }
            let has_threshold = self.detector.has_threshold();
            let missing = self.table.take_missing_of_series()?;
            return series_training::run(&self.series, missing, &config, settings, has_threshold, &out, reporting);
        }
        if is_images {
            return self.run_images(&config, settings, scale.as_deref(), &out, reporting, group);
        }
        if let Some(flag) = self.pictures.given() {
            let text = format!(
                "{flag} is for pictures, and {} holds none; give --patch to take an array as pictures",
                config.data.spec
            );
            return Err(Usage(text).into());
        }
        let table = self.table.read(&config, scale.as_deref(), reporting, group)?;
        detector_training::run(&config, &settings, table, &self.source, &out, reporting, group)
    }

    /// Trains a detector of pictures.
    fn run_images(
        &self,
        config: &TrainConfig,
        settings: DetectorSettings,
        scale: Option<&str>,
        out: &Path,
        reporting: Reporting,
        group: &Group,
    ) -> anyhow::Result<Ending> {
        if !group.is_alone() {
            let text = "pictures are for `cae train`, in one process; several ranks train detectors of tables";
            return Err(Usage(text.into()).into());
        }
        for (is_given, flag) in [
            (config.data.rows.is_some(), "--rows"),
            (config.data.array.is_some(), "--array"),
            (config.data.label_column.is_some(), "--label-column"),
            (scale.is_some(), "--scale"),
        ] {
            if is_given {
                return Err(Usage(format!("{flag} does not go with pictures")).into());
            }
        }
        self.table.refuse_for_pictures()?;
        self.detector.refuse_for_pictures()?;
        let settings = image_training::settings(settings, self.detector.has_ensemble(), self.detector.has_threshold());
        let spec = self.pictures.spec(config.data.patch, self.series.stride);
        image_training::run(config, &spec, self.pictures.skip_broken, &settings, out, reporting)
    }

    /// Refuses, before any work, a place that is taken or where no detector can be written. What a killed training left
    /// there is cleared away.
    fn check_place_of_detector(&self, out: &Path, is_images: bool) -> anyhow::Result<()> {
        let failed = |source| RunError::Write { path: out.to_path_buf(), source };
        if !out.exists() {
            return Ok(check_folder(out).map_err(failed)?);
        }
        let place = match self.series.time {
            Some(_) => SeriesDetector::reserve(out).map_err(anyhow::Error::from),
            None if is_images => ImageDetector::reserve(out).map_err(anyhow::Error::from),
            None => Detector::reserve(out).map_err(anyhow::Error::from),
        };
        let is_taken = match place {
            Ok(_) => !is_free(out).map_err(failed)?,
            Err(e) if is_free(out).map_err(failed)? => return Err(e),
            Err(_) => true,
        };
        if is_taken {
            let out = out.display();
            let text = format!("{out} exists and is not empty; choose another place for the detector with `--out`");
            return Err(Usage(text).into());
        }
        Ok(())
    }

    /// The recipe, or the defaults, under the file and the flags.
    fn configuration(&self, flags: Layer) -> anyhow::Result<TrainConfig> {
        let file = self.config.as_deref().map(Layer::from_file).transpose()?;
        let layers: Vec<Layer> = file.into_iter().chain([self.table.layer()?, flags]).collect();
        let named = self.recipe.as_deref().or_else(|| layers.iter().rev().find_map(|layer| layer.string("recipe")));
        let base = match named {
            Some(name) => recipe::find(name).map_err(|e| with_path_hint(e, name))?.config,
            None if layers.iter().any(|layer| layer.has("data.spec")) => TrainConfig::default(),
            None => recipe::find(recipe::DEFAULT)?.config,
        };
        Ok(TrainConfig::layered(&base, &layers)?)
    }

    /// Where the run goes; without `time` only the folder above it is right.
    fn place(&self, config: &TrainConfig, time: Option<&str>) -> PathBuf {
        let recipe = || self.name.clone().or_else(|| config.recipe.clone());
        let name = recipe().unwrap_or_else(|| self.data_name(config));
        default_path(Path::new("runs"), &name, time.unwrap_or("new"))
    }

    /// The name given, else that of the data.
    fn data_name(&self, config: &TrainConfig) -> String {
        self.name.clone().unwrap_or_else(|| of_data(&config.data.spec))
    }

    fn run_directory(&self, prepared: &Prepared) -> Result<RunDirectory, RunError> {
        if let Some(out) = &self.out {
            return RunDirectory::create(out, prepared.config());
        }
        let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let place = self.place(prepared.config(), Some(&time));
        // Two runs of one second: the later one is numbered.
        let numbered = (2..100).map(|i| self.place(prepared.config(), Some(&format!("{time}-{i}"))));
        let mut result = RunDirectory::create(&place, prepared.config());
        for place in numbered {
            if !matches!(result, Err(RunError::Occupied { .. } | RunError::Held { .. })) {
                break;
            }
            result = RunDirectory::create(&place, prepared.config());
        }
        result
    }
}

/// Refuses, before any work, a run directory that is taken or cannot be made.
fn check_place(path: &Path) -> Result<(), RunError> {
    RunDirectory::check_free(path)?;
    check_folder(path).map_err(|source| RunError::Write { path: path.to_path_buf(), source })
}

/// Adds the way to train on data that were named in place of a recipe.
fn with_path_hint(error: contractive::config::ConfigError, name: &str) -> anyhow::Error {
    let is_data = contractive_datasets::registry::find(name).is_some() || Path::new(name).is_file();
    if is_data {
        return Usage(format!("{error}; `{name}` is data: train on it with `cae train --data {name}`")).into();
    }
    error.into()
}
