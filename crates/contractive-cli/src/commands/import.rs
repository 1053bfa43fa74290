//! `cae import`: weights that another program trained, as a model.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use contractive::Model;
use contractive::data::Dataset;
use contractive::import::{ImportOptions, ImportReport, import};
use contractive::model::ModelError;
use contractive::preprocess::{Preprocessing, Scale};
use contractive_core::{Activation, Architecture, Loss, Objective, Penalty};
use contractive_datasets::{DataSpec, Part};
use serde::Serialize;

use super::verified::Verified;
use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::is_within;
use crate::introduction::network;
use crate::output::{check_folder, print, print_json, say_notes};
use crate::shell::quoted;
use crate::sources::load;
use crate::table::{Side, aligned, pairs};

/// Make a model of weights that another program trained: Linear layers in a .safetensors file.
///
/// The file is a state dict, as `safetensors.torch.save_file(module.state_dict(), FILE)` writes it. Layers are named, or
/// told by their names and sizes where those leave one way alone; what became of each tensor is printed. Prefixes of
/// DistributedDataParallel and torch.compile are left out, numbers of 16 and 64 bits become 32-bit floats, missing biases
/// are zeros. The model is then one like any other: `cae evaluate`, `encode`, `inspect`, `threshold`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Import {
    /// The weights, .safetensors.
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,
    /// Write the model to this folder.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    out: PathBuf,
    /// The encoder's layers in their order, each by what stands before `.weight`; the end of a name is enough [default: told
    /// by names and sizes].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Network")]
    layers: Option<Vec<String>>,
    /// The decoder's layers in their order, or the biases of a tied one [default: the layers left over that lead back].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Network")]
    decoder_layers: Option<Vec<String>>,
    /// The decoder's weights are the encoder's, transposed; so it is in any case where the file has no decoder.
    #[arg(long, help_heading = "Network")]
    tied: bool,
    /// How weights lie: out-in as in PyTorch, in-out as in Keras and Flax [default: in-out for those called kernel].
    #[arg(long, value_enum, value_name = "ORDER", help_heading = "Network")]
    kernel: Option<Kernel>,
    /// Activation of the encoder's layers before the code; a file of weights does not hold it.
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    activation: Option<String>,
    /// Activation of the code; a file of weights does not hold it.
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    code_activation: Option<String>,
    /// Activation of the decoder's layers before the output [default: that of --activation].
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    decoder_activation: Option<String>,
    /// Activation of the output [default: sigmoid with a cross-entropy, else identity].
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    output_activation: Option<String>,
    /// The loss it was trained with, by which `cae evaluate` judges it [default: mse].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Loss::ALL.map(Loss::name)), help_heading = "Objective")]
    loss: Option<String>,
    /// The penalty it was trained with, with its default settings [default: jacobian with a --contraction, else none].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Penalty::ALL.map(Penalty::name)), help_heading = "Objective")]
    penalty: Option<String>,
    /// The penalty's weight, at least 0 [default: 0].
    #[arg(
        long,
        visible_alias = "lambda",
        value_name = "WEIGHT",
        allow_negative_numbers = true,
        help_heading = "Objective"
    )]
    contraction: Option<f64>,
    /// Rows are images of this height and width, such as 28x28.
    #[arg(long, value_name = "SIZE", value_parser = image_shape, help_heading = "Data")]
    image_shape: Option<(usize, usize)>,
    /// How the rows were scaled before they came to the network, learnt anew from --data, which should be the rows trained on
    /// [default: none].
    #[arg(long, value_name = "HOW", value_parser = ["none", "minmax", "standard", "robust", "quantile"], requires = "data", help_heading = "Data")]
    scale: Option<String>,
    #[command(flatten)]
    rows: RowArguments,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print nothing.
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    quiet: bool,
}

const AFTER_HELP: &str = "\
--data is not needed: with it the names of its columns go to the model, --scale is learnt from it, and what is printed of
the penalty is of its first 64 rows.

A .pt or .pth file is a pickle, which can run any code when it is read, and is refused. In Python:
  state = torch.load(\"model.pt\", weights_only=True)
  safetensors.torch.save_file(state, \"weights.safetensors\")

Layers that are not Linear are not imported. Fold BatchNorm into the Linear layer before it first.

Examples:
  cae import weights.safetensors --activation relu --code-activation identity -o MODEL
  cae import weights.safetensors --layers encoder.0,encoder.2,code --activation relu --code-activation identity -o MODEL
  cae import weights.safetensors --layers fc1 --code-activation sigmoid --output-activation sigmoid --loss bce -o MODEL
  cae import keras.safetensors --kernel in-out --activation tanh --code-activation tanh -o MODEL --json
  cae evaluate MODEL --data table.csv
  cae inspect MODEL --verify
  cae threshold MODEL contamination:0.01 --data ordinary.csv -o DETECTOR";

/// How a weight matrix lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kernel {
    /// (out, in), as in PyTorch.
    OutIn,
    /// (in, out), as in Keras.
    InOut,
}

fn activations() -> PossibleValuesParser {
    PossibleValuesParser::new(Activation::ALL.map(Activation::name))
}

fn image_shape(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('x').and_then(|(height, width)| Some((height.parse().ok()?, width.parse().ok()?)));
    parsed.ok_or_else(|| format!("an image's size is its height and width, such as 28x28, got `{text}`"))
}

/// What `--json` prints.
#[derive(Serialize)]
struct ImportRecord<'a> {
    model: &'a Path,
    architecture: &'a Architecture,
    objective: &'a Objective,
    scale: &'static str,
    image_shape: Option<(usize, usize)>,
    #[serde(flatten)]
    report: &'a ImportReport,
    verification: &'a Verified,
}

