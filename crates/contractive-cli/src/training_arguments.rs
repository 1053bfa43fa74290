//! The settings of `cae train` as flags, and how they become a layer of the configuration.
//!
//! Every flag is optional: what is not given stays as the file or the recipe has it. Ranges and combinations are checked
//! by the toolkit, in one place for flags and files.

use clap::Args;
use clap::builder::PossibleValuesParser;
use contractive::config::Layer;
use contractive_core::initialisation::Initialisation;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Loss, Penalty};
use toml::{Table, Value};

use crate::arguments::TextArguments;
use crate::errors::Usage;
use crate::setting_words::{any_value, decoder, noise, number_or_word, schedule, sizes, sparsity};

/// The settings of a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TrainingArguments {
    /// What to train on: a registered name (see `cae data list`) or a file: .csv, .tsv, .npy, IDX (each also .gz),
    /// .npz, .parquet, .arrow, .ipc or .feather. With a name, its test part is measured after each epoch.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    data: Option<String>,
    /// The first rows only, at least 1, or `none` for all.
    #[arg(long, value_name = "N", help_heading = "Data")]
    rows: Option<String>,
    /// Column of a CSV, Parquet or Arrow table that holds labels, not features.
    #[arg(long, value_name = "NAME", help_heading = "Data", allow_hyphen_values = true)]
    label_column: Option<String>,
    /// Array of an .npz archive; by default X, or the only table.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    array: Option<String>,
    #[command(flatten)]
    spelling: TextArguments,
    /// Leave the rows in their file and read them anew each epoch, in bounded memory: for a CSV, Parquet, Arrow, NPY or
    /// NPZ file larger than memory. The scaling is learnt in one pass before; rows are held out one by one, by a hash.
    #[arg(long, help_heading = "Data")]
    stream: bool,
    /// Rows of the buffer through which --stream shuffles, at least 1 [default: as many as 64 MiB hold, at most 65536 and at
    /// least 1024]. A file sorted by time or class needs one of a good part of its rows, or to be shuffled before.
    #[arg(long, value_name = "N", help_heading = "Data")]
    shuffle_rows: Option<i64>,
    /// Share of the training rows held out for validation, from 0 to below 1 [default: 0.1].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = "Data")]
    validation: Option<f64>,
    /// Scaling of each feature, learnt on the training rows. `auto`: none for images (pixels are already in [0, 1]);
    /// for tables minmax with a cross-entropy, else standard. `robust`: arsinh of (x - median)/spread; `quantile`: by
    /// ranks; both for columns with outliers or long tails, and not with --stream. With --detector auto is robust
    /// [default: auto].
    #[arg(long, value_parser = ["auto", "none", "minmax", "standard", "robust", "quantile"], value_name = "HOW", help_heading = "Data")]
    scale: Option<String>,

    /// Sizes of the encoder's layers, the last one the code [default: 64,16].
    #[arg(long, value_name = "SIZES", value_delimiter = ',', num_args = 1, help_heading = "Network")]
    hidden: Vec<usize>,
    /// Sizes of the decoder's layers between code and output, where they are not the encoder's mirrored; or `none`.
    #[arg(long, value_name = "SIZES", help_heading = "Network")]
    decoder: Option<String>,
    /// Activation of the layers between [default: tanh].
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    activation: Option<String>,
    /// Activation of the decoder's layers between, or `auto`: that of `--activation` [default: auto].
    #[arg(long, value_name = "NAME", value_parser = activations_or_auto(), help_heading = "Network")]
    decoder_activation: Option<String>,
    /// Activation of the code [default: tanh].
    #[arg(long, value_name = "NAME", value_parser = activations(), help_heading = "Network")]
    code_activation: Option<String>,
    /// Activation of the output, or `auto`: sigmoid with a cross-entropy, else identity [default: auto].
    #[arg(long, value_name = "NAME", value_parser = activations_or_auto(), help_heading = "Network")]
    output_activation: Option<String>,
    /// Decoder weights are the encoder's, transposed.
    #[arg(long, overrides_with = "untied", help_heading = "Network")]
    tied: bool,
    /// Decoder weights are their own (the default).
    #[arg(long, overrides_with = "tied", help_heading = "Network")]
    untied: bool,
    /// How weights start: as PyTorch's Linear, Keras' Dense, or Rifai et al. [default: kaiming_uniform].
    #[arg(long, alias = "initialization", value_name = "NAME", help_heading = "Network",
          value_parser = words(&Initialisation::ALL.map(Initialisation::name)))]
    initialisation: Option<String>,

    /// Reconstruction loss a row: mean (mse) or sum (sse) over features of the squared error, or mean (bce) or sum
    /// (cross_entropy) of the binary cross-entropy, which needs data in [0, 1] [default: mse].
    #[arg(long, value_name = "NAME", value_parser = words(&Loss::ALL.map(Loss::name)), help_heading = "Objective")]
    loss: Option<String>,
    /// Weight of the penalty, at least 0; 0 trains a plain autoencoder [default: 0.001].
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = "Objective")]
    contraction: Option<f64>,
    /// What the contraction weighs. `auto`: jacobian, the exact ‖∂h/∂x‖²_F of the whole encoder, where it adds at most 8
    /// times the work of a plain step, else projection, an unbiased estimate of it; the penalty of held-out rows is exact
    /// either way [default: auto].
    #[arg(long, value_name = "NAME", value_parser = penalties_or_auto(), help_heading = "Objective")]
    penalty: Option<String>,
    /// Input noise: gaussian:SIGMA, masking:SHARE, salt_pepper:SHARE, or none. It is added to the scaled features:
    /// masking sets 0, salt_pepper 0 or 1, which with --scale standard are the mean and one standard deviation above it
    /// [default: none].
    #[arg(long, value_name = "KIND:AMOUNT", help_heading = "Objective")]
    noise: Option<String>,
    /// Sparsity of a sigmoid code, KL(target ‖ mean activation): TARGET:WEIGHT, such as 0.05:0.1, or none.
    #[arg(long, value_name = "TARGET:WEIGHT", help_heading = "Objective")]
    sparsity: Option<String>,

    /// projection: random probes a row, at least 1 [default: 1]; reconstruction and decoder: 0 is exact [default: 0].
    #[arg(long, value_name = "N", help_heading = "Settings of penalties")]
    probes: Option<i64>,
    /// projection: how probes are drawn [default: rademacher].
    #[arg(long, value_name = "NAME", value_parser = ["rademacher", "spherical", "orthogonal"],
          help_heading = "Settings of penalties")]
    distribution: Option<String>,
    /// finite_difference: the step, above 0, in units of the scaled features [default: 0.001].
    #[arg(long, value_name = "STEP", allow_negative_numbers = true, help_heading = "Settings of penalties")]
    epsilon: Option<f64>,
    /// finite_difference: random directions a row; 0 takes every coordinate [default: 0].
    #[arg(long, value_name = "N", help_heading = "Settings of penalties")]
    directions: Option<i64>,
    /// hessian: corrupted copies a row, at least 1 [default: 2].
    #[arg(long, value_name = "N", help_heading = "Settings of penalties")]
    corruptions: Option<i64>,
    /// hessian: standard deviation of the corruption, above 0 [default: 0.1].
    #[arg(long, value_name = "SIGMA", allow_negative_numbers = true, help_heading = "Settings of penalties")]
    sigma: Option<f64>,
    /// hessian: weight of its second term relative to the first, at least 0 [default: 1].
    #[arg(long, value_name = "RATIO", allow_negative_numbers = true, help_heading = "Settings of penalties")]
    ratio: Option<f64>,
    /// logistic_last: hold the weights constant in the gradient.
    #[arg(long, help_heading = "Settings of penalties")]
    hold_weights: bool,

    /// Passes over the training rows, at least 1, or `auto`: 50, and as many as make 2,000 steps [default: auto].
    #[arg(long, value_name = "N", help_heading = "Training", allow_hyphen_values = true)]
    epochs: Option<String>,
    /// Rows a step, at least 1 [default: 128].
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<i64>,
    /// Update rule, with PyTorch's defaults; other settings by --set training.optimiser.NAME=VALUE [default: adam].
    #[arg(long, alias = "optimizer", value_name = "NAME", value_parser = words(&Optimiser::ALL.map(Optimiser::name)),
          help_heading = "Training")]
    optimiser: Option<String>,
    /// Base learning rate, above 0 [default: 0.001].
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = "Training")]
    learning_rate: Option<f64>,
    /// Weight decay of the optimiser, at least 0.
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true, help_heading = "Training")]
    weight_decay: Option<f64>,
    /// How the learning rate moves: constant, cosine, cosine:FLOOR, step:EVERY:FACTOR or plateau:PATIENCE:FACTOR
    /// [default: constant].
    #[arg(long, value_name = "KIND", help_heading = "Training")]
    schedule: Option<String>,
    /// Largest Euclidean norm of a step's gradient, above 0, or `none` [default: none].
    #[arg(long, value_name = "NORM", allow_hyphen_values = true, help_heading = "Training")]
    clip: Option<String>,
    /// Stop after this many epochs without a better validation total, at least 1, or `none` [default: 10, and as many as
    /// make 200 steps; none with a recipe, or where no rows are held out].
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    patience: Option<String>,
    /// Seed of everything random; the same seed gives the same bits [default: 0].
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(i64).range(0..), help_heading = "Training")]
    seed: Option<i64>,
    /// Threads, at least 1, or `auto`: one a processor core. The result does not depend on it [default: auto].
    #[arg(long, value_name = "N", help_heading = "Training")]
    threads: Option<String>,
    /// Any setting by its key in the TOML file, such as training.optimiser.beta2=0.99; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    set: Vec<String>,
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

