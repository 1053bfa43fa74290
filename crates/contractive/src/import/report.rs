//! What became of every tensor of a file.

use serde::Serialize;

/// How a file's tensors were mapped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportReport {
    /// The file.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Whether the decoder's weights are the encoder's, transposed.
    pub tied: bool,
    /// Every tensor of the model, in its order; of a tied decoder also the weights that it takes from the encoder.
    pub tensors: Vec<MappedTensor>,
    /// Tensors of the file that are in no layer of the model.
    pub ignored: Vec<IgnoredTensor>,
    /// What should be known of how it was understood.
    pub notes: Vec<String>,
}

/// A tensor of the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MappedTensor {
    /// Its name in the model.
    pub tensor: String,
    /// Its name in the file; none where the file has none.
    pub source: Option<String>,
    /// Its shape in the model.
    pub shape: Vec<usize>,
    /// The type of its numbers in the file.
    pub dtype: Option<String>,
    /// What was done; empty for a tensor taken as it is.
    pub done: Vec<Done>,
}

/// What was done to a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Rows and columns were exchanged.
    Transposed,
    /// Numbers became 32-bit floats.
    Converted,
    /// Zeros, where the file has no bias.
    Zeros,
    /// The transposed weight of the mirrored layer of the encoder.
    Tied,
}

impl MappedTensor {
    /// What was done, in words.
    pub fn in_words(&self) -> String {
        let word = |done: &Done| match done {
            Done::Transposed => "transposed".to_owned(),
            Done::Converted => format!("{} to F32", self.dtype.as_deref().unwrap_or_default()),
            Done::Zeros => "zeros: the file has none".to_owned(),
            Done::Tied => "tied: the encoder's, transposed".to_owned(),
        };
        if self.done.is_empty() {
            return "as it is".to_owned();
        }
        self.done.iter().map(word).collect::<Vec<String>>().join(", ")
    }
}

/// A tensor that was left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IgnoredTensor {
    /// Its name in the file.
    pub source: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub dtype: String,
}
