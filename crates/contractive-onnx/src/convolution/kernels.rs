//! Dense layers of a patch, d = k·k·C numbers in the order (row, column, channel), as kernels, whose order is (channel, row,
//! column).

use contractive_core::Parameters;
use contractive_core::activation::Activation;

use crate::graph::{Graph, Value};

/// What the network sees at a place.
pub(super) struct Window {
    /// Pixels of its side, k.
    pub(super) patch: usize,
    /// Numbers a pixel, C.
    pub(super) channels: usize,
}

/// A dense layer in 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// (out, in), row-major.
    pub(super) weight: Vec<f64>,
    /// One an output.
    pub(super) bias: Vec<f64>,
    pub(super) n_in: usize,
    pub(super) activation: Activation,
}

impl Window {
    /// Numbers of a patch, d.
    pub(super) fn n_features(&self) -> usize {
        self.patch * self.patch * self.channels
    }

    /// The channel of a number of a patch.
    pub(super) fn channel(&self, feature: usize) -> usize {
        feature % self.channels
    }

    /// Rows of `n` numbers, one a number of a patch, in the kernels' order.
    pub(super) fn channels_first(&self, rows: &[f64], n: usize) -> Vec<f64> {
        self.order().flat_map(|j| rows[j * n..][..n].iter().copied()).collect()
    }

    /// A kernel of ones, (k, k).
    pub(super) fn ones(&self) -> Vec<f32> {
        vec![1.0; self.patch * self.patch]
    }

    /// For each number of a patch, in the kernels' order, a kernel (k, k) of `numbers` at its pixel and 0 elsewhere.
    pub(super) fn each_at_its_place(&self, numbers: &[f64]) -> Vec<f64> {
        let area = self.patch * self.patch;
        let mut kernels = vec![0.0; numbers.len() * area];
        for (j, number) in numbers.iter().enumerate() {
            kernels[j * area + j % area] = *number;
        }
        kernels
    }

    /// The number of a patch that stands at each place of a kernel.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (area, channels) = (self.patch * self.patch, self.channels);
        (0..channels).flat_map(move |c| (0..area).map(move |pixel| pixel * channels + c))
    }
}

impl Layer {
    /// Outputs, of a linear layer those of its activation too.
    pub(super) fn is_linear(&self) -> bool {
        self.activation == Activation::Identity
    }

    /// With the numbers of a patch that it takes in the kernels' order.
    pub(super) fn channels_first(self, window: &Window) -> Layer {
        let weight = self.weight.chunks_exact(self.n_in).flat_map(|row| window.channels_first(row, 1)).collect();
        Layer { weight, ..self }
    }

    /// With the numbers of a patch that it gives in the kernels' order.
    pub(super) fn outputs_channels_first(&self, window: &Window) -> Layer {
        let weight = window.channels_first(&self.weight, self.n_in);
        Layer { weight, bias: window.channels_first(&self.bias, 1), ..self.clone() }
    }

    /// Its sums at each place of a map, as a convolution with kernels of `side` × `side`.
    pub(super) fn convolve<'g>(&self, graph: &'g Graph, map: Value<'g>, side: usize, stride: usize) -> Value<'g> {
        let shape = [self.bias.len(), self.n_in / (side * side), side, side];
        let kernels = graph.floats(&shape, &rounded(&self.weight));
        map.convolved(kernels, graph.floats(&[self.bias.len()], &rounded(&self.bias)), stride)
    }
}

/// The layers of the encoder, first to last.
pub(super) fn encoder(parameters: &Parameters) -> Vec<Layer> {
    let architecture = parameters.architecture();
    let sizes = &architecture.encoder_sizes;
    let layer = |(l, activation): (usize, &Activation)| Layer {
        weight: numbers(parameters, &format!("encoder.{l}.weight")).unwrap_or_default(),
        bias: numbers(parameters, &format!("encoder.{l}.bias")).unwrap_or_default(),
        n_in: sizes[l],
        activation: *activation,
    };
    architecture.encoder_activations.iter().enumerate().map(layer).collect()
}

/// The layers of the decoder, first to last; tied ones with the transpose of the mirrored encoder layer's weight.
pub(super) fn decoder(parameters: &Parameters) -> Vec<Layer> {
    let architecture = parameters.architecture();
    let sizes = &architecture.decoder_sizes;
    let depth = architecture.decoder_activations.len();
    let layer = |(l, activation): (usize, &Activation)| {
        let mirrored = || {
            let weight = numbers(parameters, &format!("encoder.{}.weight", depth - 1 - l)).unwrap_or_default();
            transposed(&weight, sizes[l], sizes[l + 1])
        };
        Layer {
            weight: numbers(parameters, &format!("decoder.{l}.weight")).unwrap_or_else(mirrored),
            bias: numbers(parameters, &format!("decoder.{l}.bias")).unwrap_or_default(),
            n_in: sizes[l],
            activation: *activation,
        }
    };
    architecture.decoder_activations.iter().enumerate().map(layer).collect()
}

/// The transpose (columns, rows) of a matrix (rows, columns).
pub(super) fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| matrix[i * columns + j])).collect()
}

/// In 32 bits.
pub(super) fn rounded(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

fn numbers(parameters: &Parameters, name: &str) -> Option<Vec<f64>> {
    parameters.tensor(name).map(|values| values.iter().map(|value| f64::from(*value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { patch: 2, channels: 3 };

    #[test]
    fn kernels_have_the_pixels_of_one_channel_after_the_other() {
        let features: Vec<f64> = (0..12).map(f64::from).collect();
        let first = WINDOW.channels_first(&features, 1);
        assert_eq!(first, [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0]);
        let pairs: Vec<f64> = features.iter().flat_map(|x| [*x, -x]).collect();
        assert_eq!(WINDOW.channels_first(&pairs, 2)[..4], [0.0, -0.0, 3.0, -3.0]);
    }

    #[test]
    fn each_number_is_laid_at_its_own_pixel() {
        let numbers: Vec<f64> = (1..=12).map(f64::from).collect();
        let kernels = WINDOW.each_at_its_place(&numbers);
        assert_eq!(kernels[..8], [1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
        // Channel 1 begins at the first pixel again.
        assert_eq!(kernels[16..20], [5.0, 0.0, 0.0, 0.0]);
        assert_eq!(kernels.iter().sum::<f64>(), 78.0);
    }

    #[test]
    fn a_matrix_is_transposed() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
