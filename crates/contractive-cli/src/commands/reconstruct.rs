//! `cae reconstruct`: rows as the model restores them.

use std::path::PathBuf;

use clap::Args;
use contractive::Model;
use contractive::data::{Dataset, Storage};
use contractive::model::finite::check_rows;
use contractive::model::{ModelError, PictureSession};
use contractive_table::Column;

use super::encode::TargetArguments;
use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::models::Opened;
use crate::output::{check_file, number_columns, single_columns};
use crate::pictures::write_reconstructions;
use crate::terminal::say;

/// Write rows as the model restores them from their codes, in the units of the data, with a table's keys and labels.
///
/// A model of patches restores whole pictures: each pixel is the mean of the patches over it, and a line has the H x W x C
/// numbers of a picture, row by row with its colours last. Pictures of a folder or an archive are in an .npy array of the
/// shape (N, H, W), in colour (N, H, W, 3), from 0 to 255.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Reconstruct {
    /// A run directory or a model directory.
    #[arg(value_name = "RUN_OR_MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    #[command(flatten)]
    target: TargetArguments,
    /// Draw some rows and their reconstructions into this .png: ten images, or six rows of a table. Numbers are then
    /// written only with -o.
    #[arg(long, value_name = "FILE.png", help_heading = "Output")]
    image: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cae reconstruct runs/NAME --data mnist:test --image digits.png
  cae reconstruct runs/NAME --data table.csv -o restored.csv";

impl Reconstruct {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if let Some(path) = &self.image {
            if path.extension().is_none_or(|end| !end.eq_ignore_ascii_case("png")) {
                return Err(Usage(format!("--image takes a name that ends in .png, got {}", path.display())).into());
            }
            check_file(path)?;
        }
        let is_wanted = self.image.is_none() || self.target.output.is_some();
        let target = is_wanted.then(|| self.target.target()).transpose()?;
        let opened = Opened::new(&self.model)?;
        let inputs = opened.inputs(&self.rows);
        self.target.check_not_read(&inputs)?;
        if let Some(path) = &self.image {
            inputs.check(path, "--image")?;
        }
        let data = opened.rows(&self.rows, self.target.quiet)?;
        opened.model.preprocessing().check(&data)?;
        if let Some(path) = &self.image {
            write_reconstructions(path, &opened.model, &data)?;
            if !self.target.quiet {
                say(format!("wrote {}", path.display()));
            }
        }
        if let Some(target) = target {
            let (restored, names) = restored(&opened.model, &data, self.rows.threads())?;
            let data = data.into_pictures();
            let columns = match data.encoding() {
                Some(encoding) => encoding.decode_plain(&restored),
                None => columns(&names, &restored, &data)?,
            };
            let n_columns = columns.len();
            let shape = if opened.reads_pictures(&self.rows) { shape_of(&data) } else { Vec::new() };
            target.write_pictures_along(data.carried(), columns, &shape, self.target.quiet)?;
            self.target.say_written(&target, data.len(), n_columns);
        }
        Ok(Ending::Done)
    }
}

/// The shape of pictures in an array: height, width, and colours where there are several.
fn shape_of(data: &Dataset) -> Vec<usize> {
    let Some(shape) = data.picture_shape() else { return Vec::new() };
    let sides = [shape.height, shape.width, shape.channels];
    sides[..if shape.channels == 1 { 2 } else { 3 }].to_vec()
}

/// The rows as the model restores them, with the names of their columns; of patches the whole pictures.
fn restored(model: &Model, data: &Dataset, threads: usize) -> Result<(Vec<f64>, Vec<String>), ModelError> {
    let Some(mut session) = PictureSession::new(model, data, threads)? else {
        return Ok((model.reconstruct(data, threads)?, model.feature_names()));
    };
    let mut all = Vec::new();
    for picture in 0..session.len() {
        all.extend(session.reconstruct(picture)?);
    }
    Ok((all, (0..session.grid().shape().n_values()).map(|j| format!("feature_{j}")).collect()))
}

/// Restored rows in the units and the precision of the data: bytes from 0 to 255, 32 bits where those hold the data.
fn columns(names: &[String], restored: &[f64], data: &Dataset) -> Result<Vec<Column>, ModelError> {
    let singles = match data.storage() {
        Storage::F64(_) => return Ok(number_columns(names, restored)),
        Storage::F32(_) => restored.iter().map(|value| *value as f32).collect::<Vec<f32>>(),
        Storage::U8(_) => restored.iter().map(|value| 255.0 * *value as f32).collect(),
    };
    check_rows(data.name(), 0, &singles, names.len(), |j| format!("restored column `{}`", names[j]))?;
    Ok(single_columns(names, &singles))
}
