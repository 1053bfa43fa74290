//! An autoencoder as a graph: rows in, codes, reconstructions and errors out.

use contractive::Model;
use contractive::encoding::ColumnUse;
use contractive::preprocess::{Preprocessing, Scale};
use contractive_core::Loss;

use crate::activation::softplus;
use crate::columns::{Cells, check_names};
use crate::convolution;
use crate::error::OnnxError;
use crate::exported::{OnnxFile, check_room};
use crate::graph::{Element, Graph, Size, Value};
use crate::metadata::Metadata;
use crate::network::{Decoded, Network};
use crate::opset::Opset;
use crate::scaling::Scaler;

const OUTPUTS: [&str; 4] = ["code", "reconstruction", "score", "loss"];
const DOC: &str = "A contractive autoencoder: rows in the units of the data, their codes, their reconstructions in the same \
                   units, and how far each is off.";

/// The graph of an autoencoder; of a model of patches, that of the convolution it is.
///
/// Of patches, the input is `pictures`, (N, C, H, W), in the units of the data, of any size that holds a patch, of 64 bits
/// where pixels are scaled, else of 32. Outputs: `code` (N, k, h, w), `reconstruction` (N, C, H, W), the mean of the patches
/// over each pixel, and `score` (N), the mean squared error of the picture in the units of the data. Of all others as
/// [`export_rows`].
///
/// # Errors
/// [`OnnxError::NoConvolution`] for patches whose pixels are scaled by more than a line; as [`export_rows`].
pub fn export_model(model: &Model, opset: Opset) -> Result<OnnxFile, OnnxError> {
    match (model.patches(), model.picture_shape()) {
        (Some(patches), Some(shape)) => convolution::export(model, patches, shape.channels, opset),
        _ => export_rows(model, opset),
    }
}

/// The graph of an autoencoder's rows; of a model of patches, of its patches, each (row, column, channel).
///
/// Inputs: `x`, (N, d), or one column of text or numbers each, (N, 1), where it was trained on a table with categories.
/// Numbers are of 64 bits where they are scaled, so that large ones keep their digits, else of 32. Outputs: `code` (N, k),
/// `reconstruction` (N, d) in the units of the input, `score` (N), the mean squared error in the network's units, and `loss`
/// (N), what was minimised.
///
/// # Errors
/// [`OnnxError::TooLarge`]; [`OnnxError::Column`] where a column is called as an output is.
pub fn export_rows(model: &Model, opset: Opset) -> Result<OnnxFile, OnnxError> {
    let preprocessing = model.preprocessing();
    if let Some(encoding) = preprocessing.table() {
        check_names(encoding, &OUTPUTS)?;
    }
    check_room(4 * model.parameters().values().len() as u64, "the network's weights")?;
    let graph = Graph::default();
    add(&graph, model);
    OnnxFile::new(graph, "contractive_autoencoder", DOC, opset, metadata(model))
}

fn add(graph: &Graph, model: &Model) {
    let (preprocessing, architecture) = (model.preprocessing(), model.architecture());
    let (d, k) = (architecture.input_size(), architecture.code_size());
    let rows = rows(graph, preprocessing);
    let scaler = Scaler::new(graph, preprocessing);
    let x = match rows.element() {
        Element::Float => rows,
        _ => scaler.scaled(rows),
    };
    let network = Network::new(graph, model.parameters(), Element::Float);
    let encoded = network.encode(x, false);
    let decoded = network.decode(encoded.code);
    let restored = match rows.element() {
        Element::Float => decoded.output,
        _ => scaler.original(decoded.output.cast(Element::Double), rows),
    };
    let [x, output] = [x, decoded.output].map(|value| value.cast(Element::Double));
    let error = (x - output).square().sum_away(1) / d as f64;
    graph.output("code", encoded.code, &[Size::Rows, Size::Of(k)], "h = f(x), the code");
    let doc = "g(f(x)), in the units of the input; levels of a category as numbers from 0 to 1";
    graph.output("reconstruction", restored, &[Size::Rows, Size::Of(d)], doc);
    let doc = "mean over the features of the squared error, in the network's units: higher is more anomalous";
    graph.output("score", error, &[Size::Rows], doc);
    let doc = format!("the loss minimised in training, `{}`", model.objective().loss.name());
    graph.output("loss", loss(model.objective().loss, x, &decoded, d), &[Size::Rows], &doc);
}

/// The rows as they come in: of 32 bits where nothing is done to them.
fn rows<'g>(graph: &'g Graph, preprocessing: &Preprocessing) -> Value<'g> {
    if let Some(encoding) = preprocessing.table() {
        return Cells::read(graph, encoding).plain(graph);
    }
    let is_plain = preprocessing.scale() == Scale::None && preprocessing.counts().is_none();
    let element = if is_plain { Element::Float } else { Element::Double };
    let shape = [Size::Rows, Size::Of(preprocessing.n_features())];
    let doc = if preprocessing.divides_bytes() {
        "rows, images whose bytes were divided by 255"
    } else {
        "rows, in the units of the data"
    };
    graph.input("x", element, &shape, doc)
}

/// The loss of each row, as the objective has it; a cross-entropy from logits.
fn loss<'g>(loss: Loss, x: Value<'g>, decoded: &Decoded<'g>, d: usize) -> Value<'g> {
    let of_features = if loss.is_cross_entropy() {
        let z = decoded.logits.cast(Element::Double);
        softplus(z) - x * z
    } else {
        (x - decoded.output.cast(Element::Double)).square()
    };
    let sum = of_features.sum_away(1);
    match loss {
        Loss::Mse | Loss::Bce => sum / d as f64,
        _ => sum,
    }
}

fn metadata(model: &Model) -> Vec<(String, String)> {
    let preprocessing = model.preprocessing();
    let mut all = Metadata::new("autoencoder", model);
    if let Some(names) = preprocessing.feature_names() {
        all.names("contractive.features", names);
    }
    if let Some(encoding) = preprocessing.table() {
        let is_constant = |of: &ColumnUse<'_>| matches!(of, ColumnUse::Constant);
        let columns = encoding.columns();
        let constant = columns.iter().filter(|c| is_constant(&c.becomes)).map(|c| c.name.to_owned());
        all.names("contractive.unused_columns", &constant.collect::<Vec<String>>());
        all.text("contractive.missing", encoding.missing().name());
    }
    all.text("contractive.scale", preprocessing.scale().name());
    all.text(
        "contractive.units",
        "rows and reconstructions: those of the data; score: squared, in the network's units",
    );
    all.objective(model.objective());
    all.into_entries()
}
