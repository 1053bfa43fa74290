//! Trained models on the disk, and the rows they are used on.

use std::path::{Path, PathBuf};

use contractive::config::ImageSize;
use contractive::data::{Dataset, TableError};
use contractive::encoding::EncodingError;
use contractive::model::CONFIG_FILE;
use contractive::{Model, RunDirectory, TrainConfig};
use contractive_datasets::{DataSpec, DatasetError, Part, has_test_part};
use contractive_pictures::{Colour, Fit, PictureOptions, PictureSource, Size};

use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::inputs::Inputs;
use crate::output::say_notes;
use crate::shell::quoted;
use crate::sources::load;

/// A model with the configuration of its run, where it lies in one.
pub(crate) struct Opened {
    /// The model.
    pub(crate) model: Model,
    /// The run's configuration.
    pub(crate) config: Option<TrainConfig>,
    /// The run's directory.
    pub(crate) run: Option<RunDirectory>,
    path: PathBuf,
}

impl Opened {
    /// Opens a run directory, its `model/`, or a model directory of its own.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let run = [Some(path), path.parent()].into_iter().flatten().find_map(|path| {
            let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() };
            RunDirectory::open(&path).ok()
        });
        // A model beside a run's model/ is not that run's.
        let run = run.filter(|run| run.path() == path || run.model() == path);
        if let Some(run) = run.as_ref().filter(|run| run.path() == path && !run.model().exists()) {
            let path = run.path().to_string_lossy();
            let text =
                format!("{path} has no model yet: its training did not end; go on with `cae resume {}`", quoted(&path));
            return Err(Usage(text).into());
        }
        if path.exists() && run.is_none() && !path.join(CONFIG_FILE).exists() {
            let text = format!("{} is neither a run nor a model directory: it has no {CONFIG_FILE}", path.display());
            return Err(Usage(text).into());
        }
        if !path.exists() {
            let text =
                format!("there is no run or model {}; give a run directory or a model directory", path.display());
            return Err(Usage(text).into());
        }
        let model = Model::load(path)?;
        let config = run.as_ref().map(RunDirectory::config).transpose()?;
        Ok(Opened { model, config, run, path: path.to_path_buf() })
    }

    /// What is read with these: the files of the rows, asked for or trained on, and the model with its run.
    pub(crate) fn inputs(&self, arguments: &RowArguments) -> Inputs {
        let data = arguments.data.clone().or_else(|| self.trained_on().ok());
        let folder = self.run.as_ref().map_or(self.path.as_path(), RunDirectory::path);
        Inputs::of(data.as_deref()).and_trained(folder)
    }

    /// The rows asked for, of a model of patches the patches of its pictures; without `--data` the test part of what was trained on, else all of it. What is to be known of
    /// how a file was understood is said on standard error.
    pub(crate) fn rows(&self, arguments: &RowArguments, is_quiet: bool) -> anyhow::Result<Dataset> {
        let data = self.model.rows_of(self.load_rows(arguments, is_quiet)?)?;
        if !is_quiet && arguments.data.is_some() {
            say_notes(data.notes());
        }
        Ok(data)
    }

    fn load_rows(&self, arguments: &RowArguments, is_quiet: bool) -> anyhow::Result<Dataset> {
        let mut options = arguments.load_options()?;
        let trained = self.config.as_ref().map(|config| &config.data);
        let spec: DataSpec = match &arguments.data {
            Some(text) => text.parse()?,
            None => self.trained_on()?.parse()?,
        };
        let is_inherited = arguments.data.is_none();
        if let (Some(trained), true) = (trained, is_inherited) {
            options.file.array = options.file.array.or_else(|| trained.array.clone());
            if !has_test_part(&spec) {
                options.file.rows = options.file.rows.or(trained.rows);
            }
        }
        let mut note = None;
        match (spec.pictures(), arguments.pictures.first()) {
            (Some(path), _) => {
                options.pictures = arguments.pictures.options(self.picture_options());
                if !arguments.pictures.is_made_alike() {
                    note = self.make_alike(path, &mut options.pictures)?;
                }
            }
            (None, Some(flag)) => {
                return Err(
                    Usage(format!("{flag} is of a folder or an archive of pictures, and {spec} is none")).into()
                );
            }
            (None, None) => {}
        }
        if spec.registered().is_none() && spec.pictures().is_none() {
            let as_trained = trained.is_some_and(|trained| trained.transpose);
            options.file.transpose = arguments.transpose.unwrap_or(as_trained);
            let preprocessing = self.model.preprocessing();
            options.file.text = options.file.text.or(preprocessing.text());
            // A row index that an older model learnt from is one of its features.
            options.file.kept = preprocessing.feature_names().map(<[String]>::to_vec).unwrap_or_default();
            options.file.divide_bytes = preprocessing.divides_bytes().then_some(true);
            options.file.encoding = preprocessing.table().cloned();
        }
        let inherited_label = trained
            .and_then(|trained| trained.label_column.clone())
            .filter(|_| arguments.label_column.is_none() && spec.registered().is_none());
        let Some(column) = inherited_label else {
            let data = load(&spec, Part::Test, &options, is_quiet)?;
            return Ok(note.into_iter().fold(data, Dataset::with_note));
        };
        let mut with_label = options.clone();
        with_label.file.label_column = Some(column);
        match load(&spec, Part::Test, &with_label, is_quiet) {
            // Rows to be judged need no labels: the column may be left out.
            Err(
                DatasetError::Table(TableError::MissingColumns { .. })
                | DatasetError::Encoding(EncodingError::Data(TableError::MissingColumns { .. })),
            ) => Ok(load(&spec, Part::Test, &options, is_quiet)?),
            other => Ok(other?),
        }
    }

    /// How pictures are read for the model: as in training, with its channels; those that it learns whole with its size.
    fn picture_options(&self) -> PictureOptions {
        let of_run = self.config.as_ref().map(|config| config.data.clone());
        let mut settings = of_run.unwrap_or_default();
        let reading = self.model.picture_reading();
        settings.patch = self.model.patches().map(|patches| patches.patch);
        settings.image_size = reading.size.or(settings.image_size);
        settings.fit = reading.fit.or(settings.fit);
        let mut options = settings.picture_options();
        if let Some(shape) = self.model.picture_shape() {
            options.colour = if shape.channels == 1 { Colour::Grey } else { Colour::Rgb };
            if self.model.patches().is_none() {
                options.size = Some(Size { width: shape.width, height: shape.height });
            }
        }
        options
    }

    /// Where pictures differ in size, as those did that the model was trained on, they are brought to the median of those; with what
    /// is said of it.
    fn make_alike(&self, path: &Path, options: &mut PictureOptions) -> anyhow::Result<Option<String>> {
        let Some(ImageSize { width, height }) = self.model.picture_reading().median_size else { return Ok(None) };
        if options.fit != Fit::Keep || PictureSource::open(path, options)?.shape().is_some() {
            return Ok(None);
        }
        (options.size, options.fit) = (Some(Size { width, height }), Fit::Crop);
        Ok(Some(format!(
            "pictures of several sizes are brought to {width} x {height}, the median of those trained on, and what lies beyond \
             is cut off; --image-size and --fit choose otherwise"
        )))
    }

    /// Whether the rows are pictures of a folder or an archive.
    pub(crate) fn reads_pictures(&self, arguments: &RowArguments) -> bool {
        let text = arguments.data.clone().or_else(|| self.trained_on().ok());
        text.and_then(|text| text.parse::<DataSpec>().ok()).is_some_and(|spec| spec.pictures().is_some())
    }

    /// The spec that the model was trained on, as far as it is known.
    fn trained_on(&self) -> Result<String, Usage> {
        if let Some(config) = &self.config {
            return Ok(config.data.spec.clone());
        }
        let provenance = self.model.provenance();
        if let Some(from) = &provenance.imported {
            return Err(Usage(format!("say which rows with --data; the model was imported from {}", from.source)));
        }
        let name = &provenance.data;
        let registered = name.parse::<DataSpec>().ok().and_then(|spec| Some(spec.registered()?.name.to_owned()));
        registered.ok_or_else(|| Usage(format!("say which rows with --data; the model was trained on `{name}`")))
    }
}
