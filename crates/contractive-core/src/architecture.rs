//! The shape of an autoencoder: layer sizes, activations, tying.

use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::error::ArgumentError;

/// Layer sizes, activations and tying of a dense autoencoder of any depth.
///
/// **Shapes.** `encoder_sizes` is d, m_1, …, m_L with code size k = m_L; `decoder_sizes` is k, …, d. Layer l of a stack
/// has weights (out, in) as in PyTorch, with in = sizes\[l\], out = sizes\[l+1\].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// d, m_1, …, m_L.
    pub encoder_sizes: Vec<usize>,
    /// k, …, d.
    pub decoder_sizes: Vec<usize>,
    /// One activation a layer of the encoder.
    pub encoder_activations: Vec<Activation>,
    /// One activation a layer of the decoder.
    pub decoder_activations: Vec<Activation>,
    /// Whether decoder weight l is the transpose of the mirrored encoder weight; biases are separate.
    pub tied: bool,
}

/// The largest layer accepted: beyond it a weight matrix would not fit any machine this runs on.
pub const LARGEST_LAYER: usize = 1 << 24;

/// The deepest stack accepted, in layers. It keeps products and sums of sizes far from overflow, and what is done layer by
/// layer for every other layer within reason.
pub const MOST_LAYERS: usize = 1024;

/// The most weights accepted.
const LARGEST_NETWORK: f64 = 2_147_483_648.0;

impl Architecture {
    /// An encoder `d → hidden[0] → … → hidden[last]` and a decoder that mirrors it.
    ///
    /// `hidden_activation` is used between, `code_activation` for the code, `output_activation` for the output.
    pub fn mirrored(
        d: usize,
        hidden: &[usize],
        hidden_activation: Activation,
        code_activation: Activation,
        output_activation: Activation,
        tied: bool,
    ) -> Self {
        let encoder_sizes: Vec<usize> = std::iter::once(d).chain(hidden.iter().copied()).collect();
        let decoder_sizes = encoder_sizes.iter().rev().copied().collect();
        let mut encoder_activations = vec![hidden_activation; hidden.len()];
        let mut decoder_activations = encoder_activations.clone();
        if let Some(last) = encoder_activations.last_mut() {
            *last = code_activation;
        }
        if let Some(last) = decoder_activations.last_mut() {
            *last = output_activation;
        }
        Architecture { encoder_sizes, decoder_sizes, encoder_activations, decoder_activations, tied }
    }

    /// Number of features d of a row.
    pub fn input_size(&self) -> usize {
        self.encoder_sizes.first().copied().unwrap_or(0)
    }

    /// Number of code units k.
    pub fn code_size(&self) -> usize {
        self.encoder_sizes.last().copied().unwrap_or(0)
    }

    /// Number of encoder layers L.
    pub fn encoder_depth(&self) -> usize {
        self.encoder_activations.len()
    }

    /// Number of decoder layers.
    pub fn decoder_depth(&self) -> usize {
        self.decoder_activations.len()
    }

    /// Activation of the output layer.
    pub fn output_activation(&self) -> Activation {
        self.decoder_activations.last().copied().unwrap_or(Activation::Identity)
    }

    /// Activation of the code layer.
    pub fn code_activation(&self) -> Activation {
        self.encoder_activations.last().copied().unwrap_or(Activation::Identity)
    }