impl TrainingArguments {
    /// The flags as a layer over everything else; `--set` is above the named flags.
    ///
    /// # Errors
    /// [`Usage`] for a flag whose parts cannot be told apart.
    pub(crate) fn layer(&self) -> Result<Layer, Usage> {
        Ok(Layer::from_table("the command line", self.table()?))
    }

    /// The scaling given, which a detector does not have in its configuration.
    pub(crate) fn take_scale(&mut self) -> Option<String> {
        self.scale.take()
    }

    /// The keys that the flags set, with their sections: `training.seed`.
    pub(crate) fn keys(&self) -> Result<Vec<String>, Usage> {
        let mut keys = Vec::new();
        for (section, value) in self.table()? {
            match value {
                Value::Table(inner) => keys.extend(inner.keys().map(|key| format!("{section}.{key}"))),
                _ => keys.push(section),
            }
        }
        Ok(keys)
    }

    fn table(&self) -> Result<Table, Usage> {
        let mut table = Table::new();
        let mut put = |key: &str, value: Option<Value>| value.map_or(Ok(()), |value| set(&mut table, key, value));
        let text = |value: &Option<String>| value.clone().map(Value::from);
        put("data.spec", text(&self.data))?;
        put("data.rows", number_or_word("--rows", self.rows.as_deref(), "none")?)?;
        put("data.label_column", text(&self.label_column))?;
        put("data.array", text(&self.array))?;
        self.spelling.options(self.data.as_deref())?;
        put("data.header", self.spelling.header.map(Value::from))?;
        put("data.decimal", self.spelling.decimal.map(|c| Value::from(c.to_string())))?;
        put("data.thousands", self.spelling.thousands.map(|c| Value::from(c.to_string())))?;
        put("data.stream", self.stream.then_some(Value::from(true)))?;
        put("data.shuffle_rows", self.shuffle_rows.map(Value::from))?;
        put("data.validation", self.validation.map(Value::from))?;
        put("data.scale", text(&self.scale))?;
        put("model.hidden", (!self.hidden.is_empty()).then(|| sizes(&self.hidden)))?;
        put("model.decoder", self.decoder.as_deref().map(decoder).transpose()?)?;
        put("model.hidden_activation", text(&self.activation))?;
        put("model.decoder_activation", text(&self.decoder_activation))?;
        put("model.code_activation", text(&self.code_activation))?;
        put("model.output_activation", text(&self.output_activation))?;
        put("model.tied", (self.tied || self.untied).then_some(Value::from(self.tied)))?;
        put("objective.loss", text(&self.loss))?;
        put("objective.contraction", self.contraction.map(Value::from))?;
        for (key, value) in [
            ("kind", text(&self.penalty)),
            ("probes", self.probes.map(Value::from)),
            ("distribution", text(&self.distribution)),
            ("epsilon", self.epsilon.map(Value::from)),
            ("directions", self.directions.map(Value::from)),
            ("corruptions", self.corruptions.map(Value::from)),
            ("sigma", self.sigma.map(Value::from)),
            ("ratio", self.ratio.map(Value::from)),
            ("hold_weights", self.hold_weights.then_some(Value::from(true))),
        ] {
            put(&format!("objective.penalty.{key}"), value)?;
        }
        put("objective.noise", self.noise.as_deref().map(noise).transpose()?)?;
        put("objective.sparsity", self.sparsity.as_deref().map(sparsity).transpose()?)?;
        put("training.epochs", number_or_word("--epochs", self.epochs.as_deref(), "auto")?)?;
        put("training.batch_size", self.batch_size.map(Value::from))?;
        put("training.optimiser.kind", text(&self.optimiser))?;
        put("training.optimiser.weight_decay", self.weight_decay.map(Value::from))?;
        put("training.learning_rate", self.learning_rate.map(Value::from))?;
        put("training.schedule", self.schedule.as_deref().map(schedule).transpose()?)?;
        put("training.clip", number_or_word("--clip", self.clip.as_deref(), "none")?)?;
        match number_or_word("--patience", self.patience.as_deref(), "none")? {
            Some(word @ Value::String(_)) => put("training.early_stopping", Some(word))?,
            patience => put("training.early_stopping.patience", patience)?,
        }
        put("training.initialisation", text(&self.initialisation))?;
        put("training.seed", self.seed.map(Value::from))?;
        put("training.threads", number_or_word("--threads", self.threads.as_deref(), "auto")?)?;
        for assignment in &self.set {
            let Some((key, value)) = assignment.split_once('=') else {
                return Err(Usage(format!("--set takes KEY=VALUE, such as training.epochs=10, got `{assignment}`")));
            };
            set(&mut table, key.trim(), any_value(value.trim()))?;
        }
        Ok(table)
    }
}

