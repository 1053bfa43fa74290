//! `cae export`: a model or a detector as an ONNX file.

use std::path::{Path, PathBuf};

use clap::Args;
use contractive_onnx::{OnnxFile, Opset, Port, export_detector, export_model, export_rows, export_series};
use serde::Serialize;

use crate::detectors::AnyDetector;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::models::Opened;
use crate::numbers::grouped;
use crate::output::{check_file, print, print_json};
use crate::shell::quoted;
use crate::table::{Side, aligned};

/// Write a model or a detector as an ONNX file, which ONNX Runtime computes with in any language.
///
/// The file holds all that is done to rows: scaling, missing cells, categories, networks, scores. It takes rows in the units
/// of the data, any number at a time. Of a model it gives codes, reconstructions and errors; of a model of patches it is the
/// convolution, whole pictures in; of a detector of tables it gives scores, labels, probabilities and each column's part; of a
/// detector of time series the scores of windows.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Export {
    /// A run directory, a model directory or a detector.
    #[arg(value_name = "RUN_MODEL_OR_DETECTOR")]
    model: PathBuf,
    /// Write to this file, whose name ends in .onnx.
    #[arg(short, long, value_name = "FILE.onnx", help_heading = "Output")]
    output: PathBuf,
    /// The version of ONNX's operators, from 17 to 28: newer ones need a newer runtime, and compute the same.
    #[arg(long, value_name = "N", default_value_t = Opset::OLDEST)]
    opset: u32,
    /// Of a model of patches, write the graph of one patch: rows (patches, row x column x channel), of any scaling.
    #[arg(long)]
    rows: bool,
    /// Print JSON: the inputs, the outputs and what the file says of itself.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print nothing.
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Numbers that are scaled come in as float64, images and other rows that are not as float32. A column of
a detector's table is an input of its own, (rows, 1): float64, NaN where the cell is missing, or text,
empty where it is. Constant columns, keys and labels are no inputs.

A model of patches takes pictures (N, C, H, W) of any size, bytes divided by 255, and gives code maps
(N, K, h, w) and the mean of overlapping patches (N, C, H, W).

Scores are those of `cae detect` to 1e-5 and better; how near, and what is not exported, is in
docs/onnx.md.

Examples:
  cae export runs/NAME -o model.onnx
  cae export runs/PATCHES -o patch.onnx --rows
  cae export DETECTOR -o detector.onnx --json
  cae export DETECTOR -o detector.onnx --opset 21";

#[derive(Serialize)]
struct Record<'a> {
    file: &'a Path,
    bytes: usize,
    opset: u32,
    ir_version: u32,
    inputs: Vec<PortRecord<'a>>,
    outputs: Vec<PortRecord<'a>>,
    metadata: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct PortRecord<'a> {
    name: &'a str,
    element: &'static str,
    /// Sizes; null is one that is known when the graph is run, such as the number of rows.
    shape: &'a [Option<usize>],
    meaning: &'a str,
}

impl Export {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        if self.output.extension().is_none_or(|end| !end.eq_ignore_ascii_case("onnx")) {
            return Err(Usage(format!("-o takes a name that ends in .onnx, got {}", self.output.display())).into());
        }
        let opset = Opset::new(self.opset)?;
        check_file(&self.output)?;
        Inputs::default().and_trained(&self.model).check(&self.output, "-o")?;
        let detector = AnyDetector::found(&self.model)?;
        if self.rows && detector.is_some() {
            return Err(
                Usage("--rows is of a model of patches, and this is a detector: leave it out".to_owned()).into()
            );
        }
        let file = match detector {
            Some(AnyDetector::Table(detector)) => export_detector(&detector, opset)?,
            Some(AnyDetector::Series(detector)) => export_series(&detector, opset)?,
            Some(AnyDetector::Images(_)) => {
                let member = quoted(&self.model.join("scale-1/member-0").to_string_lossy());
                let text = format!(
                    "a detector of pictures is not exported as a whole; its networks are, patch by patch, such as {member}"
                );
                return Err(Usage(text).into());
            }
            None if self.rows => export_rows(&Opened::new(&self.model)?.model, opset)?,
            None => export_model(&Opened::new(&self.model)?.model, opset)?,
        };
        file.write(&self.output)?;
        if self.json {
            print_json(&record(&self.output, &file))?;
        } else if !self.quiet {
            print(&in_words(&self.output, &file))?;
        }
        Ok(Ending::Done)
    }
}

fn record<'a>(path: &'a Path, file: &'a OnnxFile) -> Record<'a> {
    let ports = |ports: &'a [Port]| {
        let of = |port: &'a Port| PortRecord {
            name: &port.name,
            element: port.element,
            shape: &port.shape,
            meaning: &port.meaning,
        };
        ports.iter().map(of).collect()
    };
    let metadata = file.metadata().iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    Record {
        file: path,
        bytes: file.bytes().len(),
        opset: file.opset().version(),
        ir_version: file.opset().ir_version(),
        inputs: ports(file.inputs()),
        outputs: ports(file.outputs()),
        metadata,
    }
}

/// Inputs written out.
const SHOWN: usize = 12;

fn in_words(path: &Path, file: &OnnxFile) -> String {
    let line = |role: &str, port: &Port| {
        let shape = format!("{}({})", port.element, port.sizes.join(", "));
        vec![role.to_owned(), port.name.clone(), shape, port.meaning.clone()]
    };
    let mut rows: Vec<Vec<String>> = file.inputs().iter().take(SHOWN).map(|port| line("input", port)).collect();
    if let Some(more) = file.inputs().len().checked_sub(SHOWN).filter(|more| *more > 0) {
        rows.push(vec!["input".to_owned(), format!("and {} more", grouped(more)), String::new(), String::new()]);
    }
    rows.extend(file.outputs().iter().map(|port| line("output", port)));
    let head = format!(
        "wrote {} bytes to {}  (opset {}, IR {})\n\n",
        grouped(file.bytes().len()),
        path.display(),
        file.opset().version(),
        file.opset().ir_version()
    );
    head + &aligned(&[Side::Left; 4], &rows)
}
