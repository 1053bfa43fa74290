//! `cae compare`: kinds of autoencoders beside each other, under one budget.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::TrainConfig;
use contractive::run::{RunError, default_path};
use contractive_core::initialisation::Initialisation;
use contractive_core::objective::Sparsity;
use contractive_core::{Activation, Loss, Noise, Penalty};

use crate::arguments::{OutputArguments, SourceArguments};
use crate::errors::Usage;
use crate::exit::Ending;
use crate::kinds::{Kind, Strengths};
use crate::numbers::plain;
use crate::output::check_folder;
use crate::progress::Reporting;
use crate::run_names::of_data;
use crate::setting_words::{LayerSizes, layer_sizes};
use crate::sources::prepare;
use crate::sweep::SweepFolder;
use crate::sweep::arguments::SweepArguments;
use crate::sweep::plan::{Plan, Purpose};
use crate::sweep::whole::Sweep;
use crate::table::pairs;
use crate::terminal::say_lines;
use crate::training_arguments::TrainingArguments;
use crate::training_settings::SEED;

/// The budget where nothing is said.
const EPOCHS: usize = 20;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 2e-3;
/// The strengths where nothing is said.
const STRENGTHS: Strengths = Strengths {
    noise: Noise::Gaussian { sigma: 0.2 },
    sparsity: Sparsity { target: 0.1, weight: 1.0 },
    contraction: 1.0,
    hessian: Penalty::Hessian { corruptions: 2, sigma: 0.1, ratio: 1.0 },
};

/// Train a plain, a denoising, a sparse and a contractive autoencoder and CAE+H alike, and show them side by side.
///
/// All have the same data, network, epochs, learning rate and seeds; only what they minimise differs. The table and the
/// page show, on rows that were not trained on: the reconstruction error, ‖J‖, how much of the code is near zero, how far
/// noise moves the code, the spectrum of J, pictures and filters. None is tuned by itself: a difference says what these
/// strengths do under this budget, not which kind is best.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Compare {
    /// Kinds to train.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', default_values_t = Kind::ALL, help_heading = "Kinds")]
    kinds: Vec<Kind>,
    /// Denoising: gaussian:SIGMA, masking:SHARE or salt_pepper:SHARE [default: gaussian:0.2].
    #[arg(long, value_name = "KIND:AMOUNT", help_heading = "Kinds")]
    noise: Option<String>,
    /// Sparse: mean of each sigmoid code unit, and the weight, TARGET:WEIGHT [default: 0.1:1; with a loss that is a mean
    /// over features the weight is divided by their number].
    #[arg(long, value_name = "TARGET:WEIGHT", help_heading = "Kinds")]
    sparsity: Option<String>,
    /// Contractive and CAE+H: weight of ‖J‖²_F [default: 1; with a loss that is a mean over features divided by their
    /// number].
    #[arg(
        long,
        visible_alias = "lambda",
        value_name = "WEIGHT",
        allow_negative_numbers = true,
        help_heading = "Kinds"
    )]
    contraction: Option<f64>,
    /// CAE+H: weight of the mean of ‖J(x) - J(x + ε)‖²_F relative to that of ‖J‖²_F [default: 1].
    #[arg(long, value_name = "RATIO", allow_negative_numbers = true, help_heading = "Kinds")]
    ratio: Option<f64>,
    /// CAE+H: standard deviation of ε [default: 0.1].
    #[arg(long, value_name = "SIGMA", allow_negative_numbers = true, help_heading = "Kinds")]
    sigma: Option<f64>,

    /// What to train on, as for `cae train` [default: strokes, built-in images].
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    data: Option<String>,
    /// The first rows only, at least 1.
    #[arg(long, value_name = "N", help_heading = "Data")]
    rows: Option<usize>,
    /// Column of a table that holds labels, not features.
    #[arg(long, value_name = "NAME", help_heading = "Data", allow_hyphen_values = true)]
    label_column: Option<String>,
    #[command(flatten)]
    source: SourceArguments,

    /// Sizes of the encoder's layers, the last one the code.
    #[arg(long, value_name = "SIZES", value_parser = layer_sizes, default_value = "64,16", help_heading = "Network")]
    hidden: LayerSizes,
    /// Activation of the layers between.
    #[arg(long, value_name = "NAME", value_parser = activations(), default_value = "tanh", help_heading = "Network")]
    activation: String,
    /// Activation of the code; the sparse kind needs sigmoid.
    #[arg(long, value_name = "NAME", value_parser = activations(), default_value = "sigmoid", help_heading = "Network")]
    code_activation: String,

    /// Reconstruction loss a row: sse, mse, cross_entropy or bce.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Loss::ALL.map(Loss::name)),
          default_value = "sse", help_heading = "Budget")]
    loss: String,
    /// Passes over the training rows, at least 1.
    #[arg(long, value_name = "N", default_value_t = EPOCHS, help_heading = "Budget")]
    epochs: usize,
    /// Rows a step, at least 1.
    #[arg(long, value_name = "N", default_value_t = BATCH_SIZE, help_heading = "Budget")]
    batch_size: usize,
    /// Learning rate of Adam, above 0.
    #[arg(long, value_name = "RATE", default_value_t = LEARNING_RATE, allow_negative_numbers = true,
          help_heading = "Budget")]
    learning_rate: f64,
    /// Seed of everything random.
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..),
          help_heading = "Budget")]
    seed: i64,
    /// Any other setting by its key in the TOML file, as for `cae train`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Budget")]
    set: Vec<String>,
    #[command(flatten)]
    sweep: SweepArguments,
    /// Threads in all, at least 1 [default: one a processor core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Several runs")]
    threads: Option<u16>,

    /// The folder of all runs [default: runs/DATA-kinds].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArguments,
}

