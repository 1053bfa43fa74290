//! What a run is about to do, printed before it starts.

use contractive::preprocess::Scale;
use contractive::{Prepared, TrainConfig};
use contractive_core::order::{self, Order};
use contractive_core::parameters::layout;
use contractive_core::patches::PictureShape;
use contractive_core::{Architecture, Loss, Noise, Penalty};

use crate::numbers::{count, grouped, plain, significant};
use crate::table::pairs;

/// From this multiple of a plain step on, an estimate by projections is offered.
const EXPENSIVE: f64 = 3.0;

/// The run in a few lines.
pub(crate) fn introduction(prepared: &Prepared, steps: usize) -> String {
    let config = prepared.config();
    let mut lines = vec![
        ("network", network(prepared.architecture())),
        ("data", data(prepared)),
        ("objective", objective(prepared)),
        ("penalty", penalty(prepared)),
        ("training", training(prepared, steps)),
        ("optimiser", optimiser(prepared)),
    ];
    if let Some(recipe) = &config.recipe {
        lines.insert(0, ("recipe", recipe.clone()));
    }
    lines.extend(labels(prepared).map(|text| ("labels", text)));
    lines.push(("columns", columns(prepared)));
    lines.extend(constant_columns(prepared).map(|text| ("note", text)));
    lines.extend(prepared.data().notes().iter().map(|note| ("note", note.clone())));
    lines.extend(noise_note(config).map(|note| ("note", note)));
    lines.extend(advice(prepared).into_iter().map(|text| ("advice", text)));
    pairs(&lines)
}

/// Sizes from input to output, activations, parameters.
pub(crate) fn network(net: &Architecture) -> String {
    let sizes = net.encoder_sizes.iter().chain(&net.decoder_sizes[1..]).map(usize::to_string);
    let chain = sizes.collect::<Vec<_>>().join("-");
    let parameters: usize = layout(net).iter().map(|place| place.range().len()).sum();
    let between = net.encoder_activations.iter().rev().skip(1).next_back();
    let between = between.map_or_else(String::new, |phi| format!("{phi} between, "));
    let tied = if net.tied { ", tied" } else { "" };
    let (code, output) = (net.code_activation(), net.output_activation());
    format!("{chain}, {between}code {code}, output {output}{tied}; {} parameters", grouped(parameters))
}

/// The size of pictures in words: "28 x 28 pixels", "64 x 48 pixels in colour".
pub(crate) fn pixels(shape: PictureShape) -> String {
    let colour = if shape.channels == 1 { "" } else { " in colour" };
    format!("{} x {} pixels{colour}", shape.height, shape.width)
}

/// What a feature is called: images have pixels.
pub(crate) fn feature_word(is_image: bool) -> &'static str {
    if is_image { "pixel" } else { "feature" }
}

fn data(prepared: &Prepared) -> String {
    let data = prepared.data();
    let shape = match data.picture_shape() {
        Some(shape) => match data.patch_grid() {
            None if prepared.config().data.patch.is_some() => format!("patches of {}", pixels(shape)),
            None => format!("images of {}", pixels(shape)),
            Some(grid) => format!(
                "patches of {}, {} apart, {} from each of {} of {}",
                pixels(shape),
                grid.stride(),
                grouped(grid.n_patches()),
                count(data.pictures().len(), "picture"),
                pixels(grid.shape())
            ),
        },
        None => count(data.n_features(), "feature"),
    };
    let mut parts = vec![format!("{} to train on", grouped(prepared.n_training_rows()))];
    if prepared.n_validation_rows() > 0 {
        parts.push(format!("{} for validation", grouped(prepared.n_validation_rows())));
    }
    if prepared.test().is_some() {
        parts.push(format!("{} to test on", grouped(prepared.n_test_rows())));
    }
    let word = feature_word(data.picture_shape().is_some());
    let scale = match prepared.config().data.scale.unwrap_or_default() {
        Scale::None => String::new(),
        Scale::Minmax => format!(", each {word} scaled to 0 to 1 (minmax)"),
        Scale::Standard => format!(", each {word} scaled to mean 0 and deviation 1 (standard)"),
        Scale::Robust => format!(", each {word} as the arsinh of its robust standard score (robust)"),
        Scale::Quantile => format!(", each {word} by its rank among the training rows (quantile)"),
    };
    format!("{}, {shape}{scale}; {}", data.name(), parts.join(", "))
}

/// Labels that a column of the table gives.
fn labels(prepared: &Prepared) -> Option<String> {
    let column = prepared.config().data.label_column.as_deref()?;
    let mut classes = prepared.data().labels()?.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let classes = count(classes.len(), "class").replace("classs", "classes");
    Some(format!("column {column}, {classes}; not trained on"))
}

/// What the columns of numbers below are.
fn columns(prepared: &Prepared) -> String {
    let mut measured = vec!["train"];
    measured.extend((prepared.n_validation_rows() > 0).then_some("validation"));
    measured.extend(prepared.test().map(|_| "test"));
    let last = measured.pop().unwrap_or_default();
    let measured = match measured.len() {
        0 => format!("{last} is"),
        _ => format!("{} and {last} are", measured.join(", ")),
    };
    let loss = prepared.config().objective.loss;
    format!("{measured} the objective, loss its {loss} in training; ‖J‖ is the mean ‖∂h/∂x‖_F")
}

