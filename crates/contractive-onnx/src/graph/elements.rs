//! What tensors are made of.

/// What a tensor is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Element {
    /// Numbers of 32 bits.
    Float,
    /// Numbers of 64 bits.
    Double,
    /// Whole numbers of 64 bits.
    Integer,
    /// Truth values.
    Truth,
    /// Texts.
    Text,
}

impl Element {
    /// Its number in `onnx.proto`.
    pub(crate) fn number(self) -> i32 {
        match self {
            Element::Float => 1,
            Element::Integer => 7,
            Element::Text => 8,
            Element::Truth => 9,
            Element::Double => 11,
        }
    }

    /// A number as bytes of this element.
    ///
    /// # Panics
    /// Of texts, which no number is.
    pub(super) fn bytes_of(self, value: f64) -> Vec<u8> {
        match self {
            Element::Float => (value as f32).to_le_bytes().to_vec(),
            Element::Double => value.to_le_bytes().to_vec(),
            Element::Integer => (value as i64).to_le_bytes().to_vec(),
            Element::Truth => vec![u8::from(value != 0.0)],
            Element::Text => unreachable!("no constant text is made"),
        }
    }
}
