//! Weights that another program trained, as a model: a state dict of Linear layers in a safetensors file.
//!
//! Layers are named, or told by names and sizes where those leave one way alone; the [`ImportReport`] says of every tensor
//! what became of it. Weights are (out, in), as PyTorch keeps them, or (in, out), as Keras does; numbers of 64 and 16 bits
//! become 32-bit floats. What a file of weights does not hold, activations above all, must be said.
//!
//! ```no_run
//! use contractive::import::{ImportOptions, import};
//! use contractive::preprocess::Preprocessing;
//! use contractive_core::{Activation, Loss, Objective, Penalty};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = ImportOptions {
//!     layers: Some(["encoder.0", "encoder.2"].map(str::to_owned).to_vec()),
//!     activation: Some(Activation::Relu),
//!     code_activation: Some(Activation::Identity),
//!     ..ImportOptions::default()
//! };
//! let imported = import("weights.safetensors", &options)?;
//! let d = imported.parameters.architecture().input_size();
//! let model = imported.into_model(Objective::new(Loss::Mse, Penalty::None, 0.0), Preprocessing::identity(d))?;
//! model.save("model")?;
//! # Ok(())
//! # }
//! ```

mod choice;
mod error;
mod floats;
mod formats;
mod options;
mod report;
mod state;
#[cfg(test)]
mod tests;

use std::path::Path;

use contractive_core::{Activation, Architecture, Objective, Parameters};
use contractive_table::checksum::sha256_of_file;
use contractive_table::listing::some_names;
use safetensors::tensor::Dtype;

use crate::model::{ImportedFrom, Model, ModelError, Provenance};
use crate::preprocess::{Preprocessing, Scale};
use choice::{Choice, Decoder, tied_biases};
use contractive_core::architecture::MOST_LAYERS;
pub use error::ImportError;
pub use options::ImportOptions;
pub use report::{Done, IgnoredTensor, ImportReport, MappedTensor};
use state::State;

/// A network as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Weights and biases.
    pub parameters: Parameters,
    /// What became of the file's tensors.
    pub report: ImportReport,
}

impl Imported {
    /// The model, with what the file does not hold.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn into_model(self, objective: Objective, mut preprocessing: Preprocessing) -> Result<Model, ModelError> {
        // As in training: the loss is not defined for the rare later row outside of the range learnt.
        preprocessing.clip = preprocessing.scale() == Scale::Minmax && objective.loss.is_cross_entropy();
        let from = ImportedFrom { source: self.report.file, sha256: Some(self.report.sha256) };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let provenance = Provenance { imported: Some(from), version, ..Provenance::default() };
        Ok(Model::new(self.parameters, objective, preprocessing)?.with_provenance(provenance))
    }
}

/// Reads the weights in the safetensors file at `path`. Nothing is allocated that the file's size does not justify, and no
/// code is run.
///
/// # Errors
/// All of [`ImportError`].
pub fn import(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    formats::check(path)?;
    let mut state = State::open(path, options.is_turned)?;
    let choice = Choice::of(&state, options)?;
    let architecture = architecture(&state, &choice, options)?;
    let mut parameters = Parameters::zeros(&architecture)?;
    let sources = Sources::of(&state, &choice, &architecture)?;
    let tensors = sources.read(&mut state, &mut parameters)?;
    let mut notes = choice.notes.clone();
    notes.extend(odd_layers(&state));
    let used: Vec<usize> = sources.used();
    let ignored = |(_, tensor): (usize, &state::Tensor)| IgnoredTensor {
        source: tensor.stored.clone(),
        shape: tensor.shape.clone(),
        dtype: format!("{:?}", tensor.dtype),
    };
    let ignored = state.tensors.iter().enumerate().filter(|(place, _)| !used.contains(place)).map(ignored).collect();
    let file = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let report = ImportReport { file, sha256: sha256_of_file(path)?, tied: architecture.tied, tensors, ignored, notes };
    Ok(Imported { parameters, report })
}