const AFTER_HELP: &str = "\
Examples:
  cae compare                                          built-in images, a minute or two
  cae compare --data mnist --hidden 256,64 --epochs 10 --seeds 3
  cae compare --data table.csv --label-column class --noise masking:0.2 --lambda 0.1
  cae compare --kinds autoencoder,contractive --code-activation tanh

The same command, or `cae resume FOLDER`, goes on with what was stopped.";

fn activations() -> PossibleValuesParser {
    PossibleValuesParser::new(Activation::ALL.map(Activation::name))
}

impl Compare {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let mut kinds: Vec<Kind> = Vec::new();
        self.kinds.iter().for_each(|kind| {
            if !kinds.contains(kind) {
                kinds.push(*kind)
            }
        });
        let base = self.base()?;
        let strengths = self.strengths(&base)?;
        let plan = self.plan(&base, &kinds, &strengths)?;
        self.sweep.check_number(plan.runs.len())?;
        let folder = SweepFolder::find(self.places(&base).into_iter(), &plan)?;
        check_folder(folder.path()).map_err(|source| RunError::Write { path: folder.path().to_path_buf(), source })?;
        if self.output.reporting() == Reporting::Lines {
            say_lines(pairs(&in_words(&kinds, &strengths)));
        }
        let (source, output, threads) = (&self.source, &self.output, self.threads.map(usize::from));
        Sweep { folder, plan, source, output, data: None, threads, jobs: self.sweep.jobs() }.carry_out()
    }

    /// What all kinds share.
    fn base(&self) -> anyhow::Result<TrainConfig> {
        let flags = TrainingArguments {
            data: self.data.clone(),
            rows: self.rows.map(|rows| rows.to_string()).into_iter().collect(),
            label_column: self.label_column.clone(),
            hidden: vec![self.hidden.clone()],
            activation: vec![self.activation.clone()],
            code_activation: vec![self.code_activation.clone()],
            loss: vec![self.loss.clone()],
            batch_size: vec![i64::try_from(self.batch_size).unwrap_or(i64::MAX)],
            epochs: vec![self.epochs.to_string()],
            learning_rate: vec![self.learning_rate],
            initialisation: vec![Initialisation::GlorotUniform.name().to_owned()],
            set: self.set.clone(),
            ..TrainingArguments::default()
        };
        let own = ["objective.contraction", "objective.penalty", "objective.noise", "objective.sparsity", SEED];
        let settings = flags.settings()?;
        let is_own =
            |key: &str| own.iter().any(|own| key == *own || key.strip_prefix(own).is_some_and(|r| r.starts_with('.')));
        if let Some(key) = settings.keys().find(|key| is_own(key)) {
            return Err(
                Usage(format!("--set {key} does not go here: each kind has its own; see the flags for it")).into()
            );
        }
        if let Some(asked) = settings.several().first() {
            return Err(Usage(format!("{} takes one value here: only the kinds differ", asked.key)).into());
        }
        let mut base = TrainConfig::default();
        // One budget: all train for as long, unless --set says otherwise.
        base.training.early_stopping = None;
        Ok(TrainConfig::layered(&base, &[settings.layer(&[])?])?)
    }

    /// How strong each kind is beside the loss of `base`.
    fn strengths(&self, base: &TrainConfig) -> anyhow::Result<Strengths> {
        let flags = TrainingArguments {
            noise: self.noise.iter().cloned().collect(),
            sparsity: self.sparsity.iter().cloned().collect(),
            ..TrainingArguments::default()
        };
        let given = TrainConfig::layered(&TrainConfig::default(), &[flags.layer()?])?.objective;
        if self.noise.is_some() && given.noise.is_none() || self.sparsity.is_some() && given.sparsity.is_none() {
            return Err(Usage("without noise or sparsity leave a kind out: --kinds".into()).into());
        }
        let mut strengths = STRENGTHS;
        let loss = base.objective.loss;
        if loss.feature_factor(2) != 1.0 {
            let data = prepare(&Kind::Autoencoder.configure(base, &strengths), &self.source, self.output.quiet)?;
            strengths = strengths.scaled(loss.feature_factor(data.data().n_features()));
        }
        strengths.noise = given.noise.unwrap_or(strengths.noise);
        strengths.sparsity = given.sparsity.unwrap_or(strengths.sparsity);
        strengths.contraction = self.contraction.unwrap_or(strengths.contraction);
        if let Penalty::Hessian { sigma, ratio, .. } = &mut strengths.hessian {
            (*sigma, *ratio) = (self.sigma.unwrap_or(*sigma), self.ratio.unwrap_or(*ratio));
        }
        Ok(strengths)
    }

    fn plan(&self, base: &TrainConfig, kinds: &[Kind], strengths: &Strengths) -> anyhow::Result<Plan> {
        let first = u64::try_from(self.seed).unwrap_or(0);
        let seeds: Vec<u64> = (0..u64::from(self.sweep.seeds.unwrap_or(1))).map(|i| first + i).collect();
        let mut settings = vec!["kind".to_owned()];
        settings.extend((seeds.len() > 1).then(|| "seed".to_owned()));
        let mut runs = Vec::new();
        for kind in kinds {
            for seed in &seeds {
                let mut config = kind.configure(base, strengths);
                config.training.seed = *seed;
                config.check()?;
                let mut words = vec![kind.name().to_owned()];
                words.extend((seeds.len() > 1).then(|| seed.to_string()));
                runs.push((words, config));
            }
        }
        Ok(Plan::new(Purpose::Comparison, settings, runs))
    }

    /// Where the runs may go, the first choice first.
    fn places(&self, base: &TrainConfig) -> Vec<PathBuf> {
        if let Some(out) = &self.out {
            return vec![out.clone()];
        }
        let name = of_data(&base.data.spec);
        let word = |i: usize| if i == 1 { "kinds".to_owned() } else { format!("kinds-{i}") };
        (1..100).map(|i| default_path("runs".as_ref(), &name, &word(i))).collect()
    }
}

