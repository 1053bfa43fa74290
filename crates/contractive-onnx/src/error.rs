//! Why something cannot be exported.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why something cannot be exported. All but [`OnnxError::Write`] are found before work begins.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// An opset outside the range.
    #[error("the opset of an ONNX file must be from {least} to {most}, got {got}")]
    Opset {
        /// The oldest.
        least: u32,
        /// The newest.
        most: u32,
        /// What was asked for.
        got: u32,
    },
    /// More bytes than one file of protocol buffers holds.
    #[error("an ONNX file holds at most {most} bytes, and this needs {needed}: {what} take most of them")]
    TooLarge {
        /// The most.
        most: u64,
        /// About what is needed.
        needed: u64,
        /// What takes the room.
        what: &'static str,
    },
    /// An activation that graphs of 64-bit numbers cannot express.
    #[error(
        "a detector's graph computes in 64 bits, for which ONNX Runtime has no error function: the activation \
         `{activation}` of network {member} cannot be exported"
    )]
    Activation {
        /// The activation.
        activation: &'static str,
        /// The network, from 0.
        member: usize,
    },
    /// A model of patches that is no convolution of the picture.
    #[error("as a convolution of whole pictures a model of patches cannot be exported where {reason}")]
    NoConvolution {
        /// Why not.
        reason: String,
    },
    /// Two columns, or a column and an output, would have one name.
    #[error("the column `{column}` cannot be an input of the graph: {reason}")]
    Column {
        /// The column.
        column: String,
        /// Why not.
        reason: &'static str,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