impl Import {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        check_folder(&self.out).map_err(|source| ModelError::Write { path: self.out.clone(), source })?;
        if is_within(&self.weights, &self.out) {
            let text = format!(
                "{} would take the place of the weights that are read; give -o another name",
                self.out.display()
            );
            return Err(Usage(text).into());
        }
        let objective = self.objective()?;
        let imported = import(&self.weights, &self.options(objective.loss)?)?;
        let report = imported.report.clone();
        let d = imported.parameters.architecture().input_size();
        let data = self.rows.data.as_deref().map(|spec| self.data(spec, d)).transpose()?;
        let preprocessing = self.preprocessing(data.as_ref(), d);
        let shape = self.shape(data.as_ref(), d)?;
        let model = imported.into_model(objective, preprocessing)?.with_image_shape(shape);
        let verified = Verified::of(&model, data.as_ref(), None)?;
        model.save(&self.out)?;
        if self.json {
            print_json(&ImportRecord {
                model: &self.out,
                architecture: model.architecture(),
                objective: model.objective(),
                scale: model.preprocessing().scale().name(),
                image_shape: model.image_shape(),
                report: &report,
                verification: &verified,
            })?;
        } else if !self.quiet {
            print(&self.in_words(&model, &report, &verified))?;
            say_notes(&report.notes);
        }
        Ok(Ending::Done)
    }

    fn objective(&self) -> anyhow::Result<Objective> {
        let loss = self.loss.as_deref().map_or(Ok(Loss::Mse), str::parse)?;
        let contraction = self.contraction.unwrap_or(0.0);
        let penalty = match &self.penalty {
            Some(name) => Penalty::from_name(name)?,
            None if contraction > 0.0 => Penalty::Jacobian,
            None => Penalty::None,
        };
        Ok(Objective::new(loss, penalty, contraction))
    }

    fn options(&self, loss: Loss) -> anyhow::Result<ImportOptions> {
        let of = |name: &Option<String>| name.as_deref().map(str::parse::<Activation>).transpose();
        let output = if loss.is_cross_entropy() { Activation::Sigmoid } else { Activation::Identity };
        Ok(ImportOptions {
            layers: self.layers.clone(),
            decoder_layers: self.decoder_layers.clone(),
            tied: self.tied,
            is_turned: self.kernel.map(|kernel| kernel == Kernel::InOut),
            activation: of(&self.activation)?,
            code_activation: of(&self.code_activation)?,
            decoder_activation: of(&self.decoder_activation)?,
            output_activation: Some(of(&self.output_activation)?.unwrap_or(output)),
        })
    }

    /// The rows of --data, which must be `d` features wide.
    fn data(&self, spec: &str, d: usize) -> anyhow::Result<Dataset> {
        let data = load(&spec.parse::<DataSpec>()?, Part::Test, &self.rows.load_options()?, self.json || self.quiet)?;
        if data.n_features() != d {
            let text = format!("{} has {} features, and the network takes {d}", data.name(), data.n_features());
            return Err(Usage(text).into());
        }
        Ok(data)
    }

    fn preprocessing(&self, data: Option<&Dataset>, d: usize) -> Preprocessing {
        let scale = match self.scale.as_deref() {
            Some("minmax") => Scale::Minmax,
            Some("standard") => Scale::Standard,
            Some("robust") => Scale::Robust,
            Some("quantile") => Scale::Quantile,
            _ => Scale::None,
        };
        data.map_or_else(
            || Preprocessing::identity(d),
            |data| Preprocessing::fit(scale, data, &(0..data.len() as u32).collect::<Vec<u32>>()),
        )
    }

    fn shape(&self, data: Option<&Dataset>, d: usize) -> Result<Option<(usize, usize)>, Usage> {
        match self.image_shape {
            None => Ok(data.and_then(Dataset::image_shape)),
            Some((height, width)) if height.checked_mul(width) == Some(d) => Ok(Some((height, width))),
            Some((height, width)) => {
                Err(Usage(format!("--image-shape {height}x{width} has not the {d} numbers that the network takes")))
            }
        }
    }

    fn in_words(&self, model: &Model, report: &ImportReport, verified: &Verified) -> String {
        let mut rows = vec![["tensor", "from", "shape", "type", ""].map(str::to_owned).to_vec()];
        let shape = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<String>>().join(" x ");
        for tensor in &report.tensors {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (from, dtype) = (or_none(&tensor.source), or_none(&tensor.dtype));
            rows.push(vec![tensor.tensor.clone(), from, shape(&tensor.shape), dtype, tensor.in_words()]);
        }
        for left in &report.ignored {
            let why = "left out".to_owned();
            rows.push(vec!["-".to_owned(), left.source.clone(), shape(&left.shape), left.dtype.clone(), why]);
        }
        let folder = quoted(&self.out.to_string_lossy());
        let lines = [
            ("network", network(model.architecture())),
            ("imported from", format!("{}, sha256 {}", report.file, report.sha256)),
            ("model", folder.clone()),
        ];
        let table = aligned(&[Side::Left; 5], &rows);
        let short = verified.in_short();
        format!("{}\n{table}\n{short}All formulas: cae inspect {folder} --verify\n", pairs(&lines))
    }
}
