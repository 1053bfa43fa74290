//! What is known of a picture before it is decoded.

/// What a picture's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Pixels a row, upright.
    pub width: usize,
    /// Rows, upright.
    pub height: usize,
    /// Whether the format itself holds no colour.
    pub is_grey: bool,
    /// Bytes of the pixels as the decoder gives them.
    pub bytes: u64,
}
