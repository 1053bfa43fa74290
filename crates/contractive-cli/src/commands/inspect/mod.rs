//! `cae inspect`: what a model is made of and, with rows, how its code moves.

mod detector;
mod geometry;
mod images;
mod tangents;

use std::path::PathBuf;

use clap::Args;
use contractive::Model;
use contractive::data::Dataset;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::RowArguments;
use crate::commands::per_row;
use crate::commands::verified::Verified;
use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::introduction::{network, pixels};
use crate::models::Opened;
use crate::numbers::{count, duration, grouped, plain, significant};
use crate::output::{print, print_json};
use crate::shell::quoted;
use crate::table::{Side, aligned, pairs};
use detector::DetectorRecord;
use geometry::{Geometry, SpectrumTable};
use images::ImageDetectorRecord;
use tangents::TangentArguments;

/// Rows looked at, unless --rows or --per-row says otherwise: a mean needs no more.
const ROWS: usize = 200;
/// Column names written out.
const SHOWN: usize = 12;

/// Look inside a model: layers, objective, provenance; with --data, the singular values of its Jacobian. Or a detector:
/// its columns, networks, score and threshold.
///
/// With rows it also prints, over the first 200 of them (or --rows; with --per-row over all), the mean singular values of
/// the Jacobian ∂h/∂x, the local dimension, saturated and dead units.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Inspect {
    /// A run directory, a model directory or a detector.
    #[arg(value_name = "RUN_MODEL_OR_DETECTOR")]
    model: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Write a table with one line a row: its number and label, the Jacobian's Frobenius norm, the local dimension, the
    /// singular values sv_1, sv_2, …: .csv or .tsv (also with .gz), .parquet, .arrow, .npy or .jsonl.
    #[arg(long, value_name = "FILE", help_heading = "Output", requires = "data")]
    per_row: Option<PathBuf>,
    /// The K largest singular values of a row, and as many tangents [default: all, and 8 tangents].
    #[arg(long, value_name = "K", help_heading = "Output", value_parser = clap::value_parser!(u32).range(1..))]
    singular_values: Option<u32>,
    #[command(flatten)]
    tangents: TangentArguments,
    /// Say what the formulas in use for the penalty, right and wrong, give on this network beside the exact ‖J‖², in value and
    /// gradient: on the first 64 rows of --data (or --rows), else on drawn ones.
    #[arg(long, help_heading = "Output")]
    verify: bool,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const AFTER_HELP: &str = "\
The local dimension of a row is (sum s^2)^2 / sum s^4 over the singular values s of its Jacobian:
n where the code follows n directions alike and no other, 0 where it does not move. Near the size
of the code, that size sets it and not the data. Compare models on the same rows.

--tangents FILE.npz holds `rows` (N), `singular_values` (N, K), `tangents` (N, K, d), of unit
length in the units of the scaled features, and `tangents_in_units` (N, K, d), the same steps in
the features' own units.

--verify compares value and gradient of each formula, which automatic differentiation would make of the code that has it:
the value over the exact one, the length of the gradient over that of the true one, and the cosine between the two. Right,
times a factor, is made up for by another weight of the penalty; wrong here is not. What is the same here may be wrong on
another network. A formula that overflows 64 bits is \"too large\", null in JSON.

Examples:
  cae inspect runs/NAME
  cae inspect DETECTOR
  cae inspect runs/NAME --data mnist:test --rows 500 --json
  cae inspect runs/NAME --verify --data table.csv
  cae inspect runs/NAME --data table.csv --per-row spectra.csv --singular-values 4
  cae inspect runs/NAME --data mnist:test --tangents tangents.npz --tangents tangents.png --at 0,5,7";

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

impl Inspect {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if let Some(detector) = AnyDetector::found(&self.model)? {
            return self.detector(&detector);
        }
        let inputs = Inputs::of(self.rows.data.as_deref()).and_trained(&self.model);
        self.tangents.check(&inputs)?;
        if let Some(path) = &self.per_row {
            per_row::check(path, "--per-row", &inputs)?;
        }
        let opened = Opened::new(&self.model)?;
        let data = self.rows.data.as_ref().map(|_| opened.rows(&self.rows, self.json)).transpose()?;
        let geometry = data.as_ref().map(|data| self.geometry(&opened, data)).transpose()?;
        let verified = self.verify.then(|| Verified::of(&opened.model, data.as_ref(), self.rows.rows)).transpose()?;
        if self.json {
            print_json(&in_json(&opened, geometry.as_ref(), verified.as_ref())?)?;
        } else {
            let verified = verified.map_or_else(String::new, |verified| format!("\n{}", verified.in_words()));
            print(&(in_words(&opened, geometry.as_ref())? + &verified))?;
        }
        Ok(Ending::Done)
    }
}