    /// Refuses sizes of 0, stacks of more than [`MOST_LAYERS`], stacks that do not meet, lists of different lengths, and ties that do not mirror.
    ///
    /// # Errors
    /// [`ArgumentError::Size`], [`ArgumentError::Number`] or [`ArgumentError::Conflict`].
    pub fn check(&self) -> Result<(), ArgumentError> {
        for (stack, sizes, activations) in [
            ("encoder", &self.encoder_sizes, &self.encoder_activations),
            ("decoder", &self.decoder_sizes, &self.decoder_activations),
        ] {
            if activations.is_empty() || sizes.len() != activations.len() + 1 {
                return Err(ArgumentError::Size {
                    what: format!("{stack}_sizes (one more than the {} {stack}_activations)", activations.len()),
                    unit: "entries",
                    expected: activations.len().max(1) + 1,
                    got: sizes.len(),
                });
            }
            if activations.len() > MOST_LAYERS {
                return Err(ArgumentError::Number {
                    name: if stack == "encoder" { "number of encoder layers" } else { "number of decoder layers" },
                    must_be: "at least 1 and at most 1024",
                    got: activations.len() as f64,
                });
            }
            for &size in sizes {
                if !(1..=LARGEST_LAYER).contains(&size) {
                    return Err(ArgumentError::Number {
                        name: "layer size",
                        must_be: "at least 1 and at most 16777216",
                        got: size as f64,
                    });
                }
            }
        }
        for (what, expected, got) in [
            ("the decoder's first layer (the code)", self.code_size(), self.decoder_sizes[0]),
            ("the decoder's output", self.input_size(), self.decoder_sizes[self.decoder_depth()]),
        ] {
            if expected != got {
                return Err(ArgumentError::Size { what: what.into(), unit: "units", expected, got });
            }
        }
        let weights = |sizes: &[usize]| sizes.windows(2).map(|p| p[0] as f64 * p[1] as f64).sum::<f64>();
        let parameters = weights(&self.encoder_sizes) + if self.tied { 0.0 } else { weights(&self.decoder_sizes) };
        if parameters > LARGEST_NETWORK {
            return Err(ArgumentError::Number {
                name: "number of weights",
                must_be: "at most 2147483648 (8 GiB in f32; training needs four times that)",
                got: parameters,
            });
        }
        if self.tied && !self.decoder_sizes.iter().eq(self.encoder_sizes.iter().rev()) {
            return Err(ArgumentError::Conflict {
                what: format!("tied weights need a decoder that mirrors the encoder {:?}", self.encoder_sizes),
                but: format!("the decoder is {:?}", self.decoder_sizes),
                remedy: "mirror the decoder or set `tied = false`",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_layers_than_any_network_has_are_refused() {
        let of = |n: usize| Architecture { tied: false, ..net(&vec![1; n]) };
        assert!(of(MOST_LAYERS).check().is_ok());
        let error = of(MOST_LAYERS + 1).check().unwrap_err();
        assert!(error.to_string().contains("at most 1024, got 1025"), "{error}");
        let mut decoder = of(2);
        decoder.decoder_sizes = [vec![1; MOST_LAYERS + 1], vec![8]].concat();
        decoder.decoder_activations = vec![Activation::Identity; MOST_LAYERS + 1];
        assert!(decoder.check().is_err());
    }

    fn net(hidden: &[usize]) -> Architecture {
        Architecture::mirrored(8, hidden, Activation::Relu, Activation::Sigmoid, Activation::Identity, true)
    }

    #[test]
    fn mirrored_is_valid_and_places_activations() {
        let a = net(&[5, 3]);
        assert_eq!(a.check(), Ok(()));
        assert_eq!((a.encoder_sizes.clone(), a.decoder_sizes.clone()), (vec![8, 5, 3], vec![3, 5, 8]));
        assert_eq!(a.encoder_activations, [Activation::Relu, Activation::Sigmoid]);
        assert_eq!(a.decoder_activations, [Activation::Relu, Activation::Identity]);
    }

    #[test]
    fn bad_shapes_are_refused() {
        assert!(net(&[]).check().is_err());
        assert!(net(&[5, 0]).check().is_err());
        let mut untied = net(&[5, 3]);
        untied.decoder_sizes = vec![3, 6, 8];
        assert!(untied.check().unwrap_err().to_string().contains("tied"));
        untied.tied = false;
        assert_eq!(untied.check(), Ok(()));
        untied.decoder_sizes = vec![4, 6, 8];
        assert!(untied.check().is_err());
    }
}
