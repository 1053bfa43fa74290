//! What a run is going to do, said before it does it.

use contractive::Prepared;
use contractive::core::kernels::frobenius_deep::order::{self, Order, Top};
use contractive::core::parameters::layout;
use contractive::core::{Architecture, Loss, Penalty};
use contractive::preprocess::Scale;

use crate::numbers::{count, grouped, plain, significant};
use crate::table::pairs;

/// From this multiple of a plain step on, an estimate by projections is offered.
const EXPENSIVE: f64 = 3.0;

/// The run in a few lines.
pub(crate) fn introduction(prepared: &Prepared, steps: usize) -> String {
    let config = &prepared.config;
    let mut lines = vec![
        ("network", network(&prepared.architecture)),
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
    lines.extend(prepared.data.notes().iter().map(|note| ("note", note.clone())));
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

/// What a feature is called: images have pixels.
pub(crate) fn feature_word(is_image: bool) -> &'static str {
    if is_image { "pixel" } else { "feature" }
}

fn data(prepared: &Prepared) -> String {
    let data = &prepared.data;
    let shape = match data.image_shape() {
        Some((height, width)) => format!("images of {height} x {width} pixels"),
        None => count(data.n_features(), "feature"),
    };
    let mut parts = vec![format!("{} to train on", grouped(prepared.train_rows.len()))];
    if !prepared.validation_rows.is_empty() {
        parts.push(format!("{} for validation", grouped(prepared.validation_rows.len())));
    }
    if let Some(test) = &prepared.test {
        parts.push(format!("{} to test on", grouped(test.len())));
    }
    let word = feature_word(data.image_shape().is_some());
    let scale = match prepared.config.data.scale.unwrap_or_default() {
        Scale::None => String::new(),
        Scale::Minmax => format!(", each {word} scaled to 0 to 1 (minmax)"),
        Scale::Standard => format!(", each {word} scaled to mean 0 and deviation 1 (standard)"),
    };
    format!("{}, {shape}{scale}; {}", data.name(), parts.join(", "))
}

/// Labels that a column of the table gives.
fn labels(prepared: &Prepared) -> Option<String> {
    let column = prepared.config.data.label_column.as_deref()?;
    let mut classes = prepared.data.labels()?.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let classes = count(classes.len(), "class").replace("classs", "classes");
    Some(format!("column {column}, {classes}; not trained on"))
}

/// What the columns of numbers below are.
fn columns(prepared: &Prepared) -> String {
    let mut measured = vec!["train"];
    measured.extend((!prepared.validation_rows.is_empty()).then_some("validation"));
    measured.extend(prepared.test.as_ref().map(|_| "test"));
    let last = measured.pop().unwrap_or_default();
    let measured = match measured.len() {
        0 => format!("{last} is"),
        _ => format!("{} and {last} are", measured.join(", ")),
    };
    let loss = prepared.config.objective.loss;
    format!("{measured} the objective, loss its {loss} in training; ‖J‖ is the mean ‖∂h/∂x‖_F")
}

/// Columns of a table that hold one number: they say nothing about a row.
fn constant_columns(prepared: &Prepared) -> Option<String> {
    const SHOWN: usize = 8;
    const ROWS: usize = 256;
    let data = &prepared.data;
    let d = data.n_features();
    let (mut first, mut values) = (vec![0.0; d], vec![0.0; ROWS * d]);
    // An image's margin is often constant, and there is nothing to remove.
    let has_columns = data.image_shape().is_none() && prepared.train_rows.len() > 1;
    let (true, Some(row)) = (has_columns, prepared.train_rows.first()) else { return None };
    data.fill(&[*row], &mut first);
    let mut constant: Vec<usize> = (0..d).collect();
    for rows in prepared.train_rows.chunks(ROWS) {
        let values = &mut values[..rows.len() * d];
        data.fill(rows, values);
        constant.retain(|&j| values.chunks_exact(d).all(|row| row[j] == first[j]));
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

fn objective(prepared: &Prepared) -> String {
    let config = &prepared.config.objective;
    let per = match config.loss {
        Loss::Mse | Loss::Bce => "mean",
        Loss::Sse | Loss::CrossEntropy => "sum",
    };
    let word = feature_word(prepared.data.image_shape().is_some());
    let mut text = format!("{} ({per} over {word}s)", config.loss);
    if prepared.config.objective().has_penalty() {
        text += &format!(" + {} x {}", plain(config.contraction), config.penalty.name());
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
    let config = &prepared.config;
    if !config.objective().has_penalty() {
        return "none: a plain autoencoder".into();
    }
    let (net, batch) = (&prepared.architecture, config.training.batch_size);
    let depth = net.encoder_depth();
    let way = match depth {
        1 => "in closed form",
        _ => order_in_words(order::choose(&net.encoder_sizes, Top::Units, batch)),
    };
    let what = match config.objective.penalty {
        Penalty::None => "none",
        Penalty::Jacobian => "exact ‖∂h/∂x‖²_F of the whole encoder",
        Penalty::JacobianNorm => "exact ‖∂h/∂x‖_F of the whole encoder, not squared",
        Penalty::Layerwise => "squared Frobenius norm of each layer's own Jacobian, summed",
        Penalty::Projection { probes, distribution } => {
            let drawn = format!("{distribution:?}").to_lowercase();
            return format!(
                "unbiased estimate of ‖∂h/∂x‖²_F by {} a row{}",
                count(probes, &format!("{drawn} probe")),
                cost_text(relative_cost(prepared)),
            );
        }
        Penalty::FiniteDifference { epsilon, directions } => {
            let along = if directions == 0 { "every coordinate".into() } else { count(directions, "random direction") };
            return format!("central differences of the encoder along {along}, step {}", plain(epsilon));
        }
        Penalty::Hessian { corruptions, sigma, ratio } => {
            let copies = count(corruptions, "corrupted copy").replace("copys", "copies");
            return format!(
                "exact ‖∂h/∂x‖²_F, and {} times its change over {copies} (sigma {})",
                plain(ratio),
                plain(sigma),
            );
        }
        Penalty::LogisticLast { .. } => {
            return "the widely copied form: logistic derivative, last layer alone; not the Jacobian of a deep encoder"
                .into();
        }
        Penalty::WeightL1 => "sum of absolute encoder weights",
        Penalty::WeightL2 => "sum of squared encoder weights",
    };
    match relative_cost(prepared) {
        None => what.into(),
        cost => format!("{what}, {way}{}", cost_text(cost)),
    }
}

fn cost_text(cost: Option<f64>) -> String {
    cost.map_or_else(String::new, |cost| format!("; adds {} x the work of a plain step", significant(cost, 2)))
}

fn order_in_words(order: Order) -> &'static str {
    match order {
        Order::CodeSideGram => "from the code side through W₁W₁ᵀ",
        Order::CodeSideDirect => "from the code side",
        Order::InputSide => "from the input side",
    }
}

/// Multiply-adds of the penalty as a multiple of a plain step's, where they are known.
fn relative_cost(prepared: &Prepared) -> Option<f64> {
    let (net, batch) = (&prepared.architecture, prepared.config.training.batch_size);
    match prepared.config.objective.penalty {
        Penalty::Jacobian | Penalty::JacobianNorm => Some(order::relative_cost(net, batch)),
        Penalty::Projection { probes, .. } => {
            let top = Top::Probes(probes);
            let weights = |sizes: &[usize]| sizes.windows(2).map(|p| p[0] as f64 * p[1] as f64).sum::<f64>();
            let plain_step = 3.0 * (weights(&net.encoder_sizes) + weights(&net.decoder_sizes));
            let order = order::choose(&net.encoder_sizes, top, batch);
            Some(order::cost(order, &net.encoder_sizes, top, batch) / plain_step)
        }
        _ => None,
    }
}

fn training(prepared: &Prepared, steps: usize) -> String {
    let t = &prepared.config.training;
    let mut text = format!(
        "{} of {}, batches of {}, seed {}, {}",
        count(t.epochs, "epoch"),
        count(steps, "step"),
        grouped(t.batch_size),
        t.seed,
        count(prepared.config.threads(), "thread"),
    );
    if let Some(rule) = t.early_stopping {
        text += &format!("; stops after {} without gain", count(rule.patience, "epoch"));
    }
    text
}

fn optimiser(prepared: &Prepared) -> String {
    let t = &prepared.config.training;
    let (optimiser, schedule, start) = (t.optimiser.name(), t.schedule.name(), t.initialisation.name());
    let rate = plain(t.learning_rate);
    let clip = t.clip.map_or_else(String::new, |clip| format!(", gradient clipped at {}", plain(clip)));
    format!("{optimiser}, learning rate {rate}, {schedule} schedule, {start} start{clip}")
}

fn advice(prepared: &Prepared) -> Option<String> {
    let is_exact = matches!(prepared.config.objective.penalty, Penalty::Jacobian | Penalty::JacobianNorm);
    let cost = relative_cost(prepared).filter(|cost| is_exact && *cost > EXPENSIVE)?;
    prepared.config.objective().has_penalty().then(|| {
        let multiple = significant(cost, 2);
        format!(
            "the exact penalty costs {multiple} times the rest of a step; `--penalty projection` estimates it cheaply"
        )
    })
}