/// Layers that a network of Linear layers cannot have, and that change what it computes.
fn odd_layers(state: &State) -> Option<String> {
    let is_linear = |place: usize| state.layers.iter().any(|layer| layer.weight == place);
    let is_odd = |(place, tensor): &(usize, &state::Tensor)| {
        let part = tensor.name.rsplit('.').next().unwrap_or_default();
        match tensor.shape.len() {
            0 => false,
            // What BatchNorm, LayerNorm and PReLU keep.
            1 => ["running_mean", "moving_mean", "weight", "gamma", "scale"].contains(&part),
            // Convolutions, recurrent layers, weights taken apart by weight_norm and spectral_norm.
            _ => part != "bias" && !is_linear(*place),
        }
    };
    let mut odd: Vec<&str> =
        state.tensors.iter().enumerate().filter(is_odd).map(|(_, tensor)| tensor.name.as_str()).collect();
    // One tensor stands for its layer.
    let layer = |name: &str| name.rsplit_once('.').map_or_else(String::new, |(layer, _)| layer.to_owned());
    odd.dedup_by(|one, other| !layer(one).is_empty() && layer(one) == layer(other));
    let names = odd;
    (!names.is_empty()).then(|| {
        format!(
            "the file has layers that are not Linear ({}): where they belong to this network, it computes something else \
             without them; fold BatchNorm into the Linear layers before",
            some_names(&names)
        )
    })
}

fn architecture(state: &State, choice: &Choice, options: &ImportOptions) -> Result<Architecture, ImportError> {
    let sizes = |layers: &[usize]| -> Vec<usize> {
        let first = layers.first().map(|first| state.layers[*first].takes);
        first.into_iter().chain(layers.iter().map(|layer| state.layers[*layer].gives)).collect()
    };
    let encoder_sizes = sizes(&choice.encoder);
    let (decoder_sizes, tied) = match &choice.decoder {
        Decoder::Own(layers) => (sizes(layers), false),
        Decoder::Tied { .. } => (encoder_sizes.iter().rev().copied().collect(), true),
    };
    let depth = encoder_sizes.len().max(decoder_sizes.len()) - 1;
    if depth > MOST_LAYERS {
        return Err(ImportError::Depth { most: MOST_LAYERS, got: depth });
    }
    let stack = |n: usize, between: Option<Activation>, last: Activation, place: &'static str| {
        let between = match (n, between) {
            (1, _) => Ok(Activation::Identity),
            (_, Some(between)) => Ok(between),
            (_, None) => Err(ImportError::Activation { place, setting: "activation" }),
        };
        between.map(|between| [vec![between; n - 1], vec![last]].concat())
    };
    let code =
        options.code_activation.ok_or(ImportError::Activation { place: "the code", setting: "code_activation" })?;
    let hidden = "the encoder's layers before the code";
    let encoder_activations = stack(encoder_sizes.len() - 1, options.activation, code, hidden)?;
    let between = options.decoder_activation.or(options.activation);
    let output = options.output_activation.unwrap_or(Activation::Identity);
    let decoder_activations =
        stack(decoder_sizes.len() - 1, between, output, "the decoder's layers before the output")?;
    let architecture = Architecture { encoder_sizes, decoder_sizes, encoder_activations, decoder_activations, tied };
    architecture.check()?;
    Ok(architecture)
}

/// Where a tensor of the model comes from.
#[derive(Debug, Clone, PartialEq)]
struct Source {
    /// Its name in the model.
    tensor: String,
    shape: Vec<usize>,
    /// Its place in the file; of a tied weight that of a copy, if any.
    place: Option<usize>,
    is_turned: bool,
    /// The weight of the encoder whose transposed one it is.
    mirror_of: Option<String>,
}

/// All of them, in the model's order; tied weights, which are none of the model's, stand where they would be.
struct Sources(Vec<Source>);