/// Puts `value` at `key`, made of sections and a name: `training.optimiser.beta2`.
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), Usage> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().filter(|name| !name.is_empty());
    let Some(name) = name.filter(|_| parts.iter().all(|part| !part.is_empty())) else {
        return Err(Usage(format!("--set takes a key such as training.epochs, got `{key}`")));
    };
    let mut here = table;
    for part in parts {
        let section = here.entry(part).or_insert_with(|| Value::Table(Table::new()));
        // A name alone stands for a table with that `kind`.
        if let Value::String(kind) = section {
            *section = Value::Table(Table::from_iter([("kind".to_owned(), Value::String(std::mem::take(kind)))]));
        }
        match section {
            Value::Table(inner) => here = inner,
            _ => return Err(Usage(format!("`{key}` is set below `{part}`, which is no section"))),
        }
    }
    match (here.get_mut(name), value) {
        (Some(Value::Table(old)), Value::Table(new)) if !new.contains_key("kind") => old.extend(new),
        (_, value) => {
            here.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive::TrainConfig;
    use contractive_core::Noise;
    use contractive_core::schedule::Schedule;

    fn config(flags: TrainingArguments) -> TrainConfig {
        TrainConfig::layered(&TrainConfig::default(), &[flags.layer().unwrap()]).unwrap()
    }

    #[test]
    fn words_with_numbers_become_tables() {
        let flags = TrainingArguments {
            noise: Some("gaussian:0.3".into()),
            schedule: Some("step:10:0.5".into()),
            sparsity: Some("0.05:0.1".into()),
            clip: Some("1".into()),
            patience: Some("3".into()),
            ..Default::default()
        };
        let config = config(flags);
        assert_eq!(config.objective.noise, Some(Noise::Gaussian { sigma: 0.3 }));
        assert_eq!(config.training.schedule, Schedule::Step { every: 10, factor: 0.5 });
        assert_eq!(config.objective.sparsity.unwrap().target, 0.05);
        assert_eq!(config.training.clip, Some(1.0));
        assert_eq!(config.training.early_stopping.unwrap().patience(), 3);
    }

    #[test]
    fn any_key_can_be_set_and_words_need_no_quotes() {
        let flags = TrainingArguments {
            optimiser: Some("adamw".into()),
            set: [
                "training.optimiser.beta2=0.99",
                "objective.loss=sse",
                "model.hidden=[8, 4]",
                "data.validation = 0.2",
            ]
            .map(str::to_owned)
            .into(),
            ..Default::default()
        };
        let config = config(flags);
        assert!(matches!(config.training.optimiser, Optimiser::AdamW { beta2: 0.99, .. }));
        assert_eq!((config.objective.loss, config.model.hidden), (Loss::Sse, vec![8, 4]));
        assert_eq!(config.data.validation, 0.2);
        let wrong = |set: &str| TrainingArguments { set: vec![set.into()], ..Default::default() }.layer();
        assert!(wrong("training.epochs").is_err() && wrong("=1").is_err() && wrong("a..b=1").is_err());
    }
}
