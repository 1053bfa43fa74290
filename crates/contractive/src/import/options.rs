//! How a file is understood.

use contractive_core::Activation;

/// How a file is understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportOptions {
    /// The encoder's layers in their order, each by what stands before `.weight`; the end of a name is enough where one
    /// alone ends so. By default told by names and sizes.
    pub layers: Option<Vec<String>>,
    /// The decoder's, or the biases of a tied one. By default told so too.
    pub decoder_layers: Option<Vec<String>>,
    /// Whether the decoder's weights are the encoder's, transposed. A file without decoder has it so in any case.
    pub tied: bool,
    /// Whether weights are (in, out). By default those called `kernel` are.
    pub is_turned: Option<bool>,
    /// Activation of the encoder's layers before the code.
    pub activation: Option<Activation>,
    /// Activation of the code.
    pub code_activation: Option<Activation>,
    /// Activation of the decoder's layers before the output. Default that of the encoder's.
    pub decoder_activation: Option<Activation>,
    /// Activation of the output. Default identity.
    pub output_activation: Option<Activation>,
}
