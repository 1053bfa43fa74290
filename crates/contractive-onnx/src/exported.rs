//! A finished graph with what is known of it, as a file.

use std::io::Write;
use std::path::Path;

use prost::Message;

use contractive_table::atomic::write_atomically;

use crate::error::OnnxError;
use crate::graph::Graph;
use crate::messages::{Dimension, Entry, ModelProto, OperatorSetId, ValueInfoProto};
use crate::opset::Opset;

/// What protocol buffers hold at most: 2 GiB less one byte.
pub(crate) const MOST_BYTES: u64 = i32::MAX as u64;
/// The version of the operators for tables that opset 17 came with; later ones are the same for what is used.
const TABLES_VERSION: i64 = 3;

/// A graph as an ONNX file.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxFile {
    bytes: Vec<u8>,
    opset: Opset,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    metadata: Vec<(String, String)>,
}

/// An input or an output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `float32`, `float64`, `string` or `bool`.
    pub element: &'static str,
    /// Its sizes; `None` is one that is known when the graph is run: the number of rows, a picture's height.
    pub shape: Vec<Option<usize>>,
    /// The same in words, the open ones by their names: `rows`, `784`.
    pub sizes: Vec<String>,
    /// What it is.
    pub meaning: String,
}

/// Refuses what would not fit into a file.
pub(crate) fn check_room(needed: u64, what: &'static str) -> Result<(), OnnxError> {
    // A hundredth is left for the nodes.
    if needed > MOST_BYTES / 100 * 99 {
        return Err(OnnxError::TooLarge { most: MOST_BYTES, needed, what });
    }
    Ok(())
}

impl OnnxFile {
    /// The file of a graph called `name`.
    pub(crate) fn new(
        graph: Graph,
        name: &str,
        doc: &str,
        opset: Opset,
        metadata: Vec<(String, String)>,
    ) -> Result<Self, OnnxError> {
        let graph = graph.finish(name);
        let operators = |domain: &str, version: i64| OperatorSetId { domain: domain.to_owned(), version };
        let mut opset_import = vec![operators("", i64::from(opset.version()))];
        if graph.node.iter().any(|node| !node.domain.is_empty()) {
            opset_import.push(operators("ai.onnx.ml", TABLES_VERSION));
        }
        let (inputs, outputs) = (graph.input.iter().map(port).collect(), graph.output.iter().map(port).collect());
        let entry = |(key, value): &(String, String)| Entry { key: key.clone(), value: value.clone() };
        let model = ModelProto {
            ir_version: i64::from(opset.ir_version()),
            producer_name: "contractive".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: doc.to_owned(),
            graph: Some(graph),
            opset_import,
            metadata_props: metadata.iter().map(entry).collect(),
        };
        let needed = model.encoded_len() as u64;
        if needed > MOST_BYTES {
            return Err(OnnxError::TooLarge { most: MOST_BYTES, needed, what: "its numbers" });
        }
        Ok(OnnxFile { bytes: model.encode_to_vec(), opset, inputs, outputs, metadata })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file's bytes, by themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The opset.
    pub fn opset(&self) -> Opset {
        self.opset
    }

    /// What it takes.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What it gives.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What the file says of itself, key by key.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`OnnxError::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), OnnxError> {
        let path = path.as_ref();
        write_atomically(path, |file| file.write_all(&self.bytes))
            .map_err(|source| OnnxError::Write { path: path.to_path_buf(), source })
    }
}

fn port(info: &ValueInfoProto) -> Port {
    let tensor = info.type_.as_ref().and_then(|of| of.tensor_type.as_ref());
    let element = match tensor.map_or(0, |tensor| tensor.elem_type) {
        1 => "float32",
        7 => "int64",
        8 => "string",
        9 => "bool",
        _ => "float64",
    };
    let dimensions = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.dim);
    let word =
        |dim: &Dimension| dim.dim_value.map_or_else(|| dim.dim_param.clone().unwrap_or_default(), |n| n.to_string());
    Port {
        name: info.name.clone(),
        element,
        shape: dimensions.iter().map(|dim| dim.dim_value.map(|n| n as usize)).collect(),
        sizes: dimensions.iter().map(word).collect(),
        meaning: info.doc_string.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_file_holds_is_refused_with_what_takes_the_room() {
        assert!(check_room(2_000_000_000, "the rows").is_ok());
        let refused = check_room(3_000_000_000, "the rows it was trained on").unwrap_err().to_string();
        assert!(refused.contains("2147483647 bytes") && refused.contains("3000000000"), "{refused}");
        assert!(refused.contains("the rows it was trained on"), "{refused}");
    }
}
