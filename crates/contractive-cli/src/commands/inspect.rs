//! `cae inspect`: what a model is made of and, with rows, how its code moves.

use std::path::PathBuf;

use clap::Args;
use contractive::data::Dataset;
use contractive::preprocess::ScaledRows;
use contractive::{Evaluation, Model, evaluate};
use contractive_core::matrix::MatRef;
use contractive_report::analysis::{Activity, spectrum};
use serde::Serialize;
use serde_json::{Value, json};

use super::inspect_detector::DetectorRecord;
use crate::arguments::RowArguments;
use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::introduction::network;
use crate::models::Opened;
use crate::numbers::{count, duration, grouped, percent, plain, significant};
use crate::output::{print, print_json};
use crate::shell::quoted;
use crate::table::{Side, aligned, pairs};

/// Rows looked at, unless --rows says otherwise: each costs an explicit Jacobian.
const ROWS: usize = 200;
/// Singular values written out in words.
const SHOWN: usize = 12;

/// Look inside a model: layers, objective, provenance; with --data, the singular values of its Jacobian. Or a detector:
/// its columns, networks, score and threshold.
///
/// With rows it also prints, over the first 200 of them (or --rows), the mean singular values of the Jacobian ∂h/∂x, the
/// estimated local dimension, saturated and dead units.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Inspect {
    /// A run directory, a model directory or a detector.
    #[arg(value_name = "RUN_MODEL_OR_DETECTOR")]
    model: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const AFTER_HELP: &str = "\
The local dimension is estimated in two ways, both means over rows: the participation ratio of the squared singular
values, (sum s^2)^2 / sum s^4, and the number of singular values above a tenth of the row's largest.

Examples:
  cae inspect runs/NAME
  cae inspect DETECTOR
  cae inspect runs/NAME --data mnist:test --rows 500 --json";

/// A layer in words and numbers.
#[derive(Serialize)]
struct LayerRecord {
    stack: &'static str,
    layer: usize,
    input: usize,
    output: usize,
    activation: String,
    parameters: usize,
}

/// How the code moves with the input.
#[derive(Serialize)]
struct Geometry {
    rows: usize,
    singular_values: Vec<f64>,
    participation_ratio: f64,
    above_a_tenth: f64,
    dead_units: Vec<usize>,
    #[serde(flatten)]
    numbers: Evaluation,
}

impl Inspect {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if let Some(detector) = AnyDetector::found(&self.model)? {
            return self.detector(&detector);
        }
        let opened = Opened::new(&self.model)?;
        let geometry = match &self.rows.data {
            None => None,
            Some(_) => {
                let data = opened.rows(&self.rows, self.json)?;
                let data = if self.rows.rows.is_none() { data.take(ROWS) } else { data };
                Some(look(&opened.model, &data, self.rows.threads())?)
            }
        };
        if self.json {
            print_json(&in_json(&opened, geometry.as_ref())?)?;
        } else {
            print(&in_words(&opened, geometry.as_ref())?)?;
        }
        Ok(Ending::Done)
    }
}

impl Inspect {
    fn detector(&self, detector: &AnyDetector) -> anyhow::Result<Ending> {
        if self.rows.data.is_some() {
            let path = quoted(&self.model.to_string_lossy());
            let text = format!("{path} is a detector: its rows are scored by `cae detect {path} --data FILE`");
            return Err(Usage(text).into());
        }
        let record = DetectorRecord::of(detector);
        if self.json {
            print_json(&record)?
        } else {
            print(&record.in_words())?
        }
        Ok(Ending::Done)
    }
}

fn layers(model: &Model) -> Vec<LayerRecord> {
    let net = model.architecture();
    let stacks = [
        ("encoder", &net.encoder_sizes, &net.encoder_activations),
        ("decoder", &net.decoder_sizes, &net.decoder_activations),
    ];
    let mut all = Vec::new();
    for (stack, sizes, activations) in stacks {
        for (layer, (pair, activation)) in sizes.windows(2).zip(activations).enumerate() {
            let of_layer = format!("{stack}.{layer}.");
            let places = model.parameters().places().iter().filter(|place| place.name.starts_with(&of_layer));
            all.push(LayerRecord {
                stack,
                layer,
                input: pair[0],
                output: pair[1],
                activation: activation.to_string(),
                parameters: places.map(|place| place.range().len()).sum(),
            });
        }
    }
    all
}

/// Judges the rows, and takes the spectrum of their Jacobians.
fn look(model: &Model, data: &Dataset, threads: usize) -> anyhow::Result<Geometry> {
    let numbers = evaluate(model, data, threads)?;
    let mut rows = Vec::new();
    let all: Vec<u32> = (0..data.len() as u32).collect();
    ScaledRows { data, preprocessing: model.preprocessing() }.gather(&all, &mut rows);
    let rows = MatRef::new(&rows, data.len(), model.architecture().input_size());
    let spectrum = spectrum(model.parameters(), rows, threads);
    Ok(Geometry {
        rows: spectrum.rows,
        singular_values: spectrum.mean,
        participation_ratio: spectrum.participation_ratio,
        above_a_tenth: spectrum.above_a_tenth,
        dead_units: Activity::measure(model, data, &all).dead(),
        numbers,
    })
}

