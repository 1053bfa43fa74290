//! A picture in memory.

use contractive_core::patches::PictureShape;

/// Pixels of 8 bits, row by row, channels last: (H, W, C), C being 1 (grey) or 3 (red, green, blue; sRGB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Height, width and channels.
    pub shape: PictureShape,
    /// H·W·C bytes.
    pub pixels: Vec<u8>,
}
