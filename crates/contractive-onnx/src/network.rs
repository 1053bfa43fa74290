//! A network: code, output, and what scores need of the encoder's Jacobian.

use contractive_core::Parameters;
use contractive_core::activation::Activation;

use crate::activation;
use crate::graph::{Element, Graph, Value};

/// A layer's numbers in a graph.
struct Layer<'g> {
    /// (out, in), or (in, out) where it is the transpose of an encoder's.
    weight: Value<'g>,
    lies_transposed: bool,
    bias: Value<'g>,
    activation: Activation,
}

/// A network's numbers in a graph.
pub(crate) struct Network<'g> {
    encoder: Vec<Layer<'g>>,
    decoder: Vec<Layer<'g>>,
}

/// What an encoder makes of rows.
pub(crate) struct Encoded<'g> {
    /// The code, (N, k).
    pub(crate) code: Value<'g>,
    /// φ′ of each layer; `None` where it is 1.
    slopes: Vec<Option<Value<'g>>>,
}

/// What a decoder makes of codes.
pub(crate) struct Decoded<'g> {
    /// The last layer before its activation, (N, d).
    pub(crate) logits: Value<'g>,
    /// The output, (N, d).
    pub(crate) output: Value<'g>,
}

impl<'g> Network<'g> {
    /// The network, in numbers of `element`. The file holds its numbers as the model does, in 32 bits.
    pub(crate) fn new(graph: &'g Graph, parameters: &Parameters, element: Element) -> Self {
        let architecture = parameters.architecture();
        let tensor = |name: String, shape: &[usize]| {
            parameters.tensor(&name).map(|values| graph.floats(shape, values).cast(element))
        };
        let none = || graph.floats(&[0], &[]);
        let bias = |stack: &str, l: usize, n: usize| tensor(format!("{stack}.{l}.bias"), &[n]).unwrap_or_else(none);
        let sizes = &architecture.encoder_sizes;
        let mut encoder: Vec<Layer<'g>> = Vec::new();
        for (l, activation) in architecture.encoder_activations.iter().enumerate() {
            let weight = tensor(format!("encoder.{l}.weight"), &[sizes[l + 1], sizes[l]]).unwrap_or_else(none);
            let bias = bias("encoder", l, sizes[l + 1]);
            encoder.push(Layer { weight, lies_transposed: false, bias, activation: *activation });
        }
        let sizes = &architecture.decoder_sizes;
        let depth = architecture.decoder_activations.len();
        let mut decoder = Vec::new();
        for (l, activation) in architecture.decoder_activations.iter().enumerate() {
            let own = tensor(format!("decoder.{l}.weight"), &[sizes[l + 1], sizes[l]]);
            // Tied: the weight of the mirrored encoder layer, transposed.
            let weight = own.unwrap_or_else(|| encoder[depth - 1 - l].weight);
            let bias = bias("decoder", l, sizes[l + 1]);
            decoder.push(Layer { weight, lies_transposed: own.is_none(), bias, activation: *activation });
        }
        Network { encoder, decoder }
    }

    /// Codes of rows; with slopes where the Jacobian `is_wanted`.
    pub(crate) fn encode(&self, x: Value<'g>, is_wanted: bool) -> Encoded<'g> {
        let (mut code, mut slopes) = (x, Vec::new());
        for layer in &self.encoder {
            let z = code.layer(layer.weight, layer.bias, layer.lies_transposed);
            code = activation::value(layer.activation, z);
            if is_wanted {
                slopes.push(activation::slope(layer.activation, z, code));
            }
        }
        Encoded { code, slopes }
    }

    /// Outputs of codes.
    pub(crate) fn decode(&self, code: Value<'g>) -> Decoded<'g> {
        let (mut logits, mut output) = (code, code);
        for layer in &self.decoder {
            logits = output.layer(layer.weight, layer.bias, layer.lies_transposed);
            output = activation::value(layer.activation, logits);
        }
        Decoded { logits, output }
    }

    /// vᵀJ of directions v in the code's space, (N, k): one direction a row, (N, d).
    pub(crate) fn pulled_back(&self, encoded: &Encoded<'g>, v: Value<'g>) -> Value<'g> {
        let layers = self.encoder.iter().zip(&encoded.slopes).rev();
        layers.fold(v, |v, (layer, slope)| slope.map_or(v, |slope| v * slope).times(layer.weight))
    }

    /// ‖J‖²_F of each row, (N, 1): Σ (A G) ∘ A with A = D_L W_L … W_2 D_1 and G = W_1 W_1ᵀ.
    pub(crate) fn squared_norm(&self, encoded: &Encoded<'g>) -> Value<'g> {
        let first = self.encoder[0].weight;
        let gram = first.times(first.transposed());
        let (deeper, slopes) = (&self.encoder[1..], &encoded.slopes);
        let (Some(last), Some(top)) = (deeper.last(), slopes.last()) else {
            // One layer: Σ φ′² G_ii; the sums of squares of the rows of W_1.
            let squares = first.square().sum(1).transposed();
            let slopes = slopes[0].map_or(squares, |slope| slope.square() * squares);
            return self.for_each_row(encoded, slopes.sum(1));
        };
        let start = last.weight.widened(0);
        let mut a = top.map_or(start, |top| top.widened(2) * start);
        for l in (0..deeper.len()).rev() {
            if let Some(slope) = slopes[l] {
                a = a * slope.widened(1);
            }
            if l > 0 {
                a = a.times(deeper[l - 1].weight);
            }
        }
        let square = (a.times(gram) * a).sum_away(2).sum(1);
        self.for_each_row(encoded, square.at_least(0.0))
    }

    /// One number for each row, also where the encoder's Jacobian is the same everywhere.
    fn for_each_row(&self, encoded: &Encoded<'g>, square: Value<'g>) -> Value<'g> {
        square + 0.0 * encoded.code.slice(1, 0, 1)
    }

    /// How much each feature drives units of the first layer away from where they move: Σ_i |W_ij x_j| (1 − |φ′_i|), (N, d).
    pub(crate) fn drive(&self, encoded: &Encoded<'g>, x: Value<'g>) -> Value<'g> {
        match encoded.slopes[0] {
            None => 0.0 * x,
            Some(slope) => (1.0 - slope.abs().at_most(1.0)).times(self.encoder[0].weight.abs()) * x.abs(),
        }
    }
}
