//! A strip or tile by itself.

/// Pixels of a strip or tile, as they come.
pub(super) struct Part {
    pub bytes: Vec<u8>,
    /// Bytes from one pixel to the next, and from one row to the next.
    pub pixel: usize,
    pub row: usize,
}

/// Where a strip or tile lies in the picture, without what lies beyond it; of the channels, only the one of this number, if it has one alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
    pub plane: Option<usize>,
}