/// Columns of a table that hold the same number in every training row.
fn constant_columns(prepared: &Prepared) -> Option<String> {
    const SHOWN: usize = 8;
    const ROWS: usize = 256;
    let data = prepared.data();
    let d = data.n_features();
    // An image's margin is often constant, and there is nothing to remove.
    let has_columns =
        data.picture_shape().is_none() && prepared.train_rows().len() > 1 && prepared.shuffle_buffer().is_none();
    let (true, Some(row)) = (has_columns, prepared.train_rows().first()) else { return None };
    let mut first = Vec::new();
    data.for_each_row(&[*row], |row| first.extend_from_slice(row));
    let mut constant: Vec<usize> = (0..d).collect();
    for rows in prepared.train_rows().chunks(ROWS) {
        data.for_each_row(rows, |row| constant.retain(|&j| row[j] == first[j]));
        if constant.is_empty() {
            return None;
        }
    }
    let shown: Vec<String> = constant
        .iter()
        .take(SHOWN)
        .map(|&j| data.feature_names().map_or_else(|| format!("column {j} (from 0)"), |names| names[j].clone()))
        .collect();
    let more = constant.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("{}{more}: the same in every training row; better left out of the data", shown.join(", ")))
}

/// What salt and pepper are where features are not in [0, 1].
fn noise_note(config: &TrainConfig) -> Option<String> {
    let is_standard = config.data.scale == Some(Scale::Standard);
    let is_salt = matches!(config.objective.noise, Some(Noise::SaltPepper { .. }));
    (is_standard && is_salt).then(|| {
        "salt_pepper sets scaled features to 0 or 1: here a feature's mean, or one standard deviation above it; with \
         `--scale minmax` its least or its greatest value"
            .into()
    })
}

fn objective(prepared: &Prepared) -> String {
    let config = &prepared.config().objective;
    let per = match config.loss {
        Loss::Mse | Loss::Bce => "mean",
        Loss::Sse | Loss::CrossEntropy => "sum",
    };
    let word = feature_word(prepared.data().picture_shape().is_some());
    let mut text = format!("{} ({per} over {word}s)", config.loss);
    if prepared.config().objective().has_penalty() {
        text += &format!(" + {} x {}", plain(config.contraction), prepared.config().objective().penalty.name());
    }
    if let Some(sparsity) = config.sparsity {
        text += &format!(" + {} x sparsity towards {}", plain(sparsity.weight), plain(sparsity.target));
    }
    if let Some(noise) = config.noise {
        text += &format!(", input noise {}", noise.name());
    }
    text + ", mean over rows"
}

fn penalty(prepared: &Prepared) -> String {
    let config = prepared.config();
    if !config.objective().has_penalty() {
        return "none: a plain autoencoder".into();
    }
    let (net, batch) = (prepared.architecture(), config.training.batch_size);
    let what = config.objective().penalty.describe();
    let way = match config.objective().penalty {
        Penalty::Jacobian | Penalty::JacobianNorm if net.encoder_depth() == 1 => ", in closed form",
        Penalty::Jacobian | Penalty::JacobianNorm => order_in_words(order::of_encoder(net, batch)),
        _ => "",
    };
    let cost = relative_cost(prepared);
    let cost = cost.map_or_else(String::new, |c| format!("; adds {} x the work of a plain step", significant(c, 2)));
    let reason = config.objective.penalty_reason.as_ref().map_or_else(String::new, |why| format!(" (auto: {why})"));
    format!("{what}{way}{cost}{reason}")
}

fn order_in_words(order: Order) -> &'static str {
    match order {
        Order::CodeSideGram => ", from the code side through W₁W₁ᵀ",
        Order::CodeSideDirect => ", from the code side",
        Order::InputSide => ", from the input side",
        Order::KhatriRao => ", by the Khatri-Rao product of W₁ and W₂",
    }
}

/// Multiply-adds of the penalty as a multiple of a plain step's, where they are known.
fn relative_cost(prepared: &Prepared) -> Option<f64> {
    let config = prepared.config();
    order::relative_cost(config.objective().penalty, prepared.architecture(), config.training.batch_size)
}

fn training(prepared: &Prepared, steps: usize) -> String {
    let t = &prepared.config().training;
    let mut text = format!(
        "{} of {}, batches of {}, seed {}, {}",
        count(t.epochs(), "epoch"),
        count(steps, "step"),
        grouped(t.batch_size),
        t.seed,
        count(prepared.config().threads(), "thread"),
    );
    if let Some(rule) = t.early_stopping {
        text += &format!("; stops after {} without gain", count(rule.patience(), "epoch"));
    }
    text
}

fn optimiser(prepared: &Prepared) -> String {
    let t = &prepared.config().training;
    let (optimiser, schedule, start) = (t.optimiser.name(), t.schedule.name(), t.initialisation.name());
    let rate = plain(t.learning_rate);
    let clip = t.clip.map_or_else(String::new, |clip| format!(", gradient clipped at {}", plain(clip)));
    format!("{optimiser}, learning rate {rate}, {schedule} schedule, {start} start{clip}")
}

fn advice(prepared: &Prepared) -> Option<String> {
    let estimate = match prepared.config().objective().penalty {
        Penalty::Jacobian | Penalty::JacobianNorm => "--penalty projection",
        Penalty::Reconstruction { probes: 0 } | Penalty::Decoder { probes: 0 } => "--probes 1",
        _ => return None,
    };
    let cost = relative_cost(prepared).filter(|cost| *cost > EXPENSIVE)?;
    prepared.config().objective().has_penalty().then(|| {
        let multiple = significant(cost, 2);
        format!("the exact penalty costs {multiple} times the rest of a step; `{estimate}` estimates it cheaply")
    })
}
