//! Why a file of weights cannot become a model.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use contractive_table::TableError;
use thiserror::Error;

use crate::model::ModelError;
use crate::tensor_file::TensorFileError;

/// Why weights are not imported. Names are those of the file, without wrappers' prefixes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Not a safetensors file, but one of another program.
    #[error(
        "{}: weights are read from a safetensors file, and this is {what}; {remedy}", path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// How to make a safetensors file of it.
        remedy: &'static str,
    },
    /// The file is damaged.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] TableError),
    /// Nothing in it is a Linear layer.
    #[error("{}: no Linear layer was found: none of its tensors is a matrix called `….weight` or `….kernel`; it has {found}", path.display())]
    NoLayers {
        /// The file.
        path: PathBuf,
        /// Its tensors.
        found: String,
    },
    /// A layer asked for is not there.
    #[error("{}: there is no Linear layer `{layer}`; it has {found}", path.display())]
    NoSuchLayer {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Those that are there, with their sizes.
        found: String,
    },
    /// Several layers have a name that ends so.
    #[error("{}: the layer `{layer}` could be {candidates}; give the whole name", path.display())]
    SeveralLayers {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Those it could be.
        candidates: String,
    },
    /// A layer named twice.
    #[error("the layer `{layer}` is named twice; each layer is used once")]
    Twice {
        /// The layer.
        layer: String,
    },
    /// Layers that do not meet.
    #[error("{stack}: the layer `{below}` gives {out} numbers and `{above}`, which follows, takes {takes}; name the layers in their order{}", if *.meets_turned { ", or take the weights as (in, out): turned round they meet" } else { "" })]
    Unlinked {
        /// Encoder or decoder.
        stack: &'static str,
        /// The layer that comes first.
        below: String,
        /// What it gives.
        out: usize,
        /// The layer that follows.
        above: String,
        /// What it takes.
        takes: usize,
        /// Whether all would meet if weights were taken as (in, out).
        meets_turned: bool,
    },
    /// It cannot be told which layers are which.
    #[error("{}: which layers are the {stack} cannot be told from names and sizes: {reason}; name them. It has {found}", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Encoder or decoder.
        stack: &'static str,
        /// Why.
        reason: String,
        /// The Linear layers with their sizes.
        found: String,
    },
    /// Biases that a tied decoder may have.
    #[error("{}: which biases are the tied decoder's cannot be told: it needs {needed}, and has {found}; name each as one of the decoder's layers", path.display())]
    AmbiguousBiases {
        /// The file.
        path: PathBuf,
        /// The sizes needed, in order.
        needed: String,
        /// Biases left over.
        found: String,
    },
    /// A decoder that is not the encoder transposed.
    #[error(
        "the decoder's `{layer}` is not the transposed weight of the encoder's `{mirrored}`: the weights are not tied; import the decoder as it is"
    )]
    NotTied {
        /// The decoder's layer.
        layer: String,
        /// The encoder's.
        mirrored: String,
    },
    /// A state dict says nothing of activations.
    #[error("which activation {place} has must be said (`{setting}`): a file of weights does not hold it")]
    Activation {
        /// The layers.
        place: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// Numbers of a kind that is not converted.
    #[error("the tensor `{tensor}` must hold numbers of F32, F64, F16 or BF16, got {got}")]
    Type {
        /// The tensor.
        tensor: String,
        /// Its type.
        got: String,
    },
    /// A tensor of another size than its layer.
    #[error("the tensor `{tensor}` must have shape {expected:?}, got {got:?}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// The shape needed.
        expected: Vec<usize>,
        /// The shape found.
        got: Vec<usize>,
    },
    /// A number that is NaN, infinite, or beyond 32 bits.
    #[error("the tensor `{tensor}` must hold finite numbers that 32 bits hold, but entry {index} is {value:e}")]
    Number {
        /// The tensor.
        tensor: String,
        /// Position in the tensor as it lies in the file, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// More layers than any network has.
    #[error("a network has at most {most} layers a stack, got {got}")]
    Depth {
        /// The most accepted.
        most: usize,
        /// The layers chosen.
        got: usize,
    },
    /// The network is refused.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The model is refused.
    #[error(transparent)]
    Model(#[from] ModelError),
}
