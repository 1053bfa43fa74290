//! The settings of `cae train` as flags.
//!
//! Every flag is optional: what is not given stays as the file or the recipe has it. Most take several values, which a sweep
//! tries one after the other. Ranges and combinations are checked by the toolkit, in one place for flags and files.

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive_core::initialisation::Initialisation;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Loss, Penalty};

use crate::arguments::TextArguments;
use crate::setting_words::{LayerSizes, layer_sizes};

/// The settings of a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TrainingArguments {
    /// What to train on: a registered name (see `cae data list`) or a file: .csv, .tsv, .npy, IDX, .mtx (each also .gz),
    /// .npz (also SciPy's sparse ones), .parquet, .arrow, .ipc, .feather, .h5ad (AnnData) or .h5 (counts of 10x); or a folder,
    /// .zip or .tar of pictures (PNG, JPEG, WebP, TIFF, BMP), whose folders are labels. A
    /// registered set's test part is judged after each epoch.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    pub(crate) data: Option<String>,
    /// The first rows only, at least 1, or `none` for all.
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Data")]
    pub(crate) rows: Vec<String>,
    /// Column of a CSV, Parquet or Arrow table that holds labels, not features.
    #[arg(long, value_name = "NAME", help_heading = "Data", allow_hyphen_values = true)]
    pub(crate) label_column: Option<String>,
    /// Array of an .npz archive, by default X, or the only table; of an .h5ad file raw, layers/NAME or obsm/NAME, by
    /// default X.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub(crate) array: Option<String>,
    /// The rows are the columns of the file, such as the cells of a table of genes: a table of numbers (beside a column of
    /// names, if any) or a matrix, turned round in memory. Names of its columns go along as `row`.
    #[arg(long, help_heading = "Data")]
    pub(crate) transpose: bool,
    #[command(flatten)]
    pub(crate) spelling: TextArguments,
    /// Leave the rows in their file and read them anew each epoch, in bounded memory: for a CSV, Parquet, Arrow, NPY or
    /// NPZ file larger than memory, or a sparse matrix too large with its zeros (CSR of SciPy, AnnData or 10x stays in its
    /// file; CSC and .mtx are held without zeros). The scaling is learnt in one pass before; rows are held out one by one, by a hash.
    #[arg(long, help_heading = "Data")]
    pub(crate) stream: bool,
    /// Rows of the buffer in which --stream shuffles, at least 1 [default: as many as 64 MiB hold, from 1024 to 65536].
    /// For a file sorted by time or class give a good part of its rows, or shuffle the file before.
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Data")]
    pub(crate) shuffle_rows: Vec<i64>,
    /// Learn pictures patch by patch, N x N pixels at a time, as a convolution sees them: exact for any size of picture and
    /// any number of layers (--hidden), since patches at different places have their parts of the Jacobian to themselves.
    /// Of a folder of pictures, or a file of shape (N, H, W) or, in colour, (N, H, W, 3). See --stride; `none` learns whole pictures [default: none].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Data")]
    pub(crate) patch: Vec<String>,
    /// Share of the training rows held out for validation, from 0 to below 1 [default: 0.1].
    #[arg(long, value_delimiter = ',', value_name = "SHARE", allow_negative_numbers = true, help_heading = "Data")]
    pub(crate) validation: Vec<f64>,
    /// Divide each row by its sum and multiply it by the median sum of the training rows (`median`) or by a number, such as
    /// 10000, before the scaling: for counts. `none` does not [default: none].
    #[arg(long, value_delimiter = ',', num_args = 0..=1, default_missing_value = "median", value_name = "SUM", help_heading = "Data")]
    pub(crate) library_size: Vec<String>,
    /// Take log(1 + x) of each value before the scaling, and after --library-size: for counts.
    #[arg(long, help_heading = "Data")]
    pub(crate) log1p: bool,
    /// Scaling of each feature, learnt on the training rows. `auto`: none for images (pixels are already in [0, 1]);
    /// for tables minmax with a cross-entropy, else standard. `robust`: arsinh of (x - median)/spread; `quantile`: by
    /// ranks; both for columns with outliers or long tails, and not with --stream. With --detector auto is robust
    /// [default: auto].
    #[arg(long, value_delimiter = ',', value_parser = ["auto", "none", "minmax", "standard", "robust", "quantile"], value_name = "HOW", help_heading = "Data")]
    pub(crate) scale: Vec<String>,

    /// Sizes of the encoder's layers, the last one the code; repeat the flag for several networks [default: 64,16].
    #[arg(long, value_name = "SIZES", value_parser = layer_sizes, help_heading = "Network")]
    pub(crate) hidden: Vec<LayerSizes>,
    /// Sizes of the decoder's layers between code and output, or `none` for no such layer; without this flag those of
    /// the encoder, backwards. Repeat the flag for several networks.
    #[arg(long, value_name = "SIZES", help_heading = "Network")]
    pub(crate) decoder: Vec<String>,
    /// Activation of the encoder's layers before the code [default: tanh].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    pub(crate) activation: Vec<String>,
    /// Activation of the decoder's layers before the output, or `auto`: that of `--activation` [default: auto].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = activations_or_auto(), help_heading = "Network")]
    pub(crate) decoder_activation: Vec<String>,
    /// Activation of the code [default: tanh].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    pub(crate) code_activation: Vec<String>,
    /// Activation of the output, or `auto`: sigmoid with a cross-entropy, else identity [default: auto].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = activations_or_auto(), help_heading = "Network")]
    pub(crate) output_activation: Vec<String>,
    /// The decoder's weights are the encoder's, transposed.
    #[arg(long, overrides_with = "untied", help_heading = "Network")]
    pub(crate) tied: bool,
    /// The decoder has weights of its own (the default).
    #[arg(long, overrides_with = "tied", help_heading = "Network")]
    pub(crate) untied: bool,
    /// How weights start: as PyTorch's Linear, Keras' Dense, or Rifai et al. [default: kaiming_uniform].
    #[arg(long, value_delimiter = ',', alias = "initialization", value_name = "NAME", help_heading = "Network",
          value_parser = words(&Initialisation::ALL.map(Initialisation::name)))]
    pub(crate) initialisation: Vec<String>,

    /// Reconstruction loss a row: mean (mse) or sum (sse) over features of the squared error, or mean (bce) or sum
    /// (cross_entropy) of the binary cross-entropy, which needs data in [0, 1] [default: mse].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = words(&Loss::ALL.map(Loss::name)), help_heading = "Objective")]
    pub(crate) loss: Vec<String>,
    /// Weight of the penalty, at least 0; 0 trains a plain autoencoder [default: 0.001].
    #[arg(
        long,
        visible_alias = "lambda",
        value_delimiter = ',',
        value_name = "WEIGHT",
        allow_negative_numbers = true,
        help_heading = "Objective"
    )]
    pub(crate) contraction: Vec<f64>,
    /// What the contraction weighs. `auto`: jacobian, the exact ‖∂h/∂x‖²_F of the whole encoder, where it adds at most 8
    /// times the work of a plain step, else projection, an unbiased estimate of it; the penalty of held-out rows is exact
    /// either way [default: auto].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = penalties_or_auto(), help_heading = "Objective")]
    pub(crate) penalty: Vec<String>,
    /// Input noise: gaussian:SIGMA, masking:SHARE, salt_pepper:SHARE, or none. It is added to the scaled features:
    /// masking sets 0, salt_pepper 0 or 1, which with --scale standard are the mean and one standard deviation above it
    /// [default: none].
    #[arg(long, value_delimiter = ',', value_name = "KIND:AMOUNT", help_heading = "Objective")]
    pub(crate) noise: Vec<String>,
    /// Sparsity of a sigmoid code, KL(target ‖ mean activation): TARGET:WEIGHT, such as 0.05:0.1, or none.
    #[arg(long, value_delimiter = ',', value_name = "TARGET:WEIGHT", help_heading = "Objective")]
    pub(crate) sparsity: Vec<String>,

    /// projection: random probes a row, at least 1 [default: 1]; reconstruction and decoder: 0 is exact [default: 0].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Settings of penalties")]
    pub(crate) probes: Vec<i64>,
    /// projection: how probes are drawn [default: rademacher].
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = ["rademacher", "spherical", "orthogonal"],
          help_heading = "Settings of penalties")]
    pub(crate) distribution: Vec<String>,
    /// finite_difference: the step, above 0, in units of the scaled features [default: 0.001].
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "STEP",
        allow_negative_numbers = true,
        help_heading = "Settings of penalties"
    )]
    pub(crate) epsilon: Vec<f64>,
    /// finite_difference: random directions a row; 0 takes every coordinate [default: 0].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Settings of penalties")]
    pub(crate) directions: Vec<i64>,
    /// hessian: corrupted copies a row, at least 1 [default: 2].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Settings of penalties")]
    pub(crate) corruptions: Vec<i64>,
    /// hessian: standard deviation of the corruption, above 0 [default: 0.1].
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SIGMA",
        allow_negative_numbers = true,
        help_heading = "Settings of penalties"
    )]
    pub(crate) sigma: Vec<f64>,
    /// hessian: weight of its second term relative to the first, at least 0 [default: 1].
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "RATIO",
        allow_negative_numbers = true,
        help_heading = "Settings of penalties"
    )]
    pub(crate) ratio: Vec<f64>,
    /// logistic_last: hold the weights constant in the gradient.
    #[arg(long, help_heading = "Settings of penalties")]
    pub(crate) hold_weights: bool,

    /// Passes over the training rows, at least 1, or `auto`: 50 (of patches 10), and as many as make 2,000 steps [default:
    /// auto].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Training", allow_hyphen_values = true)]
    pub(crate) epochs: Vec<String>,
    /// Rows a step, at least 1 [default: 128].
    #[arg(long, value_delimiter = ',', value_name = "N", help_heading = "Training")]
    pub(crate) batch_size: Vec<i64>,
    /// Update rule, with PyTorch's defaults; other settings by --set training.optimiser.NAME=VALUE [default: adam].
    #[arg(long, value_delimiter = ',', alias = "optimizer", value_name = "NAME", value_parser = words(&Optimiser::ALL.map(Optimiser::name)),
          help_heading = "Training")]
    pub(crate) optimiser: Vec<String>,
    /// Base learning rate, above 0 [default: 0.001].
    #[arg(long, value_delimiter = ',', value_name = "RATE", allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) learning_rate: Vec<f64>,
    /// Weight decay of the optimiser, at least 0.
    #[arg(long, value_delimiter = ',', value_name = "DECAY", allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) weight_decay: Vec<f64>,
    /// How the learning rate moves: constant, cosine, cosine:FLOOR, step:EVERY:FACTOR or plateau:PATIENCE:FACTOR
    /// [default: constant].
    #[arg(long, value_delimiter = ',', value_name = "KIND", help_heading = "Training")]
    pub(crate) schedule: Vec<String>,
    /// Largest Euclidean norm of a step's gradient, above 0, or `none` [default: none].
    #[arg(long, value_delimiter = ',', value_name = "NORM", allow_hyphen_values = true, help_heading = "Training")]
    pub(crate) clip: Vec<String>,
    /// Stop after this many epochs without a better validation total, at least 1, or `none` [default: 10 (of patches 3), and
    /// as many as make 200 steps; none with a recipe, or where no rows are held out].
    #[arg(long, value_delimiter = ',', value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) patience: Vec<String>,
    /// Seed of everything random; the same seed gives the same bits [default: 0].
    #[arg(long, value_delimiter = ',', value_name = "SEED", value_parser = clap::value_parser!(i64).range(0..), help_heading = "Training")]
    pub(crate) seed: Vec<i64>,
    /// Threads, at least 1, or `auto`: one a processor core. The result does not depend on it [default: auto].
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) threads: Option<String>,
    /// Any setting by its key in the TOML file, such as training.optimiser.beta2=0.99 or model.tied=true,false; may be
    /// repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    pub(crate) set: Vec<String>,
}

fn words(known: &[&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(known.iter().copied())
}

fn activations() -> PossibleValuesParser {
    words(&Activation::ALL.map(Activation::name))
}

fn penalties_or_auto() -> PossibleValuesParser {
    PossibleValuesParser::new(std::iter::once("auto").chain(Penalty::ALL.map(Penalty::name)))
}

fn activations_or_auto() -> PossibleValuesParser {
    PossibleValuesParser::new(std::iter::once("auto").chain(Activation::ALL.map(Activation::name)))
}