impl Inspect {
    /// Looks at the rows, and writes what is asked for of them.
    fn geometry(&self, opened: &Opened, data: &Dataset) -> anyhow::Result<Geometry> {
        opened.model.preprocessing().check(data)?;
        let most = self.singular_values.map(|most| most as usize);
        if self.tangents.are_wanted() {
            self.tangents.write(&opened.model, data, most, self.json)?;
        }
        let all = self.rows.rows.is_some() || self.per_row.is_some();
        let data = if all { data.clone() } else { data.clone().take(ROWS) };
        let table = self.per_row.as_deref().map(|path| SpectrumTable { path, most, is_quiet: self.json });
        Geometry::of(&opened.model, &data, self.rows.threads(), table.as_ref())
    }

    fn detector(&self, detector: &AnyDetector) -> anyhow::Result<Ending> {
        if self.rows.data.is_some() {
            let path = quoted(&self.model.to_string_lossy());
            let text =
                format!("{path} is a detector: its {}s are scored by `cae detect {path} --data FILE`", detector.unit());
            return Err(Usage(text).into());
        }
        if self.verify {
            let first = if let AnyDetector::Images(_) = detector { "scale-1/member-0" } else { "member-0" };
            let member = quoted(&self.model.join(first).to_string_lossy());
            let text = format!("--verify is of models; a detector's are its members: `cae inspect {member} --verify`");
            return Err(Usage(text).into());
        }
        if let AnyDetector::Images(detector) = detector {
            let record = ImageDetectorRecord::of(detector);
            if self.json {
                print_json(&record)?
            } else {
                print(&record.in_words())?
            }
            return Ok(Ending::Done);
        }
        let Some(record) = DetectorRecord::of(detector) else { return Ok(Ending::Done) };
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

fn in_json(opened: &Opened, geometry: Option<&Geometry>, verified: Option<&Verified>) -> anyhow::Result<Value> {
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
            "library_size": model.preprocessing().counts().library_size, "log1p": model.preprocessing().counts().log1p,
        },
        "image_shape": model.picture_shape().map(|shape| (shape.height, shape.width)),
        "channels": model.picture_shape().map(|shape| shape.channels),
        "patch": model.patches().map(|patches| patches.patch),
        "stride": model.patches().map(|patches| patches.stride),
        "image_size": model.picture_reading().size,
        "fit": model.picture_reading().fit,
        "median_size": model.picture_reading().median_size,
        "provenance": model.provenance(),
        "training": history.as_deref().map(|history| json!({
            "epochs": history.len(),
            "seconds": history.iter().map(|record| record.seconds).sum::<f64>(),
            "best": history.iter().find(|record| record.epoch == model.provenance().epoch),
        })),
        "geometry": geometry,
        "verification": verified,
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
    if let Some(from) = &p.imported {
        lines.push(("imported from", from.source.clone()));
        lines.extend(from.sha256.as_ref().map(|sum| ("sha256", sum.clone())));
        lines.push(("written by", format!("version {}", p.version)));
    } else {
        lines.push(("trained on", format!("{} of {}{recipe}, seed {}", count(p.rows, "row"), p.data, p.seed)));
        lines.extend(p.data_sha256.as_ref().map(|sum| ("sha256", sum.clone())));
        lines.push(("written by", format!("version {}, epoch {}", p.version, p.epoch)));
    }
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
        text += &geometry.in_words(&model.architecture().encoder_sizes[1..]);
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
    let what = match (model.picture_shape(), p.feature_names()) {
        (Some(shape), _) => match model.patches() {
            None => format!("images of {}", pixels(shape)),
            Some(patches) => format!("patches of {}, {} apart", pixels(shape), patches.stride),
        },
        (None, Some(names)) if names.len() <= SHOWN => format!("columns {}", names.join(", ")),
        (None, Some(names)) => format!("{} named columns, {} to {}", names.len(), names[0], names[names.len() - 1]),
        (None, None) => count(p.n_features(), "column"),
    };
    let counts = match (p.counts().library_size, p.counts().log1p) {
        (None, false) => String::new(),
        (None, true) => "; log(1 + x)".to_owned(),
        (Some(sum), false) => format!("; each row times {} over its sum", plain(sum)),
        (Some(sum), true) => format!("; log(1 + x) of each row times {} over its sum", plain(sum)),
    };
    format!("{what}{counts}; scale {}{}", p.scale().name(), if p.clip() { ", cut off at 0 and 1" } else { "" })
}