/// What each kind adds to the reconstruction.
fn in_words(kinds: &[Kind], strengths: &Strengths) -> Vec<(&'static str, String)> {
    let contraction = plain(strengths.contraction);
    let what = |kind: &Kind| match (kind, strengths.noise, strengths.hessian) {
        (Kind::Autoencoder, ..) => "reconstruction alone".to_owned(),
        (Kind::Denoising, Noise::Gaussian { sigma: amount }, _)
        | (Kind::Denoising, Noise::Masking { share: amount } | Noise::SaltPepper { share: amount }, _) => {
            format!("{} noise of {} on the input", strengths.noise.name(), plain(amount))
        }
        (Kind::Sparse, ..) => {
            let Sparsity { target, weight } = strengths.sparsity;
            format!("{} × KL of each unit's mean to {}", plain(weight), plain(target))
        }
        (Kind::ContractiveHessian, _, Penalty::Hessian { sigma, ratio, .. }) => {
            format!("{contraction} × (‖J‖² + {} × ‖J(x) − J(x + ε)‖²), ε of {}", plain(ratio), plain(sigma))
        }
        (Kind::Contractive | Kind::ContractiveHessian, ..) => format!("{contraction} × ‖J‖²"),
    };
    kinds.iter().map(|kind| (kind.name(), what(kind))).collect()
}