fn in_json(opened: &Opened, geometry: Option<&Geometry>) -> anyhow::Result<Value> {
    let model = &opened.model;
    let history = opened.run.as_ref().map(|run| run.metrics()).transpose()?;
    Ok(json!({
        "architecture": model.architecture(),
        "parameters": model.parameters().len(),
        "layers": layers(model),
        "objective": model.objective(),
        "noise": model.noise(),
        "preprocessing": {
            "scale": model.preprocessing().scale(), "features": model.preprocessing().n_features(),
            "feature_names": model.preprocessing().feature_names(), "clip": model.preprocessing().clip(),
        },
        "image_shape": model.image_shape(),
        "provenance": model.provenance(),
        "training": history.as_deref().map(|history| json!({
            "epochs": history.len(),
            "seconds": history.iter().map(|record| record.seconds).sum::<f64>(),
            "best": history.iter().find(|record| record.epoch == model.provenance().epoch),
        })),
        "geometry": geometry,
    }))
}

fn in_words(opened: &Opened, geometry: Option<&Geometry>) -> anyhow::Result<String> {
    let model = &opened.model;
    let mut rows = vec![["layer", "in", "out", "activation", "parameters"].map(str::to_owned).to_vec()];
    for l in layers(model) {
        let name = format!("{}.{}", l.stack, l.layer);
        rows.push(vec![name, grouped(l.input), grouped(l.output), l.activation, grouped(l.parameters)]);
    }
    let sides = [Side::Left, Side::Right, Side::Right, Side::Left, Side::Right];
    let mut lines = vec![("network", network(model.architecture()))];
    lines.push(("objective", objective(model)));
    lines.push(("preprocessing", preprocessing(model)));
    let p = &model.provenance();
    let recipe = p.recipe.as_ref().map_or_else(String::new, |name| format!(", recipe {name}"));
    lines.push(("trained on", format!("{} of {}{recipe}, seed {}", count(p.rows, "row"), p.data, p.seed)));
    lines.extend(p.data_sha256.as_ref().map(|sum| ("sha256", sum.clone())));
    lines.push(("written by", format!("version {}, epoch {}", p.version, p.epoch)));
    if let Some(run) = &opened.run {
        let history = run.metrics()?;
        if let Some(best) = history.iter().find(|record| record.epoch == p.epoch) {
            let seconds: f64 = history.iter().map(|record| record.seconds).sum();
            let total = significant(best.watched(), 5);
            let of = if best.validation.is_some() { "validation" } else { "training" };
            let epochs = count(history.len(), "epoch");
            lines.push(("training", format!("{epochs} in {}; {of} total of the kept one {total}", duration(seconds))));
        }
    }
    let mut text = format!("{}\n{}", pairs(&lines), aligned(&sides, &rows));
    if let Some(geometry) = geometry {
        text += "\n";
        text += &geometry_in_words(geometry, &model.architecture().encoder_sizes[1..]);
    }
    Ok(text)
}

fn objective(model: &Model) -> String {
    let o = model.objective();
    let mut text = o.loss.to_string();
    if o.has_penalty() {
        text += &format!(" + {} x {}", plain(o.contraction), o.penalty.name());
    }
    if let Some(sparsity) = o.sparsity {
        text += &format!(" + {} x sparsity towards {}", plain(sparsity.weight), plain(sparsity.target));
    }
    if let Some(noise) = model.noise() {
        text += &format!(", input noise {}", noise.name());
    }
    text
}

fn preprocessing(model: &Model) -> String {
    let p = model.preprocessing();
    let what = match (model.image_shape(), p.feature_names()) {
        (Some((height, width)), _) => format!("images of {height} x {width} pixels"),
        (None, Some(names)) if names.len() <= SHOWN => format!("columns {}", names.join(", ")),
        (None, Some(names)) => format!("{} named columns, {} to {}", names.len(), names[0], names[names.len() - 1]),
        (None, None) => count(p.n_features(), "column"),
    };
    format!("{what}; scale {}{}", p.scale().name(), if p.clip() { ", cut off at 0 and 1" } else { "" })
}

fn geometry_in_words(g: &Geometry, sizes: &[usize]) -> String {
    let shown = |value: f64| significant(value, 4);
    let n = g.singular_values.len();
    let mut values = g.singular_values.iter().take(SHOWN).map(|s| significant(*s, 3)).collect::<Vec<_>>().join("  ");
    if n > SHOWN {
        values += &format!("  and {} more down to {}", n - SHOWN, significant(g.singular_values[n - 1], 3));
    }
    let mut lines = vec![
        ("rows", format!("{} of {}", grouped(g.rows), g.numbers.data)),
        ("jacobian_norm", format!("{}  mean Frobenius norm of ∂h/∂x", shown(g.numbers.jacobian_norm))),
        ("singular values", format!("{values}  (means over rows)")),
        (
            "local dimension",
            format!(
                "{} by participation ratio; {} singular values above a tenth of the largest",
                significant(g.participation_ratio, 3),
                significant(g.above_a_tenth, 3)
            ),
        ),
    ];
    if let Some(ratio) = g.numbers.jacobian_to_code_variance {
        let line =
            format!("{}  mean squared norm over the variance of the code, whatever the code's scale", shown(ratio));
        lines.insert(2, ("jacobian_to_code_variance", line));
    }
    if let Some(saturation) = g.numbers.saturation {
        lines.push(("saturation", format!("{} of bounded units lie within 5 % of a bound", percent(saturation))));
    }
    let dead: Vec<String> = g
        .dead_units
        .iter()
        .zip(sizes)
        .enumerate()
        .map(|(layer, (dead, size))| format!("{dead} of {size} in encoder.{layer}"))
        .collect();
    lines.push(("dead units", format!("{}  (they never move)", dead.join(", "))));
    pairs(&lines)
}
