//! Pixels in the units of the data and in those of the network, where a line leads from one to the other.
//!
//! Numbers of a patch are scaled each by its own line, x′ = (x − o_j)/f_j, which no picture can be as a whole: a pixel is
//! many numbers of many patches. So pictures are brought to (x − o)/f with o and f one number a channel, the means of its
//! lines, in 64 bits, that large numbers keep their digits; what is left of each line is folded into the weights.

use contractive::preprocess::{Preprocessing, Scale};

use super::kernels::{Layer, Window};
use crate::error::OnnxError;
use crate::graph::{Element, Graph, Value};

/// The lines.
pub(super) struct Units {
    /// Of each channel, the line that pictures are brought to; empty where none is.
    of_channels: Vec<Line>,
    /// Of each number of a patch, what is left: x′ of a picture that was brought to its channel's line.
    of_features: Vec<Line>,
}

/// x ↦ (x − offset)/factor.
#[derive(Clone, Copy)]
struct Line {
    offset: f64,
    factor: f64,
}

impl Units {
    /// The units of a model of patches.
    ///
    /// # Errors
    /// [`OnnxError::NoConvolution`] where they are no lines.
    pub(super) fn of(preprocessing: &Preprocessing, window: &Window) -> Result<Self, OnnxError> {
        let refused = |reason: String| Err(OnnxError::NoConvolution { reason });
        let (scale, counts) = (preprocessing.scale(), preprocessing.counts());
        if !counts.is_none() {
            return refused("the numbers of each patch are transformed as counts".to_owned());
        }
        match scale {
            Scale::None => {
                let of_features = vec![Line { offset: 0.0, factor: 1.0 }; window.n_features()];
                return Ok(Units { of_channels: Vec::new(), of_features });
            }
            Scale::Robust | Scale::Quantile => {
                return refused(format!("pixels are scaled by `{}`, which is no line", scale.name()));
            }
            _ if preprocessing.clip() => {
                return refused(format!("pixels are kept within 0 and 1 after they were scaled by `{}`", scale.name()));
            }
            _ => {}
        }
        let (offsets, factors) = (preprocessing.offset(), preprocessing.factor());
        let mean = |numbers: &[f64], c: usize| {
            let own = numbers.iter().skip(c).step_by(window.channels);
            own.sum::<f64>() / (window.patch * window.patch) as f64
        };
        let of_channels: Vec<Line> =
            (0..window.channels).map(|c| Line { offset: mean(offsets, c), factor: mean(factors, c) }).collect();
        let left = |(j, (offset, factor)): (usize, (&f64, &f64))| {
            let channel = of_channels[window.channel(j)];
            Line { offset: (offset - channel.offset) / channel.factor, factor: factor / channel.factor }
        };
        let of_features = offsets.iter().zip(factors).enumerate().map(left).collect();
        Ok(Units { of_channels, of_features })
    }

    /// Whether pixels are as the network takes them.
    pub(super) fn is_plain(&self) -> bool {
        self.of_channels.is_empty()
    }

    /// Pictures in the units of the data as the first layer takes them, in 32 bits.
    pub(super) fn network<'g>(&self, graph: &'g Graph, pictures: Value<'g>) -> Value<'g> {
        let Some((offsets, factors)) = self.channels(graph) else { return pictures };
        ((pictures - offsets) / factors).cast(Element::Float)
    }

    /// Pictures as the last layer gives them in the units of the data.
    pub(super) fn original<'g>(&self, graph: &'g Graph, pictures: Value<'g>) -> Value<'g> {
        let Some((offsets, factors)) = self.channels(graph) else { return pictures };
        pictures.cast(Element::Double) * factors + offsets
    }

    fn channels<'g>(&self, graph: &'g Graph) -> Option<(Value<'g>, Value<'g>)> {
        let row = |of: fn(&Line) -> f64| {
            let numbers: Vec<f64> = self.of_channels.iter().map(of).collect();
            graph.doubles(&[1, numbers.len(), 1, 1], &numbers)
        };
        (!self.is_plain()).then(|| (row(|line| line.offset), row(|line| line.factor)))
    }

    /// Makes the first layer, W x′ + b, one of pictures that were brought to the channels' lines.
    pub(super) fn fold_into_first(&self, layer: &mut Layer) {
        for (row, bias) in layer.weight.chunks_exact_mut(layer.n_in).zip(&mut layer.bias) {
            for (weight, line) in row.iter_mut().zip(&self.of_features) {
                *weight /= line.factor;
                *bias -= *weight * line.offset;
            }
        }
    }

    /// Weight and bias of the last layer, where it is linear, that give pictures on the channels' lines.
    pub(super) fn restored(&self, layer: &Layer) -> (Vec<f64>, Vec<f64>) {
        let rows = layer.weight.chunks_exact(layer.n_in).zip(&self.of_features);
        let weight = rows.flat_map(|(row, line)| row.iter().map(|weight| weight * line.factor)).collect();
        let biases = layer.bias.iter().zip(&self.of_features);
        (weight, biases.map(|(bias, line)| bias * line.factor + line.offset).collect())
    }

    /// What each output of the network is multiplied by, and what is added then, to be on the channels' lines.
    pub(super) fn of_outputs(&self) -> (Vec<f64>, Vec<f64>) {
        self.of_features.iter().map(|line| (line.factor, line.offset)).unzip()
    }
}
