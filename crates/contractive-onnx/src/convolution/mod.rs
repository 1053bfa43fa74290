//! A model of patches as the convolution it is: whole pictures in, their code maps and reconstructions out. See
//! docs/derivations/convolution.md.

mod kernels;
mod units;

use contractive::Model;
use contractive::model::Patches;

use crate::activation;
use crate::error::OnnxError;
use crate::exported::{OnnxFile, check_room};
use crate::graph::{Element, Graph, Size, Value};
use crate::metadata::Metadata;
use crate::opset::Opset;
use kernels::Window;
use units::Units;

const DOC: &str = "A contractive autoencoder of patches as a convolution: pictures (N, C, H, W) in the units of the data, their \
                   code maps, their reconstructions by the mean of overlapping patches, and how far each is off.";

/// The graph of a model of patches of `channels` channels.
pub(crate) fn export(
    model: &Model,
    Patches { patch, stride }: Patches,
    channels: usize,
    opset: Opset,
) -> Result<OnnxFile, OnnxError> {
    let window = Window { patch, channels };
    let units = Units::of(model.preprocessing(), &window)?;
    // Kernels that put sums together have a number for each pixel of each channel and place.
    let needed = model.parameters().values().len() + window.n_features() * patch * patch;
    check_room(4 * needed as u64, "the network's weights")?;
    let graph = Graph::default();
    add(&graph, model, &window, stride, &units);
    OnnxFile::new(graph, "contractive_patch_autoencoder", DOC, opset, metadata(model, &window, stride))
}

fn add(graph: &Graph, model: &Model, window: &Window, stride: usize, units: &Units) {
    let size_of = |channels| [Size::Open("pictures"), Size::Of(channels), Size::Open("height"), Size::Open("width")];
    let doc = match (model.preprocessing().divides_bytes(), units.is_plain()) {
        (true, _) => "pictures whose bytes were divided by 255, at least as large as a patch",
        (false, _) => "pictures in the units of the data, at least as large as a patch",
    };
    let element = if units.is_plain() { Element::Float } else { Element::Double };
    let pictures = graph.input("pictures", element, &size_of(window.channels), doc);
    let code = encoded(graph, model, window, stride, units, pictures);
    let counts = code.ones().laid_out(graph.floats(&[1, 1, window.patch, window.patch], &window.ones()), stride, 1);
    let sums = decoded(graph, model, window, stride, units, code);
    let means = units.original(graph, sums / counts);
    let restored = means.padded_as(pictures);
    let covered = counts.padded_as(pictures).is_above(0.0);
    let off = pictures.cast(Element::Double) - restored.cast(Element::Double);
    let off = covered.choose(off, off.number(0.0)).square().sum_of_picture();
    let n = covered.cast(Element::Double).sum_of_picture() * window.channels as f64;
    let places =
        [Size::Open("pictures"), Size::Of(model.architecture().code_size()), Size::Open("down"), Size::Open("across")];
    graph.output("code", code, &places, "the code of the patch at each place, one every stride, down and across");
    let doc = "each pixel the mean of the patches over it, in the units of the input; 0 beyond the last patch";
    graph.output("reconstruction", restored, &size_of(window.channels), doc);
    let doc = "mean over pixels under a patch, and channels, of the squared error, in the units of the input squared: higher \
               is more anomalous";
    graph.output("score", off / n, &[Size::Open("pictures")], doc);
}

/// The code map: the first layer is a convolution, those after it are 1 × 1.
fn encoded<'g>(
    graph: &'g Graph,
    model: &Model,
    window: &Window,
    stride: usize,
    units: &Units,
    pictures: Value<'g>,
) -> Value<'g> {
    let mut a = units.network(graph, pictures);
    for (l, mut layer) in kernels::encoder(model.parameters()).into_iter().enumerate() {
        let (side, step) = if l == 0 { (window.patch, stride) } else { (1, 1) };
        if l == 0 {
            units.fold_into_first(&mut layer);
            layer = layer.channels_first(window);
        }
        a = activation::value(layer.activation, layer.convolve(graph, a, side, step));
    }
    a
}

/// The sums of the patches over each pixel, as [`Units::network`] has pictures.
fn decoded<'g>(
    graph: &'g Graph,
    model: &Model,
    window: &Window,
    stride: usize,
    units: &Units,
    code: Value<'g>,
) -> Value<'g> {
    let mut layers = kernels::decoder(model.parameters());
    let Some(last) = layers.pop() else { return code };
    let a = layers.iter().fold(code, |a, layer| activation::value(layer.activation, layer.convolve(graph, a, 1, 1)));
    let shape = |n: usize, of: usize| [n, of, window.patch, window.patch];
    let (sums, always) = if last.is_linear() {
        // The last layer's weights are the kernels that put patches together, so that no patch is made by itself.
        let (weight, bias) = units.restored(&last);
        let kernels = window.channels_first(&weight, last.n_in);
        let kernels = kernels::transposed(&kernels, window.n_features(), last.n_in);
        let kernels = graph.floats(&shape(last.n_in, window.channels), &kernels::rounded(&kernels));
        (a.laid_out(kernels, stride, 1), window.channels_first(&bias, 1))
    } else {
        let (factors, offsets) = units.of_outputs();
        let activated = last.outputs_channels_first(window);
        let patches = activation::value(activated.activation, activated.convolve(graph, a, 1, 1));
        let own = window.each_at_its_place(&window.channels_first(&factors, 1));
        let own = graph.floats(&shape(window.n_features(), 1), &kernels::rounded(&own));
        (patches.laid_out(own, stride, window.channels), window.channels_first(&offsets, 1))
    };
    if always.iter().all(|number| *number == 0.0) {
        return sums;
    }
    let always = graph.floats(&shape(1, window.channels), &kernels::rounded(&always));
    sums + code.ones().laid_out(always, stride, 1)
}

fn metadata(model: &Model, window: &Window, stride: usize) -> Vec<(String, String)> {
    let mut all = Metadata::new("patch_autoencoder", model);
    all.count("contractive.patch", window.patch);
    all.count("contractive.stride", stride);
    all.count("contractive.channels", window.channels);
    all.text("contractive.scale", model.preprocessing().scale().name());
    all.text("contractive.units", "pictures and reconstructions: those of the data; score: squared, in the same");
    all.objective(model.objective());
    all.into_entries()
}
