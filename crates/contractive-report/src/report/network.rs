//! The network, drawn: layers as blocks.

use crate::record::RunRecord;
use askama::Template;
use contractive_core::Architecture;

use super::number::{grouped, significant};
use crate::error::FigureError;

/// Width in points that a layer takes, and of its block.
const STEP: f64 = 58.0;
const BLOCK: f64 = 22.0;
const HIGHEST: f64 = 150.0;
const LOWEST: f64 = 14.0;
const MIDDLE: f64 = 106.0;

/// A layer as a block, and the connections to the next one.
struct Block {
    x: f64,
    y: f64,
    height: f64,
    middle: f64,
    size: String,
    activation: String,
    kind: &'static str,
    /// Which stack the band to the next block belongs to.
    half: &'static str,
    /// Corners of the band to the next block.
    band: Option<String>,
}

#[derive(Template)]
#[template(path = "panel/network.html")]
struct NetworkPanel {
    width: f64,
    block: f64,
    blocks: Vec<Block>,
    encoder: String,
    decoder: String,
    tied: bool,
    parameters: String,
    input: String,
    code: usize,
    ratio: String,
    is_wide: bool,
    description: String,
}

pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let net = &record.architecture;
    let blocks = blocks(net);
    let (d, k) = (net.input_size(), net.code_size());
    let input = match record.data.picture_shape {
        Some(shape) if record.config.data.patch.is_some() => format!("Patches of {shape} pixels"),
        Some(shape) if shape.channels == 1 => format!("Images of {shape} pixels"),
        Some(shape) => format!("Images of {shape} (height × width × colours)"),
        None => format!("Rows of {d} features"),
    };
    Ok(NetworkPanel {
        width: STEP * blocks.len() as f64,
        block: BLOCK,
        encoder: chain(&net.encoder_sizes),
        decoder: chain(&net.decoder_sizes),
        tied: net.tied,
        parameters: grouped(record.parameters),
        description: describe(net),
        input,
        code: k,
        ratio: significant(d as f64 / k.max(1) as f64, 2),
        is_wide: k >= d,
        blocks,
    }
    .render()?)
}

pub(super) fn chain(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" → ")
}

fn describe(net: &Architecture) -> String {
    let layer = |(size, phi): (&usize, &contractive_core::Activation)| format!("{size} {phi}");
    let encoder: Vec<String> = net.encoder_sizes[1..].iter().zip(&net.encoder_activations).map(layer).collect();
    let decoder: Vec<String> = net.decoder_sizes[1..].iter().zip(&net.decoder_activations).map(layer).collect();
    format!("Encoder: {} inputs, then {}. Decoder: {}.", net.input_size(), encoder.join(", "), decoder.join(", "))
}

fn blocks(net: &Architecture) -> Vec<Block> {
    let mut layers = vec![(net.input_size(), "input".to_owned(), "data")];
    for (l, (size, phi)) in net.encoder_sizes[1..].iter().zip(&net.encoder_activations).enumerate() {
        let kind = if l + 1 == net.encoder_depth() { "code" } else { "hidden" };
        layers.push((*size, phi.to_string(), kind));
    }
    for (l, (size, phi)) in net.decoder_sizes[1..].iter().zip(&net.decoder_activations).enumerate() {
        let kind = if l + 1 == net.decoder_depth() { "data" } else { "hidden" };
        layers.push((*size, phi.to_string(), kind));
    }
    let largest = layers.iter().map(|layer| layer.0).max().unwrap_or(1).max(2) as f64;
    // Sizes span orders of magnitude: heights follow their logarithm.
    let height = |size: usize| LOWEST + (HIGHEST - LOWEST) * ((size.max(1) as f64).ln() / largest.ln()).clamp(0.0, 1.0);
    let heights: Vec<f64> = layers.iter().map(|layer| height(layer.0)).collect();
    let place = |i: usize| STEP * i as f64 + (STEP - BLOCK) / 2.0;
    layers
        .into_iter()
        .enumerate()
        .map(|(i, (size, activation, kind))| Block {
            x: place(i),
            y: MIDDLE - heights[i] / 2.0,
            height: heights[i],
            middle: place(i) + BLOCK / 2.0,
            size: grouped(size),
            activation,
            kind,
            half: if i < net.encoder_depth() { "encoder" } else { "decoder" },
            band: heights.get(i + 1).map(|next| {
                let (from, to) = (place(i) + BLOCK, place(i + 1));
                let half = [heights[i] / 2.0, next / 2.0];
                let [a, b] = half.map(|half| MIDDLE - half);
                let [c, d] = half.map(|half| MIDDLE + half);
                format!("{from:.1},{a:.1} {to:.1},{b:.1} {to:.1},{d:.1} {from:.1},{c:.1}")
            }),
        })
        .collect()
}