impl Sources {
    fn of(state: &State, choice: &Choice, architecture: &Architecture) -> Result<Self, ImportError> {
        let mut all = Vec::new();
        let mut put = |stack: &str, l: usize, sizes: &[usize], weight: Option<(usize, bool)>, bias, mirror_of| {
            let weight_shape = vec![sizes[l + 1], sizes[l]];
            let (place, is_turned) = weight.map_or((None, false), |(place, is_turned)| (Some(place), is_turned));
            all.push(Source {
                tensor: format!("{stack}.{l}.weight"),
                shape: weight_shape,
                place,
                is_turned,
                mirror_of,
            });
            let shape = vec![sizes[l + 1]];
            let tensor = format!("{stack}.{l}.bias");
            all.push(Source { tensor, shape, place: bias, is_turned: false, mirror_of: None });
        };
        let of = |layer: usize| {
            let layer = &state.layers[layer];
            ((layer.weight, layer.is_turned), layer.bias)
        };
        for (l, layer) in choice.encoder.iter().enumerate() {
            let (weight, bias) = of(*layer);
            put("encoder", l, &architecture.encoder_sizes, Some(weight), bias, None);
        }
        let sizes = &architecture.decoder_sizes;
        match &choice.decoder {
            Decoder::Own(layers) => {
                for (l, layer) in layers.iter().enumerate() {
                    let (weight, bias) = of(*layer);
                    put("decoder", l, sizes, Some(weight), bias, None);
                }
            }
            Decoder::Tied { copies, biases } => {
                let used: Vec<usize> = choice.encoder.iter().filter_map(|layer| state.layers[*layer].bias).collect();
                let found = tied_biases(state, biases, &sizes[1..], &used)?;
                for l in 0..architecture.decoder_depth() {
                    let mirrored = format!("encoder.{}.weight", architecture.decoder_depth() - 1 - l);
                    let copy = copies.as_ref().and_then(|copies| copies.get(l)).map(|layer| of(*layer).0);
                    let bias = found.get(l).copied().flatten();
                    put("decoder", l, sizes, copy, bias, Some(mirrored));
                }
            }
        }
        Ok(Sources(all))
    }

    /// Places in the file that are used.
    fn used(&self) -> Vec<usize> {
        self.0.iter().filter_map(|source| source.place).collect()
    }

    /// Reads the numbers into `parameters`, and says what was done to each tensor.
    fn read(&self, state: &mut State, parameters: &mut Parameters) -> Result<Vec<MappedTensor>, ImportError> {
        let mut mapped = Vec::new();
        for source in &self.0 {
            let mut done = Vec::new();
            if let Some(place) = source.place {
                let values = numbers(state, place, source, &mut done)?;
                match (parameters.tensor_mut(&source.tensor), &source.mirror_of) {
                    (Some(into), _) => into.copy_from_slice(&values),
                    (None, mirror_of) => {
                        check_mirrored(&values, source, mirror_of.as_deref(), parameters)?;
                        done = vec![Done::Tied];
                    }
                }
            } else {
                done.push(if source.mirror_of.is_some() { Done::Tied } else { Done::Zeros });
            }
            let from = source.place.map(|place| &state.tensors[place]);
            mapped.push(MappedTensor {
                tensor: source.tensor.clone(),
                source: from.map(|tensor| tensor.stored.clone()),
                shape: source.shape.clone(),
                dtype: from.map(|tensor| format!("{:?}", tensor.dtype)),
                done,
            });
        }
        Ok(mapped)
    }
}

/// The numbers of the tensor at `place` in the model's order.
fn numbers(state: &mut State, place: usize, source: &Source, done: &mut Vec<Done>) -> Result<Vec<f32>, ImportError> {
    let tensor = &state.tensors[place];
    let mut expected = source.shape.clone();
    if source.is_turned {
        expected.reverse();
        done.push(Done::Transposed);
    }
    if tensor.shape != expected {
        return Err(ImportError::Shape { tensor: tensor.name.clone(), expected, got: tensor.shape.clone() });
    }
    if tensor.dtype != Dtype::F32 {
        done.push(Done::Converted);
    }
    let values = state.numbers(place)?;
    Ok(if source.is_turned { transposed(&values, source.shape[0]) } else { values })
}

/// The transposed of a matrix of `columns` columns.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| values.iter().skip(j).step_by(columns)).copied().collect()
}

/// Refuses a decoder's weight in the file that is not the encoder's transposed.
fn check_mirrored(
    values: &[f32],
    source: &Source,
    mirror_of: Option<&str>,
    parameters: &Parameters,
) -> Result<(), ImportError> {
    let mirrored = mirror_of.unwrap_or_default();
    let weight = parameters.tensor(mirrored).unwrap_or_default();
    // The encoder's is (in, out) of this one.
    if transposed(weight, source.shape[0]) == values {
        return Ok(());
    }
    Err(ImportError::NotTied { layer: source.tensor.clone(), mirrored: mirrored.to_owned() })
}
