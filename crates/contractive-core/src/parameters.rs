//! The numbers of a network: weights and biases in one flat vector, with names and shapes.

use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::error::ArgumentError;
use crate::matrix::MatRef;

/// Where one tensor lies in the flat vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPlace {
    /// The name in files: `encoder.0.weight`, `decoder.1.bias`, …
    pub name: String,
    /// (out, in) for a weight, (out) for a bias.
    pub shape: Vec<usize>,
    /// First index in the flat vector.
    pub start: usize,
}

impl TensorPlace {
    /// The tensor's indices in the flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.shape.iter().product::<usize>()
    }
}

/// Names, shapes and places of all tensors of an architecture, in file order: encoder, then decoder; weight, then bias.
/// With tied weights the decoder has biases alone.
pub fn layout(architecture: &Architecture) -> Vec<TensorPlace> {
    let mut places = Vec::new();
    let mut start = 0;
    let mut place = |name: String, shape: Vec<usize>| {
        let size: usize = shape.iter().product();
        places.push(TensorPlace { name, shape, start });
        start += size;
    };
    for (stack, sizes) in [("encoder", &architecture.encoder_sizes), ("decoder", &architecture.decoder_sizes)] {
        for (l, pair) in sizes.windows(2).enumerate() {
            if stack == "encoder" || !architecture.tied {
                place(format!("{stack}.{l}.weight"), vec![pair[1], pair[0]]);
            }
            place(format!("{stack}.{l}.bias"), vec![pair[1]]);
        }
    }
    places
}

/// Weights and biases of an autoencoder, f32, flat.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    architecture: Architecture,
    places: Vec<TensorPlace>,
    values: Buffer,
}

impl Parameters {
    /// All zero.
    ///
    /// # Errors
    /// When [`Architecture::check`] refuses the architecture.
    pub fn zeros(architecture: &Architecture) -> Result<Self, ArgumentError> {
        architecture.check()?;
        let places = layout(architecture);
        let n = places.last().map_or(0, |p| p.range().end);
        Ok(Parameters { architecture: architecture.clone(), places, values: Buffer::zeros(n) })
    }

    /// The architecture these numbers belong to.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none; never true of a checked architecture.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All numbers, in the order of [`layout`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All numbers, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Names, shapes and places of the tensors.
    pub fn places(&self) -> &[TensorPlace] {
        &self.places
    }

    /// The tensor of this name, if the architecture has it.
    pub fn tensor(&self, name: &str) -> Option<&[f32]> {
        self.places.iter().find(|p| p.name == name).map(|p| &self.values[p.range()])
    }

    /// The tensor of this name, to be written.
    pub fn tensor_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        self.places.iter().find(|p| p.name == name).map(|p| &mut self.values[p.range()])
    }

    /// Weight of encoder layer `l`, shape (m_{l+1}, m_l), l from 0.
    ///
    /// # Panics
    /// When `l` is not below the encoder's depth.
    pub fn encoder_weight(&self, l: usize) -> MatRef<'_> {
        self.weight_at(2 * l)
    }

    fn weight_at(&self, i: usize) -> MatRef<'_> {
        let place = &self.places[i];
        MatRef::new(&self.values[place.range()], place.shape[0], place.shape[1])
    }

    /// Refuses NaN and ∞, naming the tensor and the entry.
    ///
    /// # Errors
    /// [`ArgumentError::NotFinite`].
    pub fn check_finite(&self) -> Result<(), ArgumentError> {
        match self.values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => {
                let place = self.places.iter().rfind(|p| p.start <= i);
                Err(ArgumentError::NotFinite {
                    tensor: place.map_or_else(String::new, |p| p.name.clone()),
                    index: i - place.map_or(0, |p| p.start),
                    value: self.values[i],
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn layout_names_every_tensor_and_tying_drops_decoder_weights() {
        for tied in [false, true] {
            let net = Architecture::mirrored(8, &[5, 3], Activation::Relu, Activation::Relu, Activation::Relu, tied);
            let p = Parameters::zeros(&net).unwrap();
            let weights = 8 * 5 + 5 * 3;
            assert_eq!(p.len(), if tied { weights } else { 2 * weights } + 5 + 3 + 5 + 8);
            assert_eq!(p.tensor("decoder.0.weight").is_some(), !tied);
            assert_eq!(p.encoder_weight(1).rows(), 3);
        }
    }

    #[test]
    fn a_bad_number_is_named() {
        let net = Architecture::mirrored(8, &[5, 3], Activation::Relu, Activation::Relu, Activation::Relu, false);
        let mut p = Parameters::zeros(&net).unwrap();
        p.tensor_mut("encoder.1.bias").unwrap()[2] = f32::NAN;
        assert!(
            p.check_finite().unwrap_err().to_string().contains("encoder.1.bias must hold finite numbers, but entry 2")
        );
    }
}
