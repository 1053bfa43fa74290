//! The network in f64, its forward pass at one row, and plain backpropagation.

use super::matrix::Matrix;
use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::error::ArgumentError;
use crate::parameters::{Parameters, layout};

/// One dense layer: z = W a + b, then φ(z).
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Weights, shape (out, in).
    pub W: Matrix,
    /// Biases, `out` of them.
    pub b: Vec<f64>,
    /// φ.
    pub activation: Activation,
}

/// An autoencoder in f64. With tied weights each decoder layer holds the transpose of the mirrored encoder layer; the
/// layers cannot be written from outside, so the two never drift apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    architecture: Architecture,
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
}

impl Network {
    /// The network with these numbers, in the order of [`layout`].
    ///
    /// # Errors
    /// When [`Architecture::check`] refuses the architecture, or [`ArgumentError::Size`] when `values` has not one number
    /// for each parameter.
    pub fn new(architecture: &Architecture, values: &[f64]) -> Result<Self, ArgumentError> {
        architecture.check()?;
        let places = layout(architecture);
        let expected = places.last().map_or(0, |p| p.range().end);
        if values.len() != expected {
            let what = "the network's parameters".to_owned();
            return Err(ArgumentError::Size { what, unit: "numbers", expected, got: values.len() });
        }
        let mut tensors = places.iter().map(|place| values[place.range()].to_vec());
        let mut next = || tensors.next().unwrap_or_default();

        let mut encoder = Vec::new();
        for (sizes, &activation) in architecture.encoder_sizes.windows(2).zip(&architecture.encoder_activations) {
            let W = Matrix::new(sizes[1], sizes[0], next());
            encoder.push(Layer { W, b: next(), activation });
        }
        let mut decoder = Vec::new();
        for (l, &activation) in architecture.decoder_activations.iter().enumerate() {
            let W = if architecture.tied {
                encoder[encoder.len() - 1 - l].W.transposed()
            } else {
                Matrix::new(architecture.decoder_sizes[l + 1], architecture.decoder_sizes[l], next())
            };
            decoder.push(Layer { W, b: next(), activation });
        }
        Ok(Network { architecture: architecture.clone(), encoder, decoder })
    }

    /// Sizes, activations and tying.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Encoder layers, input side first.
    pub fn encoder(&self) -> &[Layer] {
        &self.encoder
    }

    /// Decoder layers, code side first.
    pub fn decoder(&self) -> &[Layer] {
        &self.decoder
    }

    /// Whether decoder weights are transposed encoder weights.
    pub fn is_tied(&self) -> bool {
        self.architecture.tied
    }
}

impl From<&Parameters> for Network {
    fn from(parameters: &Parameters) -> Self {
        let values: Vec<f64> = parameters.values().iter().map(|v| f64::from(*v)).collect();
        // `Parameters` are made only from a checked architecture, with one number a parameter.
        Network::new(parameters.architecture(), &values).expect("parameters fit their own architecture")
    }
}

/// What a forward pass through a stack of layers leaves behind at one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// a_0 = the input, a_1, …, a_L = the output: one more than there are layers.
    pub a: Vec<Vec<f64>>,
    /// z_1, …, z_L; `z[l]` gives `a[l + 1]`.
    pub z: Vec<Vec<f64>>,
}

impl Trace {
    /// a_L.
    pub fn output(&self) -> &[f64] {
        &self.a[self.z.len()]
    }

    /// 0 for every z_l: a place to gather ∂/∂z_l.
    pub fn zeros(&self) -> Vec<Vec<f64>> {
        self.z.iter().map(|z| vec![0.0; z.len()]).collect()
    }
}

/// z_l = W_l a_{l−1} + b_l, a_l = φ_l(z_l), for l = 1…L.
///
/// # Panics
/// When `input` does not fit the first layer.
pub fn forward(stack: &[Layer], input: &[f64]) -> Trace {
    let mut trace = Trace { a: vec![input.to_vec()], z: Vec::new() };
    for (l, layer) in stack.iter().enumerate() {
        let z: Vec<f64> = layer.W.times_vector(&trace.a[l]).iter().zip(&layer.b).map(|(wa, b)| wa + b).collect();
        trace.a.push(z.iter().map(|z| layer.activation.value(*z)).collect());
        trace.z.push(z);
    }
    trace
}

/// Backpropagation through a stack at one row. A quantity Q depends on the output a_L, by `d_output` = ∂Q/∂a_L, and
/// perhaps on each z_l besides, by `dz[l]`. Adds ∂Q/∂W_l and ∂Q/∂b_l to `gradient`, returns ∂Q/∂a_0.
///
/// ```text
/// δ_l = dz_l + ∂Q/∂a_l ∘ φ′(z_l);   dW_l += δ_l a_{l−1}ᵀ;   db_l += δ_l;   ∂Q/∂a_{l−1} = W_lᵀ δ_l
/// ```
///
/// # Panics
/// When the arguments do not belong to one stack.
pub fn backward(
    stack: &[Layer],
    trace: &Trace,
    d_output: &[f64],
    dz: &[Vec<f64>],
    gradient: &mut [LayerGradient],
) -> Vec<f64> {
    let mut da = d_output.to_vec();
    for l in (0..stack.len()).rev() {
        let phi = stack[l].activation;
        let delta: Vec<f64> = (0..da.len()).map(|j| dz[l][j] + da[j] * phi.derivative(trace.z[l][j])).collect();
        gradient[l].dW.add_outer(&delta, &trace.a[l]);
        gradient[l].db.iter_mut().zip(&delta).for_each(|(db, delta)| *db += delta);
        da = stack[l].W.transpose_times_vector(&delta);
    }
    da
}

/// ∂C/∂W and ∂C/∂b of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerGradient {
    /// As the layer's W.
    pub dW: Matrix,
    /// As the layer's b.
    pub db: Vec<f64>,
}

/// The gradient, one entry a layer. With tied weights the two uses of a weight are kept apart, as ∂C/∂W of the encoder
/// layer and of the decoder layer; [`Gradient::flatten`] adds them.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// As [`Network::encoder`].
    pub encoder: Vec<LayerGradient>,
    /// As [`Network::decoder`].
    pub decoder: Vec<LayerGradient>,
    is_tied: bool,
}

impl Gradient {
    /// All zero, shaped like `network`.
    pub fn zeros(network: &Network) -> Self {
        let zeros = |stack: &[Layer]| {
            stack
                .iter()
                .map(|layer| LayerGradient {
                    dW: Matrix::zeros(layer.W.rows(), layer.W.columns()),
                    db: vec![0.0; layer.b.len()],
                })
                .collect()
        };
        Gradient { encoder: zeros(network.encoder()), decoder: zeros(network.decoder()), is_tied: network.is_tied() }
    }

    /// One number a parameter, in the order of [`layout`]. A tied weight gets ∂C/∂W = dW_encoder + dW_decoderᵀ.
    pub fn flatten(&self) -> Vec<f64> {
        let mut flat = Vec::new();
        for (l, layer) in self.encoder.iter().enumerate() {
            let mut dW = layer.dW.clone();
            if self.is_tied {
                dW.add(&self.decoder[self.decoder.len() - 1 - l].dW.transposed());
            }
            flat.extend(dW.values());
            flat.extend(&layer.db);
        }
        for layer in &self.decoder {
            if !self.is_tied {
                flat.extend(layer.dW.values());
            }
            flat.extend(&layer.db);
        }
        flat
    }
}
